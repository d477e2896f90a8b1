import { transferGroup } from '../domain/ids';
import { STRIPE_ACTIVITY_TIMEOUT_MS, STRIPE_KEY_RETENTION_MS } from '../domain/limits';
import { resolveRefusalOfStatus, type ResolveRefusal } from '../domain/manual-resolution';
import type { Operator } from '../domain/operator-reason';
import { isAllBack } from '../domain/reconciliation';
import { inTransaction, type Executor } from '../db/database';
import { recordOperatorAction } from '../db/operator-actions';
import { findAttempts } from '../db/payout-attempts';
import { readPayoutClock } from '../db/payout-clock';
import type { Installation } from '../db/installation';
import { closeGeneration, findGenerations, findOpenGeneration } from '../db/payout-generations';
import { wantStripeList } from '../db/payout-jobs';
import type { PayoutTransfer } from '../db/payout-transfers';
import { lockTransfer, markResolvedUnpaid } from '../db/transfer-moves';
import { listTransfersOfGroup } from '../stripe/list-transfers';
import { isPaymentOf, possibleSends, RESOLVED_UNPAID } from './adopt-listed-transfer';
import { proveUnpaid } from './conclude-claim';
import type { ActivityDependencies } from './dependencies';
import { honourCancelRequest } from './honour-cancel-request';
import { openNextGeneration } from './open-next-generation';

type Dependencies = Pick<ActivityDependencies, 'database' | 'platform' | 'stripe'>;

export type UnpaidResolution =
  | {
      /** Cancelled where an operator had asked for that before. */
      readonly is: 'retryable' | 'cancelled';
      /** The last send is so young that Stripe may still complete it; that would be a second payment. */
      readonly mayStillBePaid: boolean;
    }
  | { readonly is: 'refused'; readonly why: ResolveRefusal; readonly stripeTransferId?: string };

/**
 * Records what an operator says: the unknown payment was not made. Stripe's whole list of the settlement is read first,
 * and the old key is closed in the transaction that says so, so that it is never sent again; the next claim opens another.
 * Nothing is sent here. Safe to repeat: the second time it is not unknown any more.
 *
 * @throws StripeUnreachableError, StripeRefusedError when Stripe could not be asked; nothing was changed
 */
export async function resolveUnpaid(
  dependencies: Dependencies,
  seen: PayoutTransfer,
  operator: Operator,
): Promise<UnpaidResolution> {
  const known = resolveRefusalOfStatus(seen.status);
  if (known !== undefined) {
    return { is: 'refused', why: known };
  }
  const paidBy = await findPayment(dependencies, seen);
  if (paidBy !== undefined) {
    return { is: 'refused', why: 'paid_at_stripe', stripeTransferId: paidBy };
  }
  return inTransaction(dependencies.database, async (executor) => {
    const transfer = await lockTransfer(executor, seen.id);
    const hasMoved =
      transfer.status !== seen.status ||
      transfer.attemptCount !== seen.attemptCount ||
      transfer.claimNumber !== seen.claimNumber;
    if (hasMoved) {
      return { is: 'refused', why: 'moved_since' };
    }
    const sends = await readSends(executor, transfer);
    if (sends.isUnderWay) {
      return { is: 'refused', why: 'still_under_way' };
    }
    const { platform } = dependencies;
    const declared = await declareUnpaid(executor, transfer, { ...operator, platform });
    const is = declared.status === 'cancelled' ? 'cancelled' : 'retryable';
    return { is, mayStillBePaid: sends.isYoung };
  });
}

/** A Stripe transfer for this payment whose money is out, at least in part. */
async function findPayment(
  { platform, stripe }: Dependencies,
  transfer: PayoutTransfer,
): Promise<string | undefined> {
  const group = { transferGroup: transferGroup(transfer.settlementId) };
  for await (const listed of listTransfersOfGroup(stripe, group)) {
    if (!isAllBack(listed) && isPaymentOf(listed, transfer.id, platform)) {
      return listed.id;
    }
  }
  return undefined;
}

async function readSends(executor: Executor, transfer: PayoutTransfer) {
  const nowMs = (await readPayoutClock(executor)).getTime();
  const attempts = await findAttempts(executor, transfer.id);
  const ageMs = (sentAt: Date) => nowMs - sentAt.getTime();
  return {
    isUnderWay: attempts.some(
      ({ answeredAt, sentAt }) => answeredAt === null && ageMs(sentAt) < STRIPE_ACTIVITY_TIMEOUT_MS,
    ),
    isYoung: attempts.some(({ sentAt }) => ageMs(sentAt) < STRIPE_KEY_RETENTION_MS),
  };
}

/**
 * Ends the open key for ever. Where none is open, the next one is given up unsent: a send of it that this database has
 * lost would be answered by Stripe with what the person has just ruled out, and the date of the decision is kept with it.
 */
async function endKey(
  executor: Executor,
  transfer: PayoutTransfer,
  platform: Installation,
): Promise<{ readonly generation: number }> {
  const open = await findOpenGeneration(executor, transfer.id);
  if (open !== undefined) {
    await closeGeneration(executor, open, RESOLVED_UNPAID);
    return open;
  }
  const generations = await findGenerations(executor, transfer.id);
  const [send] = await possibleSends(executor, transfer, generations, platform);
  if (send === undefined) {
    // Never claimed, and no account to send to: there is no key that could have paid.
    return transfer;
  }
  const next = await openNextGeneration(executor, transfer, platform, send.destination);
  await closeGeneration(executor, next, RESOLVED_UNPAID);
  return next;
}

async function declareUnpaid(
  executor: Executor,
  transfer: PayoutTransfer,
  { actor, platform, reason }: Operator & Pick<Dependencies, 'platform'>,
): Promise<PayoutTransfer> {
  await proveUnpaid(executor, transfer);
  const ended = await endKey(executor, transfer, platform);
  const resolved = await markResolvedUnpaid(executor, transfer, ended.generation);
  await wantStripeList(executor, transfer.payoutJobId);
  await recordOperatorAction(executor, {
    action: 'resolve_unpaid',
    actor,
    reason,
    subject: {
      transferId: transfer.id,
      settlementId: transfer.settlementId,
      failureReason: transfer.failureReason,
      attemptCount: transfer.attemptCount,
    },
  });
  return honourCancelRequest(executor, resolved);
}
