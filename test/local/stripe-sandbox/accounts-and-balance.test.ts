/**
 * Goal: keys, connected accounts and balances answer and refuse as Stripe documents it.
 * Method: raw requests and the official SDK; expectations from docs.stripe.com/api/authentication, api/errors, error-codes,
 * connect/account-capabilities (who can receive) and connect/separate-charges-and-transfers (available and pending balance).
 */
import {
  API_KEY,
  closeAll,
  errorOf,
  idOf,
  refusal,
  start,
  type TestSandbox,
  transferForm,
} from './support';

let sandbox: TestSandbox;

beforeEach(async () => {
  sandbox = await start();
});
afterEach(closeAll);

async function available(apiKey = API_KEY, currency = 'usd'): Promise<number | undefined> {
  const balance = await sandbox.stripe(apiKey).balance.retrieve();
  return balance.available.find((entry) => entry.currency === currency)?.amount;
}

describe('authentication', () => {
  it.each([
    [undefined, 'You did not provide an API key'],
    ['Bearer ', 'You did not provide an API key'],
    ['Bearer whatever', 'Invalid API Key provided: ****'],
    ['Bearer pk_test_x', 'publishable API key'],
  ])('%s is a 401', async (authorization, message) => {
    const reply = await fetch(`${sandbox.baseUrl}/v1/account`, {
      headers: authorization === undefined ? {} : { Authorization: authorization },
    });
    const { error } = (await reply.json()) as { error: { type: string; message: string } };
    expect(reply.status).toBe(401);
    expect(error.type).toBe('invalid_request_error');
    expect(error.message).toContain(message);
  });

  it('comes before the parameters', async () => {
    const reply = await sandbox.send('POST', '/v1/transfers', {
      form: 'amount=x',
      headers: { Authorization: 'Bearer nonsense' },
    });
    expect(reply.status).toBe(401);
  });

  it('takes the key as the user of Basic, and gives every key the same platform', async () => {
    const basic = `Basic ${Buffer.from(`${API_KEY}:`).toString('base64')}`;
    const one = await sandbox.send('GET', '/v1/account', { headers: { Authorization: basic } });
    const two = await sandbox.stripe('rk_test_two').accounts.retrieve('acct_x');
    const own = await sandbox.stripe('sk_live_three').rawRequest('GET', '/v1/account');
    expect(one.status).toBe(200);
    expect(idOf(one)).toMatch(/^acct_\w{16}$/);
    expect(own).toMatchObject({ id: idOf(one) });
    expect(two.id).toBe('acct_x');
  });

  it('of a key for another platform finds another account', async () => {
    await sandbox.control('keys', { key: 'sk_test_elsewhere', accountId: 'acct_elsewhere' });
    const own = await sandbox.stripe('sk_test_elsewhere').rawRequest('GET', '/v1/account');
    expect(own).toMatchObject({ id: 'acct_elsewhere', object: 'account' });
  });
});

describe('a destination', () => {
  it.each([
    ['missing', 400, 'resource_missing', /^No such destination: 'acct_bad'$/],
    ['inactive', 400, 'insufficient_capabilities_for_transfer', /transfers, crypto_transfers/],
    ['closed', 400, 'account_closed', /closed/],
    ['other_region', 400, 'transfers_not_allowed', /accounts located in BR/],
    ['deauthorised', 403, 'account_invalid', /Application access may have been revoked/],
  ])('that is %s: %i %s, saved for the key', async (state, status, code, message) => {
    await sandbox.control('accounts', { id: 'acct_bad' });
    await sandbox.control('accounts', { id: 'acct_bad', state });
    const refused = await sandbox.pay('key', { destination: 'acct_bad' });
    expect(refused.status).toBe(status);
    expect(errorOf(refused)).toMatchObject({ type: 'invalid_request_error', code });
    expect(errorOf(refused).message).toMatch(message);
    await sandbox.control('accounts', { id: 'acct_bad', state: 'active' });
    const again = await sandbox.pay('key', { destination: 'acct_bad' });
    expect(again.text).toBe(refused.text);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect((await sandbox.pay('key:g2', { destination: 'acct_bad' })).status).toBe(200);
    expect(await sandbox.oracle()).toMatchObject({ executions: 2, refusals: 1, transfers: 1 });
  });

  it('of the other mode, malformed, or the platform itself is refused', async () => {
    await sandbox.control('accounts', { id: 'acct_live', livemode: true });
    const other = errorOf(await sandbox.pay('k1', { destination: 'acct_live' }));
    expect(other).toMatchObject({ code: 'resource_missing', param: 'destination' });
    expect(other.message).toContain('a similar object exists in live mode, but a test mode key');
    const wrong = errorOf(await sandbox.pay('k2', { destination: 'winner' }));
    expect(wrong).toMatchObject({ code: 'resource_missing', param: 'destination' });
    const platform = idOf(await sandbox.send('GET', '/v1/account'));
    const own = errorOf(await sandbox.pay('k3', { destination: platform }));
    expect(own.message).toContain('cannot be set to your own account');
  });

  it('has to be configured where accounts are strict', async () => {
    const strict = await start({ accounts: 'strict' });
    const refused = await strict.pay('k1');
    expect(errorOf(refused)).toMatchObject({ code: 'resource_missing', param: 'destination' });
    await strict.control('accounts', { id: 'acct_winner' });
    expect((await strict.pay('k2')).status).toBe(200);
  });
});

