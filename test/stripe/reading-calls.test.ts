/**
 * Goal: the reading calls tell what Stripe knows in one request each, and never read an answer of somebody else as one.
 * Method: the real SDK over sockets, against the stateful sandbox, and against a server that answers with any bytes.
 */
import { availableBalances } from '../../src/stripe/balance-and-account';
import { createStripeClient } from '../../src/stripe/client';
import {
  listAllTransfers,
  listTransfersOfGroup,
  listTransfersPage,
} from '../../src/stripe/list-transfers';
import { askPayeeReadiness } from '../../src/stripe/payee-readiness';
import { StripeRefusedError, StripeUnreachableError } from '../../src/stripe/read-failures';
import { retrieveTransfer } from '../../src/stripe/retrieve-transfer';
import { closeAll, idOf, start, type TestSandbox } from '../local/stripe-sandbox/support';
import { FROZEN, stripeTransfer } from './frozen';
import { bytes, json, startRawServer, stripeError, type RawServer, type Reply } from './raw-server';

const FILTER = { transferGroup: 'settlement:s-1' };
const ACCOUNT = 'acct_winner1';

function clientOf(apiBase: string) {
  return createStripeClient({ apiKey: 'sk_test_123', apiBase });
}

describe('on the sandbox', () => {
  let sandbox: TestSandbox;
  beforeEach(async () => {
    sandbox = await start({ balances: { usd: 1_000_000, eur: 7 } });
  });
  afterEach(closeAll);

  async function pay(count: number, fields: Record<string, string> = {}): Promise<string[]> {
    const ids: string[] = [];
    for (let made = 0; made < count; made += 1) {
      const key = `key-${fields['transfer_group'] ?? ''}-${fields['destination'] ?? ''}-${made}`;
      const reply = await sandbox.pay(key, { transfer_group: FILTER.transferGroup, ...fields });
      ids.unshift(idOf(reply));
    }
    return ids;
  }

  test('two pages of a group are two requests, and hold each transfer once, newest first', async () => {
    const older = await pay(1, { destination: ACCOUNT });
    await pay(3, { transfer_group: 'settlement:other' });
    const ids = [...(await pay(101)), ...older];
    const stripe = clientOf(sandbox.baseUrl);
    const first = await listTransfersPage(stripe, FILTER);
    const second = await listTransfersPage(stripe, FILTER, first.nextAfter ?? '');
    expect(first.nextAfter).toBe(ids[99]);
    expect(second.nextAfter).toBeNull();
    expect([...first.transfers, ...second.transfers].map(({ id }) => id)).toEqual(ids);
    expect(await listTransfersPage(stripe, { ...FILTER, destination: ACCOUNT })).toMatchObject({
      transfers: [{ id: older[0], destination: ACCOUNT, amountMinor: 1000 }],
      nextAfter: null,
    });
    const all: string[] = [];
    for await (const { id } of listTransfersOfGroup(stripe, FILTER)) {
      all.push(id);
    }
    expect(all).toEqual(ids);
  });

  test('the list without a group holds the transfers of every group, once each, newest first', async () => {
    const older = await pay(1);
    const others = await pay(101, { transfer_group: 'settlement:other' });
    const all: string[] = [];
    for await (const { id } of listAllTransfers(clientOf(sandbox.baseUrl))) {
      all.push(id);
    }
    expect(all).toEqual([...others, ...older]);
  });

  test('a transfer is found by its id, with what came back of it, and another id is not', async () => {
    const [id = ''] = await pay(1, { 'metadata[payout_transfer_id]': 'p-1' });
    const form = new URLSearchParams({ amount: '400' }).toString();
    await sandbox.send('POST', `/v1/transfers/${id}/reversals`, { form });
    const stripe = clientOf(sandbox.baseUrl);
    expect(await retrieveTransfer(stripe, id)).toEqual({
      id,
      amountMinor: 1000,
      amountReversedMinor: 400,
      currency: 'usd',
      destination: 'acct_winner',
      livemode: false,
      created: expect.any(Number),
      metadata: { payout_transfer_id: 'p-1' },
      transferGroup: 'settlement:s-1',
    });
    expect(await retrieveTransfer(stripe, 'tr_nobody')).toBeUndefined();
  });

  test.each([
    ['active', 'ready'],
    ['inactive', 'not_ready'],
    ['closed', 'not_ready'],
    ['deauthorised', 'not_ready'],
    ['missing', 'not_ready'],
  ])('an account that is %s is %s', async (state, readiness) => {
    await sandbox.control('accounts', { id: ACCOUNT, state });
    expect(await askPayeeReadiness(clientOf(sandbox.baseUrl), ACCOUNT)).toBe(readiness);
  });

  test('an account whose payouts to the bank are off can still receive a transfer', async () => {
    await sandbox.control('accounts', { id: ACCOUNT, payoutsEnabled: false });
    expect(await askPayeeReadiness(clientOf(sandbox.baseUrl), ACCOUNT)).toBe('ready');
  });

  test('a key that Stripe rejects says nothing about the payee', async () => {
    await sandbox.control('keys', { key: 'sk_test_123', state: 'expired' });
    const asked = askPayeeReadiness(clientOf(sandbox.baseUrl), ACCOUNT);
    await expect(asked).rejects.toMatchObject({ httpStatus: 401, code: 'api_key_expired' });
  });

  test('the available balance is told by currency, without pending money', async () => {
    await sandbox.control('balance', { currency: 'eur', pending: 5_000 });
    await pay(1);
    const balances = await availableBalances(clientOf(sandbox.baseUrl));
    expect(Object.fromEntries(balances)).toEqual({ usd: 999_000, eur: 7 });
  });
});

