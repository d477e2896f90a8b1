/**
 * Goal: the contract test works where it is used, which cannot be tried without a key of Stripe's.
 * Method: it asks our sandbox over HTTP. That says nothing about Stripe, but it does prove what the column of
 * assumptions says about the sandbox.
 */
import { closeAll, start, type TestSandbox } from '../local/stripe-sandbox/support';
import {
  json,
  startRawServer,
  stripeError,
  type RawServer,
  type Reply,
} from '../stripe/raw-server';
import { readContractSettings } from './contract-settings';
import { askOpenPoints, type ContractReport } from './contract-table';
import { UNITS } from './points-of-transfers';
import { setUpContract } from './set-up';

const KEY = 'sk_test_contract';
const RESTRICTED = 'rk_test_contract';
const PAYEE = 'acct_contract_payee';
const UNREADY = 'acct_contract_unready';

function settingsFor(apiBase: string, more: Record<string, string> = {}) {
  const settings = readContractSettings({
    STRIPE_CONTRACT_TEST_KEY: KEY,
    STRIPE_CONTRACT_API_BASE: apiBase,
    ...more,
  });
  if (settings === undefined) {
    throw new Error('expected settings');
  }
  return settings;
}

function byNumber({ answers }: ContractReport): Record<number, string> {
  return Object.fromEntries(answers.map(({ point, agree }) => [point.number, agree]));
}

describe('on the sandbox', () => {
  let sandbox: TestSandbox;
  beforeEach(async () => {
    sandbox = await start({ accounts: 'strict', balances: { usd: 1_000_000 } });
  });
  afterEach(closeAll);

  test('all seven points are asked, and the heading says whom', async () => {
    await sandbox.control('accounts', { id: PAYEE });
    await sandbox.control('accounts', { id: UNREADY, state: 'inactive' });
    await sandbox.control('keys', { key: RESTRICTED, state: 'restricted' });
    // More than the ten that are sent together; so few that a hundred go over it also where they take seconds.
    await sandbox.control('rate-limits', { requestsPerSecondPerEndpoint: 15 });
    // Without it a request of the sandbox is over before the next one begins.
    await sandbox.control('faults', {
      match: { path: '/v1/transfers', metadata: { contract_point: '2' } },
      fault: { kind: 'delay', beforeMs: 2_000 },
    });
    const report = await askOpenPoints(
      settingsFor(sandbox.baseUrl, {
        STRIPE_CONTRACT_RESTRICTED_KEY: RESTRICTED,
        STRIPE_CONTRACT_PAYEE: PAYEE,
        STRIPE_CONTRACT_UNREADY_PAYEE: UNREADY,
      }),
    );
    expect(report.text).toContain('this was NOT Stripe');
    expect(report.text.match(/^│ [1-7] /gm)).toHaveLength(7);
    expect(byNumber(report)).toEqual({
      1: 'yes',
      2: 'yes',
      3: 'yes',
      4: 'yes',
      5: expect.stringMatching(/^(yes|no)$/),
      6: 'yes',
      7: 'yes',
    });
    // UGX is the open question itself: the sandbox may read it otherwise than our code writes it.
    expect(report.answers[4]?.observed).toMatch(/isk 150: refused.*isk 500: taken.*ugx 150: /s);
  });

  test('what cannot be set up is said in the table, and fails nothing', async () => {
    const report = await askOpenPoints(settingsFor(sandbox.baseUrl));
    const reason =
      'not asked: no account, POST /v1/accounts was answered 404 invalid_request_error';
    expect(report.answers.map(({ agree }) => agree)).toEqual([
      'in part',
      ...Array<string>(6).fill('not asked'),
    ]);
    expect(report.answers[0]?.observed.split('\n')).toEqual([
      `balance: ${reason}`,
      '400 resource_missing, replayed',
      `capability: ${reason}`,
    ]);
    expect(report.answers[3]?.observed).toBe(reason);
    expect(report.answers[6]?.observed).toBe(
      'not asked: STRIPE_CONTRACT_RESTRICTED_KEY is not set',
    );
    expect((await sandbox.oracle()).transfers).toBe(0);
  });

  test('an answer that differs is shown as one that does', async () => {
    await sandbox.control('accounts', { id: PAYEE });
    await sandbox.control('accounts', { id: UNREADY, state: 'inactive' });
    await sandbox.control('faults', {
      match: { path: '/v1/transfers', metadata: { contract_point: '1' }, destination: UNREADY },
      fault: { kind: 'status', status: 400, code: 'capability_not_active' },
    });
    const report = await askOpenPoints(
      settingsFor(sandbox.baseUrl, {
        STRIPE_CONTRACT_PAYEE: PAYEE,
        STRIPE_CONTRACT_UNREADY_PAYEE: UNREADY,
      }),
    );
    expect(report.answers[0]).toMatchObject({
      agree: 'no',
      observed: expect.stringContaining('400 capability_not_active, not replayed'),
    });
    expect(report.answers[1]).toMatchObject({
      agree: 'not asked',
      observed: '409 did not occur\n429 did not occur',
    });
  });

  test('a key that does not work fails loudly', async () => {
    await sandbox.control('keys', { key: KEY, state: 'expired' });
    await expect(askOpenPoints(settingsFor(sandbox.baseUrl))).rejects.toThrow(
      '401 api_key_expired',
    );
  });
});

