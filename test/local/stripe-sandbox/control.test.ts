/**
 * Goal: what the sandbox tells a test is true, and a client of Stripe cannot ask for it.
 * Method: real requests; the oracle is compared with what was sent and answered. These are the sandbox's own promises: no page
 * of Stripe's has them.
 */
import { API_KEY, closeAll, idOf, start, type TestSandbox } from './support';

let sandbox: TestSandbox;

beforeEach(async () => {
  sandbox = await start();
});
afterEach(closeAll);

describe('the oracle', () => {
  it('tells requests from executions, and sums what each payout got', async () => {
    const payout = (id: string) => ({ 'metadata[payout_transfer_id]': id });
    const first = idOf(await sandbox.pay('key-1', payout('p-1')));
    await sandbox.pay('key-1', payout('p-1'));
    const second = idOf(await sandbox.pay('key-2', { ...payout('p-1'), amount: '250' }));
    const other = idOf(await sandbox.pay('key-3', { ...payout('p-2'), currency: 'eur' }));
    const untagged = idOf(await sandbox.pay('key-4'));
    await sandbox.pay('key-5', { destination: 'wrong' });
    await sandbox.pay('key-6', { amount: '0' });
    await sandbox.stripe().transfers.createReversal(first, { amount: 400 });
    // What a transfer was made for cannot be hidden afterwards.
    await sandbox.stripe().transfers.update(second, { metadata: { payout_transfer_id: 'p-9' } });
    expect(await sandbox.oracle()).toEqual({
      posts: 7,
      reversalPosts: 1,
      executions: 5,
      refusals: 1,
      replays: 1,
      transfers: 4,
      totalsByCurrency: { usd: 2250, eur: 1000 },
      byPayoutTransferId: {
        'p-1': { count: 2, amountMinor: 1250, reversedMinor: 400, ids: [first, second] },
        'p-2': { count: 1, amountMinor: 1000, reversedMinor: 0, ids: [other] },
      },
      withoutPayoutTransferId: [untagged],
    });
  });
});

describe('control calls', () => {
  it.each([
    ['GET', 'oracle'],
    ['POST', 'clock'],
    ['POST', 'webhooks/deliver'],
  ])('%s %s with an API key is refused', async (method, name) => {
    const reply = await sandbox.send(method, `/_sandbox/${name}`, {
      form: '{"advanceMs":1}',
      headers: { Authorization: `Bearer ${API_KEY}`, 'Content-Type': 'application/json' },
    });
    expect(reply.status).toBe(403);
  });

  it('cannot be made through the SDK', async () => {
    const asking = sandbox.stripe().rawRequest('GET', '/_sandbox/oracle');
    await expect(asking).rejects.toMatchObject({ statusCode: 403 });
  });

  it('to the clock say one time, not two', async () => {
    const both = { advanceMs: 1, nowMs: 1 };
    await expect(sandbox.control('clock', both)).rejects.toThrow('either advanceMs or nowMs');
    await expect(sandbox.control('clock', {})).rejects.toThrow('either advanceMs or nowMs');
  });

  it.each([
    ...['clock', 'accounts', 'balance', 'keys', 'rate-limits', 'list-lag'],
    ...['faults', 'faults/random', 'webhooks', 'webhooks/faults', 'webhooks/deliver'],
  ])('%s with a field that does not exist is refused', async (name) => {
    await expect(sandbox.control(name, { surprise: 1 })).rejects.toThrow('surprise');
  });
});
