import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContractSettings } from './contract-settings';
import { fieldsOf, RawStripe, summary, type RawReply } from './raw-stripe';

/** A question that could not be put; its message goes into the table. */
export class NotAsked extends Error {}

/** What the questions need. What could not be had is a reason instead. */
export interface SetUp {
  readonly api: RawStripe;
  readonly restrictedApi: RawStripe | undefined;
  /** Part of every key and group, so that no two runs meet. */
  readonly run: string;
  readonly currency: string;
  readonly availableMinor: number;
  readonly payee: () => string;
  readonly unreadyPayee: () => string;
  /** What was found and made, in a few words. */
  readonly notes: readonly string[];
}

/** Enough for the few transfers of a run, in minor units. */
const NEEDED_MINOR = 10_000;
const TOP_UP_MINOR = 100_000;
const CAPABILITY_POLLS = 30;
const CAPABILITY_POLL_MS = 2_000;

type Form = readonly (readonly [string, string])[];

interface Found {
  readonly id?: string;
  readonly note: string;
}

/**
 * Finds or makes what the questions need: money in the test balance, an account that can be paid, one that cannot.
 *
 * @throws Error when the key does not work at all, or works in live mode
 */
export async function setUpContract(settings: ContractSettings): Promise<SetUp> {
  const api = new RawStripe(settings.apiBase, settings.apiKey);
  const balance = await api.send({ method: 'GET', path: '/v1/balance' });
  const own = await api.send({ method: 'GET', path: '/v1/account' });
  if (balance.status !== 200 || balance.body['livemode'] !== false) {
    throw new Error(`the key cannot read a balance of test mode: ${summary(balance)}`);
  }
  const currency = wordOr(own.body['default_currency'], 'usd');
  const country = wordOr(own.body['country'], 'US');
  const money = await fund(api, currency, availableIn(balance, currency));
  const accounts = await listAccounts(api);
  const payee = await findPayee(api, settings.payee, { accounts, country });
  const unready = await findUnreadyPayee(api, settings.unreadyPayee, { accounts, country });
  return {
    api,
    restrictedApi:
      settings.restrictedKey === undefined
        ? undefined
        : new RawStripe(settings.apiBase, settings.restrictedKey),
    run: randomUUID(),
    currency,
    availableMinor: money.availableMinor,
    payee: () => idOrReason(payee),
    unreadyPayee: () => idOrReason(unready),
    notes: [money.note, `payee: ${payee.note}`, `unready payee: ${unready.note}`],
  };
}

function wordOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && /^[A-Za-z]{2,3}$/.test(value) ? value : otherwise;
}

function idOrReason({ id, note }: Found): string {
  if (id === undefined) {
    throw new NotAsked(note);
  }
  return id;
}

function availableIn(balance: RawReply, currency: string): number {
  const available = balance.body['available'];
  const entries = Array.isArray(available) ? available.map(fieldsOf) : [];
  const amount = entries.find((entry) => entry['currency'] === currency)?.['amount'];
  return typeof amount === 'number' ? amount : 0;
}

/** Test charges with this card are available at once (docs.stripe.com/testing#available-balance). */
async function fund(api: RawStripe, currency: string, availableMinor: number) {
  if (availableMinor >= NEEDED_MINOR) {
    return { availableMinor, note: `balance: enough ${currency}` };
  }
  const charged = await api.send({
    method: 'POST',
    path: '/v1/payment_intents',
    form: [
      ['amount', TOP_UP_MINOR.toString()],
      ['currency', currency],
      ['confirm', 'true'],
      ['payment_method', 'pm_card_bypassPending'],
      ['automatic_payment_methods[enabled]', 'true'],
      ['automatic_payment_methods[allow_redirects]', 'never'],
    ],
  });
  const balance = await api.send({ method: 'GET', path: '/v1/balance' });
  const note = `balance: too little ${currency}, a test charge was answered ${summary(charged)}`;
  return { availableMinor: availableIn(balance, currency), note };
}

