/**
 * Goal: transfers are created, listed, changed and reversed as Stripe documents it.
 * Method: the official SDK and raw requests; expectations from docs.stripe.com/api/transfers/create, api/metadata,
 * currencies and api/errors, of lists from the SDK's types, of reversals from
 * docs.stripe.com/connect/separate-charges-and-transfers. A list that lags is a promise of the sandbox's own.
 */
import type Stripe from 'stripe';

import { closeAll, errorOf, refusal, start, type TestSandbox, transferForm } from './support';

let sandbox: TestSandbox;
let stripe: Stripe;

beforeAll(async () => {
  sandbox = await start();
  stripe = sandbox.stripe();
});
afterAll(closeAll);

describe('a transfer', () => {
  it('is created with the documented fields and found again', async () => {
    const before = Date.now();
    const created = await stripe.transfers.create({
      amount: 12_345,
      currency: 'eur',
      destination: 'acct_fields',
      description: 'First prize',
      metadata: { payout_transfer_id: 'p-fields', empty: '' },
      transfer_group: 'settlement:fields',
    });
    expect(created).toEqual({
      id: expect.stringMatching(/^tr_\w{24}$/),
      object: 'transfer',
      amount: 12_345,
      amount_reversed: 0,
      balance_transaction: expect.stringMatching(/^txn_/),
      created: expect.any(Number),
      currency: 'eur',
      description: 'First prize',
      destination: 'acct_fields',
      destination_payment: expect.stringMatching(/^py_/),
      livemode: false,
      metadata: { payout_transfer_id: 'p-fields' },
      reversals: {
        object: 'list',
        data: [],
        has_more: false,
        total_count: 0,
        url: `/v1/transfers/${created.id}/reversals`,
      },
      reversed: false,
      source_transaction: null,
      source_type: 'card',
      transfer_group: 'settlement:fields',
    });
    expect(created.created).toBeGreaterThanOrEqual(Math.floor(before / 1_000));
    expect(created.created).toBeLessThanOrEqual(Date.now() / 1_000);
    const found = await stripe.transfers.retrieve(created.id);
    expect(found).toEqual({ ...created });
  });

  it('takes new metadata and a new description, and nothing else', async () => {
    const { id } = await create({ metadata: { keep: '1', drop: '2' } });
    const updated = await stripe.transfers.update(id, {
      description: 'seen',
      metadata: { drop: '', more: '3' },
    });
    expect(updated.metadata).toEqual({ keep: '1', more: '3' });
    expect(updated.description).toBe('seen');
    expect((await stripe.transfers.update(id, { metadata: '' })).metadata).toEqual({});
    const wrong = await sandbox.send('POST', `/v1/transfers/${id}`, { form: 'amount=1' });
    expect(errorOf(wrong)).toMatchObject({ code: 'parameter_unknown', param: 'amount' });
  });

  it('that does not exist is a 404', async () => {
    const error = await refusal(stripe.transfers.retrieve('tr_nothing'));
    expect(error).toMatchObject({ statusCode: 404, code: 'resource_missing', param: 'id' });
  });

  it('of the other mode is not visible', async () => {
    const { id } = await create({});
    const live = sandbox.stripe('sk_live_other');
    expect((await refusal(live.transfers.retrieve(id))).statusCode).toBe(404);
    expect((await live.transfers.list()).data).toEqual([]);
  });
});

