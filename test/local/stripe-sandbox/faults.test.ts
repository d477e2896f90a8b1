/**
 * Goal: faults on demand look to a client like what Stripe and the network between do, and the key tells what really happened.
 * Method: scripted and random faults over real sockets; what an answer says of its execution is from
 * docs.stripe.com/error-low-level, statuses and codes from docs.stripe.com/api/errors, error-codes and rate-limits. Rules and
 * seeds are promises of the sandbox's own and have no page.
 */
import { closeAll, errorOf, idOf, refusal, start, type TestSandbox, until } from './support';

let sandbox: TestSandbox;

beforeEach(async () => {
  sandbox = await start();
});
afterEach(closeAll);

async function script(fault: object, more: object = {}): Promise<void> {
  await sandbox.control('faults', { fault, match: { method: 'POST' }, ...more });
}

async function transfers(): Promise<number> {
  return (await sandbox.oracle()).transfers;
}

const LOST = expect.objectContaining({ code: 'ECONNRESET' });

describe('a lost connection', () => {
  it('before execution has done nothing', async () => {
    await script({ kind: 'drop_before' });
    await expect(sandbox.pay('key')).rejects.toEqual(LOST);
    expect(await transfers()).toBe(0);
    const again = await sandbox.pay('key');
    expect(again.headers['idempotent-replayed']).toBeUndefined();
    expect(await transfers()).toBe(1);
  });

  it('after execution has paid; the key tells', async () => {
    await script({ kind: 'drop_after' });
    await expect(sandbox.pay('key')).rejects.toEqual(LOST);
    expect(await transfers()).toBe(1);
    const again = await sandbox.pay('key');
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(await transfers()).toBe(1);
  });

  it('loses a replay and a conflict as well', async () => {
    await sandbox.pay('key');
    await script({ kind: 'drop_after' }, { times: 2 });
    await expect(sandbox.pay('key')).rejects.toEqual(LOST);
    await expect(sandbox.pay('key', { amount: '2' })).rejects.toEqual(LOST);
    expect(errorOf(await sandbox.pay('key', { amount: '2' })).type).toBe('idempotency_error');
    expect(await sandbox.oracle()).toMatchObject({ posts: 4, replays: 1, transfers: 1 });
  });

  it('in the middle of the body is an SDK error with a request id and no status', async () => {
    await script({ kind: 'truncate_after' });
    const stripe = sandbox.stripe();
    const params = { amount: 1000, currency: 'usd', destination: 'acct_winner' };
    const error = await refusal(stripe.transfers.create(params, { idempotencyKey: 'key' }));
    expect(error).toMatchObject({
      type: 'StripeConnectionError',
      requestId: expect.stringMatching(/^req_/),
    });
    expect(error.statusCode).toBeUndefined();
    expect((await stripe.transfers.create(params, { idempotencyKey: 'key' })).amount).toBe(1000);
    expect(await transfers()).toBe(1);
  });
});

describe('a scripted status', () => {
  it.each([
    [401, 'invalid_request_error'],
    [403, 'invalid_request_error'],
    [409, 'invalid_request_error'],
    [424, 'api_error'],
    [429, 'invalid_request_error'],
    [503, 'api_error'],
  ])('%i before execution is not saved', async (status, type) => {
    await script({ kind: 'status', status, code: 'some_code', headers: { 'X-Seen': 'yes' } });
    const reply = await sandbox.pay('key');
    expect(reply.status).toBe(status);
    expect(errorOf(reply)).toMatchObject({ type, code: 'some_code' });
    expect(reply.headers).toMatchObject({ 'x-seen': 'yes', 'idempotency-key': 'key' });
    expect((await sandbox.oracle()).executions).toBe(0);
    expect((await sandbox.pay('key')).status).toBe(200);
  });

  it('503 of a gateway after execution hides the transfer, not from the key', async () => {
    await script({ kind: 'status', status: 503, executed: true });
    expect((await sandbox.pay('key')).status).toBe(503);
    expect(await transfers()).toBe(1);
    const again = await sandbox.pay('key');
    expect(again).toMatchObject({ status: 200 });
    expect(again.headers['idempotent-replayed']).toBe('true');
  });

  it('500 saved without execution stays the answer, and nothing is paid', async () => {
    await script({ kind: 'status', status: 500, saved: true });
    const first = await sandbox.pay('key');
    const again = await sandbox.pay('key');
    expect(again).toMatchObject({ status: 500, text: first.text });
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(await sandbox.oracle()).toMatchObject({ executions: 1, transfers: 0 });
  });

  it('429 without a code is a rate limit', async () => {
    await script({ kind: 'status', status: 429 });
    const reply = await sandbox.pay('key');
    expect(errorOf(reply).code).toBe('rate_limit');
    expect(reply.headers['stripe-rate-limited-reason']).toBe('global-rate');
  });

  it('lock_timeout advises to retry', async () => {
    await script({ kind: 'status', status: 429, code: 'lock_timeout' });
    const reply = await sandbox.pay('key');
    expect(reply.headers['stripe-should-retry']).toBe('true');
    expect(reply.headers['stripe-rate-limited-reason']).toBeUndefined();
  });
});

