import type Stripe from 'stripe';
import type { FrozenRequest } from '../domain/generation';
import type { StripeAnswer } from '../domain/outcome';
import { answerFromError, answerFromResult } from './answers';

export interface TransferSend {
  readonly request: FrozenRequest;
  /** From `stripeIdempotencyKey`. */
  readonly idempotencyKey: string;
}

/** The SDK replaces an empty key by a random one, and a key with odd characters never leaves the machine. */
const SANE_KEY = /^[A-Za-z0-9_:.-]{1,200}$/;

/** @throws TypeError for a key that cannot be one of ours, before anything is sent */
export function assertSaneKey(idempotencyKey: string): void {
  if (!SANE_KEY.test(idempotencyKey)) {
    throw new TypeError('an idempotency key has to be 1 to 200 characters of A-Z a-z 0-9 _ : . -');
  }
}

/**
 * Stripe compares a repeated key's parameters with the first ones, so they are always written in one order, whatever
 * order a database column gives them back in.
 */
export function sortedMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).sort(([left], [right]) => (left < right ? -1 : 1)),
  );
}

function transferParams(request: FrozenRequest): Stripe.TransferCreateParams {
  return {
    amount: request.amountMinor,
    currency: request.currency,
    destination: request.destination,
    transfer_group: request.transferGroup,
    metadata: sortedMetadata(request.metadata),
  };
}

/**
 * Sends one POST /v1/transfers and tells what came back; one call is at most one request on the wire (M5).
 *
 * Resolves within the client's deadline for everything that the network or Stripe can do. Safe to repeat with the same
 * key and request for `KEY_SENDABLE_MS` after the key's first send, and not later.
 * @throws TypeError for a key that cannot be one of ours: a bug of the caller, before anything is sent
 */
export async function sendTransfer(stripe: Stripe, send: TransferSend): Promise<StripeAnswer> {
  const { request, idempotencyKey } = send;
  assertSaneKey(idempotencyKey);
  try {
    return answerFromResult(
      await stripe.transfers.create(transferParams(request), { idempotencyKey }),
    );
  } catch (error) {
    return answerFromError(error, request.destination);
  }
}
