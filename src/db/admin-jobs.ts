import { and, eq, ne, or, sql } from 'drizzle-orm';

import type { Executor } from './database';
import { adminJobs } from './schema';

export type AdminJob = typeof adminJobs.$inferSelect;

/** What `failure` says of a run that ended without a word: it crashed, was terminated or ran out of time. */
export const ENDED_WITHOUT_RESULT = 'ended_without_result';

export interface RegisteredJob {
  readonly name: string;
  /** For people, such as `every 5 minutes`. */
  readonly schedule: string;
}

/** Registers recurring work by its name. Safe to repeat and to race; what is known of its runs stays. */
export async function registerJob(
  executor: Executor,
  { name, schedule }: RegisteredJob,
): Promise<void> {
  await executor
    .insert(adminJobs)
    .values({ name, schedule })
    .onConflictDoUpdate({
      target: adminJobs.name,
      set: { schedule },
      setWhere: ne(adminJobs.schedule, schedule),
    });
}

/**
 * Records that a run begins. Runs of one name follow one another, so one that is still called running has ended without
 * a word: it is counted as failed, and `failure` says so until this run ends. Safe to repeat for the same run.
 *
 * @throws Error when nothing of this name is registered
 */
export async function markJobRunning(
  executor: Executor,
  name: string,
  runId: string,
): Promise<AdminJob> {
  const wasLeft = sql`${adminJobs.status} = 'running'`;
  await executor
    .update(adminJobs)
    .set({
      status: 'running',
      runId,
      startedAt: sql`payout_now()`,
      runCount: sql`${adminJobs.runCount} + 1`,
      failedRunCount: sql`${adminJobs.failedRunCount} + case when ${wasLeft} then 1 else 0 end`,
      failure: sql`case when ${wasLeft} then ${ENDED_WITHOUT_RESULT} else ${adminJobs.failure} end`,
      finishedAt: sql`case when ${wasLeft} then payout_now() else ${adminJobs.finishedAt} end`,
      counts: sql`case when ${wasLeft} then null else ${adminJobs.counts} end`,
    })
    .where(
      and(
        eq(adminJobs.name, name),
        or(ne(adminJobs.status, 'running'), sql`${adminJobs.runId} is distinct from ${runId}`),
      ),
    );
  const job = await findAdminJob(executor, name);
  if (job === undefined) {
    throw new Error(`no recurring work is registered as ${name}; run \`payouts setup\``);
  }
  return job;
}

/** How a run ended. */
export interface AdminJobRunEnd {
  readonly runId: string;
  /** A code; null when it succeeded. */
  readonly failure: string | null;
  readonly counts: Readonly<Record<string, number>>;
  /** Where the next run goes on; null: at the beginning. */
  readonly resumeAfter: string | null;
}

/**
 * Records how a run ended. Safe to repeat; the end of a run that another one has taken the place of changes nothing.
 * @returns whether this call recorded it
 */
export async function updateJobStatus(
  executor: Executor,
  name: string,
  { counts, failure, resumeAfter, runId }: AdminJobRunEnd,
): Promise<boolean> {
  const isFailed = failure !== null;
  const ended = await executor
    .update(adminJobs)
    .set({
      status: isFailed ? 'failed' : 'succeeded',
      finishedAt: sql`payout_now()`,
      ...(!isFailed && { succeededAt: sql`payout_now()` }),
      failedRunCount: sql`${adminJobs.failedRunCount} + ${isFailed ? 1 : 0}`,
      counts,
      failure,
      resumeAfter,
    })
    .where(
      and(eq(adminJobs.name, name), eq(adminJobs.status, 'running'), eq(adminJobs.runId, runId)),
    )
    .returning({ name: adminJobs.name });
  return ended.length > 0;
}

export async function findAdminJob(
  executor: Executor,
  name: string,
): Promise<AdminJob | undefined> {
  const [job] = await executor.select().from(adminJobs).where(eq(adminJobs.name, name));
  return job;
}
