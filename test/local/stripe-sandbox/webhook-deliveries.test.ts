/**
 * Goal: deliveries repeat, come late, early, twice and out of order, as docs.stripe.com/webhooks warns, on demand.
 * Method: a receiver on a real socket that answers as each test wants; time is the sandbox's clock and is moved.
 */
import http from 'node:http';

import { closeAll, idOf, start, type TestSandbox, transferForm, until } from './support';
import { type Received, WebhookReceiver } from './webhook-receiver';

const HOUR_MS = 60 * 60 * 1000;

let sandbox: TestSandbox;
let receiver: WebhookReceiver;

beforeEach(async () => {
  [sandbox, receiver] = await Promise.all([start(), WebhookReceiver.start()]);
});
afterEach(async () => {
  await closeAll();
  await receiver.close();
});

interface Delivery {
  readonly id: string;
  readonly eventId: string;
  readonly tries: number;
  readonly gate: string;
  readonly lastResult: string | null;
  readonly state?: 'delivered' | 'given_up';
}

interface Webhooks {
  readonly waiting: Delivery[];
  readonly finished: Delivery[];
}

function register(more: object = {}): Promise<{ id: string }> {
  return sandbox.control('webhooks', { url: receiver.url(), secret: 'whsec_x', ...more });
}

function script(fault: object, more: object = {}): Promise<unknown> {
  return sandbox.control('webhooks/faults', { fault, ...more });
}

async function deliverNow(filter: object = {}): Promise<Delivery[]> {
  return (await sandbox.control<{ tried: Delivery[] }>('webhooks/deliver', filter)).tried;
}

function webhooks(): Promise<Webhooks> {
  return sandbox.look('webhooks');
}

async function tried(count: number): Promise<void> {
  await until(async () => (await webhooks()).waiting.every(({ tries }) => tries >= count));
}

function advance(ms: number): Promise<unknown> {
  return sandbox.control('clock', { advanceMs: ms });
}

/** Which transfers the deliveries were about, in the order of arrival. */
function transferIds(): string[] {
  return receiver.received.map(({ event }) => (event.data.object as { id: string }).id);
}

describe('what was not taken', () => {
  it('is tried again, with the same event under a new time and signature', async () => {
    await register();
    receiver.reply = () => (receiver.received.length < 2 ? 500 : 200);
    await sandbox.pay('key');
    await tried(1);
    await advance(HOUR_MS);
    const [first, second] = await receiver.atLeast(2);
    expect(second!.raw).toBe(first!.raw);
    const times = [first!, second!].map(({ headers }) =>
      Number(/t=(\d+)/.exec(String(headers['stripe-signature']))![1]),
    );
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(HOUR_MS / 1000);
    await until(async () => (await webhooks()).waiting.length === 0);
    expect((await webhooks()).finished).toMatchObject([{ state: 'delivered', tries: 2 }]);
  });

  it.each([
    ['a 400', 400, '400'],
    ['a 500', 500, '500'],
    ['no answer in time', 'none', 'timeout'],
  ] as const)('is one that got %s', async (_what, reply, result) => {
    await register(reply === 'none' ? { timeoutMs: 300 } : {});
    receiver.reply = () => reply;
    await sandbox.pay('key');
    await tried(1);
    expect((await webhooks()).waiting).toMatchObject([{ tries: 1, lastResult: result }]);
    await register();
    receiver.reply = () => 204;
    expect(await deliverNow()).toMatchObject([{ tries: 2, state: 'delivered' }]);
  });

  it('is one that got a redirect, which is not followed', async () => {
    await register({ url: receiver.url('/moved') });
    receiver.reply = () => ({ status: 302, location: receiver.url('/here') });
    await sandbox.pay('key');
    await tried(1);
    expect((await webhooks()).waiting).toMatchObject([{ tries: 1, lastResult: '302' }]);
    expect(receiver.received.map(({ path }) => path)).toEqual(['/moved']);
  });

  it('is one that found a closed port', async () => {
    const gone = await WebhookReceiver.start();
    await register({ url: gone.url() });
    await gone.close();
    await sandbox.pay('key');
    await tried(1);
    expect((await webhooks()).waiting).toMatchObject([{ tries: 1, lastResult: 'ECONNREFUSED' }]);
  });

  it('is given up after three more tries over hours in test mode, and can still be sent', async () => {
    await register();
    receiver.reply = () => 503;
    await sandbox.pay('key');
    for (let tries = 1; tries <= 3; tries += 1) {
      await tried(tries);
      expect((await webhooks()).waiting).toHaveLength(1);
      await advance(4 * HOUR_MS);
    }
    await until(async () => (await webhooks()).finished.length === 1);
    expect((await webhooks()).finished).toMatchObject([{ state: 'given_up', tries: 4 }]);
    await advance(72 * HOUR_MS);
    expect(await deliverNow()).toEqual([]);
    expect(receiver.received).toHaveLength(4);
    receiver.reply = () => 200;
    const eventId = receiver.received[0]!.event.id;
    expect(await deliverNow({ eventId })).toMatchObject([{ eventId, state: 'delivered' }]);
    expect(receiver.received).toHaveLength(5);
  });

  it('is tried for three days in live mode', async () => {
    await register({ livemode: true });
    receiver.reply = () => 503;
    const params = { amount: 1, currency: 'usd', destination: 'acct_live' };
    await sandbox.stripe('sk_live_x').transfers.create(params);
    for (let hours = 0; hours < 71; hours += 12) {
      const before = receiver.received.length;
      await until(async () => (await webhooks()).waiting.every(({ tries }) => tries > before - 1));
      await advance(12 * HOUR_MS);
      await receiver.atLeast(before + 1);
    }
    await until(async () => (await webhooks()).finished.length === 1);
    expect((await webhooks()).finished).toMatchObject([{ state: 'given_up' }]);
    expect(receiver.received.length).toBeGreaterThan(4);
  });

  it('is not tried again after its endpoint was deleted', async () => {
    const { id } = await register();
    receiver.reply = () => 500;
    await sandbox.pay('key');
    await tried(1);
    await fetch(`${sandbox.baseUrl}/_sandbox/webhooks/${id}`, { method: 'DELETE' });
    await advance(HOUR_MS);
    expect(await deliverNow()).toEqual([]);
    expect(receiver.received).toHaveLength(1);
    const [event] = (await sandbox.stripe().events.list()).data;
    expect(event!.pending_webhooks).toBe(0);
  });

  it('by one endpoint is sent to that one only', async () => {
    await register({ url: receiver.url('/good') });
    await register({ url: receiver.url('/bad') });
    receiver.reply = ({ path }) => (path === '/bad' && receiver.received.length < 3 ? 500 : 200);
    await sandbox.pay('key');
    await tried(1);
    await receiver.atLeast(2);
    const [event] = (await sandbox.stripe().events.list()).data;
    expect(event!.pending_webhooks).toBe(1);
    await deliverNow();
    expect(receiver.received.map(({ path }) => path).sort()).toEqual(['/bad', '/bad', '/good']);
  });
});

