/**
 * Goal: what is sent is exactly what was frozen, and the reading calls tell what they find or who is to blame.
 * Method: the real SDK against a server on a real socket that keeps what arrives.
 */
import { STRIPE_CALL_DEADLINE_MS } from '../../src/domain/limits';
import { createStripeClient } from '../../src/stripe/client';
import { identifyStripeAccount } from '../../src/stripe/balance-and-account';
import { listTransfersOfGroup, type ListedTransfer } from '../../src/stripe/list-transfers';
import { StripeRefusedError, StripeUnreachableError } from '../../src/stripe/read-failures';
import { sendTransfer } from '../../src/stripe/transfers';
import { FROZEN, KEY, stripeTransfer } from './frozen';
import { bytes, json, startRawServer, stripeError, type RawServer } from './raw-server';

let server: RawServer;
beforeEach(async () => {
  server = await startRawServer(json(200, stripeTransfer()));
});
afterEach(() => server.stop());

function client(callDeadlineMs = STRIPE_CALL_DEADLINE_MS) {
  return createStripeClient({ apiKey: 'sk_test_123', apiBase: server.baseUrl, callDeadlineMs });
}

describe('sendTransfer', () => {
  test('sends the frozen request under its key, in one order whatever the order of the metadata', async () => {
    const metadata = Object.fromEntries(Object.entries(FROZEN.metadata).reverse());
    const stripe = client();
    await sendTransfer(stripe, { request: FROZEN, idempotencyKey: KEY });
    await sendTransfer(stripe, { request: { ...FROZEN, metadata }, idempotencyKey: KEY });
    const [first = '', second] = server.requests;
    expect(second).toBe(first);
    expect(first).toMatch(/^POST \/v1\/transfers HTTP\/1\.1\r\n/);
    expect(first).toContain(`\r\nIdempotency-Key: ${KEY}\r\n`);
    expect(first).toContain('\r\nStripe-Version: 2026-10-28.endive\r\n');
    expect(first).not.toMatch(/telemetry/i);
    const body = new URLSearchParams(first.split('\r\n\r\n')[1]);
    expect(Object.fromEntries(body)).toEqual({
      amount: '1050',
      currency: 'usd',
      destination: 'acct_winner1',
      transfer_group: 'settlement:s-1',
      'metadata[payout_transfer_id]': '0b8d2f0e-6d1c-5c39-9f0a-000000000001',
      'metadata[settlement_id]': 's-1',
      'metadata[contest_id]': 'c-1',
      'metadata[user_id]': 'u-1',
      'metadata[installation_id]': 'local',
    });
  });

  test.each(['', 'a b', 'a\nb', 'ключ', 'x'.repeat(201)])(
    'refuses the key %j before anything is sent',
    async (idempotencyKey) => {
      const sent = sendTransfer(client(), { request: FROZEN, idempotencyKey });
      await expect(sent).rejects.toThrow(TypeError);
      expect(server.connections()).toBe(0);
    },
  );

  test('keeps the facts of a refusal and drops its text', async () => {
    server.reply = stripeError(
      400,
      { code: 'balance_insufficient', param: 'amount' },
      {
        'Idempotent-Replayed': 'true',
        'Stripe-Should-Retry': 'false',
        'Stripe-Rate-Limited-Reason': 'global-rate',
        'Retry-After': '2',
      },
    );
    expect(await sendTransfer(client(), { request: FROZEN, idempotencyKey: KEY })).toEqual({
      httpStatus: 400,
      code: 'balance_insufficient',
      rawType: 'invalid_request_error',
      param: 'amount',
      requestId: 'req_error',
      replayed: true,
      shouldRetry: false,
      rateLimitedReason: 'global-rate',
      retryAfterMs: 2_000,
    });
  });

  test.each(['-1', '1.5', 'Wed, 21 Oct 2026 07:28:00 GMT', '999999'])(
    'ignores Retry-After: %s',
    async (value) => {
      server.reply = stripeError(429, {}, { 'Retry-After': value });
      const answer = await sendTransfer(client(), { request: FROZEN, idempotencyKey: KEY });
      expect(answer.retryAfterMs).toBeUndefined();
    },
  );
});

