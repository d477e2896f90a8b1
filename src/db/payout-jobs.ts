import { and, asc, eq, gt, inArray, isNull, ne, sql } from 'drizzle-orm';

import type { Approval } from '../domain/approval';
import { JOB_TRANSITIONS, type JobStatus } from '../domain/job-state';
import type { ListAge } from '../domain/send-gate';
import { OPEN_STATUSES } from '../domain/transfer-state';
import { inTransaction, type Database, type Executor } from './database';
import { hashLedger, lockJobForSealing, type LedgerSeal } from './ledger-hash';
import { payoutJobs, payoutTransfers } from './schema';
import { jobIdOf } from './transfer-id';

export type PayoutJob = typeof payoutJobs.$inferSelect;

export interface NewPayoutJob {
  readonly settlementId: string;
  readonly contestId: string;
  readonly currency: string;
  readonly totalMinor: number;
  readonly approval?: Exclude<Approval, 'approved'>;
  /** For how long nothing of it is sent. */
  readonly holdMs?: number;
}

/** Creates the job of a settlement, or finds the one that is there: one settlement has one job. */
export async function insertPayoutJob(
  executor: Executor,
  { holdMs = 0, ...job }: NewPayoutJob,
): Promise<{ job: PayoutJob; created: boolean }> {
  // Who comes second waits for the first to commit; the read after it sees the committed row.
  const [inserted] = await executor
    .insert(payoutJobs)
    .values({
      ...job,
      id: jobIdOf(job.settlementId),
      heldUntil: holdMs === 0 ? null : sql`payout_now() + ${holdMs} * interval '1 millisecond'`,
    })
    .onConflictDoNothing()
    .returning();
  if (inserted !== undefined) {
    return { job: inserted, created: true };
  }
  const existing = await findJobBySettlement(executor, job.settlementId);
  if (existing === undefined) {
    throw new Error(
      `the payout job of settlement ${job.settlementId} was neither created nor found`,
    );
  }
  return { job: existing, created: false };
}

export async function findJobBySettlement(
  executor: Executor,
  settlementId: string,
): Promise<PayoutJob | undefined> {
  const [job] = await executor
    .select()
    .from(payoutJobs)
    .where(eq(payoutJobs.settlementId, settlementId));
  return job;
}

export async function findJobById(
  executor: Executor,
  jobId: string,
): Promise<PayoutJob | undefined> {
  const [job] = await executor.select().from(payoutJobs).where(eq(payoutJobs.id, jobId));
  return job;
}

/**
 * Locks a job's row against being completed, for the rest of a short transaction; postings and new transfers go on.
 * Whoever locks a transfer too locks that one first.
 */
export async function lockJob(executor: Executor, jobId: string): Promise<PayoutJob> {
  const [job] = await executor
    .select()
    .from(payoutJobs)
    .where(eq(payoutJobs.id, jobId))
    .for('no key update');
  if (job === undefined) {
    throw new Error(`payout job ${jobId} does not exist`);
  }
  return job;
}

/**
 * A complete job has an open transfer again. Its row is locked, so that it does not complete without having seen it.
 * Safe to repeat.
 */
export async function reopenJob(executor: Executor, jobId: string): Promise<void> {
  const job = await lockJob(executor, jobId);
  if (job.status === 'complete') {
    await movePayoutJob(executor, job.id, 'processing');
  }
}

/** Jobs that are not complete, oldest first, a page at a time. */
export async function findOpenJobs(
  executor: Executor,
  page: { readonly afterJobId?: string; readonly jobsMax: number },
): Promise<PayoutJob[]> {
  const open = ne(payoutJobs.status, 'complete');
  return executor
    .select()
    .from(payoutJobs)
    .where(page.afterJobId === undefined ? open : and(open, gt(payoutJobs.id, page.afterJobId)))
    .orderBy(asc(payoutJobs.id))
    .limit(page.jobsMax);
}

/** The settlements whose jobs wait for money at Stripe. */
export async function findSettlementsAwaitingFunds(executor: Executor): Promise<string[]> {
  const waiting = await executor
    .select({ settlementId: payoutJobs.settlementId })
    .from(payoutJobs)
    .where(eq(payoutJobs.status, 'awaiting_funds'));
  return waiting.map(({ settlementId }) => settlementId);
}

/**
 * Moves a job along a legal edge. Safe to repeat: a job that is already there, or in a state without that edge,
 * stays as it is.
 * @returns whether this call moved it
 */
export async function movePayoutJob(
  executor: Executor,
  jobId: string,
  to: JobStatus,
): Promise<boolean> {
  const from = (Object.keys(JOB_TRANSITIONS) as JobStatus[]).filter((status) =>
    JOB_TRANSITIONS[status].includes(to),
  );
  const moved = await executor
    .update(payoutJobs)
    .set({ status: to, updatedAt: sql`payout_now()` })
    .where(and(eq(payoutJobs.id, jobId), inArray(payoutJobs.status, from)))
    .returning({ id: payoutJobs.id });
  return moved.length > 0;
}

/** Remembers the newest run of the job's workflow, for whoever asks after it has closed. */
export async function updateJobRun(
  executor: Executor,
  jobId: string,
  workflowRunId: string,
): Promise<void> {
  await executor
    .update(payoutJobs)
    .set({ workflowRunId, updatedAt: sql`payout_now()` })
    .where(eq(payoutJobs.id, jobId));
}

