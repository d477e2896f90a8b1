/**
 * Goal: a key pays once, as long and in the cases that Stripe promises, and no longer.
 * Method: raw requests and the official SDK, the sandbox's clock moved; expectations from
 * docs.stripe.com/api/idempotent_requests (what is saved, 24 hours, 255 characters, other parameters),
 * docs.stripe.com/error-low-level (order of the checks, `Idempotent-Replayed`, 500s), api/errors and error-codes (409,
 * `idempotency_error`). Whether the order of parameters counts and how far a key reaches is on no page: a choice.
 */
import {
  API_KEY,
  closeAll,
  errorOf,
  idOf,
  refusal,
  start,
  type TestSandbox,
  transferForm,
  until,
} from './support';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Longer than a busy machine keeps this process from running, so that the next request comes meanwhile. */
const SLOW_MS = 4_000;

let sandbox: TestSandbox;

beforeEach(async () => {
  sandbox = await start();
});
afterEach(closeAll);

describe('a saved answer', () => {
  it('is repeated byte by byte, marked, under a request id of its own', async () => {
    const first = await sandbox.pay('key-1');
    await sandbox.control('balance', { currency: 'usd', available: 0 });
    const again = await sandbox.pay('key-1');
    expect(first.status).toBe(200);
    expect(again).toMatchObject({ status: 200, text: first.text });
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(again.headers).toMatchObject({
      'idempotent-replayed': 'true',
      'idempotency-key': 'key-1',
      'original-request': first.headers['request-id'],
    });
    expect(again.headers['request-id']).not.toBe(first.headers['request-id']);
    expect(await sandbox.oracle()).toMatchObject({
      posts: 2,
      executions: 1,
      replays: 1,
      transfers: 1,
    });
  });

  it('is seen through the SDK', async () => {
    const stripe = sandbox.stripe();
    const pay = () =>
      stripe.transfers.create(
        { amount: 5, currency: 'usd', destination: 'acct_sdk' },
        { idempotencyKey: 'key-sdk' },
      );
    const first = await pay();
    const again = await pay();
    expect(again.id).toBe(first.id);
    expect(first.lastResponse.headers['idempotent-replayed']).toBeUndefined();
    expect(again.lastResponse.headers['idempotent-replayed']).toBe('true');
  });

  it('is repeated for the same parameters in another order', async () => {
    const first = await sandbox.pay('key-order');
    const reversed = transferForm().split('&').reverse().join('&');
    const again = await sandbox.send('POST', '/v1/transfers', {
      form: reversed,
      headers: { 'Idempotency-Key': 'key-order' },
    });
    expect(again.text).toBe(first.text);
  });

  it('may be a refusal: the key is burnt although the cause is gone', async () => {
    await sandbox.control('balance', { currency: 'usd', available: 0 });
    const refused = await sandbox.pay('key-burnt');
    await sandbox.control('balance', { currency: 'usd', add: 1000 });
    const again = await sandbox.pay('key-burnt');
    expect(errorOf(refused).code).toBe('balance_insufficient');
    expect(again).toMatchObject({ status: 400, text: refused.text });
    expect(again.headers).toMatchObject({
      'idempotent-replayed': 'true',
      'stripe-should-retry': 'false',
    });
    expect((await sandbox.pay('key-burnt:g2')).status).toBe(200);
  });

  it('may be a 500, whose effect the answer does not tell', async () => {
    const fault = { kind: 'status', status: 500, saved: true, executed: true };
    await sandbox.control('faults', { fault });
    const first = await sandbox.pay('key-500');
    const again = await sandbox.pay('key-500');
    expect([first.status, again.status]).toEqual([500, 500]);
    expect(again.text).toBe(first.text);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(errorOf(again).type).toBe('api_error');
    expect((await sandbox.oracle()).transfers).toBe(1);
  });

  it('belongs to one account and mode', async () => {
    await sandbox.control('keys', { key: 'sk_test_other', accountId: 'acct_otherplatform' });
    const pay = (apiKey: string, destination: string) =>
      sandbox.send('POST', '/v1/transfers', {
        form: transferForm({ destination }),
        headers: { 'Idempotency-Key': 'key-scope', Authorization: `Bearer ${apiKey}` },
      });
    const replies = [
      await pay(API_KEY, 'acct_a'),
      await pay('sk_live_sandbox', 'acct_b'),
      await pay('sk_test_other', 'acct_a'),
    ];
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(replies.map(idOf)).size).toBe(3);
    // Another key of the same account is the same scope.
    expect(idOf(await pay('rk_test_sandbox', 'acct_a'))).toBe(idOf(replies[0]!));
  });

  it('is forgotten after 24 hours: late reuse pays a second time', async () => {
    const metadata = { 'metadata[payout_transfer_id]': 'p-late' };
    const first = await sandbox.pay('key-late', metadata);
    await sandbox.control('clock', { advanceMs: DAY_MS - 60_000 });
    expect(idOf(await sandbox.pay('key-late', metadata))).toBe(idOf(first));
    await sandbox.control('clock', { advanceMs: 60_000 });
    const second = await sandbox.pay('key-late', metadata);
    expect(second.headers['idempotent-replayed']).toBeUndefined();
    expect((await sandbox.oracle()).byPayoutTransferId['p-late']).toEqual({
      count: 2,
      amountMinor: 2000,
      reversedMinor: 0,
      ids: [idOf(first), idOf(second)],
    });
  });
});