describe('a scripted delivery', () => {
  it('duplicate: the same event twice', async () => {
    await register();
    await script({ kind: 'duplicate' });
    await sandbox.pay('key-1');
    await sandbox.pay('key-2');
    await deliverNow();
    const ids = receiver.received.map(({ event }) => event.id);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(2);
  });

  it('twin: two events with ids of their own about one object', async () => {
    await register();
    await script({ kind: 'twin' });
    const id = idOf(await sandbox.pay('key'));
    await deliverNow();
    expect(transferIds()).toEqual([id, id]);
    const [one, two] = receiver.received.map(({ event }) => event);
    expect(one!.id).not.toBe(two!.id);
    expect(one!.data).toEqual(two!.data);
    const listed = (await sandbox.stripe().events.list()).data.map((event) => event.id);
    expect(listed.sort()).toEqual([one!.id, two!.id].sort());
  });

  it('reorder: not before a later event was taken', async () => {
    await register();
    await script({ kind: 'reorder' }, { match: { destination: 'acct_first' } });
    const held = idOf(await sandbox.pay('key-1', { destination: 'acct_first' }));
    receiver.reply = () => (receiver.received.length < 2 ? 500 : 200);
    const later = idOf(await sandbox.pay('key-2'));
    await until(async () => (await webhooks()).waiting.some(({ tries }) => tries === 1));
    expect((await webhooks()).waiting).toMatchObject([{ gate: 'after_next', tries: 0 }, {}]);
    await advance(HOUR_MS);
    await receiver.atLeast(3);
    expect(transferIds()).toEqual([later, later, held]);
  });

  it('delay: after the API has answered and the clock has moved', async () => {
    await register();
    await script({ kind: 'delay', ms: HOUR_MS });
    const late = idOf(await sandbox.pay('key-1'));
    const prompt = idOf(await sandbox.pay('key-2'));
    await receiver.atLeast(1);
    await advance(HOUR_MS - 60_000);
    await until(async () => (await webhooks()).finished.length === 1);
    expect(transferIds()).toEqual([prompt]);
    await advance(60_000);
    await receiver.atLeast(2);
    expect(transferIds()).toEqual([prompt, late]);
  });

  it('delay: not while the API is still silent, however long that takes', async () => {
    await register();
    await script({ kind: 'delay', ms: 0 });
    await sandbox.control('faults', { fault: { kind: 'hang', executed: true } });
    const request = http.request(`${sandbox.baseUrl}/v1/transfers`, {
      method: 'POST',
      headers: {
        Authorization: 'Bearer sk_test_x',
        'Content-Type': 'application/x-www-form-urlencoded',
      },
    });
    request.on('error', () => undefined).end(transferForm());
    await until(async () => (await sandbox.oracle()).transfers === 1);
    const other = idOf(await sandbox.pay('key-2'));
    await receiver.atLeast(1);
    await advance(HOUR_MS);
    expect((await webhooks()).waiting).toMatchObject([{ gate: 'after_answer', tries: 0 }]);
    expect(transferIds()).toEqual([other]);
    request.destroy();
    await receiver.atLeast(2);
  });

  it('before_answer: the receiver can already look at the transfer, and the API waits for it', async () => {
    await register();
    await script({ kind: 'before_answer' });
    let letGo: (status: number) => void = () => undefined;
    receiver.reply = () =>
      new Promise<number>((resolve) => {
        letGo = resolve;
      });
    let answered = false;
    const paying = sandbox.pay('key').finally(() => (answered = true));
    const [{ event }] = (await receiver.atLeast(1)) as [Received];
    const { id } = event.data.object as { id: string };
    expect((await sandbox.stripe().transfers.retrieve(id)).amount).toBe(1000);
    expect((await sandbox.oracle()).transfers).toBe(1);
    expect(answered).toBe(false);
    letGo(200);
    expect(idOf(await paying)).toBe(id);
    expect(receiver.received).toHaveLength(1);
  });

  it('before_answer: an answer that is lost was told by the webhook', async () => {
    await register();
    await script({ kind: 'before_answer' });
    await sandbox.control('faults', { fault: { kind: 'drop_after' } });
    await expect(sandbox.pay('key')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(transferIds()).toEqual([idOf(await sandbox.pay('key'))]);
  });

  it('matches type, object, destination, group and metadata, for as often as it says', async () => {
    await register();
    const matches = [
      { type: 'transfer.created', destination: 'acct_d' },
      { transferGroup: 'settlement:g' },
      { metadata: { user_id: 'u' } },
    ];
    const rules = matches.map((match) => ({ match, fault: { kind: 'twin' }, times: 2 }));
    await sandbox.control('webhooks/faults', rules);
    const calls: Record<string, string>[] = [
      { destination: 'acct_d' },
      { transfer_group: 'settlement:g' },
      { 'metadata[user_id]': 'u' },
    ];
    for (const [index, fields] of calls.entries()) {
      const counts: number[] = [];
      for (const key of ['a', 'b', 'c', 'other']) {
        const before = receiver.received.length;
        await sandbox.pay(`${key}-${index}`, key === 'other' ? {} : fields);
        await deliverNow();
        counts.push(receiver.received.length - before);
      }
      expect(counts).toEqual([2, 2, 1, 1]);
    }
  });

  it('can be taken back, is not used up without an endpoint, and a wrong one is refused', async () => {
    await script({ kind: 'twin' });
    await sandbox.pay('key-1');
    await register();
    await sandbox.pay('key-2');
    await deliverNow();
    expect(receiver.received).toHaveLength(2);
    await script({ kind: 'twin' });
    await fetch(`${sandbox.baseUrl}/_sandbox/webhooks/faults`, { method: 'DELETE' });
    await sandbox.pay('key-3');
    await deliverNow();
    expect(receiver.received).toHaveLength(3);
    await expect(script({ kind: 'explode' })).rejects.toThrow('faults failed');
  });
});

describe('a 500 that is carried out later', () => {
  it('fires transfer.created when it commits', async () => {
    await register();
    await sandbox.control('faults', { fault: { kind: 'commit_later', afterMs: HOUR_MS } });
    const fields = { 'metadata[payout_transfer_id]': 'p-late' };
    expect((await sandbox.pay('key', fields)).status).toBe(500);
    expect(await deliverNow()).toEqual([]);
    await advance(HOUR_MS);
    const [{ event }] = (await receiver.atLeast(1)) as [Received];
    const { byPayoutTransferId } = await sandbox.oracle();
    expect(event).toMatchObject({
      type: 'transfer.created',
      data: {
        object: {
          id: byPayoutTransferId['p-late']!.ids[0],
          metadata: { payout_transfer_id: 'p-late' },
        },
      },
    });
  });

  it('fires nothing when it is rolled back instead', async () => {
    sandbox = await start({ balances: { usd: 1000 } });
    await register();
    await sandbox.control('faults', { fault: { kind: 'commit_later', afterMs: HOUR_MS } });
    expect((await sandbox.pay('key-1')).status).toBe(500);
    const id = idOf(await sandbox.pay('key-2'));
    await advance(HOUR_MS);
    await deliverNow();
    expect(transferIds()).toEqual([id]);
  });
});
