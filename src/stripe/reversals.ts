import type Stripe from 'stripe';

import type { StripeAnswer } from '../domain/outcome';
import type { FrozenReversal } from '../domain/reversal-request';
import { answerFromError, answerFromReversal } from './answers';
import { assertSaneKey, sortedMetadata } from './transfers';

export interface ReversalSend {
  readonly request: FrozenReversal;
  /** From `reversalIdempotencyKey`. */
  readonly idempotencyKey: string;
}

/** With anything else in it the SDK would ask for another resource. */
const TRANSFER_ID = /^tr_[A-Za-z0-9_]{1,100}$/;

/**
 * Sends one POST /v1/transfers/:id/reversals and tells what came back; one call is at most one request on the wire (M5).
 *
 * Resolves within the client's deadline for everything that the network or Stripe can do. Safe to repeat with the same
 * key and request for `KEY_SENDABLE_MS` after the key's first send, and not later.
 * @throws TypeError for a key or a transfer that cannot be one of ours: a bug of the caller, before anything is sent
 */
export async function sendReversal(
  stripe: Stripe,
  { idempotencyKey, request }: ReversalSend,
): Promise<StripeAnswer> {
  assertSaneKey(idempotencyKey);
  const { amountMinor, metadata, stripeTransferId } = request;
  if (!TRANSFER_ID.test(stripeTransferId)) {
    throw new TypeError('the id of a Stripe transfer is tr_ and letters and digits');
  }
  try {
    return answerFromReversal(
      await stripe.transfers.createReversal(
        stripeTransferId,
        { amount: amountMinor, metadata: sortedMetadata(metadata) },
        { idempotencyKey },
      ),
    );
  } catch (error) {
    // No payee is named in the request, so none can be recognised in a refusal.
    return answerFromError(error, stripeTransferId);
  }
}