describe('a key', () => {
  it('refuses other parameters and another endpoint, and keeps its answer', async () => {
    const first = await sandbox.pay('key-other');
    const other = await sandbox.pay('key-other', { amount: '1001' });
    expect(other.status).toBe(400);
    expect(errorOf(other)).toMatchObject({
      type: 'idempotency_error',
      message:
        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than 'key-other' if you meant to execute a different request.",
    });
    const elsewhere = await sandbox.send('POST', `/v1/transfers/${idOf(first)}`, {
      form: 'description=x',
      headers: { 'Idempotency-Key': 'key-other' },
    });
    expect(errorOf(elsewhere).type).toBe('idempotency_error');
    expect(errorOf(elsewhere).message).toContain('can only be used for the same endpoint');
    expect((await sandbox.pay('key-other')).text).toBe(first.text);
    expect((await sandbox.oracle()).transfers).toBe(1);
  });

  it('in flight answers 409, and afterwards the saved answer', async () => {
    await sandbox.control('faults', { fault: { kind: 'delay', beforeMs: SLOW_MS } });
    const first = sandbox.pay('key-flight');
    await until(async () => (await sandbox.oracle()).posts === 1);
    const meanwhile = await sandbox.pay('key-flight');
    expect(meanwhile.status).toBe(409);
    expect(errorOf(meanwhile)).toMatchObject({
      type: 'invalid_request_error',
      code: 'idempotency_key_in_use',
    });
    expect(meanwhile.headers['stripe-should-retry']).toBe('true');
    expect((await sandbox.pay('key-elsewhere')).status).toBe(200);
    const { text } = await first;
    expect((await sandbox.pay('key-flight')).text).toBe(text);
    expect((await sandbox.oracle()).transfers).toBe(2);
  });

  it('in 30 requests at once makes one transfer', async () => {
    const replies = await Promise.all(Array.from({ length: 30 }, () => sandbox.pay('key-race')));
    const ids = replies.filter(({ status }) => status === 200).map(idOf);
    expect(new Set(ids).size).toBe(1);
    expect((await sandbox.oracle()).transfers).toBe(1);
  });

  it('may have 255 characters, not 256', async () => {
    expect((await sandbox.pay('k'.repeat(255))).status).toBe(200);
    expect((await sandbox.pay('k'.repeat(256))).status).toBe(400);
  });

  it('has no effect on GET', async () => {
    const headers = { 'Idempotency-Key': 'key-get' };
    const empty = await sandbox.send('GET', '/v1/transfers', { headers });
    await sandbox.pay('key-between');
    const filled = await sandbox.send('GET', '/v1/transfers', { headers });
    expect(filled.text).not.toBe(empty.text);
    expect(filled.headers['idempotent-replayed']).toBeUndefined();
  });

  it('that is missing means: no protection', async () => {
    const pay = () => sandbox.send('POST', '/v1/transfers', { form: transferForm() });
    expect(idOf(await pay())).not.toBe(idOf(await pay()));
  });
});

