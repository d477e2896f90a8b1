import { and, asc, count, eq, sql } from 'drizzle-orm';

import type { FailureClass, ReasonCode } from '../domain/reasons';
import type { TransferStatus } from '../domain/transfer-state';
import type { Executor } from './database';
import { owed } from './owed-transfers';
import type { PayoutTransfer } from './payout-transfers';
import { payoutTransfers } from './schema';

/** Which winners of a settlement a list shows; all of them where nothing is said. */
export interface WinnerFilter {
  readonly status?: TransferStatus | undefined;
  readonly failureClass?: FailureClass | undefined;
  readonly reason?: ReasonCode | undefined;
  /** How the user's id begins. */
  readonly userIdPrefix?: string | undefined;
}

export interface WinnerPageQuery extends WinnerFilter {
  /** The last transfer of the page before. */
  readonly afterTransferId?: string | undefined;
  readonly winnersMax: number;
}

/** Winners of a job by user id and award, a page at a time. */
export async function findWinnerPage(
  executor: Executor,
  jobId: string,
  { afterTransferId, winnersMax, ...filter }: WinnerPageQuery,
): Promise<PayoutTransfer[]> {
  const isAfter =
    afterTransferId === undefined
      ? undefined
      : sql`(${payoutTransfers.userId}, ${payoutTransfers.award}) > (
          select last.user_id, last.award from payout_transfers as last where last.id = ${afterTransferId})`;
  return executor
    .select()
    .from(payoutTransfers)
    .where(and(isMeant(jobId, filter), isAfter))
    .orderBy(asc(payoutTransfers.userId), asc(payoutTransfers.award))
    .limit(winnersMax);
}

export interface WinnerTotal {
  readonly count: number;
  readonly sumMinor: number;
}

/** How many winners a filter finds, and what they are owed together. */
export async function totalOfWinners(
  executor: Executor,
  jobId: string,
  filter: WinnerFilter,
): Promise<WinnerTotal> {
  const [total] = await executor
    .select({
      count: count(),
      sumMinor: sql<string>`coalesce(sum(${payoutTransfers.amountMinor}), 0)`,
    })
    .from(payoutTransfers)
    .where(isMeant(jobId, filter));
  return { count: total?.count ?? 0, sumMinor: Number(total?.sumMinor ?? 0) };
}

export interface ReasonCount {
  readonly status: TransferStatus;
  readonly reason: ReasonCode;
  readonly count: number;
}

/** Why the unpaid winners of a job are not paid, the most frequent first. */
export async function countReasons(executor: Executor, jobId: string): Promise<ReasonCount[]> {
  return executor
    .select({
      status: payoutTransfers.status,
      reason: sql<ReasonCode>`${payoutTransfers.failureReason}`,
      count: count(),
    })
    .from(payoutTransfers)
    .where(
      and(
        eq(payoutTransfers.payoutJobId, jobId),
        owed(payoutTransfers.status),
        sql`${payoutTransfers.failureReason} is not null`,
      ),
    )
    .groupBy(payoutTransfers.status, payoutTransfers.failureReason)
    .orderBy(sql`count(*) desc`, payoutTransfers.failureReason);
}

/** How many winners of a settlement are in a state for one reason. */
export interface SettlementReasonCount {
  readonly settlementId: string;
  readonly reason: ReasonCode;
  readonly count: number;
}

/** Of whom nobody knows whether they are paid, or who was given up, by settlement and reason; most winners first. */
export async function countUnsettledWinners(
  executor: Executor,
  status: 'unknown' | 'failed_terminal',
  rowsMax: number,
): Promise<SettlementReasonCount[]> {
  return executor
    .select({
      settlementId: payoutTransfers.settlementId,
      reason: sql<ReasonCode>`${payoutTransfers.failureReason}`,
      count: count(),
    })
    .from(payoutTransfers)
    .where(
      // The first only for its partial index.
      and(owed(payoutTransfers.status), eq(payoutTransfers.status, status)),
    )
    .groupBy(payoutTransfers.settlementId, payoutTransfers.failureReason)
    .orderBy(sql`count(*) desc`, payoutTransfers.settlementId)
    .limit(rowsMax);
}

function isMeant(jobId: string, { failureClass, reason, status, userIdPrefix }: WinnerFilter) {
  return and(
    eq(payoutTransfers.payoutJobId, jobId),
    status === undefined ? undefined : eq(payoutTransfers.status, status),
    failureClass === undefined ? undefined : eq(payoutTransfers.failureClass, failureClass),
    reason === undefined ? undefined : eq(payoutTransfers.failureReason, reason),
    userIdPrefix === undefined
      ? undefined
      : sql`starts_with(${payoutTransfers.userId}, ${userIdPrefix})`,
  );
}
