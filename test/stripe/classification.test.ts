/**
 * Goal: every row of the classification of Stripe's answers (stripe-semantics §3) leads where the design says.
 * Method: each answer crosses a real socket and the real SDK, from a server that sends exactly those bytes.
 */
import { ANSWER_TABLE, classifyAnswer } from '../../src/domain/classify-answer';
import { STRIPE_CALL_DEADLINE_MS } from '../../src/domain/limits';
import type { SendOutcome, StripeAnswer } from '../../src/domain/outcome';
import { failureClassOf, type ReasonCode } from '../../src/domain/reasons';
import { createStripeClient } from '../../src/stripe/client';
import { sendTransfer } from '../../src/stripe/transfers';
import { FROZEN, KEY, stripeTransfer } from './frozen';
import { bytes, json, startRawServer, stripeError, type Reply } from './raw-server';

/** Only where the deadline itself is waited for: a busy machine answers later than this. */
const SHORT_DEADLINE_MS = 400;
const TEST_MODE = { livemode: false };

type Case = readonly [row: number, what: string, reply: Reply, expected: SendOutcome];

const unknown = (reason: ReasonCode, alarm = false): SendOutcome => ({
  kind: 'unknown',
  reason,
  alarm,
});
const notCreated = (
  reason: ReasonCode,
  leadsTo: 'retryable' | 'blocked' | 'failed_terminal',
  flags: { closes: boolean; counted: boolean; retryAfterMs?: number },
): SendOutcome => ({
  kind: 'not_created',
  reason,
  leadsTo,
  closesGeneration: flags.closes,
  counted: flags.counted,
  ...(flags.retryAfterMs === undefined ? {} : { retryAfterMs: flags.retryAfterMs }),
});
const retry = (reason: ReasonCode, counted: boolean, retryAfterMs?: number): SendOutcome =>
  notCreated(reason, 'retryable', {
    closes: false,
    counted,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
const blocked = (reason: ReasonCode): SendOutcome =>
  notCreated(reason, 'blocked', { closes: true, counted: false });
const blockedSameKey = (reason: ReasonCode): SendOutcome =>
  notCreated(reason, 'blocked', { closes: false, counted: false });
const payeeFailed = (reason: ReasonCode): SendOutcome =>
  notCreated(reason, 'failed_terminal', { closes: true, counted: false });
const requestFailed = (reason: ReasonCode): SendOutcome =>
  notCreated(reason, 'failed_terminal', { closes: true, counted: true });

const paid: SendOutcome = { kind: 'created', stripeTransferId: 'tr_1Paid' };
const other = unknown('unknown_other_transfer', true);
const unreadable = unknown('unknown_unreadable_answer');
const unlisted = unknown('unknown_unlisted_answer', true);
const html = '<html><body>Bad gateway</body></html>';
const transfer = (changes: Record<string, unknown>): Reply => json(200, stripeTransfer(changes));

function partial(text: string, end: 'drop' | 'stall'): Reply {
  return (socket) => {
    socket.write(text);
    if (end === 'drop') {
      setTimeout(() => socket.destroy(), 20);
    }
  };
}

const HEAD = 'HTTP/1.1 200 OK\r\nRequest-Id: req_half\r\nContent-Length: 900\r\n\r\n';

const SUCCESSES: readonly Case[] = [
  [1, 'the transfer', json(200, stripeTransfer()), paid],
  [1, 'the saved transfer', json(200, stripeTransfer(), { 'Idempotent-Replayed': 'true' }), paid],
  [1, 'another status of success', json(201, stripeTransfer()), paid],
  [1, 'an id that is no transfer', transfer({ id: 'py_1' }), other],
  [1, 'an id with markup', transfer({ id: 'tr_<b>' }), other],
  [1, 'no id', transfer({ id: undefined }), other],
  [1, 'another amount', transfer({ amount: 1051 }), other],
  [1, 'an amount as text', transfer({ amount: '1050' }), other],
  [1, 'another currency', transfer({ currency: 'eur' }), other],
  [1, 'another destination', transfer({ destination: 'acct_other' }), other],
  [1, 'the other mode', transfer({ livemode: true }), other],
  [1, 'no metadata', transfer({ metadata: {} }), other],
  [1, 'foreign metadata', transfer({ metadata: { payout_transfer_id: 'x' } }), other],
  [1, 'an empty object', json(200, {}), other],
  [1, 'an error with status 200', stripeError(200, { code: 'balance_insufficient' }), other],
];

const LOST: readonly Case[] = [
  [2, 'connection closed', (socket) => socket.end(), unknown('unknown_connection_lost')],
  [2, 'connection reset', (socket) => socket.resetAndDestroy(), unknown('unknown_connection_lost')],
  [
    2,
    'half a header',
    partial('HTTP/1.1 200 OK\r\nReq', 'drop'),
    unknown('unknown_connection_lost'),
  ],
  [2, 'not HTTP', partial('hello\r\n\r\n', 'stall'), unknown('unknown_connection_lost')],
  [2, 'silence', () => undefined, unknown('unknown_deadline')],
  [
    2,
    'a stall in the headers',
    partial('HTTP/1.1 200 OK\r\n', 'stall'),
    unknown('unknown_deadline'),
  ],
  [3, 'half a body', partial(`${HEAD}{"id":`, 'drop'), unknown('unknown_answer_lost')],
  [2, 'a stall in the body', partial(`${HEAD}{"id":`, 'stall'), unknown('unknown_deadline')],
  [
    3,
    'half a chunked body',
    partial('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\n', 'drop'),
    unknown('unknown_answer_lost'),
  ],
  [5, 'HTML with 200', bytes(200, html), unreadable],
  [5, 'HTML with 502', bytes(502, html), unreadable],
  [5, 'an empty body', bytes(200, ''), unreadable],
  [5, 'no content', bytes(204, ''), unreadable],
  [5, 'null', bytes(200, 'null'), unreadable],
  [5, 'a JSON text', bytes(200, '"ok"'), unreadable],
  [5, 'a JSON number', bytes(200, '5'), unreadable],
  [5, 'a list', bytes(200, '[]'), unreadable],
  [5, 'a truncated object', bytes(200, '{"id":"tr_1'), unreadable],
  [5, 'a redirect', bytes(302, '', { Location: 'http://127.0.0.1:1/' }), unreadable],
  [5, 'a redirect with JSON', json(302, {}, { Location: 'http://127.0.0.1:1/' }), unreadable],
  [5, 'an error that is text', json(404, { error: 'Not Found' }), unreadable],
  [5, 'a refusal not in Stripe’s form', json(403, { message: 'forbidden' }), unreadable],
];

const SERVERS_AND_LIMITS: readonly Case[] = [
  [7, 'a server error', stripeError(500, { type: 'api_error' }), unknown('unknown_server_error')],
  [
    7,
    'the saved server error',
    stripeError(500, { type: 'api_error' }, { 'Idempotent-Replayed': 'true' }),
    unknown('unknown_server_error'),
  ],
  [8, 'bad gateway', stripeError(502, {}), unknown('unknown_server_unavailable')],
  [8, 'unavailable', stripeError(503, {}), unknown('unknown_server_unavailable')],
  [8, 'gateway timeout', stripeError(504, {}), unknown('unknown_server_unavailable')],
  [9, 'failed dependency', stripeError(424, {}), unknown('unknown_dependency_failed')],
  [
    10,
    'key in use',
    stripeError(409, { code: 'idempotency_key_in_use' }),
    retry('transient_key_in_use', false),
  ],
  [11, 'another conflict', stripeError(409, {}), retry('transient_conflict', true)],
  [
    12,
    'a rate limit',
    stripeError(429, { code: 'rate_limit' }, { 'Retry-After': '7' }),
    retry('transient_rate_limited', false, 7_000),
  ],
  [
    12,
    'a named rate limit without a code',
    stripeError(429, {}, { 'Stripe-Rate-Limited-Reason': 'endpoint-rate' }),
    retry('transient_rate_limited', false),
  ],
  [
    12,
    'a rate limit with 400',
    stripeError(400, { code: 'rate_limit' }),
    retry('transient_rate_limited', false),
  ],
  [
    13,
    'a lock timeout',
    stripeError(429, { code: 'lock_timeout' }),
    retry('transient_lock_timeout', false),
  ],
  [
    14,
    'the key with other content',
    stripeError(400, { type: 'idempotency_error' }),
    unknown('unknown_key_mismatch', true),
  ],
];

const coded = (
  row: number,
  status: number,
  expected: SendOutcome,
  ...codes: readonly string[]
): readonly Case[] =>
  codes.map((code) => [row, code, stripeError(status, { code }), expected] as const);

const NO_ACCESS = "The provided key 'sk_test_x' does not have access to account";

const PLATFORM: readonly Case[] = [
  ...coded(
    15,
    400,
    blocked('platform_balance_insufficient'),
    'balance_insufficient',
    'insufficient_funds',
  ),
  ...coded(15, 402, blocked('platform_balance_insufficient'), 'balance_insufficient'),
  [16, 'a wrong key', stripeError(401, {}), blockedSameKey('platform_key_rejected')],
  ...coded(16, 401, blockedSameKey('platform_key_rejected'), 'api_key_expired'),
  ...coded(17, 401, blockedSameKey('platform_key_rejected'), 'platform_api_key_expired'),
  ...coded(18, 403, blockedSameKey('platform_key_rejected'), 'secret_key_required'),
  [
    19,
    'a key without the permission',
    stripeError(403, {}),
    blocked('platform_permission_missing'),
  ],
  [
    20,
    'our payee revoked access',
    stripeError(403, {
      code: 'account_invalid',
      message: `${NO_ACCESS} 'acct_winner1' (or that account does not exist). Application access may have been revoked.`,
    }),
    blocked('payee_account_disconnected'),
  ],
  [
    20,
    'our payee revoked access, without a code',
    stripeError(403, { message: `${NO_ACCESS} 'acct_winner1'.` }),
    blocked('payee_account_disconnected'),
  ],
  [
    20,
    'access to another account revoked',
    stripeError(403, { message: `${NO_ACCESS} 'acct_platform'.` }),
    blocked('platform_key_rejected'),
  ],
  ...coded(20, 403, blocked('platform_key_rejected'), 'account_invalid'),
  ...coded(21, 400, blocked('platform_not_enabled'), 'platform_account_required'),
  ...coded(
    22,
    400,
    blocked('platform_not_enabled'),
    'testmode_charges_only',
    'tls_version_unsupported',
  ),
  ...coded(23, 400, blocked('platform_mode_mismatch'), 'livemode_mismatch'),
  [
    23,
    'an account of the other mode',
    stripeError(400, {
      code: 'resource_missing',
      param: 'destination',
      message:
        "No such destination: 'acct_winner1'; a similar object exists in test mode, but a live mode key was used.",
    }),
    blocked('platform_mode_mismatch'),
  ],
  ...coded(
    31,
    403,
    blocked('platform_risk_control'),
    'action_blocked',
    'request_blocked',
    'anomalous_money_movement_request',
    'approval_required',
  ),
  [37, 'a wrong address', stripeError(404, {}), blockedSameKey('platform_wrong_url')],
];

const PAYEE: readonly Case[] = [
  [
    24,
    'no such account',
    stripeError(400, { code: 'resource_missing', param: 'destination' }),
    payeeFailed('payee_account_not_found'),
  ],
  ...coded(25, 400, blocked('payee_capability_inactive'), 'insufficient_capabilities_for_transfer'),
  [
    25,
    'a missing capability in words',
    stripeError(400, {
      message:
        'Your destination account needs to have at least one of the following capabilities enabled: transfers, crypto_transfers, legacy_payments',
    }),
    blocked('payee_capability_inactive'),
  ],
  ...coded(
    26,
    400,
    blocked('payee_capability_inactive'),
    'capability_not_active',
    'storer_capability_missing',
    'storer_capability_not_active',
  ),
  ...coded(27, 400, payeeFailed('payee_region_not_allowed'), 'transfers_not_allowed'),
  [
    28,
    'the platform itself',
    stripeError(400, { message: 'The destination cannot be set to your own account.' }),
    payeeFailed('payee_account_is_platform'),
  ],
  ...coded(29, 400, payeeFailed('payee_account_not_supported'), 'not_allowed_on_standard_account'),
  ...coded(
    30,
    400,
    payeeFailed('payee_region_not_allowed'),
    'country_unsupported',
    'account_country_invalid_address',
  ),
  ...coded(30, 400, payeeFailed('payee_account_not_supported'), 'application_fees_not_allowed'),
  ...coded(32, 400, payeeFailed('payee_account_closed'), 'account_closed'),
  ...coded(
    32,
    400,
    payeeFailed('payee_bank_refused'),
    'no_account',
    'bank_account_restricted',
    'bank_account_unusable',
    'payouts_not_allowed',
    'payouts_limit_exceeded',
  ),
];

const REQUEST: readonly Case[] = [
  ...coded(
    33,
    400,
    requestFailed('request_amount_refused'),
    'amount_too_small',
    'amount_too_large',
    'invalid_charge_amount',
  ),
  ...coded(
    34,
    400,
    requestFailed('request_refused'),
    'parameter_missing',
    'parameter_unknown',
    'parameter_invalid_integer',
    'parameter_invalid_empty',
    'parameters_exclusive',
    'invalid_characters',
    'balance_invalid_parameter',
    'transfer_source_balance_parameters_mismatch',
    'financial_account_balance_does_not_support_currency',
  ),
  [34, 'a currency', stripeError(400, { param: 'currency' }), requestFailed('request_refused')],
  [
    35,
    'no such charge',
    stripeError(400, { code: 'resource_missing', param: 'source_transaction' }),
    requestFailed('request_refused'),
  ],
  [36, 'a card error', stripeError(402, { type: 'card_error' }), requestFailed('request_refused')],
  ...coded(36, 402, requestFailed('request_refused'), 'card_declined'),
  [38, 'a 400 without a code', stripeError(400, {}), unlisted],
  [38, 'an unlisted code', stripeError(400, { code: 'new_in_2027' }), unlisted],
  [38, 'a code that is not one', stripeError(403, { code: 'Ha! Free <text>' }), unlisted],
  [38, 'an unlisted code with 401', stripeError(401, { code: 'new_in_2027' }), unlisted],
  [38, 'something else missing', stripeError(404, { code: 'resource_missing' }), unlisted],
  [38, 'a teapot', stripeError(418, {}), unlisted],
  [39, 'an unlisted 5xx', stripeError(501, {}), unlisted],
  [
    39,
    'a code of a refusal with 520',
    stripeError(520, { code: 'balance_insufficient' }),
    unlisted,
  ],
];

const CASES = [...SUCCESSES, ...LOST, ...SERVERS_AND_LIMITS, ...PLATFORM, ...PAYEE, ...REQUEST];

/** Rows without an answer of a server: 4 and 6 have tests of their own below, 40 is no answer at all. */
const ROWS_WITHOUT_ANSWER = [4, 6, 40];

function rowOf(answer: StripeAnswer): number | undefined {
  const expected = { frozen: FROZEN, ...TEST_MODE };
  return ANSWER_TABLE.find(({ matches }) => matches(answer, expected))?.row;
}

function send(
  baseUrl: string,
  { apiKey = 'sk_test_123', callDeadlineMs = STRIPE_CALL_DEADLINE_MS } = {},
): Promise<StripeAnswer> {
  const stripe = createStripeClient({ apiKey, apiBase: baseUrl, callDeadlineMs });
  return sendTransfer(stripe, { request: FROZEN, idempotencyKey: KEY });
}

const isDeadline = (expected: SendOutcome) =>
  expected.kind === 'unknown' && expected.reason === 'unknown_deadline';

test.each(CASES)('row %i: %s', async (row, _what, reply, expected) => {
  const server = await startRawServer(reply);
  try {
    const answer = await send(server.baseUrl, {
      ...(isDeadline(expected) && { callDeadlineMs: SHORT_DEADLINE_MS }),
    });
    const outcome = classifyAnswer(answer, FROZEN, TEST_MODE);
    expect(outcome).toEqual(expected);
    expect(rowOf(answer)).toBe(row);
    expect(server.requests).toHaveLength(1);
    expect(JSON.stringify(answer)).not.toContain('free text');
  } finally {
    await server.stop();
  }
});

test('every row of the table is tried, in its order', () => {
  const rows = ANSWER_TABLE.map(({ row }) => row);
  expect(rows).toEqual([...rows].sort((left, right) => left - right));
  const all = Array.from({ length: 40 }, (_, index) => index + 1);
  expect([...new Set(rows)]).toEqual(all);
  const tried = new Set([...CASES.map(([row]) => row), ...ROWS_WITHOUT_ANSWER]);
  expect([...tried].sort((left, right) => left - right)).toEqual(all);
});

test('row 4: a refused connection proves that nothing left', async () => {
  const server = await startRawServer(() => undefined);
  await server.stop();
  const answer = await send(server.baseUrl);
  expect(answer).toMatchObject({ connection: 'not_connected', connectionCode: 'ECONNREFUSED' });
  expect(rowOf(answer)).toBe(4);
  expect(classifyAnswer(answer, FROZEN, TEST_MODE)).toEqual(
    retry('transient_not_connected', false),
  );
});

test('row 6: what cannot be written to the connection was not sent', async () => {
  const server = await startRawServer(json(200, stripeTransfer()));
  const answer = await send(server.baseUrl, { apiKey: 'sk_test_line\nbreak' });
  expect(server.connections()).toBe(0);
  await server.stop();
  expect(rowOf(answer)).toBe(6);
  expect(classifyAnswer(answer, FROZEN, TEST_MODE)).toEqual(requestFailed('request_not_sendable'));
});

test('row 40: a send of which nothing was heard is unknown', () => {
  expect(rowOf({ replayed: false })).toBe(40);
  expect(classifyAnswer({ replayed: false }, FROZEN, TEST_MODE)).toEqual(
    unknown('unknown_no_answer'),
  );
});

test('a replayed refusal is burnt into its key, whatever its row', async () => {
  const server = await startRawServer(stripeError(401, {}, { 'Idempotent-Replayed': 'true' }));
  const answer = await send(server.baseUrl);
  await server.stop();
  expect(answer.replayed).toBe(true);
  expect(classifyAnswer(answer, FROZEN, TEST_MODE)).toEqual(blocked('platform_key_rejected'));
});

test('no answer without a readable 2xx ever means created, and each reason fits its kind', () => {
  for (const { outcome } of ANSWER_TABLE) {
    if (outcome === 'created') {
      continue;
    }
    expect(outcome.kind).not.toBe('created');
    if (outcome.kind === 'unknown') {
      expect(failureClassOf(outcome.reason)).toBe('unknown');
    } else if (outcome.kind === 'not_created') {
      const failureClass = failureClassOf(outcome.reason);
      expect(failureClass).not.toBe('unknown');
      expect(outcome.leadsTo === 'retryable').toBe(failureClass === 'transient');
      expect(outcome.counted && ['payee', 'platform'].includes(failureClass)).toBe(false);
    }
  }
});
