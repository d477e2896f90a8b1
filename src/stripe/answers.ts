import type Stripe from 'stripe';
import type { StripeAnswer } from '../domain/outcome';
import { TransportError } from './single-send-http-client';

type Facts = Readonly<Record<string, unknown>>;

/** Codes, ids and names of Stripe look like this; nothing longer or freer is stored or shown (M12). */
const TOKEN = /^[A-Za-z0-9_.:[\]-]{1,120}$/;

/** Stands in for a code that is not shaped like one, so that it is not taken for a missing code. */
const UNREADABLE_TOKEN = 'unreadable';

/** `Retry-After` beyond this is not a hint for a retry any more. */
const RETRY_AFTER_SECONDS_MAX = 3_600;

function factsOf(value: unknown): Facts {
  return typeof value === 'object' && value !== null ? (value as Facts) : {};
}

function token(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') {
    return undefined;
  }
  return typeof value === 'string' && TOKEN.test(value) ? value : UNREADABLE_TOKEN;
}

function retryAfterMs(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : Infinity;
  return seconds <= RETRY_AFTER_SECONDS_MAX ? seconds * 1_000 : undefined;
}

/** An object without the keys that have no value: StripeAnswer's facts are present or absent. */
function present<T extends object>(facts: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function headerFacts(headers: Facts) {
  const shouldRetry = headers['stripe-should-retry'];
  return {
    requestId: token(headers['request-id']),
    replayed: headers['idempotent-replayed'] === 'true',
    shouldRetry:
      shouldRetry === 'true' || shouldRetry === 'false' ? shouldRetry === 'true' : undefined,
    rateLimitedReason: token(headers['stripe-rate-limited-reason']),
    retryAfterMs: retryAfterMs(headers['retry-after']),
  };
}

/** What some refusals say only in words (stripe-semantics §3 rows 20, 23, 25, 28): read here, and then dropped. */
function messageSays(error: Facts, destination: string): StripeAnswer['messageSays'] {
  const message = typeof error['message'] === 'string' ? error['message'].toLowerCase() : '';
  if (message.includes('cannot be set to your own account')) {
    return 'own_account';
  }
  if (message.includes('at least one of the following capabilities enabled')) {
    return 'capability_missing';
  }
  if (/exists in (test|live) mode, but a (test|live) mode key/.test(message)) {
    return 'other_mode';
  }
  if (/greater than (the )?unreversed amount/.test(message)) {
    return 'above_unreversed';
  }
  if (/has already been (fully )?reversed/.test(message)) {
    return 'already_reversed';
  }
  const isAccessRefused =
    error['code'] === 'account_invalid' || message.includes('does not have access to account');
  if (!isAccessRefused) {
    return undefined;
  }
  return message.includes(destination.toLowerCase())
    ? 'destination_named'
    : 'account_access_revoked';
}

function readTransfer(transfer: Facts): StripeAnswer['transfer'] {
  const { id, amount, currency, destination, livemode, metadata } = transfer;
  const isTransfer =
    typeof id === 'string' &&
    typeof amount === 'number' &&
    typeof currency === 'string' &&
    typeof destination === 'string' &&
    typeof livemode === 'boolean';
  if (!isTransfer) {
    return undefined;
  }
  return present({
    id: token(id) ?? UNREADABLE_TOKEN,
    amountMinor: amount,
    currency: token(currency) ?? UNREADABLE_TOKEN,
    destination: token(destination) ?? UNREADABLE_TOKEN,
    livemode,
    payoutTransferId: token(factsOf(metadata)['payout_transfer_id']),
  });
}

function readReversal(reversal: Facts): StripeAnswer['reversal'] {
  const { id, amount, currency, transfer, metadata } = reversal;
  const isReversal =
    typeof id === 'string' &&
    typeof amount === 'number' &&
    typeof currency === 'string' &&
    typeof transfer === 'string';
  if (!isReversal) {
    return undefined;
  }
  return present({
    id: token(id) ?? UNREADABLE_TOKEN,
    amountMinor: amount,
    currency: token(currency) ?? UNREADABLE_TOKEN,
    stripeTransferId: token(transfer) ?? UNREADABLE_TOKEN,
    payoutReversalId: token(factsOf(metadata)['payout_reversal_id']),
  });
}

/** The facts of an answer that the SDK took for a success: any JSON object without an `error`, whatever its status. */
export function answerFromResult(result: Stripe.Response<Stripe.Transfer>): StripeAnswer {
  return answerFromSuccess(result, { transfer: readTransfer(factsOf(result)) });
}

/** The same of a reversal. */
export function answerFromReversal(result: Stripe.Response<Stripe.TransferReversal>): StripeAnswer {
  return answerFromSuccess(result, { reversal: readReversal(factsOf(result)) });
}

function answerFromSuccess(
  { lastResponse: { headers, statusCode } }: Stripe.Response<object>,
  made: {
    readonly transfer?: StripeAnswer['transfer'] | undefined;
    readonly reversal?: StripeAnswer['reversal'] | undefined;
  },
): StripeAnswer {
  const facts = headerFacts(headers);
  if (statusCode < 200 || statusCode > 299) {
    return present({
      connection: 'unreadable' as const,
      connectionCode: `HTTP_${statusCode.toString()}`,
      ...facts,
    });
  }
  return present({ httpStatus: statusCode, ...facts, ...made });
}

function transportErrorOf(error: Facts): TransportError | undefined {
  return [error, error['detail']].find((candidate) => candidate instanceof TransportError);
}

/**
 * The facts of whatever a call of the SDK threw. Never throws itself: an error of no known shape is an answer that could
 * not be read, and so an unknown outcome.
 *
 * @param destination the account that was to be paid, to see whether a message names it
 */
export function answerFromError(thrown: unknown, destination: string): StripeAnswer {
  const error = factsOf(thrown);
  const transport = transportErrorOf(error);
  if (transport !== undefined) {
    const { failure, transportCode, requestId } = transport;
    return present({
      connection: failure,
      connectionCode: token(transportCode),
      requestId: token(requestId),
      replayed: false,
    });
  }
  const httpStatus = error['statusCode'];
  if (typeof httpStatus !== 'number') {
    return { connection: 'unreadable', connectionCode: 'NOT_STRIPE', replayed: false };
  }
  return present({
    httpStatus,
    code: token(error['code']),
    rawType: token(error['rawType']),
    param: token(error['param']),
    messageSays: messageSays(error, destination),
    ...headerFacts(factsOf(error['headers'])),
  });
}
