import type { JobCheck } from '../domain/contracts';
import { completeJobWhenTerminal, findJobById } from '../db/payout-jobs';
import { findSendingTransfers } from '../db/payout-transfers';
import type { ActivityDependencies } from './dependencies';
import { progressOf } from './job-progress';
import { pauseOf } from './pause-in-force';

export interface CheckJobInput {
  readonly jobId: string;
  /** The transfers that the job believes are on their way; at most a window full. */
  readonly sending: readonly string[];
}

/** Completes the job if every transfer is terminal, and tells how it stands. Safe to repeat. */
export async function checkJob(
  dependencies: ActivityDependencies,
  input: CheckJobInput,
): Promise<JobCheck> {
  const { database } = dependencies;
  await completeJobWhenTerminal(database, input.jobId);
  const job = await findJobById(database, input.jobId);
  if (job === undefined) {
    throw new Error(`payout job ${input.jobId} does not exist`);
  }
  return {
    progress: await progressOf(database, job),
    sending: await findSendingTransfers(database, input.sending),
    listIsWanted: job.stripeListWantedAt !== null && job.status !== 'complete',
    pause: await pauseOf(database, job.settlementId),
  };
}
