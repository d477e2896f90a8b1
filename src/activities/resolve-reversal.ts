import type { ResolveRefusal } from '../domain/manual-resolution';
import type { Operator } from '../domain/operator-reason';
import { inTransaction, type Executor } from '../db/database';
import { findBookedReversals, findBookedTransfer } from '../db/ledger';
import { recordOperatorAction } from '../db/operator-actions';
import { resolveReversalAttempts } from '../db/payout-reversal-attempts';
import {
  findReversalsOfTransfer,
  lockReversal,
  markReversalCompleted,
  type PayoutReversal,
} from '../db/payout-reversals';
import type { PayoutTransfer } from '../db/payout-transfers';
import { lockTransfer } from '../db/transfer-moves';
import { listReversals, type ListedReversal } from '../stripe/list-reversals';
import { retrieveTransfer } from '../stripe/retrieve-transfer';
import { bookReversals } from './book-reversals';
import type { ActivityDependencies } from './dependencies';

type Dependencies = Pick<ActivityDependencies, 'database' | 'stripe'>;

export type ResolveReversalAnswer =
  | { readonly is: 'resolved'; readonly reversal: PayoutReversal }
  | { readonly is: 'refused'; readonly why: ResolveRefusal };

/** A reversal at Stripe, and the order of ours that its metadata names. */
interface NamedOrder {
  readonly order: PayoutReversal;
  readonly listed: ListedReversal;
}

/**
 * Records what an operator says: this Stripe reversal is what came of an order, although it has another amount. Looked up
 * at Stripe first, and all that came back is booked, which ends other orders that it shows to be done. Nothing is sent.
 * Safe to repeat.
 *
 * @throws StripeUnreachableError, StripeRefusedError when Stripe could not be asked
 */
export async function resolveReversal(
  dependencies: Dependencies,
  transfer: Pick<PayoutTransfer, 'id'>,
  { stripeReversalId, ...operator }: Operator & { readonly stripeReversalId: string },
): Promise<ResolveReversalAnswer> {
  const named = await findNamedOrder(dependencies, transfer, stripeReversalId);
  if (typeof named === 'string') {
    return { is: 'refused', why: named };
  }
  if (!(await isBooked(dependencies, named))) {
    return { is: 'refused', why: 'reversal_not_booked' };
  }
  return inTransaction(dependencies.database, async (executor) => {
    await lockTransfer(executor, transfer.id);
    const order = await lockReversal(executor, named.order.id);
    if (order.status === 'completed') {
      return order.stripeReversalId === stripeReversalId
        ? { is: 'resolved', reversal: order }
        : { is: 'refused', why: 'reversal_has_ended' };
    }
    if (order.status !== 'unknown' && order.status !== 'refused') {
      return { is: 'refused', why: 'still_under_way' };
    }
    return { is: 'resolved', reversal: await settle(executor, order, named.listed, operator) };
  });
}

async function findNamedOrder(
  { database, stripe }: Dependencies,
  { id }: Pick<PayoutTransfer, 'id'>,
  stripeReversalId: string,
): Promise<NamedOrder | ResolveRefusal> {
  const orders = await findReversalsOfTransfer(database, id);
  if (orders.length === 0) {
    return 'no_reversal_ordered';
  }
  for (const stripeTransferId of new Set(orders.map((order) => order.stripeTransferId))) {
    const all = await listReversals(stripe, stripeTransferId);
    const listed = all.find((reversal) => reversal.id === stripeReversalId);
    if (listed !== undefined) {
      const order = orders.find((one) => one.id === listed.payoutReversalId);
      return order === undefined ? 'of_another_reversal' : { order, listed };
    }
  }
  return 'no_such_stripe_reversal';
}

/** Books what came back, as every look does; an order whose reversal is as it was ordered ends with it. */
async function isBooked(
  dependencies: Dependencies,
  { listed, order: { stripeTransferId } }: NamedOrder,
): Promise<boolean> {
  const booked = await findBookedTransfer(dependencies.database, stripeTransferId);
  const found = await retrieveTransfer(dependencies.stripe, stripeTransferId);
  if (booked === undefined || found === undefined) {
    return false;
  }
  const before = await findBookedReversals(dependencies.database, booked);
  await bookReversals(dependencies, booked, found, before);
  const after = await findBookedReversals(dependencies.database, booked);
  return after.some(
    ({ amountMinor, id }) => id === listed.id && amountMinor === listed.amountMinor,
  );
}

/** The order ends with what came back instead of its amount, and every send of its key has made this reversal. */
async function settle(
  executor: Executor,
  order: PayoutReversal,
  { amountMinor: cameBackMinor, id: stripeReversalId }: ListedReversal,
  operator: Operator,
): Promise<PayoutReversal> {
  await resolveReversalAttempts(executor, order.id, { stripeReversalId });
  await recordOperatorAction(executor, {
    action: 'resolve_reversal',
    ...operator,
    subject: {
      transferId: order.transferId,
      settlementId: order.settlementId,
      reversalId: order.id,
      stripeTransferId: order.stripeTransferId,
      stripeReversalId,
      amountMinor: order.amountMinor,
      cameBackMinor,
    },
  });
  return markReversalCompleted(executor, order, stripeReversalId, cameBackMinor);
}