describe('on a server that need not be Stripe', () => {
  let server: RawServer;
  beforeEach(async () => {
    server = await startRawServer(json(200, {}));
  });
  afterEach(() => server.stop());

  const client = () => clientOf(server.baseUrl);

  /** Each reading call, as something that either resolves or says why not. */
  const CALLS = {
    listTransfersPage: () => listTransfersPage(client(), FILTER),
    retrieveTransfer: () => retrieveTransfer(client(), 'tr_1Paid'),
    askPayeeReadiness: () => askPayeeReadiness(client(), ACCOUNT),
    availableBalances: () => availableBalances(client()),
  };

  async function failureOf(call: () => Promise<unknown>): Promise<unknown> {
    return call().then(
      (answer: unknown) => {
        throw new Error(`expected a failure, not ${JSON.stringify(answer)}`);
      },
      (error: unknown) => error,
    );
  }

  function page(transfers: readonly unknown[], hasMore: unknown): Reply {
    return json(200, { object: 'list', url: '/v1/transfers', data: transfers, has_more: hasMore });
  }

  const account = (facts: Record<string, unknown>): Reply =>
    json(200, { id: ACCOUNT, object: 'account', ...facts });

  const truncated: Reply = (socket) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"object":"list","data":[');
  };

  describe.each(Object.entries(CALLS))('%s', (_name, call) => {
    test.each([
      ['a web page', bytes(200, '<html>sorry</html>'), 'NOT_JSON'],
      ['a truncated answer', truncated, 'ECONNRESET'],
      ['JSON that is no object', json(200, [1]), 'NOT_AN_OBJECT'],
      ['an object of nothing', json(200, {}), expect.stringMatching(/^NOT_/)],
      ['a 503 whose JSON has no error', json(503, { object: 'account' }), 'HTTP_503'],
      ['a 404 whose JSON has no error', json(404, { ok: false }), 'HTTP_404'],
    ])('is unreachable on %s, in one request', async (_what, reply, transportCode) => {
      server.reply = reply;
      const failure = await failureOf(call);
      expect(failure).toBeInstanceOf(StripeUnreachableError);
      expect(failure).toMatchObject({ address: server.baseUrl, transportCode });
      expect(server.requests).toHaveLength(1);
    });

    test.each([401, 429, 500, 503])('is refused on a %i, without its text', async (status) => {
      server.reply = stripeError(status, { code: 'some_code' });
      const failure = await failureOf(call);
      expect(failure).toBeInstanceOf(StripeRefusedError);
      expect(failure).toMatchObject({ httpStatus: status, code: 'some_code' });
      expect(JSON.stringify(failure) + String(failure)).not.toContain('free text');
      expect(server.requests).toHaveLength(1);
    });
  });

  describe('a page of transfers', () => {
    test('takes its cursor from the last entry as it came, also when none was asked for', async () => {
      server.reply = page([stripeTransfer({ id: 'tr_foreign', transfer_group: null })], true);
      expect(await listTransfersPage(client(), FILTER, 'tr_before')).toEqual({
        transfers: [],
        nextAfter: 'tr_foreign',
      });
      const query = new URLSearchParams(/\?(\S+)/.exec(server.requests[0] ?? '')?.[1]);
      expect(Object.fromEntries(query)).toEqual({
        transfer_group: 'settlement:s-1',
        limit: '100',
        starting_after: 'tr_before',
      });
    });

    test.each([
      ['says there is more and has nothing', page([], true)],
      ['comes back to its own cursor', page([stripeTransfer({ id: 'tr_before' })], true)],
      ['holds its own cursor', page([stripeTransfer({ id: 'tr_before' })], false)],
      ['has a word for has_more', page([], 'yes')],
      ['has no entries at all', json(200, { object: 'list', has_more: false })],
      ['is another object', json(200, { object: 'search_result', data: [], has_more: false })],
      ['has an amount of text', page([stripeTransfer({ amount: '1050' })], false)],
      ['has an amount in halves', page([stripeTransfer({ amount: 10.5 })], false)],
      ['has an amount beyond integers', page([stripeTransfer({ amount: 2 ** 53 })], false)],
      ['has an id of another kind', page([stripeTransfer({ id: 'po_1' })], false)],
      ['has no mode', page([stripeTransfer({ livemode: undefined })], false)],
      ['has metadata of numbers', page([stripeTransfer({ metadata: { a: 1 } })], false)],
      ['has something else as an entry', page([stripeTransfer(), null], false)],
    ])('that %s is no page', async (_what, reply) => {
      server.reply = reply;
      const failure = await failureOf(() => listTransfersPage(client(), FILTER, 'tr_before'));
      expect(failure).toMatchObject({
        name: 'StripeUnreachableError',
        transportCode: 'NOT_A_LIST',
      });
    });

    test('holds an entry once that Stripe shows twice', async () => {
      server.reply = page([stripeTransfer({ id: 'tr_a' }), stripeTransfer({ id: 'tr_a' })], false);
      expect((await listTransfersPage(client(), FILTER)).transfers).toHaveLength(1);
    });

    const LISTS = {
      group: () => listTransfersOfGroup(client(), FILTER),
      account: () => listAllTransfers(client()),
    };

    test.each(['group', 'account'] as const)(
      'a list of the %s holds an entry once that two pages show',
      async (of) => {
        const pages = [page([{ id: 'tr_b' }, { id: 'tr_a' }].map(stripeTransfer), true)];
        pages.push(page([{ id: 'tr_b' }, { id: 'tr_0' }].map(stripeTransfer), false));
        server.reply = (socket) => pages[server.requests.length - 1]?.(socket);
        const ids: string[] = [];
        for await (const { id } of LISTS[of]()) {
          ids.push(id);
        }
        expect(ids).toEqual(['tr_b', 'tr_a', 'tr_0']);
      },
    );

    test.each<[keyof typeof LISTS, string, readonly string[], number]>([
      ['group', 'the same page', ['tr_a'], 2],
      ['group', 'pages in a circle', ['tr_a', 'tr_b', 'tr_c'], 4],
      ['account', 'the same page', ['tr_a'], 2],
      ['account', 'pages in a circle', ['tr_a', 'tr_b', 'tr_c'], 4],
    ])(
      'a list of the %s that gives %s for ever is unreadable',
      async (of, _what, ids, requests) => {
        server.reply = (socket) => {
          const id = ids[(server.requests.length - 1) % ids.length];
          page([stripeTransfer({ id })], true)(socket);
        };
        const failure = await failureOf(async () => {
          for await (const transfer of LISTS[of]()) {
            expect(ids).toContain(transfer.id);
          }
        });
        expect(failure).toMatchObject({ transportCode: 'NOT_A_LIST' });
        expect(server.requests).toHaveLength(requests);
      },
    );
  });

  describe('a transfer by its id', () => {
    test.each(['', 'tr_', 'acct_1', 'tr_1/reversals', 'tr_1?x', `tr_${'x'.repeat(101)}`])(
      'is not asked for as %j',
      async (id) => {
        await expect(retrieveTransfer(client(), id)).rejects.toThrow(TypeError);
        expect(server.connections()).toBe(0);
      },
    );

    test('is missing only when Stripe says so', async () => {
      server.reply = stripeError(404, { code: 'resource_missing', param: 'id' });
      expect(await retrieveTransfer(client(), 'tr_1Paid')).toBeUndefined();
      server.reply = stripeError(404, {});
      await expect(retrieveTransfer(client(), 'tr_1Paid')).rejects.toMatchObject({
        httpStatus: 404,
      });
      server.reply = stripeError(400, { code: 'resource_missing' });
      await expect(retrieveTransfer(client(), 'tr_1Paid')).rejects.toMatchObject({
        httpStatus: 400,
      });
    });

    test('of another id is not the one', async () => {
      server.reply = json(200, stripeTransfer({ id: 'tr_other' }));
      await expect(retrieveTransfer(client(), 'tr_1Paid')).rejects.toMatchObject({
        transportCode: 'NOT_THE_TRANSFER',
      });
      server.reply = json(200, stripeTransfer({ transfer_group: null, destination: null }));
      expect(await retrieveTransfer(client(), 'tr_1Paid')).toMatchObject({
        id: 'tr_1Paid',
        amountMinor: FROZEN.amountMinor,
        destination: null,
        transferGroup: null,
      });
    });
  });

  describe('the readiness of a payee', () => {
    test.each(['', 'acct_', 'winner', 'acct_1/persons'])(
      'is not asked for the account %j',
      async (id) => {
        await expect(askPayeeReadiness(client(), id)).rejects.toThrow(TypeError);
        expect(server.connections()).toBe(0);
      },
    );

    test.each([
      ['an active capability', account({ capabilities: { transfers: 'active' } }), 'ready'],
      ['a pending one', account({ capabilities: { transfers: 'pending' } }), 'not_ready'],
      ['an inactive one', account({ capabilities: { transfers: 'inactive' } }), 'not_ready'],
      ['another one', account({ capabilities: { card_payments: 'active' } }), 'not_ready'],
      ['no capabilities told', account({}), 'cannot_tell'],
      ['no more access', stripeError(403, { code: 'account_invalid' }), 'not_ready'],
      ['a permission missing', stripeError(403, {}), 'cannot_tell'],
      ['no such account', stripeError(404, { code: 'resource_missing' }), 'cannot_tell'],
      ['a refusal of another kind', stripeError(400, { code: 'what' }), 'cannot_tell'],
    ])('with %s', async (_what, reply, readiness) => {
      server.reply = reply;
      expect(await askPayeeReadiness(client(), ACCOUNT)).toBe(readiness);
      expect(server.requests[0]).toMatch(/^GET \/v1\/accounts\/acct_winner1 HTTP/);
      expect(server.requests).toHaveLength(1);
    });

    test.each([
      ['another account', account({ id: 'acct_other', capabilities: { transfers: 'active' } })],
      ['capabilities as a word', account({ capabilities: 'active' })],
      ['a capability as a number', account({ capabilities: { transfers: 1 } })],
    ])('is not read from %s', async (_what, reply) => {
      server.reply = reply;
      await expect(askPayeeReadiness(client(), ACCOUNT)).rejects.toMatchObject({
        transportCode: 'NOT_THE_ACCOUNT',
      });
    });
  });

  describe('the available balance', () => {
    const balance = (available: unknown): Reply =>
      json(200, { object: 'balance', livemode: false, available });

    test('may be negative, and empty', async () => {
      server.reply = balance([{ currency: 'usd', amount: -5, source_types: { card: -5 } }]);
      expect(await availableBalances(client())).toEqual(new Map([['usd', -5]]));
      server.reply = balance([]);
      expect(await availableBalances(client())).toEqual(new Map());
    });

    test.each([
      ['an amount of text', [{ currency: 'usd', amount: '5' }]],
      ['an amount in halves', [{ currency: 'usd', amount: 0.5 }]],
      ['an amount beyond integers', [{ currency: 'usd', amount: 2 ** 60 }]],
      ['no currency', [{ amount: 5 }]],
      [
        'a currency twice',
        [
          { currency: 'usd', amount: 5 },
          { currency: 'usd', amount: 6 },
        ],
      ],
      ['no list', { usd: 5 }],
    ])('is not read from %s', async (_what, available) => {
      server.reply = balance(available);
      await expect(availableBalances(client())).rejects.toMatchObject({
        transportCode: 'NOT_A_BALANCE',
      });
    });
  });
});