describe('the list of transfers', () => {
  it('is filtered by group and destination, newest first, and pages to the end', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 25; index += 1) {
      const destination = `acct_page${index % 2}`;
      ids.unshift((await create({ transfer_group: 'settlement:page', destination })).id);
    }
    const all = await stripe.transfers
      .list({ transfer_group: 'settlement:page', limit: 7 })
      .autoPagingToArray({ limit: 100 });
    expect(all.map(({ id }) => id)).toEqual(ids);
    const first = await stripe.transfers.list({ transfer_group: 'settlement:page' });
    expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 10));
    expect(first).toMatchObject({ object: 'list', has_more: true, url: '/v1/transfers' });
    const back = await stripe.transfers.list({
      transfer_group: 'settlement:page',
      ending_before: ids[10]!,
      limit: 5,
    });
    expect(back.data.map(({ id }) => id)).toEqual(ids.slice(5, 10));
    expect(back.has_more).toBe(true);
    const even = await stripe.transfers.list({ destination: 'acct_page0', limit: 100 });
    expect(even.data).toHaveLength(13);
    expect(even.has_more).toBe(false);
  });

  it('is filtered by creation time, each bound as written', async () => {
    const own = await start();
    const group = 'settlement:time';
    const pay = () => own.stripe().transfers.create(request({ transfer_group: group }));
    await own.control('clock', { nowMs: 1_700_000_000_000 });
    const early = await pay();
    await own.control('clock', { nowMs: 1_700_001_000_000 });
    const late = await pay();
    const listed = async (created: Stripe.RangeQueryParam | number) =>
      (await own.stripe().transfers.list({ created })).data.map(({ id }) => id);
    expect(await listed({ gte: early.created, lt: late.created })).toEqual([early.id]);
    expect(await listed({ gt: early.created })).toEqual([late.id]);
    expect(await listed({ lte: late.created })).toEqual([late.id, early.id]);
    expect(await listed(late.created)).toEqual([late.id]);
  });

  it('may lag behind: young transfers are found by id and not in the list', async () => {
    const own = await start();
    const { transfers } = own.stripe();
    const group = 'settlement:lag';
    const pay = () => transfers.create(request({ transfer_group: group }));
    const listed = async () =>
      (await transfers.list({ transfer_group: group })).data.map(({ id }) => id);
    const old = await pay();
    await own.control('clock', { advanceMs: 60_000 });
    await own.control('list-lag', { transfersMs: 60_000 });
    const young = await pay();
    expect(await listed()).toEqual([old.id]);
    expect((await transfers.retrieve(young.id)).id).toBe(young.id);
    // The one that is not shown is still a cursor: it exists.
    const after = await transfers.list({ starting_after: young.id });
    expect(after.data.map(({ id }) => id)).toEqual([old.id]);
    await own.control('clock', { advanceMs: 60_000 });
    expect(await listed()).toEqual([young.id, old.id]);
    const youngest = await pay();
    await own.control('list-lag', { transfersMs: 0 });
    expect(await listed()).toEqual([youngest.id, young.id, old.id]);
  });

  it('refuses wrong limits, cursors and filters', async () => {
    const refused = async (query: string) =>
      errorOf(await sandbox.send('GET', `/v1/transfers?${query}`));
    expect(await refused('limit=0')).toMatchObject({ param: 'limit' });
    expect(await refused('limit=101')).toMatchObject({ param: 'limit' });
    expect(await refused('starting_after=tr_x')).toMatchObject({ code: 'resource_missing' });
    expect(await refused('metadata[a]=b')).toMatchObject({ code: 'parameter_unknown' });
    expect(await refused('created[since]=1')).toMatchObject({ param: 'created[since]' });
  });
});

describe('parameters', () => {
  it.each([
    ['amount=1.5', 'parameter_invalid_integer', 'amount'],
    ['amount=0', 'parameter_invalid_integer', 'amount'],
    ['amount=-5', 'parameter_invalid_integer', 'amount'],
    ['amount=', 'parameter_invalid_empty', 'amount'],
    ['amount=9007199254740993', 'parameter_invalid_integer', 'amount'],
    ['currency=zzz', undefined, 'currency'],
    ['currency=USD', undefined, 'currency'],
    ['currency=kwd&amount=1001', undefined, 'amount'],
    ['surprise=1', 'parameter_unknown', 'surprise'],
    ['source_type=cash', undefined, 'source_type'],
    [`metadata[${'k'.repeat(41)}]=v`, undefined, 'metadata'],
    [`metadata[k]=${'v'.repeat(501)}`, undefined, 'metadata[k]'],
    [
      Array.from({ length: 51 }, (_, index) => `metadata[k${index}]=v`).join('&'),
      undefined,
      'metadata',
    ],
    ['metadata=text', undefined, 'metadata'],
  ])('%s is refused', async (change, code, param) => {
    const reply = await sandbox.send('POST', '/v1/transfers', {
      form: `${transferForm()}&${change}`,
    });
    expect(reply.status).toBe(400);
    expect(errorOf(reply)).toMatchObject({ type: 'invalid_request_error', param });
    expect(errorOf(reply).code).toBe(code);
  });

  it.each(['amount', 'currency', 'destination'])('%s is required', async (name) => {
    const form = transferForm()
      .split('&')
      .filter((pair) => !pair.startsWith(name))
      .join('&');
    const reply = await sandbox.send('POST', '/v1/transfers', { form });
    expect(errorOf(reply)).toMatchObject({ code: 'parameter_missing', param: name });
  });

  it('of 50 keys with 40 and 500 characters are the limit', async () => {
    const keys = Array.from({ length: 50 }, (_, index) => `${index}`.padEnd(40, 'k'));
    const metadata = Object.fromEntries(keys.map((key) => [key, 'v'.repeat(500)]));
    expect((await create({ metadata })).metadata).toEqual(metadata);
  });

  it('in JSON are not read', async () => {
    const reply = await sandbox.send('POST', '/v1/transfers', {
      form: '{"amount":1}',
      headers: { 'Content-Type': 'application/json' },
    });
    expect(reply.status).toBe(400);
    expect(errorOf(reply).message).toContain('application/x-www-form-urlencoded');
  });
});

