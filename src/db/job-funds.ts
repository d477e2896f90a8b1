import { and, eq, inArray, ne, or, sql } from 'drizzle-orm';

import { isBeforeSending, type OwedSum } from '../domain/funds';
import { JOB_STATUSES } from '../domain/job-state';
import type { Executor } from './database';
import { payoutJobs, payoutTransfers } from './schema';
import type { PayoutJob } from './payout-jobs';

/**
 * What this job and the other open jobs of its currency still owe, by job and state. Who is served first is decided
 * elsewhere; the order of the queue is Postgres's.
 */
export async function findOwedSums(executor: Executor, job: PayoutJob): Promise<OwedSum[]> {
  const isOfThisJob = sql<boolean>`${payoutJobs.id} = ${job.id}`;
  // By the rows themselves: a time that went through JavaScript has lost its microseconds.
  const isBefore = sql<boolean>`(${payoutJobs.createdAt}, ${payoutJobs.id}) <
    (select own.created_at, own.id from payout_jobs as own where own.id = ${job.id})`;
  const rows = await executor
    .select({
      isOfThisJob,
      jobStatus: payoutJobs.status,
      isBefore,
      status: payoutTransfers.status,
      failureClass: payoutTransfers.failureClass,
      sumMinor: sql<string>`sum(${payoutTransfers.amountMinor})`,
    })
    .from(payoutJobs)
    .innerJoin(payoutTransfers, eq(payoutTransfers.payoutJobId, payoutJobs.id))
    .where(
      and(
        eq(payoutJobs.currency, job.currency),
        or(eq(payoutJobs.id, job.id), ne(payoutJobs.status, 'complete')),
      ),
    )
    .groupBy(payoutJobs.id, payoutTransfers.status, payoutTransfers.failureClass);
  return rows.map((row) => ({ ...row, sumMinor: Number(row.sumMinor) }));
}

const BEFORE_SENDING = JOB_STATUSES.filter(isBeforeSending);

/**
 * The job waits for money: what was missing is kept with it. A question that comes before its time, because something
 * has changed, does not make the next wait longer. A job that has begun meanwhile stays as it is.
 * @param waitMs the wait after the last question
 */
export async function awaitFunds(
  executor: Executor,
  jobId: string,
  missing: {
    readonly neededMinor: number;
    readonly availableMinor: number;
    readonly waitMs: number;
  },
): Promise<void> {
  const { availableMinor, neededMinor, waitMs } = missing;
  await executor
    .update(payoutJobs)
    .set({
      status: 'awaiting_funds',
      fundsNeededMinor: neededMinor,
      fundsAvailableMinor: availableMinor,
      fundsAskedAt: sql`payout_now()`,
      fundsAskCount: sql`${payoutJobs.fundsAskCount} + case when ${payoutJobs.fundsAskedAt} is null
        or payout_now() >= ${payoutJobs.fundsAskedAt} + ${waitMs} * interval '1 millisecond' then 1 else 0 end`,
      updatedAt: sql`payout_now()`,
    })
    .where(and(eq(payoutJobs.id, jobId), inArray(payoutJobs.status, BEFORE_SENDING)));
}

/** The job sends from now on, and never waits for money again. */
export async function beginSending(executor: Executor, jobId: string): Promise<void> {
  await executor
    .update(payoutJobs)
    .set({
      status: 'processing',
      fundsNeededMinor: null,
      fundsAvailableMinor: null,
      updatedAt: sql`payout_now()`,
    })
    .where(and(eq(payoutJobs.id, jobId), inArray(payoutJobs.status, BEFORE_SENDING)));
}
