import type { RetryAnswer } from '../domain/contracts';
import { retryRefusal, type RetryFacts } from '../domain/manual-retry';
import { inTransaction, type Executor } from '../db/database';
import { isPaused } from '../db/payout-controls';
import { reopenJob, wantStripeList } from '../db/payout-jobs';
import type { PayoutTransfer } from '../db/payout-transfers';
import { lockTransfer, markRetriedByOperator } from '../db/transfer-moves';
import { askAtOnce, findUserStripeAccount } from '../db/user-stripe-accounts';
import type { ActivityDependencies } from './dependencies';
import { readSeenFacts, recordOrder, type OperatorOrder } from './operator-order';

/**
 * Gives a transfer that is proven unpaid a new try and a new allowance of attempts, for an operator, in one
 * transaction: transfer, job and the record of who asked. Nothing is sent here; the run has to be told after it.
 *
 * Safe to repeat: compared with what the operator saw, so that of any number of clicks one retries.
 */
export async function retryTransfer(
  { database, maxAttempts }: Pick<ActivityDependencies, 'database' | 'maxAttempts'>,
  order: OperatorOrder,
): Promise<RetryAnswer> {
  return inTransaction(database, async (executor) => {
    const transfer = await lockTransfer(executor, order.transferId);
    const refusal = retryRefusal(await readFacts(executor, transfer), order);
    if (refusal !== undefined) {
      return refusal;
    }
    await markRetriedByOperator(executor, transfer, maxAttempts);
    await askAtOnce(executor, transfer.userId);
    await reopenJob(executor, transfer.payoutJobId);
    // An operator may have restored the database before: its list is read before anything is sent anew (M11).
    await wantStripeList(executor, transfer.payoutJobId);
    await recordOrder(executor, transfer, order, 'retry');
    return 'retried';
  });
}

async function readFacts(executor: Executor, transfer: PayoutTransfer): Promise<RetryFacts> {
  return {
    ...(await readSeenFacts(executor, transfer)),
    isCancelRequested: transfer.cancelRequestedAt !== null,
    isPaused: await isPaused(executor, transfer.settlementId),
    hasAccount: (await findUserStripeAccount(executor, transfer.userId)) !== undefined,
  };
}
