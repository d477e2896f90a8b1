/**
 * Goal: a consumer that missed a webhook can fetch the events itself.
 * Method: the official SDK; parameters and limits after docs.stripe.com/api/events.
 */
import type Stripe from 'stripe';

import { closeAll, errorOf, idOf, refusal, start, type TestSandbox } from './support';
import { WebhookReceiver } from './webhook-receiver';

const DAY_MS = 24 * 60 * 60 * 1000;

let sandbox: TestSandbox;
let stripe: Stripe;

beforeEach(async () => {
  sandbox = await start();
  stripe = sandbox.stripe();
});
afterEach(closeAll);

async function objectIds(params?: Stripe.EventListParams): Promise<string[]> {
  const { data } = await stripe.events.list(params);
  return data.map((event) => (event.data.object as { id: string }).id);
}

async function payMany(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    ids.unshift(idOf(await sandbox.pay(`key-${index}`)));
  }
  return ids;
}

describe('the list of events', () => {
  it('is there without any endpoint, newest first, and pages to the end', async () => {
    const ids = await payMany(12);
    const first = await stripe.events.list();
    expect(first).toMatchObject({ object: 'list', url: '/v1/events', has_more: true });
    expect(await objectIds()).toEqual(ids.slice(0, 10));
    const all = await stripe.events.list({ limit: 5 }).autoPagingToArray({ limit: 100 });
    expect(all.map((event) => (event.data.object as { id: string }).id)).toEqual(ids);
    const after = await objectIds({ starting_after: all[9]!.id });
    expect(after).toEqual(ids.slice(10));
  });

  it('is filtered by type, by a group of types, by several and by time', async () => {
    await sandbox.control('clock', { nowMs: 1_700_000_000_000 });
    const [id] = (await payMany(1)) as [string];
    await sandbox.control('clock', { nowMs: 1_700_000_100_000 });
    await stripe.transfers.update(id, { description: 'x' });
    await stripe.transfers.createReversal(id);
    await sandbox.control('balance', { currency: 'eur', add: 1 });
    const types = async (params: Stripe.EventListParams) =>
      (await stripe.events.list(params)).data.map(({ type }) => type);
    const transfers = ['transfer.reversed', 'transfer.updated', 'transfer.created'];
    expect(await types({})).toEqual(['balance.available', ...transfers]);
    expect(await types({ type: 'transfer.updated' })).toEqual(['transfer.updated']);
    expect(await types({ type: 'transfer.*' })).toEqual(transfers);
    const two = ['transfer.created', 'transfer.reversed'];
    expect(await types({ types: two })).toEqual(['transfer.reversed', 'transfer.created']);
    expect(await types({ created: { lt: 1_700_000_100 } })).toEqual(['transfer.created']);
  });

  it('is filtered by whether all endpoints have taken them', async () => {
    const receiver = await WebhookReceiver.start();
    await sandbox.control('webhooks', { url: receiver.url(), secret: 's' });
    receiver.reply = () => 500;
    const refused = idOf(await sandbox.pay('key-1'));
    await sandbox.control('webhooks/deliver', {});
    receiver.reply = () => 200;
    const taken = idOf(await sandbox.pay('key-2'));
    // Whether that one has been settled already or not, this waits for it.
    const { data } = await stripe.events.list();
    await sandbox.control('webhooks/deliver', { eventId: data[0]!.id });
    expect(await objectIds({ delivery_success: true })).toEqual([taken]);
    expect(await objectIds({ delivery_success: false })).toEqual([refused]);
    await receiver.close();
  });

  it('may lag behind, while an event is found by its id', async () => {
    await sandbox.control('list-lag', { eventsMs: 60_000 });
    const [id] = await payMany(1);
    expect(await objectIds()).toEqual([]);
    await sandbox.control('clock', { advanceMs: 60_000 });
    expect(await objectIds()).toEqual([id]);
  });

  it('refuses both kinds of types, too many, and unknown parameters', async () => {
    const refused = async (query: string) =>
      errorOf(await sandbox.send('GET', `/v1/events?${query}`));
    expect(await refused('type=a&types[]=b')).toMatchObject({ code: 'parameters_exclusive' });
    const many = Array.from({ length: 21 }, (_, index) => `types[]=t${index}`).join('&');
    expect(await refused(many)).toMatchObject({ param: 'types' });
    expect(await refused('destination=acct_x')).toMatchObject({ code: 'parameter_unknown' });
    expect(await refused('delivery_success=maybe')).toMatchObject({ param: 'delivery_success' });
  });
});

describe('an event', () => {
  it('is retrieved as it was, whatever became of the object', async () => {
    const id = idOf(await sandbox.pay('key-1'));
    const [event] = (await stripe.events.list()).data;
    await stripe.transfers.update(id, { description: 'later' });
    const found = await stripe.events.retrieve(event!.id);
    expect(found).toEqual({ ...event });
    expect((found.data.object as Stripe.Transfer).description).toBeNull();
    expect(found.request).toMatchObject({ idempotency_key: 'key-1' });
  });

  it('of a connected account is seen with Stripe-Account only', async () => {
    await sandbox.control('accounts', { id: 'acct_c', state: 'inactive' });
    await sandbox.control('accounts', { id: 'acct_c', state: 'active' });
    expect((await stripe.events.list()).data).toEqual([]);
    const { data } = await stripe.events.list({}, { stripeAccount: 'acct_c' });
    expect(data.map(({ type }) => type)).toEqual(['capability.updated', 'account.updated']);
    expect(data[0]!.account).toBe('acct_c');
    expect((await refusal(stripe.events.retrieve(data[0]!.id))).statusCode).toBe(404);
  });

  it('of the other mode, unknown, or older than 30 days is a 404', async () => {
    await sandbox.pay('key');
    const [event] = (await stripe.events.list()).data;
    const id = event!.id;
    const live = sandbox.stripe('sk_live_x');
    expect((await refusal(live.events.retrieve(id))).statusCode).toBe(404);
    const unknown = await refusal(stripe.events.retrieve('evt_x'));
    expect(unknown).toMatchObject({ statusCode: 404, code: 'resource_missing', param: 'id' });
    await sandbox.control('clock', { advanceMs: 30 * DAY_MS - 60_000 });
    expect((await stripe.events.retrieve(id)).id).toBe(id);
    await sandbox.control('clock', { advanceMs: 60_000 });
    expect((await refusal(stripe.events.retrieve(id))).statusCode).toBe(404);
    expect((await stripe.events.list()).data).toEqual([]);
  });
});