type Account = Readonly<Record<string, unknown>>;

async function listAccounts(api: RawStripe): Promise<readonly Account[]> {
  const { body } = await api.send({ method: 'GET', path: '/v1/accounts?limit=100' });
  const accounts: unknown = body['data'];
  return Array.isArray(accounts) ? accounts.map(fieldsOf) : [];
}

function transfersOf(account: Account): unknown {
  return fieldsOf(account['capabilities'])['transfers'];
}

function idOf(account: Account): string | undefined {
  const id = account['id'];
  return typeof id === 'string' ? id : undefined;
}

interface Where {
  readonly accounts: readonly Account[];
  readonly country: string;
}

async function findPayee(api: RawStripe, given: string | undefined, where: Where): Promise<Found> {
  if (given !== undefined) {
    return { id: given, note: 'given' };
  }
  const found = where.accounts.map((account) =>
    transfersOf(account) === 'active' ? idOf(account) : undefined,
  );
  const id = found.find((candidate) => candidate !== undefined);
  if (id !== undefined) {
    return { id, note: 'found' };
  }
  const made = await createAccount(api, verifiedPerson(where.country));
  return made.id === undefined ? made : untilActive(api, made.id);
}

async function findUnreadyPayee(
  api: RawStripe,
  given: string | undefined,
  where: Where,
): Promise<Found> {
  if (given !== undefined) {
    return { id: given, note: 'given' };
  }
  const found = where.accounts.find((account) => transfersOf(account) === 'inactive');
  const id = found === undefined ? undefined : idOf(found);
  return id === undefined
    ? createAccount(api, requestedOnly(where.country))
    : { id, note: 'found' };
}

async function createAccount(api: RawStripe, form: Form): Promise<Found> {
  const made = await api.send({ method: 'POST', path: '/v1/accounts', form });
  const id = idOf(made.body);
  return made.status === 200 && id !== undefined
    ? { id, note: 'made' }
    : { note: `no account, POST /v1/accounts was answered ${summary(made)}` };
}

async function untilActive(api: RawStripe, id: string): Promise<Found> {
  for (let polls = 0; polls < CAPABILITY_POLLS; polls += 1) {
    const { body } = await api.send({ method: 'GET', path: `/v1/accounts/${id}` });
    if (transfersOf(body) === 'active') {
      return { id, note: 'made' };
    }
    await delay(CAPABILITY_POLL_MS);
  }
  return { note: 'made, but its transfers capability did not become active' };
}

function requestedOnly(country: string): Form {
  return [
    ['type', 'custom'],
    ['country', country],
    ['business_type', 'individual'],
    ['capabilities[transfers][requested]', 'true'],
  ];
}

/** Values that verify at once in test mode (docs.stripe.com/connect/testing); complete for the US. */
function verifiedPerson(country: string): Form {
  return [
    ...requestedOnly(country),
    ['business_profile[mcc]', '5734'],
    ['business_profile[url]', 'https://accessible.stripe.com'],
    ['individual[first_name]', 'Jenny'],
    ['individual[last_name]', 'Rosen'],
    ['individual[email]', 'jenny.rosen@example.com'],
    ['individual[phone]', '0000000000'],
    ['individual[dob][day]', '1'],
    ['individual[dob][month]', '1'],
    ['individual[dob][year]', '1901'],
    ['individual[address][line1]', 'address_full_match'],
    ['individual[address][city]', 'South San Francisco'],
    ['individual[address][state]', 'CA'],
    ['individual[address][postal_code]', '94080'],
    ['individual[ssn_last_4]', '0000'],
    ['individual[id_number]', '000000000'],
    ['tos_acceptance[date]', Math.floor(Date.now() / 1_000).toString()],
    ['tos_acceptance[ip]', '8.8.8.8'],
  ];
}
