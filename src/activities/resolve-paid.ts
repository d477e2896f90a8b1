import {
  refusalOfPayment,
  resolveRefusalOfStatus,
  type ResolveRefusal,
} from '../domain/manual-resolution';
import type { Operator } from '../domain/operator-reason';
import { inTransaction, type Executor } from '../db/database';
import { recordOperatorAction } from '../db/operator-actions';
import { findGenerations } from '../db/payout-generations';
import { findTransferPaidBy, type PayoutTransfer } from '../db/payout-transfers';
import { lockTransfer } from '../db/transfer-moves';
import { retrieveTransfer, type RetrievedTransfer } from '../stripe/retrieve-transfer';
import { attemptOf, isPaymentOf, possibleSends } from './adopt-listed-transfer';
import type { ActivityDependencies } from './dependencies';
import { settleCreatedTransfer } from './settle-created-transfer';

type Dependencies = Pick<ActivityDependencies, 'database' | 'platform' | 'stripe'>;

/**
 * Records what an operator says: this Stripe transfer paid the unknown payment. Compared with Stripe in every point
 * first; nothing is sent. Safe to repeat: the second time it is paid already.
 *
 * @throws StripeUnreachableError, StripeRefusedError when Stripe could not be asked; nothing was changed
 */
export async function resolvePaid(
  dependencies: Dependencies,
  seen: PayoutTransfer,
  order: Operator & { readonly stripeTransferId: string },
): Promise<'completed' | ResolveRefusal> {
  const known = resolveRefusalOfStatus(seen.status);
  if (known !== undefined) {
    return known;
  }
  const { stripeTransferId } = order;
  const retrieved = await retrieveTransfer(dependencies.stripe, stripeTransferId);
  if (retrieved === undefined) {
    return 'no_such_stripe_transfer';
  }
  if (!isPaymentOf(retrieved, seen.id, dependencies.platform)) {
    return 'of_another_payment';
  }
  return inTransaction(dependencies.database, async (executor) => {
    const transfer = await lockTransfer(executor, seen.id);
    const refusal =
      resolveRefusalOfStatus(transfer.status) ??
      (await comparePayment(executor, transfer, retrieved, dependencies));
    if (refusal !== undefined) {
      return refusal;
    }
    await settle(executor, transfer, retrieved, dependencies);
    const { actor, reason } = order;
    await recordOperatorAction(executor, {
      action: 'resolve_paid',
      actor,
      reason,
      subject: {
        transferId: transfer.id,
        settlementId: transfer.settlementId,
        stripeTransferId,
        failureReason: transfer.failureReason,
        attemptCount: transfer.attemptCount,
      },
    });
    return 'completed';
  });
}

async function comparePayment(
  executor: Executor,
  transfer: PayoutTransfer,
  retrieved: RetrievedTransfer,
  { platform }: Dependencies,
): Promise<ResolveRefusal | undefined> {
  if ((await findTransferPaidBy(executor, retrieved.id)) !== undefined) {
    return 'pays_another';
  }
  const { amountMinor, currency } = transfer;
  const sends = await sendsOf(executor, transfer, { platform });
  const destinations = sends.map(({ destination }) => destination);
  return refusalOfPayment(retrieved, {
    amountMinor,
    currency,
    livemode: platform.livemode,
    destinations,
  });
}

/** The generations, newest first; where none was ever frozen, what would be sent today. */
async function sendsOf(
  executor: Executor,
  transfer: PayoutTransfer,
  { platform }: Pick<Dependencies, 'platform'>,
) {
  const generations = await findGenerations(executor, transfer.id);
  const sends = await possibleSends(executor, transfer, generations, platform);
  const frozen = sends.filter(({ generation }) => generation > 0);
  return frozen.length > 0 ? frozen : sends;
}

async function settle(
  executor: Executor,
  transfer: PayoutTransfer,
  { destination, id: stripeTransferId }: RetrievedTransfer,
  dependencies: Dependencies,
): Promise<void> {
  const sends = await sendsOf(executor, transfer, dependencies);
  const generation = sends.find((send) => send.destination === destination)?.generation ?? 0;
  const attemptNumber = await attemptOf(executor, transfer, generation);
  await settleCreatedTransfer(executor, transfer, { stripeTransferId, attemptNumber, generation });
}