describe('a burst', () => {
  it('over the real rate is cut off with 429s, and the rest gets through later', async () => {
    await sandbox.control('rate-limits', { requestsPerSecondPerEndpoint: 5 });
    const startedAtMs = performance.now();
    const replies = await Promise.all(
      Array.from({ length: 30 }, (_, index) => sandbox.pay(`key-${index}`)),
    );
    // Whoever was let in lets somebody else in a second later: so often the five can have been filled meanwhile.
    const windows = 1 + Math.floor((performance.now() - startedAtMs) / 1000);
    const paid = replies.filter(({ status }) => status === 200);
    expect(paid.length).toBeGreaterThanOrEqual(5);
    expect(paid.length).toBeLessThanOrEqual(5 * windows);
    for (const reply of replies.filter(({ status }) => status !== 200)) {
      expect(reply.status).toBe(429);
      expect(reply.headers['stripe-rate-limited-reason']).toBe('endpoint-rate');
    }
    // The sandbox's clock does not refill it; the other endpoints have a limit of their own.
    expect((await sandbox.send('GET', '/v1/balance')).status).toBe(200);
    await until(async () => (await sandbox.pay('key-29')).status === 200);
  });
});

describe('a page of a proxy', () => {
  it.each([
    [false, 0],
    [true, 1],
  ])('(executed: %s) is no JSON to the SDK', async (executed, made) => {
    await script({ kind: 'html', executed });
    const error = await refusal(
      sandbox.stripe().transfers.create({ amount: 1, currency: 'usd', destination: 'acct_w' }),
    );
    expect(error.type).toBe('StripeAPIError');
    expect(error.message).toContain('Invalid JSON');
    expect(error.statusCode).toBeUndefined();
    expect(await transfers()).toBe(made);
  });

  it('has the status it was given', async () => {
    await script({ kind: 'html', status: 504 });
    const reply = await sandbox.pay('key');
    expect(reply).toMatchObject({ status: 504, text: expect.stringMatching(/^<html>/) });
    expect(reply.headers['content-type']).toBe('text/html');
  });
});

