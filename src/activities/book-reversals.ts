import { reversalLedgerKey } from '../domain/ids';
import { reversalPosting } from '../domain/ledger';
import { sumMinor } from '../domain/money';
import { judgeReversals, type Reversal } from '../domain/reversals';
import { inTransaction, type Executor } from '../db/database';
import {
  findBookedReversals,
  findBookedTransfer,
  postLedger,
  type BookedTransfer,
} from '../db/ledger';
import { resolveReversalAttempts } from '../db/payout-reversal-attempts';
import {
  lockReversalsOf,
  markReversalCompleted,
  type PayoutReversal,
} from '../db/payout-reversals';
import type { PayoutTransfer } from '../db/payout-transfers';
import { lockTransfer, recordReversed } from '../db/transfer-moves';
import type { ListedTransfer } from '../stripe/list-transfers';
import { listReversals, type ListedReversal } from '../stripe/list-reversals';
import type { ActivityDependencies } from './dependencies';
import { raiseAlarm } from './settle-created-transfer';

/** The list of reversals does not show yet what the transfer itself says came back; another look will. */
export class ReversalsNotListedError extends Error {
  override readonly name = 'ReversalsNotListedError';
  constructor(stripeTransferId: string) {
    super(`not every reversal of ${stripeTransferId} is listed yet`);
  }
}

/** What came of it; the first two are how it should be, the others stopped the settlement for a person. */
export type ReversalsBooked =
  | 'reversal_booked'
  | 'reversals_known'
  | 'order_differs'
  | 'over_reversed'
  | 'reversal_differs'
  | 'reversal_not_at_stripe';

/**
 * Books what came back of a transfer, each reversal once by Stripe's id, with the row's `amount_reversed` in the same
 * transaction. The transfer stays paid: paying again is a new award. Safe to repeat and to race.
 *
 * What came back of a second transfer for a debt is booked too; the row tells only of the one that paid it. An order of
 * ours that a listed reversal names is completed with its booking; one that somebody made elsewhere completes none.
 * @param bookedBefore ids that the ledger had before Stripe was asked anything
 * @throws ReversalsNotListedError, StripeUnreachableError, StripeRefusedError
 */
export async function bookReversals(
  { database, stripe }: Pick<ActivityDependencies, 'database' | 'stripe'>,
  booked: BookedTransfer,
  found: ListedTransfer,
  bookedBefore: readonly Reversal[],
): Promise<ReversalsBooked> {
  const listed = await listReversals(stripe, found.id);
  const listedMinor = sumMinor(listed.map(({ amountMinor }) => amountMinor)) ?? 0;
  if (listedMinor < found.amountReversedMinor) {
    throw new ReversalsNotListedError(found.id);
  }
  return inTransaction(database, async (executor) => {
    const transfer = await lockTransfer(executor, booked.transferId);
    const verdict = judgeReversals(
      booked,
      listed,
      await findBookedReversals(executor, booked),
      bookedBefore.map(({ id }) => id),
    );
    if (verdict.is === 'alarm') {
      await raiseAlarm(executor, booked.settlementId, `${verdict.reason}:${found.id}`);
      return verdict.reason;
    }
    await postFresh(executor, transfer, booked, verdict);
    if (!(await completeOrders(executor, booked, listed))) {
      return 'order_differs';
    }
    return verdict.fresh.length > 0 ? 'reversal_booked' : 'reversals_known';
  });
}

/**
 * Books the reversal that Stripe answered a send of ours with, and ends its order, in the caller's transaction under the
 * locks of both rows. The same news again changes nothing.
 * @returns the order as it is now; one that would bring more back than was paid stays open for a look at Stripe
 */
export async function bookCreatedReversal(
  executor: Executor,
  transfer: PayoutTransfer,
  order: PayoutReversal,
  stripeReversalId: string,
): Promise<PayoutReversal> {
  const booked = await findBookedTransfer(executor, order.stripeTransferId);
  if (booked === undefined) {
    throw new Error(`Stripe transfer ${order.stripeTransferId} of a reversal is not booked`);
  }
  const { amountMinor, currency } = order;
  const created = { id: stripeReversalId, amountMinor, currency, payoutReversalId: order.id };
  const verdict = judgeReversals(
    booked,
    [created],
    await findBookedReversals(executor, booked),
    [],
  );
  if (verdict.is === 'alarm') {
    await raiseAlarm(executor, booked.settlementId, `${verdict.reason}:${order.stripeTransferId}`);
    return order;
  }
  await postFresh(executor, transfer, booked, verdict);
  return completeOrder(executor, order, created);
}

async function postFresh(
  executor: Executor,
  transfer: PayoutTransfer,
  booked: BookedTransfer,
  { fresh, reversedMinor }: { readonly fresh: readonly Reversal[]; readonly reversedMinor: number },
): Promise<void> {
  for (const reversal of fresh) {
    await postReversal(executor, booked, reversal);
  }
  if (
    transfer.stripeTransferId === booked.stripeTransferId &&
    transfer.amountReversedMinor !== reversedMinor
  ) {
    await recordReversed(executor, transfer, reversedMinor);
  }
}

/**
 * The orders of ours that the listed reversals name come to their end with them, whoever learns of it first.
 * @returns whether what is listed is what was ordered
 */
async function completeOrders(
  executor: Executor,
  { stripeTransferId }: BookedTransfer,
  listed: readonly ListedReversal[],
): Promise<boolean> {
  let isAsOrdered = true;
  const orders = await lockReversalsOf(
    executor,
    stripeTransferId,
    listed.flatMap(({ payoutReversalId }) => payoutReversalId ?? []),
  );
  for (const order of orders) {
    const [first, second] = listed
      .filter(({ payoutReversalId }) => payoutReversalId === order.id)
      .reverse();
    if (first !== undefined) {
      const { status } = await completeOrder(executor, order, first);
      isAsOrdered &&= status === 'completed';
    }
    if (second !== undefined) {
      await raiseAlarm(executor, order.settlementId, `duplicate_stripe_reversal:${order.id}`);
    }
  }
  return isAsOrdered;
}

async function completeOrder(
  executor: Executor,
  order: PayoutReversal,
  { amountMinor, currency, id: stripeReversalId }: Reversal,
): Promise<PayoutReversal> {
  // An operator may have accepted another amount.
  const expectedMinor = order.cameBackMinor ?? order.amountMinor;
  if (amountMinor !== expectedMinor || currency !== order.currency) {
    await raiseAlarm(executor, order.settlementId, `unknown_other_reversal:${order.id}`);
    return order;
  }
  // Every send of one key is one reversal at Stripe, so this one speaks for the lost ones too.
  await resolveReversalAttempts(executor, order.id, { stripeReversalId });
  if (order.status !== 'completed') {
    return markReversalCompleted(executor, order, stripeReversalId);
  }
  if (order.stripeReversalId !== stripeReversalId) {
    await raiseAlarm(executor, order.settlementId, `duplicate_stripe_reversal:${order.id}`);
  }
  return order;
}

async function postReversal(
  executor: Executor,
  { settlementId, stripeTransferId, transferId }: BookedTransfer,
  { amountMinor, currency, id }: Reversal,
): Promise<void> {
  await postLedger(executor, {
    idempotencyKey: reversalLedgerKey(id),
    kind: 'reversal',
    settlementId,
    transferId,
    stripeTransferId,
    entries: reversalPosting(amountMinor, currency),
  });
}
