import { and, asc, desc, eq, inArray, sql } from 'drizzle-orm';

import type { ReasonCode } from '../domain/reasons';
import type { TransferStatus } from '../domain/transfer-state';
import type { Executor } from './database';
import type { PayoutTransfer } from './payout-transfers';
import { payoutTransfers } from './schema';

/** How many transfers of a job are in one state for one reason, and their sum in minor units. */
export interface ReasonSum {
  readonly status: TransferStatus;
  readonly reason: ReasonCode | null;
  readonly count: number;
  readonly amountMinor: number;
}

/** Transfers by state and reason, the largest sum first. */
export async function sumByReason(executor: Executor, jobId: string): Promise<ReasonSum[]> {
  const rows = await executor
    .select({
      status: payoutTransfers.status,
      reason: payoutTransfers.failureReason,
      count: sql<string>`count(*)`,
      amountMinor: sql<string>`sum(${payoutTransfers.amountMinor})`,
    })
    .from(payoutTransfers)
    .where(eq(payoutTransfers.payoutJobId, jobId))
    .groupBy(payoutTransfers.status, payoutTransfers.failureReason)
    .orderBy(
      desc(sql`sum(${payoutTransfers.amountMinor})`),
      asc(payoutTransfers.status),
      asc(payoutTransfers.failureReason),
    );
  return rows.map((row) => ({
    ...row,
    count: Number(row.count),
    amountMinor: Number(row.amountMinor),
  }));
}

/** What came back of a job's payments, in minor units. */
export async function sumReversed(executor: Executor, jobId: string): Promise<number> {
  const [row] = await executor
    .select({ reversedMinor: sql<string>`sum(${payoutTransfers.amountReversedMinor})` })
    .from(payoutTransfers)
    .where(eq(payoutTransfers.payoutJobId, jobId));
  return Number(row?.reversedMinor ?? 0);
}

/** Payments that were made close to each other: when the last of them was, and what they sum up to. */
export interface PaymentsAtTime {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly count: number;
  readonly amountMinor: number;
}

interface PaymentsRow extends Record<string, unknown> {
  readonly at_ms: number;
  readonly count: string;
  readonly amount_minor: string;
}

/**
 * The payments of a job over time, oldest first, gathered into so many spans of equal length at most; each payment is in
 * one of them.
 */
export async function readPaymentsOverTime(
  executor: Executor,
  jobId: string,
  spansMax: number,
): Promise<PaymentsAtTime[]> {
  // The last payment stands on the upper bound and gets a span of its own. Materialized, or Postgres, before it knows how
  // large a new settlement is, reads all payments again for each payment.
  const { rows } = await executor.execute<PaymentsRow>(sql`
    with paid as (
      select extract(epoch from coalesce(completed_at, updated_at)) as at_s, amount_minor
      from payout_transfers where payout_job_id = ${jobId} and status = 'completed'
    ), bounds as materialized (select min(at_s) as first_s, max(at_s) as last_s from paid)
    select floor(max(at_s) * 1000)::float8 as at_ms, count(*)::text as count, sum(amount_minor)::text as amount_minor
    from paid cross join bounds
    group by case when first_s = last_s then 0 else width_bucket(at_s, first_s, last_s, ${spansMax - 1}::int) end
    order by at_ms`);
  return rows.map((row) => ({
    atMs: row.at_ms,
    count: Number(row.count),
    amountMinor: Number(row.amount_minor),
  }));
}

/** The transfers of a job that are in one of these states, the largest first. */
export async function findLargestTransfers(
  executor: Executor,
  jobId: string,
  wanted: { readonly statuses: readonly TransferStatus[]; readonly transfersMax: number },
): Promise<PayoutTransfer[]> {
  return executor
    .select()
    .from(payoutTransfers)
    .where(
      and(
        eq(payoutTransfers.payoutJobId, jobId),
        inArray(payoutTransfers.status, [...wanted.statuses]),
      ),
    )
    .orderBy(
      desc(payoutTransfers.amountMinor),
      asc(payoutTransfers.userId),
      asc(payoutTransfers.id),
    )
    .limit(wanted.transfersMax);
}