describe('a slow answer', () => {
  it('after execution: a retry meanwhile gets the saved answer', async () => {
    await script({ kind: 'delay', afterMs: 400 });
    const slow = sandbox.pay('key');
    await until(async () => (await transfers()) === 1);
    const retry = await sandbox.pay('key');
    expect(retry.headers['idempotent-replayed']).toBe('true');
    expect((await slow).text).toBe(retry.text);
  });

  it.each([
    [false, 0],
    [true, 1],
  ])('that never comes (executed: %s) ends with the client’s timeout', async (executed, made) => {
    await script({ kind: 'hang', executed });
    const stripe = sandbox.stripe(undefined, 1000);
    const params = { amount: 1, currency: 'usd', destination: 'acct_w' };
    const error = await refusal(stripe.transfers.create(params, { idempotencyKey: 'key' }));
    expect(error).toMatchObject({ type: 'StripeConnectionError', detail: { code: 'ETIMEDOUT' } });
    expect(await transfers()).toBe(made);
    await sandbox.stripe().transfers.create(params, { idempotencyKey: 'key' });
    expect(await transfers()).toBe(1);
  });

  it('does not keep the sandbox from stopping', async () => {
    await script({ kind: 'hang' });
    await script({ kind: 'delay', beforeMs: 60_000 });
    const both = Promise.allSettled([sandbox.pay('a'), sandbox.pay('b')]);
    await until(async () => (await sandbox.oracle()).posts === 2);
    await sandbox.close();
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

describe('a commit after the answer', () => {
  it('happens when the clock moves; the key keeps answering 500', async () => {
    await script({ kind: 'commit_later', afterMs: 60_000 });
    const first = await sandbox.pay('key', { 'metadata[payout_transfer_id]': 'p-1' });
    expect(first.status).toBe(500);
    await sandbox.control('clock', { advanceMs: 30_000 });
    expect(await transfers()).toBe(0);
    await sandbox.control('clock', { advanceMs: 30_000 });
    const oracle = await sandbox.oracle();
    expect(oracle).toMatchObject({ transfers: 1, executions: 1 });
    const again = await sandbox.pay('key', { 'metadata[payout_transfer_id]': 'p-1' });
    expect(again.text).toBe(first.text);
    const listed = await sandbox.stripe().transfers.list();
    expect(listed.data[0]!.id).toBe(oracle.byPayoutTransferId['p-1']!.ids[0]);
  });

  it('happens at its time, however far the clock is moved at once', async () => {
    const { nowMs: sentAtMs } = await sandbox.control<{ nowMs: number }>('clock', { advanceMs: 0 });
    await sandbox.control('list-lag', { transfersMs: 300_000 });
    await script({ kind: 'commit_later', afterMs: 60_000 });
    await sandbox.pay('key');
    await sandbox.control('clock', { advanceMs: 25 * 3_600_000 });
    const { data } = await sandbox.stripe().transfers.list();
    expect(data).toHaveLength(1);
    const afterMs = data[0]!.created * 1_000 - sentAtMs;
    expect(afterMs).toBeGreaterThanOrEqual(59_000);
    expect(afterMs).toBeLessThan(3_600_000);
  });

  it('happens by itself after its delay', async () => {
    await script({ kind: 'commit_later', afterMs: 100 });
    await sandbox.pay('key');
    await until(async () => (await transfers()) === 1);
  });
});

describe('an altered execution', () => {
  it('is what Stripe did, said and keeps saying', async () => {
    await script({ kind: 'altered', amount: 999, currency: 'eur' });
    const first = await sandbox.pay('key');
    const body = JSON.parse(first.text) as object;
    expect(body).toMatchObject({ amount: 999, currency: 'eur', destination: 'acct_winner' });
    expect((await sandbox.pay('key')).text).toBe(first.text);
    expect((await sandbox.oracle()).totalsByCurrency).toEqual({ eur: 999 });
  });
});

describe('a rule', () => {
  it('matches destination, group, metadata, key and path, for as often as it says', async () => {
    const fault = { kind: 'status', status: 418 };
    const matches = [
      { destination: 'acct_d' },
      { transferGroup: 'settlement:g' },
      { metadata: { user_id: 'u' } },
      { idempotencyKey: 'key-k' },
      { path: '/v1/acc*' },
    ];
    await sandbox.control(
      'faults',
      matches.map((match) => ({ match, fault, times: 2 })),
    );
    const calls = [
      () => sandbox.pay('k1', { destination: 'acct_d' }),
      () => sandbox.pay('k2', { transfer_group: 'settlement:g' }),
      () => sandbox.pay('k3', { 'metadata[user_id]': 'u' }),
      () => sandbox.pay('key-k'),
      () => sandbox.send('GET', '/v1/account'),
    ];
    for (const call of calls) {
      const other = await sandbox.pay('none', { 'metadata[user_id]': 'other' });
      expect(other.status).toBe(200);
      const statuses = [await call(), await call(), await call()].map(({ status }) => status);
      expect(statuses).toEqual([418, 418, 200]);
    }
  });

  it('waits for the request whose turn it is, and rules fire in order', async () => {
    await script({ kind: 'status', status: 418 }, { match: { method: 'POST', ordinal: 3 } });
    await script({ kind: 'status', status: 451 });
    await script({ kind: 'status', status: 410 });
    const statuses: number[] = [];
    for (let index = 0; index < 5; index += 1) {
      statuses.push((await sandbox.pay(`key-${index}`)).status);
    }
    expect(statuses).toEqual([451, 410, 418, 200, 200]);
  });

  it('about an execution is not used up by a replay', async () => {
    await sandbox.pay('old');
    await script({ kind: 'status', status: 500, saved: true });
    expect((await sandbox.pay('old')).status).toBe(200);
    expect((await sandbox.pay('new')).status).toBe(500);
  });

  it('can be taken back, and a wrong one is refused', async () => {
    await script({ kind: 'drop_before' });
    await sandbox.control('faults/random', { rate: 1, seed: 1 });
    await fetch(`${sandbox.baseUrl}/_sandbox/faults`, { method: 'DELETE' });
    expect((await sandbox.pay('key')).status).toBe(200);
    await expect(script({ kind: 'explode' })).rejects.toThrow('faults failed');
  });
});

describe('random faults', () => {
  const REQUESTS = 60;

  async function outcomes(seed: number): Promise<string[]> {
    const own = await start();
    await own.control('faults/random', { rate: 0.3, seed });
    const seen: string[] = [];
    for (let index = 0; index < REQUESTS; index += 1) {
      seen.push(
        await own.pay(`key-${index}`).then(
          ({ status }) => `${status}`,
          () => 'lost',
        ),
      );
    }
    return seen;
  }

  it('come at their rate, mixed, and the same for the same seed', async () => {
    const seen = await outcomes(7);
    const faults = seen.filter((outcome) => outcome !== '200');
    expect(faults.length).toBeGreaterThan(REQUESTS * 0.1);
    expect(faults.length).toBeLessThan(REQUESTS * 0.5);
    expect(new Set(faults).size).toBeGreaterThan(2);
    expect(await outcomes(7)).toEqual(seen);
    expect(await outcomes(8)).not.toEqual(seen);
  });

  it('never make a second transfer of one key', async () => {
    await sandbox.control('faults/random', { rate: 0.5, seed: 3 });
    const ids: string[] = [];
    for (let index = 0; index < 20; index += 1) {
      await until(async () => {
        const reply = await sandbox.pay(`key-${index}`).catch(() => null);
        if (reply?.status === 200) {
          ids.push(idOf(reply));
        }
        return reply?.status === 200;
      });
    }
    const oracle = await sandbox.oracle();
    expect(oracle).toMatchObject({ transfers: 20, executions: 20 });
    expect(oracle.posts).toBeGreaterThan(25);
    expect(new Set(ids).size).toBe(20);
  });
});
