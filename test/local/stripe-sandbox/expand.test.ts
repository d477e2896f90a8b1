/**
 * Goal: documented `expand` requests about transfers work, others are refused as Stripe refuses them.
 * Method: the official SDK and raw requests; what can be expanded is `x-expandableFields` of Stripe's
 * OpenAPI description, the refusals are quoted from docs.stripe.com/expand and stripe-dotnet issue 1351.
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

const REQUEST = { amount: 1000, currency: 'usd', destination: 'acct_winner' };

describe('expand', () => {
  it('of a creation answers the objects in place of their ids, and the replay repeats them', async () => {
    const params = { ...REQUEST, expand: ['destination', 'balance_transaction', 'reversals'] };
    const created = await stripe.transfers.create(params, { idempotencyKey: 'key' });
    expect(created).toMatchObject({
      destination: { id: 'acct_winner', object: 'account', capabilities: { transfers: 'active' } },
      balance_transaction: {
        id: expect.stringMatching(/^txn_/),
        object: 'balance_transaction',
        amount: -1000,
        net: -1000,
        fee: 0,
        currency: 'usd',
        type: 'transfer',
        source: created.id,
      },
      reversals: { object: 'list', data: [] },
      destination_payment: expect.stringMatching(/^py_/),
    });
    expect(await stripe.transfers.create(params, { idempotencyKey: 'key' })).toEqual(created);
    const plain = await stripe.transfers.retrieve(created.id);
    expect(plain.destination).toBe('acct_winner');
    const { id } = created.balance_transaction as Stripe.BalanceTransaction;
    expect(plain.balance_transaction).toBe(id);
  });

  it('is a parameter like others: with it, the same key is another request', async () => {
    await stripe.transfers.create(REQUEST, { idempotencyKey: 'key-more' });
    const error = await refusal(
      stripe.transfers.create(
        { ...REQUEST, expand: ['destination'] },
        { idempotencyKey: 'key-more' },
      ),
    );
    expect(error.rawType).toBe('idempotency_error');
  });

  it('works on retrieve, update, and through objects that are expanded themselves', async () => {
    const { id } = await stripe.transfers.create(REQUEST);
    await stripe.transfers.createReversal(id, { amount: 400 });
    const found = await stripe.transfers.retrieve(id, {
      expand: [
        'destination_payment',
        'source_transaction',
        'balance_transaction.source.destination',
        'reversals.data.balance_transaction',
      ],
    });
    expect(found).toMatchObject({
      destination: 'acct_winner',
      destination_payment: { object: 'charge', amount: 1000, amount_refunded: 400 },
      source_transaction: null,
      balance_transaction: { source: { id, destination: { object: 'account' } } },
      reversals: { data: [{ balance_transaction: { amount: 400, type: 'transfer_refund' } }] },
    });
    const updated = await stripe.transfers.update(id, {
      description: 'x',
      expand: ['destination'],
    });
    expect(updated).toMatchObject({ description: 'x', destination: { id: 'acct_winner' } });
  });

  it('of a list goes through data', async () => {
    const { id } = await stripe.transfers.create({ ...REQUEST, transfer_group: 'group' });
    const reversal = await stripe.transfers.createReversal(id, { expand: ['transfer'] });
    expect(reversal.transfer).toMatchObject({ id, reversed: true });
    const listed = await stripe.transfers.list({
      transfer_group: 'group',
      expand: ['data.destination', 'data.reversals.data.transfer'],
    });
    expect(listed.data).toMatchObject([
      { id, destination: { object: 'account' }, reversals: { data: [{ transfer: { id } }] } },
    ]);
    const reversals = await stripe.transfers.listReversals(id, { expand: ['data.transfer'] });
    expect(reversals.data).toMatchObject([{ id: reversal.id, transfer: { id } }]);
  });

  it('is read in both forms of an array', async () => {
    for (const expand of [
      'expand[]=destination&expand[]=balance_transaction',
      'expand[0]=destination&expand[1]=balance_transaction',
    ]) {
      const reply = await sandbox.send('POST', '/v1/transfers', {
        form: `${transferForm()}&${expand}`,
      });
      expect(JSON.parse(reply.text)).toMatchObject({
        destination: { object: 'account' },
        balance_transaction: { object: 'balance_transaction' },
      });
    }
  });

  it('of an account that is disconnected shows only that there was one', async () => {
    const { id } = await stripe.transfers.create({ ...REQUEST, destination: 'acct_gone' });
    await sandbox.control('accounts', { id: 'acct_gone', state: 'deauthorised' });
    const found = await stripe.transfers.retrieve(id, { expand: ['destination'] });
    expect(found.destination).toEqual({ id: 'acct_gone', object: 'account' });
  });
});

describe('what cannot be expanded', () => {
  it.each([
    ['GET', 'metadata', 'This property cannot be expanded (metadata).'],
    ['GET', 'constructor', 'This property cannot be expanded (constructor).'],
    ['GET', 'data', 'This property cannot be expanded (data).'],
    ['GET', 'data.surprise', 'This property cannot be expanded (data.surprise).'],
    [
      'GET',
      'destination',
      "This property cannot be expanded (destination). You may want to try expanding 'data.destination' instead.",
    ],
    ['POST', 'data.destination', 'This property cannot be expanded (data.destination).'],
    ['POST', 'destination.id', 'This property cannot be expanded (destination.id).'],
  ])('%s with %s is a 400', async (method, path, message) => {
    const expand = `expand[]=${path}`;
    const reply =
      method === 'GET'
        ? await sandbox.send('GET', `/v1/transfers?${expand}`)
        : await sandbox.send('POST', '/v1/transfers', { form: `${transferForm()}&${expand}` });
    expect(reply.status).toBe(400);
    expect(errorOf(reply)).toMatchObject({ type: 'invalid_request_error', message });
  });

  it('is more than four levels, and an expand that is no array', async () => {
    const deep = 'data.reversals.data.transfer.destination';
    expect(errorOf(await sandbox.send('GET', `/v1/transfers?expand[]=${deep}`))).toMatchObject({
      code: 'property_expansion_max_depth',
      message: `You cannot expand more than 4 levels of a property. Property: ${deep}`,
    });
    expect(errorOf(await sandbox.send('GET', '/v1/transfers?expand=data'))).toMatchObject({
      param: 'expand',
      message: 'Invalid array',
    });
  });

  it('executes nothing and leaves the key free', async () => {
    const before = await sandbox.oracle();
    const wrong = await sandbox.pay('key-free', { 'expand[]': 'surprise' });
    expect(wrong.status).toBe(400);
    expect((await sandbox.oracle()).executions).toBe(before.executions);
    expect((await sandbox.pay('key-free')).status).toBe(200);
  });
});
