/** Whom the contract test asks, and as whom. */
export interface ContractSettings {
  readonly apiKey: string;
  readonly restrictedKey: string | undefined;
  /** Without a path and without a slash at the end. */
  readonly apiBase: string;
  /** False: something on this machine answers in Stripe's place, so nothing is learnt about Stripe. */
  readonly isStripe: boolean;
  /** Accounts that exist already; without them the set-up looks for some, and then makes them. */
  readonly payee: string | undefined;
  readonly unreadyPayee: string | undefined;
}

type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

const STRIPE = 'https://api.stripe.com';

const SANDBOX_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]']);

const TEST_KEY = /^(sk|rk)_test_[A-Za-z0-9_]+$/;
const RESTRICTED_TEST_KEY = /^rk_test_[A-Za-z0-9_]+$/;

/**
 * The settings of the contract test; undefined when there is no key, which means that nobody asked for it.
 *
 * @throws Error that names the variable, and never its value, when a key is not one of Stripe's test mode, or when the
 * address is neither Stripe nor on this machine
 */
export function readContractSettings(env: EnvironmentVariables): ContractSettings | undefined {
  const text = (name: string): string | undefined => {
    const value = env[name]?.trim();
    return value === '' ? undefined : value;
  };
  const apiKey = text('STRIPE_CONTRACT_TEST_KEY');
  if (apiKey === undefined) {
    return undefined;
  }
  if (!TEST_KEY.test(apiKey)) {
    throw new Error('STRIPE_CONTRACT_TEST_KEY: expected sk_test_… or rk_test_…, and nothing else');
  }
  const restrictedKey = text('STRIPE_CONTRACT_RESTRICTED_KEY');
  if (restrictedKey !== undefined && !RESTRICTED_TEST_KEY.test(restrictedKey)) {
    throw new Error('STRIPE_CONTRACT_RESTRICTED_KEY: expected rk_test_…, and nothing else');
  }
  const apiBase = originOf(text('STRIPE_CONTRACT_API_BASE') ?? STRIPE);
  return {
    apiKey,
    restrictedKey,
    apiBase,
    isStripe: apiBase === STRIPE,
    payee: text('STRIPE_CONTRACT_PAYEE'),
    unreadyPayee: text('STRIPE_CONTRACT_UNREADY_PAYEE'),
  };
}

/** A key must not travel to anybody else. */
function originOf(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isAllowed =
    url !== undefined &&
    (url.origin === STRIPE || (url.protocol === 'http:' && SANDBOX_HOSTS.has(url.hostname)));
  if (!isAllowed) {
    throw new Error('STRIPE_CONTRACT_API_BASE: expected an http address on this machine');
  }
  return url.origin;
}
