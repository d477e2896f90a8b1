import type { ReversalView } from '../domain/contracts';
import type { Executor } from '../db/database';
import type { PayoutReversal } from '../db/payout-reversals';
import { findTransferById } from '../db/payout-transfers';

/** A reversal's row as its workflow sees it. @param waitMs how long until the next look; null: the workflow decides */
export async function reversalViewOf(
  executor: Executor,
  reversal: PayoutReversal,
  waitMs: number | null = null,
): Promise<ReversalView> {
  const transfer = await findTransferById(executor, reversal.transferId);
  return {
    reversalId: reversal.id,
    transferId: reversal.transferId,
    settlementId: reversal.settlementId,
    contestId: transfer?.contestId ?? '',
    stripeTransferId: reversal.stripeTransferId,
    amountMinor: reversal.amountMinor,
    currency: reversal.currency,
    status: reversal.status,
    attemptCount: reversal.attemptCount,
    stripeReversalId: reversal.stripeReversalId,
    failureClass: reversal.failureClass,
    failureReason: reversal.failureReason,
    waitMs,
  };
}
