import {
  decideReversal,
  REVERSAL_REFUSAL_TEXTS,
  type ReversalRefusal,
  type ReversalWish,
} from '../domain/manual-reversal';
import { sumMinor } from '../domain/money';
import type { Operator } from '../domain/operator-reason';
import { inTransaction, type Database, type Executor } from '../db/database';
import type { Installation } from '../db/installation';
import { findBookedReversals, findBookedTransfer } from '../db/ledger';
import { recordOperatorAction } from '../db/operator-actions';
import {
  findOpenReversal,
  hasCompletedPart,
  insertReversal,
  type PayoutReversal,
} from '../db/payout-reversals';
import type { PayoutTransfer } from '../db/payout-transfers';
import { lockTransfer } from '../db/transfer-moves';

/** Who takes money back, where, and from which Stripe account it was paid. */
export interface ReversalOrdering {
  readonly database: Database;
  readonly platform: Installation;
  readonly operator: Operator;
}

export interface ReversalOrder extends ReversalWish {
  readonly transferId: string;
  /** Which payment of a debt that was paid twice; without it the one that paid it. */
  readonly stripeTransferId?: string | undefined;
}

export type ReversalOrderAnswer =
  | { readonly is: 'ordered'; readonly reversal: PayoutReversal }
  | {
      readonly is: 'refused';
      readonly code: ReversalRefusal;
      readonly text: string;
      /** How much of the payment has come back by now; null where there is no such payment. */
      readonly reversedMinor: number | null;
      /** The one that is under way, where that is why. */
      readonly openReversalId?: string;
    };

/**
 * Writes the order to take a payment back, in full or in part, with who gave it and why, in one transaction. Nothing is
 * sent: `startReversal` starts its run, and the sweep starts what nobody did.
 *
 * A double click with the same `expectedReversedMinor` reverses once: while the first is open the second is refused, and
 * after it another amount has come back than expected. An order that expects nothing is not taken twice for the same part
 * and reason.
 */
export async function recordReversalOrder(
  ordering: ReversalOrdering,
  order: ReversalOrder,
): Promise<ReversalOrderAnswer> {
  return inTransaction(ordering.database, async (executor) => {
    const transfer = await lockTransfer(executor, order.transferId);
    const stripeTransferId = order.stripeTransferId ?? transfer.stripeTransferId;
    const booked = await findPayment(executor, transfer, stripeTransferId);
    const open = await findOpenReversal(executor, transfer.id);
    const { amountMinor: partMinor } = order;
    const hasSamePart =
      booked !== undefined &&
      Number.isSafeInteger(partMinor) &&
      partMinor !== undefined &&
      (await hasCompletedPart(executor, booked.stripeTransferId, {
        amountMinor: partMinor,
        reason: ordering.operator.reason,
      }));
    const decision = decideReversal(
      {
        isPaid: transfer.status === 'completed',
        settlementId: transfer.settlementId,
        booked,
        hasOpenReversal: open !== undefined,
        hasSamePart,
      },
      order,
    );
    if (decision.is === 'refused' || booked === undefined) {
      const code = decision.is === 'refused' ? decision.code : 'other_stripe_transfer';
      return {
        is: 'refused',
        code,
        text: REVERSAL_REFUSAL_TEXTS[code],
        reversedMinor: booked?.reversedMinor ?? null,
        ...(code === 'reversal_is_open' && open !== undefined && { openReversalId: open.id }),
      };
    }
    const { amountMinor, reversedBeforeMinor } = decision;
    const { currency } = booked;
    const reversal = await insertReversal(
      executor,
      {
        transferId: transfer.id,
        settlementId: transfer.settlementId,
        stripeTransferId: booked.stripeTransferId,
        amountMinor,
        currency,
        reversedBeforeMinor,
      },
      ordering.operator,
      ordering.platform,
    );
    await recordOrder(executor, ordering.operator, reversal);
    return { is: 'ordered', reversal };
  });
}

/** A payment of this debt as it is booked, with what has come back of it. */
async function findPayment(
  executor: Executor,
  transfer: PayoutTransfer,
  stripeTransferId: string | null,
) {
  const booked =
    stripeTransferId === null ? undefined : await findBookedTransfer(executor, stripeTransferId);
  if (booked?.transferId !== transfer.id) {
    return undefined;
  }
  const reversals = await findBookedReversals(executor, booked);
  return { ...booked, reversedMinor: sumMinor(reversals.map((one) => one.amountMinor)) ?? 0 };
}

async function recordOrder(
  executor: Executor,
  { actor, reason }: Operator,
  reversal: PayoutReversal,
): Promise<void> {
  await recordOperatorAction(executor, {
    action: 'reverse',
    actor,
    reason,
    subject: {
      transferId: reversal.transferId,
      settlementId: reversal.settlementId,
      reversalId: reversal.id,
      stripeTransferId: reversal.stripeTransferId,
      amountMinor: reversal.amountMinor,
      currency: reversal.currency,
      reversedBeforeMinor: reversal.reversedBeforeMinor,
    },
  });
}
