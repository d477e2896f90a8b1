import {
  findAdminJob,
  markJobRunning,
  registerJob,
  updateJobStatus,
  type AdminJobRunEnd,
  type RegisteredJob,
} from '../db/admin-jobs';
import type { Executor } from '../db/database';
import { MINUTE_MS } from '../domain/durations';
import { SWEEP_ID, SWEEP_NOW_ID } from '../domain/ids';
import { SWEEP_EVERY_MS } from '../domain/limits';
import type { ActivityDependencies } from './dependencies';

/**
 * Two rows, since the runs of one must follow one another and a run that somebody asks for may meet the schedule's; so
 * a healthy answer to a person never hides that the schedule has stopped.
 */
const SWEEPS: readonly RegisteredJob[] = [
  { name: SWEEP_ID, schedule: `every ${(SWEEP_EVERY_MS / MINUTE_MS).toString()} minutes` },
  { name: SWEEP_NOW_ID, schedule: 'when asked for' },
];

/** Registers the sweeps. Safe to repeat and to race. */
export async function registerSweeps(executor: Executor): Promise<void> {
  for (const sweep of SWEEPS) {
    await registerJob(executor, sweep);
  }
}

export interface SweepRun {
  readonly registeredAs: string;
  readonly runId: string;
}

/** Records that a sweep begins. @returns the job after which it goes on where the one before it left off */
export async function beginSweep(
  { database }: Pick<ActivityDependencies, 'database'>,
  { registeredAs, runId }: SweepRun,
): Promise<{ afterJobId: string | null }> {
  if ((await findAdminJob(database, registeredAs)) === undefined) {
    // An installation that was set up before there was a registry.
    await registerSweeps(database);
  }
  const { resumeAfter } = await markJobRunning(database, registeredAs, runId);
  return { afterJobId: resumeAfter };
}

/** Records how a sweep ended. Safe to repeat. */
export async function endSweep(
  { database }: Pick<ActivityDependencies, 'database'>,
  { registeredAs, ...end }: SweepRun & AdminJobRunEnd,
): Promise<void> {
  await updateJobStatus(database, registeredAs, end);
}