describe('identifyStripeAccount', () => {
  test('tells the account and its mode', async () => {
    server.reply = (socket) => {
      const isAccount = server.requests.at(-1)?.startsWith('GET /v1/account ');
      json(200, isAccount ? { id: 'acct_platform' } : { livemode: false })(socket);
    };
    expect(await identifyStripeAccount(client())).toEqual({
      accountId: 'acct_platform',
      livemode: false,
    });
  });

  test.each([
    ['silence', (): void => undefined, 'DEADLINE', 1_000],
    ['a web page', bytes(200, '<html>'), 'NOT_JSON', undefined],
    ['another API', json(200, { ok: true }), 'NOT_STRIPE', undefined],
  ] as const)('names the address on %s', async (_what, reply, transportCode, deadlineMs) => {
    server.reply = reply;
    const asked = identifyStripeAccount(client(deadlineMs));
    const failure: unknown = await asked.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StripeUnreachableError);
    expect(failure).toMatchObject({ address: server.baseUrl, transportCode });
  });

  test('names the status and code of a refusal, not its text', async () => {
    server.reply = stripeError(401, { code: 'api_key_expired' });
    const failure: unknown = await identifyStripeAccount(client()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StripeRefusedError);
    expect(failure).toMatchObject({ httpStatus: 401, code: 'api_key_expired' });
    expect((failure as Error).message).not.toContain('free text');
  });
});

describe('listTransfersOfGroup', () => {
  const filter = { transferGroup: FROZEN.transferGroup };

  async function all(destination?: string): Promise<ListedTransfer[]> {
    const listed: ListedTransfer[] = [];
    const wanted = destination === undefined ? filter : { ...filter, destination };
    for await (const transfer of listTransfersOfGroup(client(), wanted)) {
      listed.push(transfer);
    }
    return listed;
  }

  function page(transfers: readonly unknown[], hasMore: boolean) {
    const url = '/v1/transfers';
    return json(200, { object: 'list', url, data: transfers, has_more: hasMore });
  }

  test('reads every page and leaves out what was not asked for', async () => {
    server.reply = (socket) => {
      const isFirst = server.requests.length === 1;
      const foreign = stripeTransfer({ id: 'tr_foreign', transfer_group: 'settlement:other' });
      const transfers = isFirst
        ? [stripeTransfer({ id: 'tr_2', amount_reversed: 50 }), foreign]
        : [stripeTransfer({ id: 'tr_1', destination: { id: 'acct_winner1' } })];
      page(transfers, isFirst)(socket);
    };
    const listed = await all('acct_winner1');
    expect(listed.map(({ id }) => id)).toEqual(['tr_2', 'tr_1']);
    expect(listed[0]).toEqual({
      id: 'tr_2',
      amountMinor: 1050,
      amountReversedMinor: 50,
      currency: 'usd',
      destination: 'acct_winner1',
      livemode: false,
      created: 1_790_000_000,
      metadata: FROZEN.metadata,
    });
    expect(listed[1]?.destination).toBe('acct_winner1');
    const [first = '', second = ''] = server.requests;
    const query = new URLSearchParams(/\?(\S+)/.exec(first)?.[1]);
    expect(Object.fromEntries(query)).toEqual({
      transfer_group: 'settlement:s-1',
      destination: 'acct_winner1',
      limit: '100',
    });
    expect(second).toContain('starting_after=tr_foreign');
  });

  test('fails in the middle rather than look complete', async () => {
    server.reply = (socket) => {
      const isFirst = server.requests.length === 1;
      (isFirst ? page([stripeTransfer()], true) : stripeError(429, { code: 'rate_limit' }))(socket);
    };
    await expect(all()).rejects.toBeInstanceOf(StripeRefusedError);
    server.reply = (socket) => socket.destroy();
    await expect(all()).rejects.toBeInstanceOf(StripeUnreachableError);
  });
});