/**
 * Completes a job once every transfer is terminal, and seals the settlement's ledger with it, in one transaction. A job
 * that an operator's retry has opened again is sealed anew when it completes again.
 *
 * Called at every look, so the lock and the hash wait until nothing is open. Safe to repeat.
 * @returns whether the job is complete now
 */
export async function completeJobWhenTerminal(database: Database, jobId: string): Promise<boolean> {
  const job = await findJobById(database, jobId);
  if (job === undefined || job.status === 'complete' || (await hasOpenTransfers(database, jobId))) {
    return job?.status === 'complete';
  }
  return inTransaction(database, async (transaction) => {
    await lockJobForSealing(transaction, jobId);
    const seal = await hashLedger(transaction, job.settlementId);
    await completeSealed(transaction, jobId, seal);
    return (await findJobById(transaction, jobId))?.status === 'complete';
  });
}

async function hasOpenTransfers(executor: Executor, jobId: string): Promise<boolean> {
  const open = await executor
    .select({ id: payoutTransfers.id })
    .from(payoutTransfers)
    .where(
      and(eq(payoutTransfers.payoutJobId, jobId), inArray(payoutTransfers.status, OPEN_STATUSES)),
    )
    .limit(1);
  return open.length > 0;
}

/** Looks at the transfers once more, in the statement that completes: no row moves while any of them is open. */
async function completeSealed(
  executor: Executor,
  jobId: string,
  seal: LedgerSeal | undefined,
): Promise<void> {
  await executor.execute(sql`
    update payout_jobs as job
    set status = 'complete', completed_at = payout_now(), updated_at = payout_now(),
        completed_count = counted.completed, failed_count = counted.failed,
        sealed_ledger_hash = ${seal?.hash ?? null}, sealed_ledger_id = ${seal?.ledgerId ?? null}
    from (
      select count(*) filter (where status = 'completed') as completed,
             count(*) filter (where status = 'failed_terminal') as failed,
             count(*) filter (where status in ${OPEN_STATUSES}) as open
      from payout_transfers where payout_job_id = ${jobId}
    ) as counted
    where job.id = ${jobId} and job.status <> 'complete' and counted.open = 0`);
}

/** What is known of Stripe's list of a job's settlement, for `isListFresh`. */
export function listAgeOf({ stripeListReadAt, stripeListWantedAt }: PayoutJob): ListAge {
  return {
    readAtMs: stripeListReadAt?.getTime() ?? null,
    isWanted: stripeListWantedAt !== null,
  };
}

/**
 * Says that Stripe's list of the settlement has to be read by a reading that begins after this, for somebody who knows
 * of a cause that a reading under way may have begun before: an order, or the start of a job. Safe to repeat.
 */
export async function wantStripeList(executor: Executor, jobId: string): Promise<void> {
  await executor
    .update(payoutJobs)
    .set({ stripeListWantedAt: sql`payout_now()` })
    .where(eq(payoutJobs.id, jobId));
}

/**
 * Says that Stripe's list has to be read, by any reading that comes to its end: whoever waits may ask as often as he
 * looks, and a job that reads meanwhile is done with it all the same. @returns whether nobody had said so yet
 */
export async function awaitStripeList(executor: Executor, jobId: string): Promise<boolean> {
  const wanted = await executor
    .update(payoutJobs)
    .set({ stripeListWantedAt: sql`payout_now()` })
    .where(and(eq(payoutJobs.id, jobId), isNull(payoutJobs.stripeListWantedAt)))
    .returning({ id: payoutJobs.id });
  return wanted.length > 0;
}

/** A reading of Stripe's list that has begun. */
export interface BegunListReading {
  /** By Postgres's clock, in milliseconds since 1970. */
  readonly beganAtMs: number;
  /** The wish that it answers, to the microsecond. */
  readonly wish: string;
}

/**
 * Begins a reading of Stripe's list: it answers the wish that stands, or one that is raised here. Safe to repeat: the
 * same wish is answered by a reading that begins later.
 */
export async function beginListReading(
  executor: Executor,
  settlementId: string,
): Promise<BegunListReading> {
  const [begun] = await executor
    .update(payoutJobs)
    .set({ stripeListWantedAt: sql`coalesce(${payoutJobs.stripeListWantedAt}, payout_now())` })
    .where(eq(payoutJobs.settlementId, settlementId))
    .returning({
      beganAtMs: sql<number>`floor(extract(epoch from payout_now()) * 1000)::float8`,
      wish: LIST_WISH,
    });
  if (begun === undefined) {
    throw new Error(`settlement ${settlementId} has no payout job`);
  }
  return begun;
}

const LIST_WISH = sql<string>`extract(epoch from ${payoutJobs.stripeListWantedAt})::text`;

/**
 * Records that a reading of Stripe's list has come to its end, and ends the wish that it answers. Where that wish does
 * not stand any more, nothing changes: another reading has ended it, somebody has wanted a later one meanwhile, or the
 * database came back older, and the pages before were compared with rows that are gone (M11).
 * @returns whether it counts
 */
export async function recordStripeListRead(
  executor: Executor,
  settlementId: string,
  { beganAtMs, wish }: BegunListReading,
): Promise<boolean> {
  const read = await executor
    .update(payoutJobs)
    .set({ stripeListReadAt: new Date(beganAtMs), stripeListWantedAt: null })
    .where(and(eq(payoutJobs.settlementId, settlementId), sql`${LIST_WISH} = ${wish}`))
    .returning({ id: payoutJobs.id });
  return read.length > 0;
}
