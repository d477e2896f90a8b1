import type Stripe from 'stripe';
import { listedTransfer, transferSchema, type ListedTransfer } from './list-transfers';
import { StripeRefusedError } from './read-failures';
import { readAnswer } from './reading-call';

/** A transfer that was asked for by its id. */
export interface RetrievedTransfer extends ListedTransfer {
  /** Whatever label it has; only ours are ids of ours. */
  readonly transferGroup: string | null;
}

/** With anything else in it the SDK would ask for another resource: an empty id is the list of all transfers. */
const TRANSFER_ID = /^tr_[A-Za-z0-9_]{1,100}$/;

/**
 * The transfer with this id: one GET /v1/transfers/:id, safe to repeat. Undefined when this account has none in this
 * mode.
 *
 * @throws TypeError for an id that is none of Stripe's transfers', before anything is sent
 * @throws StripeUnreachableError when there is no readable answer, or another transfer's (`NOT_THE_TRANSFER`)
 * @throws StripeRefusedError when Stripe answers with any other error than "no such transfer"
 */
export async function retrieveTransfer(
  stripe: Stripe,
  stripeTransferId: string,
): Promise<RetrievedTransfer | undefined> {
  if (!TRANSFER_ID.test(stripeTransferId)) {
    throw new TypeError('the id of a Stripe transfer is tr_ and letters and digits');
  }
  try {
    const transfer = await readAnswer(stripe, () => stripe.transfers.retrieve(stripeTransferId), {
      schema: transferSchema.refine(({ id }) => id === stripeTransferId),
      orElse: 'NOT_THE_TRANSFER',
    });
    return { ...listedTransfer(transfer), transferGroup: transfer.transfer_group };
  } catch (error) {
    const isMissing =
      error instanceof StripeRefusedError &&
      error.httpStatus === 404 &&
      error.code === 'resource_missing';
    if (isMissing) {
      return undefined;
    }
    throw error;
  }
}
