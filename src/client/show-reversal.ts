import { sumMinor } from '../domain/money';
import type { FailureClass, ReasonCode } from '../domain/reasons';
import type { ReversalStatus } from '../domain/reversal-state';
import { reversalReasonText } from '../domain/reversal-texts';
import type { Executor } from '../db/database';
import { findBookedReversals, findBookedTransfer } from '../db/ledger';
import type { PayoutReversal } from '../db/payout-reversals';

/** One reversal, for the command line and for pages; amounts in minor units. */
export interface ReversalReport {
  readonly id: string;
  readonly transferId: string;
  readonly settlementId: string;
  readonly status: ReversalStatus;
  readonly amountMinor: number;
  readonly currency: string;
  readonly stripeTransferId: string;
  readonly stripeReversalId: string | null;
  readonly failureClass: FailureClass | null;
  readonly failureReason: ReasonCode | null;
  /** The reason in words. */
  readonly why: string | null;
  /** Of the Stripe transfer: what was paid with it, and what has come back of it in all, by the ledger. */
  readonly paidMinor: number;
  readonly reversedMinor: number;
}

export async function reversalReport(
  executor: Executor,
  reversal: PayoutReversal,
): Promise<ReversalReport> {
  const { failureReason, stripeTransferId } = reversal;
  const booked = await findBookedTransfer(executor, stripeTransferId);
  const cameBack = booked === undefined ? [] : await findBookedReversals(executor, booked);
  return {
    id: reversal.id,
    transferId: reversal.transferId,
    settlementId: reversal.settlementId,
    status: reversal.status,
    amountMinor: reversal.amountMinor,
    currency: reversal.currency,
    stripeTransferId,
    stripeReversalId: reversal.stripeReversalId,
    failureClass: reversal.failureClass,
    failureReason,
    why: failureReason === null ? null : reversalReasonText(failureReason),
    paidMinor: booked?.amountMinor ?? 0,
    reversedMinor: sumMinor(cameBack.map(({ amountMinor }) => amountMinor)) ?? 0,
  };
}
