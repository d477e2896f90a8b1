/**
 * Goal: every answer to a reversal leads where the money rules say: created, definitely not created, or unknown.
 * Method: each answer crosses a real socket and the real SDK, from a server that sends exactly those bytes.
 */
import {
  classifyReversalAnswer,
  type ReversalOutcome,
} from '../../src/domain/classify-reversal-answer';
import { STRIPE_CALL_DEADLINE_MS } from '../../src/domain/limits';
import type { ReasonCode } from '../../src/domain/reasons';
import { reversalIdempotencyKey, reversalMetadata } from '../../src/domain/reversal-request';
import { createStripeClient } from '../../src/stripe/client';
import { sendReversal } from '../../src/stripe/reversals';
import { bytes, json, startRawServer, stripeError, type RawServer, type Reply } from './raw-server';

/** Only where the deadline itself is waited for: a busy machine answers later than this. */
const SHORT_DEADLINE_MS = 400;
const REVERSAL_ID = '7d2f5a0e-1111-4222-8333-444444444444';
const KEY = reversalIdempotencyKey(REVERSAL_ID);
const FROZEN = {
  stripeTransferId: 'tr_1Paid',
  amountMinor: 400,
  currency: 'usd',
  metadata: reversalMetadata({
    reversalId: REVERSAL_ID,
    transferId: '0b8d2f0e-6d1c-5c39-9f0a-000000000001',
    settlementId: 's-1',
    installationId: 'local',
  }),
};

const reversal = (changes: Record<string, unknown> = {}, headers = {}): Reply =>
  json(
    200,
    {
      id: 'trr_1Back',
      object: 'transfer_reversal',
      amount: FROZEN.amountMinor,
      currency: FROZEN.currency,
      metadata: FROZEN.metadata,
      transfer: FROZEN.stripeTransferId,
      ...changes,
    },
    headers,
  );

const back: ReversalOutcome = { kind: 'created', stripeReversalId: 'trr_1Back' };
const unknown = (reason: ReasonCode, alarm = false): ReversalOutcome => ({
  kind: 'unknown',
  reason,
  alarm,
});
const other = unknown('unknown_other_reversal', true);
const ends = (reason: ReasonCode): ReversalOutcome => ({
  kind: 'not_created',
  reason,
  endsReversal: true,
});
const again = (reason: ReasonCode): ReversalOutcome => ({
  kind: 'not_created',
  reason,
  endsReversal: false,
});

const ABOVE = 'Transfer reversal amount ($5.00) is greater than unreversed amount ($3.00)';
const replayed = { 'Idempotent-Replayed': 'true' };

type Case = readonly [what: string, reply: Reply, expected: ReversalOutcome];

const CASES: readonly Case[] = [
  ['the reversal', reversal(), back],
  ['the saved reversal', reversal({}, replayed), back],
  ['an id that is none', reversal({ id: 're_1' }), other],
  ['another amount', reversal({ amount: 401 }), other],
  ['an amount as text', reversal({ amount: '400' }), other],
  ['another currency', reversal({ currency: 'eur' }), other],
  ['of another transfer', reversal({ transfer: 'tr_2' }), other],
  ['of another order', reversal({ metadata: { payout_reversal_id: 'x' } }), other],
  ['without metadata', reversal({ metadata: {} }), other],
  ['an empty object', json(200, {}), other],
  ['a closed connection', (socket) => socket.end(), unknown('unknown_connection_lost')],
  ['silence', () => undefined, unknown('unknown_deadline')],
  ['HTML', bytes(502, '<html></html>'), unknown('unknown_unreadable_answer')],
  ['a server error', stripeError(500, { type: 'api_error' }), unknown('unknown_server_error')],
  ['unavailable', stripeError(503, {}), unknown('unknown_server_unavailable')],
  ['failed dependency', stripeError(424, {}), unknown('unknown_dependency_failed')],
  ['a limit', stripeError(429, { code: 'rate_limit' }), again('transient_rate_limited')],
  [
    'a limit with a delay',
    stripeError(429, { code: 'rate_limit' }, { 'Retry-After': '7' }),
    { ...again('transient_rate_limited'), retryAfterMs: 7_000 } as ReversalOutcome,
  ],
  ['a lock', stripeError(429, { code: 'lock_timeout' }), again('transient_lock_timeout')],
  [
    'the key in use',
    stripeError(409, { code: 'idempotency_key_in_use' }),
    again('transient_key_in_use'),
  ],
  ['a conflict', stripeError(409, {}), again('transient_conflict')],
  [
    'the key with other content',
    stripeError(400, { type: 'idempotency_error' }),
    unknown('unknown_key_mismatch', true),
  ],
  ['a wrong key', stripeError(401, {}), again('platform_key_rejected')],
  ['no permission', stripeError(403, {}), ends('platform_permission_missing')],
  ['another mode', stripeError(400, { code: 'livemode_mismatch' }), ends('platform_mode_mismatch')],
  ['risk control', stripeError(400, { code: 'action_blocked' }), ends('platform_risk_control')],
  ['a wrong URL', stripeError(404, {}), again('platform_wrong_url')],
  ...[
    [400, 'balance_insufficient'],
    [402, 'balance_insufficient'],
    [409, 'balance_insufficient'],
    [400, 'insufficient_funds'],
  ].map(([status, code]): Case => [
    `${status!} ${code!}`,
    stripeError(Number(status), { code }),
    ends('reversal_balance_insufficient'),
  ]),
  [
    'more than is left, by its words',
    stripeError(400, { message: ABOVE, param: 'amount' }),
    ends('reversal_amount_refused'),
  ],
  [
    'all is back, by its words',
    stripeError(400, { message: 'Transfer tr_1Paid has already been reversed.' }),
    ends('reversal_amount_refused'),
  ],
  [
    'all is back, by a code',
    stripeError(400, { code: 'charge_already_refunded' }),
    ends('reversal_amount_refused'),
  ],
  ['an amount', stripeError(400, { param: 'amount' }), ends('reversal_amount_refused')],
  [
    'no such transfer',
    stripeError(404, { code: 'resource_missing', param: 'id' }),
    ends('reversal_transfer_not_found'),
  ],
  ['a parameter', stripeError(400, { code: 'parameter_unknown' }), ends('reversal_refused')],
  ['a closed account', stripeError(400, { code: 'account_closed' }), ends('reversal_refused')],
  ['402', stripeError(402, {}), ends('reversal_refused')],
  [
    'a saved refusal of a kind that usually passes',
    stripeError(409, {}, replayed),
    ends('transient_conflict'),
  ],
  ['a new code', stripeError(400, { code: 'new' }), unknown('unknown_unlisted_answer', true)],
  ['another status', stripeError(501, {}), unknown('unknown_unlisted_answer', true)],
];

