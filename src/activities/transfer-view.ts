import type { TransferView } from '../domain/contracts';
import { BLOCKED_LOOK_MS } from '../domain/limits';
import type { PayoutTransfer } from '../db/payout-transfers';

/**
 * What a workflow may know of a transfer: ids, amounts and codes (M12).
 * @param waitMs how long to wait before the next look, where it is known better than by the state
 */
export function viewOf(
  transfer: PayoutTransfer,
  waitMs: number | null = waitOf(transfer),
): TransferView {
  return {
    transferId: transfer.id,
    status: transfer.status,
    amountMinor: transfer.amountMinor,
    currency: transfer.currency,
    generation: transfer.generation,
    attemptCount: transfer.attemptCount,
    stripeTransferId: transfer.stripeTransferId,
    failureClass: transfer.failureClass,
    failureReason: transfer.failureReason,
    ...(transfer.cancelRequestedAt !== null && { isCancelRequested: true }),
    waitMs,
  };
}

/** A payee who is not ready is woken by a signal, so the look without one is rare; the rest backs off. */
function waitOf({ status, failureClass }: PayoutTransfer): number | null {
  return status === 'blocked' && failureClass === 'payee' ? BLOCKED_LOOK_MS : null;
}