describe('on a server with the charges and accounts that the sandbox does not have', () => {
  let server: RawServer;
  let replies: Record<string, Reply>;
  beforeEach(async () => {
    server = await startRawServer((socket) => {
      const line = server.requests.at(-1)?.split(' HTTP/')[0] ?? '';
      (replies[line] ?? stripeError(404, {}))(socket);
    });
  });
  afterEach(() => server.stop());

  const balance = (amount: number) =>
    json(200, { livemode: false, available: [{ currency: 'usd', amount }] });
  const account = (id: string, transfers: string) =>
    json(200, { id, object: 'account', capabilities: { transfers } });

  test('the set-up makes the money and the accounts that are missing', async () => {
    const made = [account('acct_payee', 'pending'), account('acct_low', 'inactive')];
    replies = {
      'GET /v1/balance': balance(0),
      'POST /v1/payment_intents': (socket) => {
        replies['GET /v1/balance'] = balance(99_000);
        json(200, { id: 'pi_1' })(socket);
      },
      'GET /v1/accounts?limit=100': json(200, { data: [] }),
      'POST /v1/accounts': (socket) => made.shift()?.(socket),
      'GET /v1/accounts/acct_payee': account('acct_payee', 'active'),
    };
    const setUp = await setUpContract(settingsFor(server.baseUrl));
    expect(setUp.availableMinor).toBe(99_000);
    expect([setUp.payee(), setUp.unreadyPayee()]).toEqual(['acct_payee', 'acct_low']);
    expect(setUp.notes).toEqual([
      'balance: too little usd, a test charge was answered 200',
      'payee: made',
      'unready payee: made',
    ]);
  });

  test('accounts that are there are used, and a live balance is not', async () => {
    const accounts = [
      { id: 'acct_low', capabilities: { transfers: 'inactive' } },
      { id: 'acct_payee', capabilities: { transfers: 'active' } },
    ];
    replies = {
      'GET /v1/balance': balance(10_000),
      'GET /v1/accounts?limit=100': json(200, { data: accounts }),
    };
    const setUp = await setUpContract(settingsFor(server.baseUrl));
    expect([setUp.payee(), setUp.unreadyPayee()]).toEqual(['acct_payee', 'acct_low']);
    replies['GET /v1/balance'] = json(200, { livemode: true, available: [] });
    await expect(setUpContract(settingsFor(server.baseUrl))).rejects.toThrow('test mode');
  });

  test.each([
    [8_000, 'isk by conversion: 2 decimals', 'ugx by conversion: 0 decimals'],
    [270, 'isk by conversion: 2 decimals', 'ugx by conversion: 2 decimals'],
    [800_000, 'isk by conversion: 0 decimals', 'ugx by conversion: 0 decimals'],
  ])('a charge that becomes %i cents tells the decimals', async (amount, isk, ugx) => {
    replies = {
      'GET /v1/balance': balance(10_000),
      'POST /v1/transfers': stripeError(400, { code: 'balance_insufficient' }),
      'POST /v1/charges': json(200, { balance_transaction: { amount, currency: 'usd' } }),
    };
    const settings = settingsFor(server.baseUrl, { STRIPE_CONTRACT_PAYEE: PAYEE });
    const { observed, agree } = await UNITS.ask(await setUpContract(settings));
    expect(observed).toContain(isk);
    expect(observed).toContain(ugx);
    expect(observed).toContain('isk 150: taken (400 balance_insufficient)');
    expect(agree).toBe('no');
  });
});

describe('the settings', () => {
  test('without a key nobody asks', () => {
    expect(readContractSettings({})).toBeUndefined();
    expect(readContractSettings({ STRIPE_CONTRACT_TEST_KEY: ' ' })).toBeUndefined();
  });

  test('with a key alone it is Stripe that is asked', () => {
    expect(readContractSettings({ STRIPE_CONTRACT_TEST_KEY: 'rk_test_x' })).toMatchObject({
      apiBase: 'https://api.stripe.com',
      isStripe: true,
    });
  });

  test.each([
    ['STRIPE_CONTRACT_TEST_KEY', 'sk_live_secret'],
    ['STRIPE_CONTRACT_TEST_KEY', 'rk_live_secret'],
    ['STRIPE_CONTRACT_TEST_KEY', 'pk_test_secret'],
    ['STRIPE_CONTRACT_TEST_KEY', 'sk_test_secret sk_live_secret'],
    ['STRIPE_CONTRACT_TEST_KEY', 'secret'],
    ['STRIPE_CONTRACT_RESTRICTED_KEY', 'rk_live_secret'],
    ['STRIPE_CONTRACT_RESTRICTED_KEY', 'sk_test_secret'],
    ['STRIPE_CONTRACT_API_BASE', 'https://secret.example.com'],
    ['STRIPE_CONTRACT_API_BASE', 'http://api.stripe.com'],
    ['STRIPE_CONTRACT_API_BASE', 'http://127.0.0.1.secret.com'],
    ['STRIPE_CONTRACT_API_BASE', 'secret'],
  ])('%s=%s is refused, by its name only', (name, value) => {
    let refusal = 'nothing was refused';
    try {
      readContractSettings({ STRIPE_CONTRACT_TEST_KEY: KEY, [name]: value });
    } catch (error) {
      refusal = String(error);
    }
    expect(refusal).toContain(`${name}: expected`);
    expect(refusal).not.toContain('secret');
  });
});
