import type { TransferView } from '../domain/contracts';
import type { PayoutTransfer } from '../db/payout-transfers';

/** What a workflow may know of a transfer: ids, amounts and codes (M12). */
export function viewOf(transfer: PayoutTransfer, waitMs: number | null = null): TransferView {
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
    waitMs,
  };
}