describe('every answer', () => {
  it('has its own request id, the version asked for, and Stripe’s shape for unknown URLs', async () => {
    const headers = { 'Stripe-Version': '2020-08-27' };
    const replies = [
      await sandbox.send('GET', '/v1/charges', { headers }),
      await sandbox.send('DELETE', '/v1/transfers', { headers }),
      await sandbox.send('GET', '/v1/balance', { headers }),
    ];
    expect(replies.map(({ status }) => status)).toEqual([404, 404, 200]);
    expect(errorOf(replies[0]!).message).toContain('Unrecognized request URL (GET: /v1/charges)');
    expect(new Set(replies.map((reply) => reply.headers['request-id'])).size).toBe(3);
    for (const reply of replies) {
      expect(reply.headers['request-id']).toMatch(/^req_\w{14}$/);
      expect(reply.headers['stripe-version']).toBe('2020-08-27');
    }
  });
});

describe('a reversal', () => {
  it('takes part after part until nothing is left', async () => {
    const { id } = await create({ amount: 1000, destination: 'acct_rev' });
    const part = await stripe.transfers.createReversal(id, { amount: 300, metadata: { why: 'x' } });
    expect(part).toMatchObject({
      object: 'transfer_reversal',
      amount: 300,
      transfer: id,
      metadata: { why: 'x' },
    });
    expect(await stripe.transfers.retrieve(id)).toMatchObject({
      amount_reversed: 300,
      reversed: false,
      reversals: { data: [{ id: part.id }] },
    });
    expect((await refusal(stripe.transfers.createReversal(id, { amount: 701 }))).param).toBe(
      'amount',
    );
    const rest = await stripe.transfers.createReversal(id);
    expect(rest.amount).toBe(700);
    expect(await stripe.transfers.retrieve(id)).toMatchObject({
      amount_reversed: 1000,
      reversed: true,
    });
    expect((await refusal(stripe.transfers.createReversal(id))).statusCode).toBe(400);
    const list = await stripe.transfers.listReversals(id);
    expect(list.data.map((reversal) => reversal.id)).toEqual([rest.id, part.id]);
  });

  it('needs the money on the connected account', async () => {
    const { id } = await create({ amount: 1000, destination: 'acct_spent' });
    await sandbox.control('balance', { account: 'acct_spent', currency: 'usd', available: 999 });
    const error = await refusal(stripe.transfers.createReversal(id));
    expect(error).toMatchObject({ statusCode: 400, code: 'balance_insufficient' });
    expect((await stripe.transfers.retrieve(id)).amount_reversed).toBe(0);
    await stripe.transfers.createReversal(id, { amount: 999 });
  });
});

function request(fields: Partial<Stripe.TransferCreateParams>): Stripe.TransferCreateParams {
  return { amount: 1000, currency: 'usd', destination: 'acct_winner', ...fields };
}

function create(fields: Partial<Stripe.TransferCreateParams>): Promise<Stripe.Transfer> {
  return stripe.transfers.create(request(fields));
}
