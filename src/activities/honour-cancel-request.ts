import { isHeldByRiskControl } from '../domain/claim-rules';
import { canTransition } from '../domain/transfer-state';
import type { Executor } from '../db/database';
import { closeGeneration, findOpenGeneration } from '../db/payout-generations';
import type { PayoutTransfer } from '../db/payout-transfers';
import { markCancelled } from '../db/transfer-moves';

/** Why a generation is closed that was given up with its payment. */
const CANCELLED = 'cancelled';

/**
 * Cancels a transfer of which every send is proven to have paid nothing. Its key ends in the same transaction, so that
 * no send of it can follow, whoever still holds a claim.
 */
export async function cancelUnpaid(
  executor: Executor,
  transfer: PayoutTransfer,
): Promise<PayoutTransfer> {
  const open = await findOpenGeneration(executor, transfer.id);
  if (open !== undefined) {
    await closeGeneration(executor, open, CANCELLED);
  }
  return markCancelled(executor, transfer);
}

/**
 * Gives effect to a request to cancel, in the transaction that has proven the transfer unpaid: nobody is to be seen
 * free to be sent in between. Changes nothing where nobody asked, where it may still have been paid, or where Stripe's
 * risk controls may still let it through.
 */
export async function honourCancelRequest(
  executor: Executor,
  transfer: PayoutTransfer,
): Promise<PayoutTransfer> {
  return transfer.cancelRequestedAt !== null &&
    canTransition(transfer.status, 'cancelled') &&
    !isHeldByRiskControl(transfer)
    ? cancelUnpaid(executor, transfer)
    : transfer;
}