describe('the order of the checks', () => {
  it('is key, rate, parameters, idempotency, execution: each hides what comes after it', async () => {
    await sandbox.pay('key-used');
    await sandbox.control('keys', { key: API_KEY, state: 'invalid' });
    await sandbox.control('rate-limits', { requestsPerSecond: 0 });
    await sandbox.control('balance', { currency: 'usd', available: 0 });
    const seen: unknown[] = [];
    const see = async (key: string, amount: string): Promise<void> => {
      const reply = await sandbox.pay(key, { amount });
      seen.push([reply.status, errorOf(reply).code ?? errorOf(reply).type]);
    };
    await see('key-used', '0');
    await sandbox.control('keys', { key: API_KEY });
    await see('key-used', '0');
    await sandbox.control('rate-limits', { requestsPerSecond: null });
    await see('key-used', '0');
    await see('key-used', '2000');
    await see('key-new', '2000');
    expect(seen).toEqual([
      [401, 'invalid_request_error'],
      [429, 'rate_limit'],
      [400, 'parameter_invalid_integer'],
      [400, 'idempotency_error'],
      [400, 'balance_insufficient'],
    ]);
  });
});

describe('not saved, so that the key still works', () => {
  it('is a validation failure', async () => {
    expect((await sandbox.pay('key-v', { amount: '0' })).status).toBe(400);
    expect((await sandbox.pay('key-v')).status).toBe(200);
  });

  it('is a 401', async () => {
    await sandbox.control('keys', { key: API_KEY, state: 'invalid' });
    const refused = await sandbox.pay('key-401');
    expect(refused.status).toBe(401);
    expect(errorOf(refused).message).toMatch(/^Invalid API Key provided: sk_test_\*+dbox$/);
    await sandbox.control('keys', { key: API_KEY });
    expect((await sandbox.pay('key-401')).status).toBe(200);
  });

  it('is a restricted key’s 403', async () => {
    await sandbox.control('keys', { key: API_KEY, state: 'restricted' });
    const stripe = sandbox.stripe();
    const error = await refusal(stripe.balance.retrieve());
    expect(error).toMatchObject({ statusCode: 403, type: 'StripePermissionError' });
    expect(error.code).toBeUndefined();
    expect((await sandbox.pay('key-403')).status).toBe(403);
    await sandbox.control('keys', { key: API_KEY });
    expect((await sandbox.pay('key-403')).status).toBe(200);
  });

  it('is a rate limit', async () => {
    await sandbox.control('rate-limits', { requestsPerSecond: 0 });
    const refused = await sandbox.pay('key-429');
    expect(refused.status).toBe(429);
    expect(errorOf(refused).code).toBe('rate_limit');
    expect(refused.headers['stripe-rate-limited-reason']).toBe('global-rate');
    expect(refused.headers['idempotent-replayed']).toBeUndefined();
    await sandbox.control('rate-limits', { requestsPerSecond: null });
    expect((await sandbox.pay('key-429')).status).toBe(200);
  });

  it('is a concurrency limit, which ends when the others are answered', async () => {
    await sandbox.control('rate-limits', { maxConcurrent: 1 });
    await sandbox.control('faults', { fault: { kind: 'delay', beforeMs: SLOW_MS } });
    const slow = sandbox.pay('key-slow');
    await until(async () => (await sandbox.oracle()).posts === 1);
    const refused = await sandbox.pay('key-many');
    expect(refused.status).toBe(429);
    expect(refused.headers['stripe-rate-limited-reason']).toBe('global-concurrency');
    expect((await slow).status).toBe(200);
    expect((await sandbox.pay('key-many')).status).toBe(200);
  });

  it('comes before the idempotency layer: a 429 hides a saved answer', async () => {
    await sandbox.pay('key-hidden');
    await sandbox.control('rate-limits', { requestsPerSecondPerEndpoint: 0 });
    const refused = await sandbox.pay('key-hidden');
    expect(refused.status).toBe(429);
    expect(refused.headers['stripe-rate-limited-reason']).toBe('endpoint-rate');
    await sandbox.control('keys', { key: API_KEY, state: 'expired' });
    const expired = await sandbox.pay('key-hidden');
    expect(expired.status).toBe(401);
    expect(errorOf(expired).code).toBe('api_key_expired');
  });
});
