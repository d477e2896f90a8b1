import { z } from 'zod';
import type { ApprovalLimits } from '../domain/approval';
import { currencyRule } from '../domain/currencies';
import { ID_PATTERN } from '../domain/ids';
import {
  ATTEMPTS_MAX_DEFAULT,
  GATEWAY_PORT_DEFAULT,
  HOLD_HOURS_MAX,
  ID_CHARACTERS_MAX,
  PAYEE_WAIT_DAYS_DEFAULT,
  PAYEE_WAIT_DAYS_MAX,
  PRIZE_AMOUNT_MINOR_MAX_DEFAULT,
  STRIPE_REQUESTS_PER_SECOND_DEFAULT,
} from '../domain/limits';

/** Stripe's own address, and the only one that a live key may be used with. */
export const STRIPE_API_BASE_DEFAULT = 'https://api.stripe.com';

const STRIPE_REQUESTS_PER_SECOND_MAX = 100;
const ATTEMPTS_MAX = 100;
export const PORT_MAX = 65_535;
/** The platform's endpoint and that of its connected accounts have one each, and two while one is being rolled over. */
const WEBHOOK_SECRETS_MAX = 4;

/** One person or system that may use the gateway. */
export interface GatewayToken {
  readonly name: string;
  readonly token: string;
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function wholeNumber(range: { readonly min: number; readonly max: number }) {
  const expected = `a whole number from ${range.min.toString()} to ${range.max.toString()}`;
  return z
    .string()
    .regex(/^\d{1,16}$/, expected)
    .transform(Number)
    .refine((value) => value >= range.min && value <= range.max, expected);
}

const databaseUrl = z.string().refine((text) => {
  // Without the slashes everything after the colon is a path, and a password in it would be shown as one.
  return /^postgres(?:ql)?:\/\//.test(text) && parseUrl(text) !== undefined;
}, 'a URL that begins with postgres:// or postgresql:// (special characters of the password percent-encoded)');

const temporalAddress = z.string().refine((text) => {
  const port = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.exec(text)?.[1];
  return port !== undefined && Number(port) >= 1 && Number(port) <= PORT_MAX;
}, 'host:port without a scheme, such as 127.0.0.1:7233');

const stripeApiKey = z
  .string()
  .refine(
    (key) => !key.startsWith('pk_'),
    'a secret (sk_…) or restricted (rk_…) key; this is a publishable one (pk_…), which cannot move money',
  )
  .regex(
    /^(sk|rk)_(test|live)_[A-Za-z0-9_]{1,250}$/,
    'a key that begins with sk_test_, sk_live_, rk_test_ or rk_live_',
  );

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

const stripeApiBase = z
  .string()
  .refine((text) => {
    const url = parseUrl(text);
    return (
      url !== undefined &&
      ['http:', 'https:'].includes(url.protocol) &&
      url.pathname === '/' &&
      `${url.search}${url.hash}${url.username}${url.password}` === ''
    );
  }, 'an http or https URL without path, query or password, such as https://api.stripe.com')
  .refine((text) => {
    const url = parseUrl(text);
    return url?.protocol !== 'http:' || isLoopback(url.hostname);
  }, 'https; plain http is for this machine only (localhost, 127.0.0.1, [::1])')
  .transform((text) => new URL(text).origin);

const webhookSecrets = z
  .string()
  .transform((text): readonly string[] => text.split(',').map((secret) => secret.trim()))
  .refine(
    (secrets) =>
      secrets.length <= WEBHOOK_SECRETS_MAX &&
      secrets.every((secret) => /^whsec_[A-Za-z0-9+/=_-]{1,250}$/.test(secret)),
    `one to ${WEBHOOK_SECRETS_MAX.toString()} signing secrets whsec_…, separated by commas`,
  );

const requestsPerSecondExpected = `a number above 0 and up to ${STRIPE_REQUESTS_PER_SECOND_MAX.toString()}`;
const requestsPerSecond = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,3})?$/, requestsPerSecondExpected)
  .transform(Number)
  .refine((rate) => rate > 0 && rate <= STRIPE_REQUESTS_PER_SECOND_MAX, requestsPerSecondExpected);

const webAddressExpected =
  'an http or https URL without query or password, such as http://127.0.0.1:8233';
const webAddress = z
  .string()
  .refine((text) => {
    const url = parseUrl(text);
    return (
      url !== undefined &&
      ['http:', 'https:'].includes(url.protocol) &&
      `${url.search}${url.hash}${url.username}${url.password}` === ''
    );
  }, webAddressExpected)
  .transform((text) => new URL(text).href.replace(/\/+$/, ''));

function hasDuplicates(values: readonly string[]): boolean {
  return new Set(values).size !== values.length;
}

const gatewayHost = z
  .string()
  .regex(
    /^[A-Za-z0-9.:-]{1,253}$/,
    'an address or a name without port, such as 127.0.0.1, :: or 0.0.0.0',
  );

