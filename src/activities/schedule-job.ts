import { ApplicationFailure } from '@temporalio/activity';

import { FAILURE_TYPES, type ScheduledJob } from '../domain/contracts';
import { isBeforeSending } from '../domain/funds';
import { inTransaction } from '../db/database';
import { readPayoutClock } from '../db/payout-clock';
import { findJobById, updateJobRun, wantStripeList } from '../db/payout-jobs';
import { blockTransfersWithoutAccount } from '../db/transfer-moves';
import { schedulePayoutJob } from '../db/schedule-payout-job';
import { findSettlement } from '../db/settlements';
import { isApprovalWanted } from './check-approval';
import type { ActivityDependencies } from './dependencies';
import { progressOf } from './job-progress';
import { pauseOf } from './pause-in-force';

export interface ScheduleJobInput {
  readonly settlementId: string;
  readonly contentHash: string;
  readonly runId: string;
  /** A run that goes on where another left off has read Stripe's list already. */
  readonly isContinued: boolean;
}

/**
 * Makes sure that the job and its transfers exist, and marks winners without an account as blocked: one transaction,
 * safe to repeat and to race. A job that has not sent before begins when `checkApproval` and `checkFunds` let it.
 *
 * @throws ApplicationFailure `SettlementConflict`, not retried: the settlement has other content than the job was
 *   started for, or is not recorded
 */
export async function scheduleJob(
  dependencies: ActivityDependencies,
  input: ScheduleJobInput,
): Promise<ScheduledJob> {
  const { database, platform } = dependencies;
  return inTransaction(database, async (transaction) => {
    const settlement = await findSettlement(transaction, input.settlementId);
    if (settlement?.contentHash !== input.contentHash) {
      throw ApplicationFailure.nonRetryable(
        `settlement ${input.settlementId} is not recorded with the content this job was started for`,
        FAILURE_TYPES.settlementConflict,
      );
    }
    const { job } = await schedulePayoutJob(transaction, input.settlementId, {
      ...dependencies,
      installationId: platform.installationId,
    });
    await blockTransfersWithoutAccount(transaction, job.id);
    await updateJobRun(transaction, job.id, input.runId);
    if (!input.isContinued) {
      // Whoever starts a job may have restored the database before (M11).
      await wantStripeList(transaction, job.id);
    }
    const nowMs = (await readPayoutClock(transaction)).getTime();
    const begun = (await findJobById(transaction, job.id)) ?? job;
    return {
      jobId: job.id,
      progress: await progressOf(transaction, begun),
      listIsWanted: begun.stripeListWantedAt !== null,
      fundsAreWanted: isBeforeSending(begun.status),
      ...(isApprovalWanted(begun, nowMs) && { approvalIsWanted: true }),
      pause: await pauseOf(transaction, input.settlementId),
    };
  });
}
