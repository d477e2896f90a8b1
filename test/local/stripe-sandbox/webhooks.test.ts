/**
 * Goal: events are the ones that Stripe documents, signed as it signs, and brought to the right endpoints.
 * Method: a receiver on a real socket; signatures are checked by the formula of docs.stripe.com/webhooks and
 * by the official SDK, shapes after docs.stripe.com/api/events and docs.stripe.com/connect/webhooks.
 */
import { createHmac } from 'node:crypto';

import type Stripe from 'stripe';

import { closeAll, idOf, start, type TestSandbox } from './support';
import { WebhookReceiver, type Received } from './webhook-receiver';

const SECRET = 'whsec_platform';

let sandbox: TestSandbox;
let stripe: Stripe;
let receiver: WebhookReceiver;

beforeEach(async () => {
  [sandbox, receiver] = await Promise.all([start(), WebhookReceiver.start()]);
  stripe = sandbox.stripe();
});
afterEach(async () => {
  await closeAll();
  await receiver.close();
});

function register(more: object = {}): Promise<{ id: string }> {
  return sandbox.control('webhooks', { url: receiver.url(), secret: SECRET, ...more });
}

function eventsAt(path: string): Stripe.Event[] {
  return receiver.received.filter((one) => one.path === path).map(({ event }) => event);
}

/** What an earlier call was going to deliver has been delivered, or is never going to be. */
async function quiet(): Promise<void> {
  await sandbox.control('webhooks/deliver', {});
}

describe('a delivery', () => {
  type Part = [scheme: string, value: string];

  function parts({ headers }: Received): Part[] {
    const header = String(headers['stripe-signature']);
    return header.split(',').map((part) => part.split('=') as Part);
  }

  it('is signed with the secret over the time and the raw body', async () => {
    await register();
    const before = Date.now();
    await sandbox.pay('key');
    const [delivery] = await receiver.atLeast(1);
    const [[t, time], [v1, mac], ...rest] = parts(delivery!) as [Part, Part, ...Part[]];
    expect([t, v1]).toEqual(['t', 'v1']);
    expect(Number(time)).toBeGreaterThanOrEqual(Math.floor(before / 1_000));
    expect(Number(time)).toBeLessThanOrEqual(Date.now() / 1_000);
    expect(mac).toBe(createHmac('sha256', SECRET).update(`${time}.${delivery!.raw}`).digest('hex'));
    // "Stripe sends an additional signature with a fake v0 scheme for test mode events."
    expect(rest.map(([scheme]) => scheme)).toEqual(['v0']);
    expect(delivery!.headers['content-type']).toContain('application/json');
  });

  it('is believed by the SDK, and not when a byte or the secret is another', async () => {
    await register();
    const paid = await sandbox.pay('key');
    const [{ raw, headers }] = (await receiver.atLeast(1)) as [Received];
    const signature = headers['stripe-signature']!;
    const event = stripe.webhooks.constructEvent(raw, signature, SECRET);
    expect(event).toMatchObject({ type: 'transfer.created', data: { object: { id: idOf(paid) } } });
    const wrong = () => stripe.webhooks.constructEvent(`${raw} `, signature, SECRET);
    expect(wrong).toThrow('No signatures found');
    const other = () => stripe.webhooks.constructEvent(raw, signature, 'whsec_other');
    expect(other).toThrow('No signatures found');
  });

  it('has one signature for each secret while they are rolled, and no decoy in live mode', async () => {
    await register({ secret: ['whsec_new', 'whsec_old'], livemode: true });
    await sandbox.stripe('sk_live_x').transfers.create({
      amount: 1,
      currency: 'usd',
      destination: 'acct_live',
    });
    const [delivery] = await receiver.atLeast(1);
    expect(parts(delivery!).map(([scheme]) => scheme)).toEqual(['t', 'v1', 'v1']);
    for (const secret of ['whsec_new', 'whsec_old']) {
      const signature = delivery!.headers['stripe-signature']!;
      const event = stripe.webhooks.constructEvent(delivery!.raw, signature, secret);
      expect(event.livemode).toBe(true);
    }
  });
});