let server: RawServer;

beforeAll(async () => {
  server = await startRawServer(() => undefined);
});

afterAll(() => server.stop());

function client(apiBase = server.baseUrl, callDeadlineMs = STRIPE_CALL_DEADLINE_MS) {
  return createStripeClient({ apiKey: 'sk_test_raw', apiBase, callDeadlineMs });
}

function send(key = KEY, stripeTransferId = FROZEN.stripeTransferId, stripe = client()) {
  return sendReversal(stripe, { request: { ...FROZEN, stripeTransferId }, idempotencyKey: key });
}

test.each(CASES)('%s', async (_what, reply, expected) => {
  server.reply = reply;
  const before = server.requests.length;
  const isDeadline = expected.kind === 'unknown' && expected.reason === 'unknown_deadline';
  const stripe = isDeadline ? client(server.baseUrl, SHORT_DEADLINE_MS) : client();
  const answer = await send(KEY, FROZEN.stripeTransferId, stripe);
  expect(classifyReversalAnswer(answer, FROZEN)).toEqual(expected);
  expect(server.requests.length - before).toBe(1);
});

test('nobody listens: nothing was sent', async () => {
  const gone = await startRawServer(() => undefined);
  await gone.stop();
  const answer = await send(KEY, FROZEN.stripeTransferId, client(gone.baseUrl));
  expect(classifyReversalAnswer(answer, FROZEN)).toEqual(again('transient_not_connected'));
});

test('a send of which nothing was heard is unknown', () => {
  expect(classifyReversalAnswer({ replayed: false }, FROZEN)).toEqual(unknown('unknown_no_answer'));
});

test('the same bytes whatever order the metadata comes back in, under the key, to the transfer', async () => {
  server.reply = reversal();
  await send();
  const turned = Object.fromEntries(Object.entries(FROZEN.metadata).reverse());
  await sendReversal(client(), { request: { ...FROZEN, metadata: turned }, idempotencyKey: KEY });
  const [first, second] = server.requests.slice(-2);
  expect(first!.split('\r\n\r\n')[1]).toBe(second!.split('\r\n\r\n')[1]);
  expect(first).toMatch(/^POST \/v1\/transfers\/tr_1Paid\/reversals HTTP/);
  expect(first).toMatch(new RegExp(`^idempotency-key: ${KEY}\\r$`, 'im'));
});

test.each([
  ['', 'tr_1Paid'],
  ['reversal:ä', 'tr_1Paid'],
  [KEY, ''],
  [KEY, 'tr_1/../..'],
])('a key or a transfer that is none of ours never leaves the machine: %j %j', async (key, id) => {
  const before = server.requests.length;
  await expect(send(key, id)).rejects.toThrow(TypeError);
  expect(server.requests.length).toBe(before);
});
