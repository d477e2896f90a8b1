import type { ApprovalCheck } from '../domain/contracts';
import { JOB_IDLE_LOOK_MS } from '../domain/limits';
import { isBeforeSending } from '../domain/funds';
import { isHeld } from '../domain/send-gate';
import type { Executor } from '../db/database';
import { readPayoutClock } from '../db/payout-clock';
import { findJobById, movePayoutJob, type PayoutJob } from '../db/payout-jobs';
import type { ActivityDependencies } from './dependencies';
import { progressOf } from './job-progress';

export interface CheckApprovalInput {
  readonly jobId: string;
}

/** A timer that is a moment early by Postgres's clock would otherwise come back at once, again and again. */
const LOOK_AGAIN_SOONEST_MS = 1_000;

/**
 * Lets a job go on to its funds, or wait for an approval or for the end of its hold (design §3). Safe to repeat.
 *
 * It is politeness and no guard: claim and `beginSend` ask the same of every transfer (M13).
 */
export async function checkApproval(
  { database }: Pick<ActivityDependencies, 'database'>,
  { jobId }: CheckApprovalInput,
): Promise<ApprovalCheck> {
  const job = await readJob(database, jobId);
  const lookAgainInMs = isBeforeSending(job.status)
    ? untilNextLook(job, (await readPayoutClock(database)).getTime())
    : null;
  if (lookAgainInMs !== null) {
    await movePayoutJob(database, jobId, 'awaiting_approval');
  }
  return { progress: await progressOf(database, await readJob(database, jobId)), lookAgainInMs };
}

/** Whether a job that has not begun has to wait at this gate. */
export function isApprovalWanted(
  job: Pick<PayoutJob, 'approval' | 'heldUntil' | 'status'>,
  nowMs: number,
): boolean {
  return isBeforeSending(job.status) && untilNextLook(job, nowMs) !== null;
}

function untilNextLook(
  { approval, heldUntil }: Pick<PayoutJob, 'approval' | 'heldUntil'>,
  nowMs: number,
): number | null {
  if (approval === 'required') {
    return JOB_IDLE_LOOK_MS;
  }
  const heldUntilMs = heldUntil?.getTime() ?? null;
  return heldUntilMs !== null && isHeld(heldUntilMs, nowMs)
    ? Math.max(heldUntilMs - nowMs, LOOK_AGAIN_SOONEST_MS)
    : null;
}

async function readJob(executor: Executor, jobId: string): Promise<PayoutJob> {
  const job = await findJobById(executor, jobId);
  if (job === undefined) {
    throw new Error(`payout job ${jobId} does not exist`);
  }
  return job;
}