describe('a connected account', () => {
  it('tells whether it can be paid', async () => {
    const { accounts } = sandbox.stripe();
    await sandbox.control('accounts', {
      id: 'acct_new',
      state: 'inactive',
      country: 'DE',
      defaultCurrency: 'eur',
    });
    expect(await accounts.retrieve('acct_new')).toMatchObject({
      object: 'account',
      country: 'DE',
      default_currency: 'eur',
      capabilities: { transfers: 'inactive' },
      requirements: { disabled_reason: 'requirements.past_due' },
    });
    await sandbox.control('accounts', { id: 'acct_new', state: 'active', payoutsEnabled: false });
    expect(await accounts.retrieve('acct_new')).toMatchObject({
      country: 'DE',
      capabilities: { transfers: 'active' },
      payouts_enabled: false,
      requirements: { disabled_reason: null },
    });
  });

  it('has the reason that was configured, and none by itself while it is active', async () => {
    const reason = 'rejected.fraud';
    await sandbox.control('accounts', { id: 'acct_bad', disabledReason: reason });
    const { requirements, capabilities } = await sandbox.stripe().accounts.retrieve('acct_bad');
    expect(requirements!.disabled_reason).toBe(reason);
    expect(capabilities!.transfers).toBe('active');
  });

  it.each(['missing', 'deauthorised'])('that is %s is a 403', async (state) => {
    await sandbox.control('accounts', { id: 'acct_gone', state });
    const error = await refusal(sandbox.stripe().accounts.retrieve('acct_gone'));
    expect(error).toMatchObject({ statusCode: 403, code: 'account_invalid' });
  });

  it('has what was sent to it, and its own requests run on it', async () => {
    await sandbox.pay('k1');
    const reply = await sandbox.send('GET', '/v1/balance', {
      headers: { 'Stripe-Account': 'acct_winner' },
    });
    expect(JSON.parse(reply.text)).toMatchObject({
      available: [{ amount: 1000, currency: 'usd' }],
    });
    const poor = await sandbox.send('POST', '/v1/transfers', {
      form: transferForm({ destination: 'acct_b', amount: '1001' }),
      headers: { 'Stripe-Account': 'acct_winner' },
    });
    expect(errorOf(poor).code).toBe('balance_insufficient');
  });
});

describe('the balance', () => {
  it('is debited exactly once per transfer by 50 creates at the same time', async () => {
    sandbox = await start({ balances: { usd: 30 * 1000 + 999 } });
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, index) => sandbox.pay(`key-${index}`)),
    );
    const refused = replies.filter(({ status }) => status === 400);
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(30);
    expect(refused).toHaveLength(20);
    expect(refused.map((reply) => errorOf(reply).code)).toContain('balance_insufficient');
    expect(await available()).toBe(999);
    expect((await sandbox.oracle()).totalsByCurrency).toEqual({ usd: 30_000 });
  });

  it('is per currency and mode; pending money does not count', async () => {
    sandbox = await start({ balances: { usd: 1000 } });
    expect((await sandbox.pay('k1', { currency: 'eur' })).status).toBe(400);
    await sandbox.control('balance', { currency: 'eur', pending: 5000 });
    expect((await sandbox.pay('k2', { currency: 'eur' })).status).toBe(400);
    await sandbox.control('balance', { currency: 'eur', pending: 0, add: 5000 });
    expect((await sandbox.pay('k3', { currency: 'eur' })).status).toBe(200);
    expect(await available(API_KEY, 'eur')).toBe(4000);
    expect(await available(API_KEY, 'usd')).toBe(1000);
    expect(await available('sk_live_x', 'usd')).toBe(1000);
  });

  it('has plenty of everything by default', async () => {
    expect((await sandbox.pay('k1', { currency: 'jpy', amount: '99999999999' })).status).toBe(200);
  });
});