describe('the event', () => {
  it('transfer.created has the transfer as it was answered, and the request that made it', async () => {
    await register();
    const paid = await sandbox.pay('key-1', { 'metadata[payout_transfer_id]': 'p-1' });
    const [{ event }] = (await receiver.atLeast(1)) as [Received];
    expect(event).toEqual({
      id: expect.stringMatching(/^evt_\w+$/),
      object: 'event',
      api_version: '2026-10-28.endive',
      created: expect.any(Number),
      data: { object: JSON.parse(paid.text) },
      livemode: false,
      pending_webhooks: 1,
      request: { id: paid.headers['request-id'], idempotency_key: 'key-1' },
      type: 'transfer.created',
    });
  });

  it('is shaped after its endpoint’s version, not the request’s', async () => {
    await register({ apiVersion: '2020-08-27' });
    await sandbox.pay('key');
    const [{ event }] = (await receiver.atLeast(1)) as [Received];
    expect(event.api_version).toBe('2020-08-27');
  });

  it('comes once a transfer: not for a refusal, a replay or a loss of the answer', async () => {
    await register();
    await sandbox.control('faults', { fault: { kind: 'drop_after' } });
    await expect(sandbox.pay('key')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect((await sandbox.pay('key')).headers['idempotent-replayed']).toBe('true');
    expect((await sandbox.pay('bad', { destination: 'wrong' })).status).toBe(400);
    await quiet();
    expect(receiver.types()).toEqual(['transfer.created']);
  });

  it('transfer.updated tells the old values of what changed, and nothing tells of no change', async () => {
    await register({ events: ['transfer.updated'] });
    const { id } = await stripe.transfers.create({
      amount: 1000,
      currency: 'usd',
      destination: 'acct_w',
      metadata: { keep: '1', change: '2', drop: '3' },
    });
    const metadata = { change: 'two', drop: '', add: '4' };
    await stripe.transfers.update(id, { description: 'seen', metadata });
    await stripe.transfers.update(id, { description: 'seen', metadata });
    await quiet();
    expect(receiver.types()).toEqual(['transfer.updated']);
    expect(receiver.received[0]!.event.data).toMatchObject({
      object: { id, description: 'seen', metadata: { keep: '1', change: 'two', add: '4' } },
      previous_attributes: { description: null, metadata: { change: '2', drop: '3', add: null } },
    });
  });

  it('transfer.reversed comes for a part and for the rest, each as it was then', async () => {
    await register({ events: ['transfer.reversed'] });
    const { id } = await stripe.transfers.create({
      amount: 1000,
      currency: 'usd',
      destination: 'acct_w',
    });
    const part = await stripe.transfers.createReversal(id, { amount: 300 });
    const rest = await stripe.transfers.createReversal(id);
    await quiet();
    const objects = receiver.received
      .map(({ event }) => event.data.object as Stripe.Transfer)
      .sort((a, b) => a.amount_reversed - b.amount_reversed);
    expect(objects).toMatchObject([
      { id, amount_reversed: 300, reversed: false, reversals: { data: [{ id: part.id }] } },
      { id, amount_reversed: 1000, reversed: true, reversals: { data: [{ id: rest.id }, {}] } },
    ]);
    expect(receiver.received[0]!.event.data.previous_attributes).toBeUndefined();
  });

  it('balance.available comes with a top-up, not with a debit', async () => {
    await register();
    await sandbox.control('balance', { currency: 'usd', available: 500 });
    await sandbox.control('balance', { currency: 'eur', available: 0 });
    await sandbox.control('balance', { currency: 'eur', add: 700, pending: 5 });
    await quiet();
    expect(receiver.types()).toEqual(['balance.available']);
    expect(receiver.received[0]!.event).toMatchObject({
      request: { id: null, idempotency_key: null },
      data: {
        object: {
          object: 'balance',
          available: expect.arrayContaining([
            expect.objectContaining({ currency: 'usd', amount: 500 }),
            expect.objectContaining({ currency: 'eur', amount: 700 }),
          ]),
        },
      },
    });
  });
});

describe('Connect endpoints', () => {
  beforeEach(async () => {
    await register({ url: receiver.url('/account') });
    await register({ url: receiver.url('/connect'), secret: 'whsec_connect', connect: true });
  });

  it('get what happens on connected accounts, with the account and a secret of their own', async () => {
    await sandbox.control('accounts', { id: 'acct_new', state: 'inactive' });
    await sandbox.control('accounts', { id: 'acct_new', state: 'active' });
    await sandbox.control('accounts', { id: 'acct_new', payoutsEnabled: false });
    await sandbox.control('accounts', { id: 'acct_new', payoutsEnabled: false });
    await quiet();
    expect(eventsAt('/account')).toEqual([]);
    const events = eventsAt('/connect');
    expect(events.map(({ type }) => type).sort()).toEqual([
      'account.updated',
      'account.updated',
      'capability.updated',
    ]);
    expect(new Set(events.map(({ account }) => account))).toEqual(new Set(['acct_new']));
    const { raw, headers } = receiver.received[0]!;
    const signature = headers['stripe-signature']!;
    expect(() => stripe.webhooks.constructEvent(raw, signature, SECRET)).toThrow();
    stripe.webhooks.constructEvent(raw, signature, 'whsec_connect');
  });

  it('learn from account.updated and capability.updated what was and what is', async () => {
    await sandbox.control('accounts', { id: 'acct_new', state: 'inactive' });
    await sandbox.control('accounts', { id: 'acct_new', state: 'active' });
    await quiet();
    const byType = new Map(eventsAt('/connect').map((event) => [event.type, event.data]));
    expect(byType.get('account.updated')).toMatchObject({
      object: {
        id: 'acct_new',
        object: 'account',
        capabilities: { transfers: 'active' },
        requirements: { disabled_reason: null },
      },
      previous_attributes: {
        capabilities: { transfers: 'inactive' },
        requirements: { disabled_reason: 'requirements.past_due' },
      },
    });
    expect(byType.get('capability.updated')).toMatchObject({
      object: { id: 'transfers', object: 'capability', account: 'acct_new', status: 'active' },
      previous_attributes: { status: 'inactive' },
    });
  });

  it('are told of a disconnection, and then nothing more', async () => {
    await sandbox.control('accounts', { id: 'acct_new' });
    await sandbox.control('accounts', { id: 'acct_new', state: 'deauthorised' });
    await sandbox.control('accounts', { id: 'acct_new', country: 'DE' });
    await quiet();
    expect(eventsAt('/connect')).toMatchObject([
      {
        type: 'account.application.deauthorized',
        account: 'acct_new',
        data: { object: { object: 'application' } },
      },
    ]);
  });

  it('get a transfer that a connected account sends, and its balance; the platform’s own do not', async () => {
    await sandbox.pay('key');
    await sandbox.control('balance', { account: 'acct_winner', currency: 'usd', add: 5 });
    await stripe.transfers.create(
      { amount: 10, currency: 'usd', destination: 'acct_b' },
      { stripeAccount: 'acct_winner' },
    );
    await quiet();
    expect(eventsAt('/account').map(({ type }) => type)).toEqual(['transfer.created']);
    const connected = eventsAt('/connect').map(({ type, account }) => `${type} ${account}`);
    expect(connected.sort()).toEqual([
      'balance.available acct_winner',
      'transfer.created acct_winner',
    ]);
  });

  it('of ours get nothing of another platform or of the other mode', async () => {
    await sandbox.control('keys', { key: 'sk_test_other', accountId: 'acct_otherplatform' });
    const params = { amount: 1, currency: 'usd', destination: 'acct_x' };
    await sandbox.stripe('sk_test_other').transfers.create(params);
    await sandbox.stripe('sk_live_x').transfers.create({ ...params, destination: 'acct_live' });
    await quiet();
    expect(receiver.received).toEqual([]);
  });
});

describe('an endpoint', () => {
  it('gets the types it asked for', async () => {
    await register({ url: receiver.url('/some'), events: ['transfer.reversed'] });
    await register({ url: receiver.url('/all') });
    const id = idOf(await sandbox.pay('key'));
    await stripe.transfers.createReversal(id);
    await quiet();
    expect(eventsAt('/some').map(({ type }) => type)).toEqual(['transfer.reversed']);
    expect(
      eventsAt('/all')
        .map(({ type }) => type)
        .sort(),
    ).toEqual(['transfer.created', 'transfer.reversed']);
  });

  it('registered again is the same one, changed', async () => {
    const first = await register();
    const again = await register({ secret: 'whsec_new' });
    expect(again.id).toBe(first.id);
    await sandbox.pay('key');
    await quiet();
    const [{ raw, headers }] = receiver.received as [Received];
    expect(receiver.received).toHaveLength(1);
    stripe.webhooks.constructEvent(raw, headers['stripe-signature']!, 'whsec_new');
  });

  it.each([
    [{ url: 'ftp://x', secret: 's' }],
    [{ url: 'http://127.0.0.1:1', secret: '' }],
    [{ url: 'http://127.0.0.1:1', secret: 's', events: ['transfer.paid'] }],
    [{ url: 'http://127.0.0.1:1' }],
  ])('%j is refused', async (body) => {
    await expect(sandbox.control('webhooks', body)).rejects.toThrow('webhooks failed');
  });
});