const gatewayTokens = z
  .string()
  .transform((text): readonly GatewayToken[] =>
    text.split(',').map((pair) => {
      const [, name = '', token = ''] = /^\s*([^=]*)=(.*?)\s*$/.exec(pair) ?? [];
      return { name, token };
    }),
  )
  .refine(
    (tokens) =>
      tokens.every(({ name, token }) => ID_PATTERN.test(name) && /^[\x21-\x7e]+$/.test(token)),
    'name=token pairs separated by commas, one for each person or system',
  )
  .refine(
    (tokens) =>
      !hasDuplicates(tokens.map(({ name }) => name)) &&
      !hasDuplicates(tokens.map(({ token }) => token)),
    'each name and each token once',
  );

const approvalAbove = z
  .string()
  .transform((text) =>
    text.split(',').map((pair): readonly [string, number] => {
      const [, currency = '', amount = ''] = /^\s*([A-Za-z]{3})=(\d{1,16})\s*$/.exec(pair) ?? [];
      return [currency.toLowerCase(), amount === '' ? Number.NaN : Number(amount)];
    }),
  )
  .refine(
    (pairs) =>
      pairs.every(
        ([currency, amountMinor]) =>
          currencyRule(currency) !== undefined && Number.isSafeInteger(amountMinor),
      ) && !hasDuplicates(pairs.map(([currency]) => currency)),
    'currency=minor units, separated by commas, each currency once, such as usd=500000,eur=450000',
  )
  .transform((pairs): ApprovalLimits => Object.fromEntries(pairs));

/**
 * Every setting: how its text becomes its value, what it is without one, and whether it may be shown. The messages say
 * what was expected and never what was found, which may be a secret.
 */
export const SETTING_RULES = {
  DATABASE_URL: { schema: databaseUrl, secret: true },
  TEMPORAL_ADDRESS: { schema: temporalAddress },
  TEMPORAL_NAMESPACE: {
    schema: z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, 'a namespace: letters, digits, . _ -'),
    byDefault: 'default',
  },
  STRIPE_API_KEY: { schema: stripeApiKey, secret: true },
  STRIPE_API_BASE: { schema: stripeApiBase, byDefault: STRIPE_API_BASE_DEFAULT },
  STRIPE_WEBHOOK_SECRET: { schema: webhookSecrets, secret: true },
  STRIPE_REQUESTS_PER_SECOND: {
    schema: requestsPerSecond,
    byDefault: STRIPE_REQUESTS_PER_SECOND_DEFAULT.toString(),
  },
  PAYOUT_MAX_ATTEMPTS: {
    schema: wholeNumber({ min: 1, max: ATTEMPTS_MAX }),
    byDefault: ATTEMPTS_MAX_DEFAULT.toString(),
  },
  PAYOUT_PAYEE_WAIT_DAYS: {
    schema: wholeNumber({ min: 1, max: PAYEE_WAIT_DAYS_MAX }),
    byDefault: PAYEE_WAIT_DAYS_DEFAULT.toString(),
  },
  PAYOUT_MAX_AMOUNT_MINOR: {
    schema: wholeNumber({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    byDefault: PRIZE_AMOUNT_MINOR_MAX_DEFAULT.toString(),
  },
  /** Totals above these wait for a second person; where it is set, so does every currency that it does not name. */
  PAYOUT_APPROVAL_ABOVE: { schema: approvalAbove },
  PAYOUT_HOLD_HOURS: { schema: wholeNumber({ min: 0, max: HOLD_HOURS_MAX }), byDefault: '0' },
  /** Who works at this terminal: one of the tokens of `GATEWAY_TOKENS`. */
  PAYOUT_OPERATOR_TOKEN: {
    schema: z.string().regex(/^[\x21-\x7e]+$/, 'a token of GATEWAY_TOKENS, without its name'),
    secret: true,
  },
  PAYOUT_INSTALLATION_ID: {
    schema: z
      .string()
      .regex(ID_PATTERN, `1 to ${ID_CHARACTERS_MAX.toString()} characters of A-Z a-z 0-9 _ . : -`),
    byDefault: 'local',
  },
  /** This machine alone, unless somebody says otherwise. */
  GATEWAY_HOST: { schema: gatewayHost, byDefault: '127.0.0.1' },
  /** 0 takes any free port. */
  GATEWAY_PORT: {
    schema: wholeNumber({ min: 0, max: PORT_MAX }),
    byDefault: GATEWAY_PORT_DEFAULT.toString(),
  },
  GATEWAY_TOKENS: { schema: gatewayTokens, secret: true },
  /** Where the console's links into the Temporal Web UI go; without it, workflow ids are shown to be copied. */
  TEMPORAL_UI_URL: { schema: webAddress },
} as const satisfies Readonly<
  Record<
    string,
    { readonly schema: z.ZodType; readonly byDefault?: string; readonly secret?: true }
  >
>;
