/**
 * Goal: a process starts with right settings or names every wrong and missing one at once, and no secret is ever shown.
 * Method: tables of good and bad values; the .env file in a folder of its own.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeSettings } from '../../src/config/describe-settings';
import { readEnvironment } from '../../src/config/environment';
import { nameOfOperatorToken } from '../../src/config/operator-token';
import {
  InvalidSettingsError,
  loadSettings,
  SETTING_NAMES,
  type EnvironmentVariables,
  type SettingName,
} from '../../src/config/settings';

const KEY = 'sk_test_51AbcdefghijklmnopqrsWXYZ';
const LIVE_KEY = 'rk_live_51AbcdefghijklmnopqrsWXYZ';

function problemsOf(env: EnvironmentVariables, needs: readonly SettingName[] = []) {
  try {
    loadSettings(env, needs);
  } catch (error) {
    if (error instanceof InvalidSettingsError) {
      return error;
    }
    throw error;
  }
  throw new Error('no problem found');
}

test('defaults are there without any environment', () => {
  expect(loadSettings({})).toEqual({
    temporalNamespace: 'default',
    stripeApiBase: 'https://api.stripe.com',
    stripeRequestsPerSecond: 20,
    payoutMaxAttempts: 5,
    payoutPayeeWaitDays: 30,
    payoutMaxAmountMinor: 10_000_000_000,
    payoutHoldHours: 0,
    payoutInstallationId: 'local',
    gatewayHost: '127.0.0.1',
    gatewayPort: 8090,
  });
});

test('set values come typed and trimmed', () => {
  const settings = loadSettings(
    {
      DATABASE_URL: ' postgres://u:p@localhost:5432/payouts\n',
      TEMPORAL_ADDRESS: '[::1]:7233',
      TEMPORAL_NAMESPACE: 'payouts.a1b2c',
      STRIPE_API_KEY: KEY,
      STRIPE_API_BASE: 'http://127.0.0.1:12111/',
      STRIPE_WEBHOOK_SECRET: 'whsec_one, whsec_two',
      STRIPE_REQUESTS_PER_SECOND: '0.5',
      PAYOUT_MAX_ATTEMPTS: '7',
      PAYOUT_MAX_AMOUNT_MINOR: '5000',
      PAYOUT_APPROVAL_ABOVE: ' USD=500000 , jpy=0',
      PAYOUT_HOLD_HOURS: '48',
      PAYOUT_OPERATOR_TOKEN: 'other',
      PAYOUT_INSTALLATION_ID: 'prod:eu-1',
      GATEWAY_HOST: '::',
      GATEWAY_PORT: '8080',
      GATEWAY_TOKENS: 'alice=t0k=en-of-alice-1, sys.bot=other-of-sys.bot-1',
    },
    ['DATABASE_URL', 'STRIPE_API_KEY'],
  );
  expect(settings).toEqual({
    databaseUrl: 'postgres://u:p@localhost:5432/payouts',
    temporalAddress: '[::1]:7233',
    temporalNamespace: 'payouts.a1b2c',
    stripeApiKey: KEY,
    stripeApiBase: 'http://127.0.0.1:12111',
    stripeWebhookSecret: ['whsec_one', 'whsec_two'],
    stripeRequestsPerSecond: 0.5,
    payoutMaxAttempts: 7,
    payoutPayeeWaitDays: 30,
    payoutMaxAmountMinor: 5000,
    payoutHoldHours: 48,
    payoutApprovalAbove: { usd: 500_000, jpy: 0 },
    payoutOperatorToken: 'other',
    payoutInstallationId: 'prod:eu-1',
    gatewayHost: '::',
    gatewayPort: 8080,
    gatewayTokens: [
      { name: 'alice', token: 't0k=en-of-alice-1' },
      { name: 'sys.bot', token: 'other-of-sys.bot-1' },
    ],
  });
  const url: string = settings.databaseUrl;
  const port: number = settings.gatewayPort;
  expect([url, port]).toHaveLength(2);
});

test('all missing and all wrong settings are named at once, needed or not', () => {
  const env = { STRIPE_API_KEY: 'secret', GATEWAY_PORT: 'http', TEMPORAL_ADDRESS: '  ' };
  const error = problemsOf(env, ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'PAYOUT_MAX_ATTEMPTS']);
  expect(error.problems.map(({ name }) => name)).toEqual([
    'DATABASE_URL',
    'TEMPORAL_ADDRESS',
    'STRIPE_API_KEY',
    'GATEWAY_PORT',
  ]);
  expect(error.message).toContain('DATABASE_URL: is missing');
  expect(error.message).toContain('GATEWAY_PORT: expected a whole number from 0 to 65535');
});

test.each<[SettingName, string, RegExp]>([
  ['DATABASE_URL', 'mysql://localhost/x', /postgres:\/\//],
  ['DATABASE_URL', 'localhost:5432', /postgres:\/\//],
  ['DATABASE_URL', 'postgres://u:p#w@[host/x', /percent-encoded/],
  ['DATABASE_URL', 'postgres:hunter2@db.example:5432/payouts', /begins with postgres:\/\//],
  ['TEMPORAL_ADDRESS', 'http://localhost:7233', /without a scheme/],
  ['TEMPORAL_ADDRESS', 'localhost', /host:port/],
  ['TEMPORAL_ADDRESS', 'localhost:0', /host:port/],
  ['TEMPORAL_ADDRESS', 'localhost:70000', /host:port/],
  ['TEMPORAL_NAMESPACE', 'a b', /a namespace/],
  ['STRIPE_API_KEY', 'pk_test_51Abc', /publishable/],
  ['STRIPE_API_KEY', 'sk_prod_1', /sk_test_/],
  ['STRIPE_API_KEY', 'sk_test_', /sk_test_/],
  ['STRIPE_API_KEY', 'sk_test_a b', /sk_test_/],
  ['STRIPE_API_BASE', 'api.stripe.com', /URL without path/],
  ['STRIPE_API_BASE', 'ftp://api.stripe.com', /URL without path/],
  ['STRIPE_API_BASE', 'https://api.stripe.com/v1', /URL without path/],
  ['STRIPE_API_BASE', 'https://u:p@api.stripe.com', /URL without path/],
  ['STRIPE_API_BASE', 'https://api.stripe.com?x=1', /URL without path/],
  ['STRIPE_API_BASE', 'http://stripe.internal:8080', /https/],
  ['STRIPE_API_BASE', 'http://127.0.0.1.example.com', /https/],
  ['STRIPE_WEBHOOK_SECRET', 'secret', /whsec_/],
  ['STRIPE_WEBHOOK_SECRET', 'whsec_a,whsec_b,whsec_c,whsec_d,whsec_e', /one to 4/],
  ['STRIPE_REQUESTS_PER_SECOND', '0', /above 0/],
  ['STRIPE_REQUESTS_PER_SECOND', '100.5', /up to 100/],
  ['STRIPE_REQUESTS_PER_SECOND', '-1', /above 0/],
  ['STRIPE_REQUESTS_PER_SECOND', '1e1', /above 0/],
  ['PAYOUT_MAX_ATTEMPTS', '0', /1 to 100/],
  ['PAYOUT_MAX_ATTEMPTS', '101', /1 to 100/],
  ['PAYOUT_MAX_ATTEMPTS', '5.5', /whole number/],
  ['PAYOUT_MAX_ATTEMPTS', 'five', /whole number/],
  ['PAYOUT_PAYEE_WAIT_DAYS', '0', /1 to 365/],
  ['PAYOUT_PAYEE_WAIT_DAYS', '366', /1 to 365/],
  ['PAYOUT_MAX_AMOUNT_MINOR', '0', /from 1 to/],
  ['PAYOUT_MAX_AMOUNT_MINOR', '9007199254740992', /9007199254740991/],
  ['PAYOUT_APPROVAL_ABOVE', '500000', /currency=minor units/],
  ['PAYOUT_APPROVAL_ABOVE', 'usd=5.00', /currency=minor units/],
  ['PAYOUT_APPROVAL_ABOVE', 'usd=', /currency=minor units/],
  ['PAYOUT_APPROVAL_ABOVE', 'usd=1,', /currency=minor units/],
  ['PAYOUT_APPROVAL_ABOVE', 'xxx=1', /currency=minor units/],
  ['PAYOUT_APPROVAL_ABOVE', 'usd=1,USD=2', /each currency once/],
  ['PAYOUT_APPROVAL_ABOVE', 'usd=9007199254740993', /currency=minor units/],
  ['PAYOUT_HOLD_HOURS', '2161', /0 to 2160/],
  ['PAYOUT_OPERATOR_TOKEN', 'two words', /a token of GATEWAY_TOKENS/],
  ['PAYOUT_INSTALLATION_ID', 'a/b', /1 to 100 characters/],
  ['PAYOUT_INSTALLATION_ID', 'x'.repeat(101), /1 to 100 characters/],
  ['GATEWAY_PORT', '65536', /0 to 65535/],
  ['GATEWAY_TOKENS', 'justatoken', /name=token/],
  ['GATEWAY_TOKENS', 'a=', /name=token/],
  ['GATEWAY_TOKENS', 'a=1,', /name=token/],
  ['GATEWAY_TOKENS', 'a=1,a=2', /each name/],
  ['GATEWAY_TOKENS', 'a=1,b=1', /each token/],
])('%s=%s is wrong', (name, value, expected) => {
  const { problems } = problemsOf({ [name]: value });
  expect(problems).toEqual([{ name, problem: expect.stringMatching(expected) }]);
});

test.each(['http://127.0.0.1:12111', 'https://stripe.example.com', 'https://api.stripe.com:8443'])(
  'a live key with %s is refused, a test key is not',
  (base) => {
    const env = { STRIPE_API_KEY: LIVE_KEY, STRIPE_API_BASE: base };
    expect(problemsOf(env).problems).toEqual([
      { name: 'STRIPE_API_BASE', problem: expect.stringContaining('live key') },
    ]);
    expect(loadSettings({ ...env, STRIPE_API_KEY: KEY }).stripeApiBase).toBe(base);
  },
);

test('a live key with Stripe’s own address is right, written out or not', () => {
  for (const base of [undefined, 'https://api.stripe.com', 'https://api.stripe.com:443/']) {
    const settings = loadSettings({ STRIPE_API_KEY: LIVE_KEY, STRIPE_API_BASE: base });
    expect(settings.stripeApiBase).toBe('https://api.stripe.com');
  }
});

test('a token that can be guessed is refused beside a live key alone', () => {
  const short = { GATEWAY_TOKENS: 'ann=0123456789abcdef,bob=0123456789abcde' };
  expect(problemsOf({ ...short, STRIPE_API_KEY: LIVE_KEY }).problems).toEqual([
    { name: 'GATEWAY_TOKENS', problem: expect.stringContaining('at least 16 characters') },
  ]);
  for (const rest of [{ STRIPE_API_KEY: KEY }, {}]) {
    expect(loadSettings({ ...short, ...rest }).gatewayTokens).toHaveLength(2);
  }
  const GATEWAY_TOKENS = 'ann=0123456789abcdef';
  expect(loadSettings({ GATEWAY_TOKENS, STRIPE_API_KEY: LIVE_KEY }).gatewayTokens).toHaveLength(1);
});

test('a message never contains a value', () => {
  const secret = 'hunter2hunter2';
  const env = Object.fromEntries(SETTING_NAMES.map((name) => [name, `${secret} !`]));
  const error = problemsOf(env);
  expect(error.problems).toHaveLength(SETTING_NAMES.length);
  expect(error.message).not.toContain(secret);
});

describe('with a .env file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'payouts-env-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('it completes the real environment, which wins, and prints nothing', () => {
    const spies = (['log', 'info', 'warn', 'error'] as const).map((method) =>
      jest.spyOn(console, method),
    );
    const write = jest.spyOn(process.stdout, 'write');
    writeFileSync(
      path.join(folder, '.env'),
      'PAYOUT_MAX_ATTEMPTS=9\nGATEWAY_PORT="8080" # web\nPAYOUT_INSTALLATION_ID=file\nHOME=/x\n',
    );
    const processEnv = { PAYOUT_INSTALLATION_ID: 'real', HOME: '/home', UNSET: undefined };
    const environment = readEnvironment(processEnv, folder);
    expect(loadSettings(environment.variables)).toMatchObject({
      payoutMaxAttempts: 9,
      gatewayPort: 8080,
      payoutInstallationId: 'real',
    });
    expect(environment.variables['HOME']).toBe('/home');
    expect([...environment.fromFile].sort()).toEqual(['GATEWAY_PORT', 'PAYOUT_MAX_ATTEMPTS']);
    expect(processEnv).toEqual({ PAYOUT_INSTALLATION_ID: 'real', HOME: '/home' });
    [...spies, write].forEach((spy) => {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    });
  });

  test('none is no problem, an unreadable one is', () => {
    expect(readEnvironment({ A: 'a' }, folder)).toEqual({
      variables: { A: 'a' },
      fromFile: new Set(),
    });
    mkdirSync(path.join(folder, '.env'));
    expect(() => readEnvironment({}, folder)).toThrow(InvalidSettingsError);
  });
});

test('the described settings name their source and hide every secret, also when some are wrong', () => {
  const rows = describeSettings({
    variables: {
      DATABASE_URL:
        'postgres://payer:s3cr%40t@db.example.com:5432/payouts?sslmode=require&password=alsosecret',
      STRIPE_API_KEY: KEY,
      STRIPE_API_BASE: 'https://api.stripe.com/v1',
      STRIPE_WEBHOOK_SECRET: 'whsec_short,whsec_0123456789abcdefTAIL',
      PAYOUT_MAX_ATTEMPTS: '0',
      GATEWAY_TOKENS: 'alice=verysecret-of-alice,bob=alsosecret-of-bob',
      TEMPORAL_ADDRESS: 'evil\u001b[2J',
    },
    fromFile: new Set(['STRIPE_API_KEY']),
  });
  expect(rows.map(({ name }) => name)).toEqual(SETTING_NAMES);
  const row = (name: SettingName) => rows.find((candidate) => candidate.name === name);
  expect(row('DATABASE_URL')).toEqual({
    name: 'DATABASE_URL',
    value: 'postgres://payer:***@db.example.com:5432/payouts?sslmode=require&password=***',
    source: 'environment',
  });
  expect(row('STRIPE_API_KEY')).toEqual({
    name: 'STRIPE_API_KEY',
    value: 'sk_test_…WXYZ',
    source: '.env',
  });
  expect(row('STRIPE_API_BASE')?.problem).toMatch(/without path/);
  expect(row('STRIPE_WEBHOOK_SECRET')?.value).toBe('whsec_…,whsec_…TAIL');
  expect(row('PAYOUT_MAX_ATTEMPTS')).toMatchObject({ value: '0', problem: expect.any(String) });
  expect(row('PAYOUT_INSTALLATION_ID')).toMatchObject({ value: 'local', source: 'default' });
  expect(row('GATEWAY_PORT')).toEqual({ name: 'GATEWAY_PORT', value: '8090', source: 'default' });
  expect(row('GATEWAY_TOKENS')?.value).toBe('alice=…,bob=…');
  expect(row('TEMPORAL_ADDRESS')?.value).toBe('evil\\u001b[2J');
  expect(JSON.stringify(rows)).not.toMatch(/s3cr|alsosecret|verysecret|Abcdef/);
});

test('a wrong secret is hidden whole', () => {
  const variables = { STRIPE_API_KEY: 'pk_live_secretsecretsecret', DATABASE_URL: 'pg:secret' };
  const rows = describeSettings({ variables, fromFile: new Set() });
  expect(JSON.stringify(rows)).not.toContain('secretsecret');
  expect(JSON.stringify(rows)).not.toContain('pg:secret');
});

describe('who works at a terminal', () => {
  const GATEWAY_TOKENS = 'ann=the-token-of-ann,bob=the-token-of-bob';
  const nameWith = (env: Record<string, string>) => nameOfOperatorToken(loadSettings(env));

  test('is whose token it is', () => {
    expect(nameWith({ GATEWAY_TOKENS, PAYOUT_OPERATOR_TOKEN: 'the-token-of-bob' })).toBe('bob');
    expect(nameWith({ GATEWAY_TOKENS })).toBeUndefined();
  });

  test.each([
    [{ GATEWAY_TOKENS, PAYOUT_OPERATOR_TOKEN: 'the-token-of-bo' }],
    [{ GATEWAY_TOKENS, PAYOUT_OPERATOR_TOKEN: 'bob=the-token-of-bob' }],
    [{ PAYOUT_OPERATOR_TOKEN: 'the-token-of-bob' }],
  ])('is nobody with %j', (env) => {
    expect(() => nameWith(env)).toThrow(/PAYOUT_OPERATOR_TOKEN: expected the token of a pair/);
  });
});
