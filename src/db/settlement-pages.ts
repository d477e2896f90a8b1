import { and, desc, eq, inArray, ne, sql, type SQL } from 'drizzle-orm';

import type { SettlementStatus } from '../domain/settlement';
import type { Executor } from './database';
import { summarizeTransfersOfJobs, type TransferSummary } from './payout-transfers';
import { payoutJobs, settlements } from './schema';

/** Which settlements a list shows. */
export const SETTLEMENT_VIEWS = [
  'all',
  'open',
  'complete',
  'awaiting_approval',
  'handed_in',
  'rejected',
] as const;
export type SettlementView = (typeof SETTLEMENT_VIEWS)[number];

export interface SettlementPageQuery {
  readonly view: SettlementView;
  /** How the settlement's or the contest's id begins. */
  readonly idPrefix?: string | undefined;
  /** The last one of the page before. */
  readonly afterSettlementId?: string | undefined;
  readonly settlementsMax: number;
}

export interface ListedSettlement {
  readonly settlementId: string;
  readonly contestId: string;
  readonly currency: string;
  readonly status: SettlementStatus;
  readonly totalMinor: number | null;
  readonly winnerCount: number | null;
  readonly recordedAt: Date;
  readonly rejectedReasons: readonly string[] | null;
  readonly job: Pick<typeof payoutJobs.$inferSelect, 'id' | 'status' | 'approval'> | null;
  /** null where nobody has a transfer yet. */
  readonly progress: TransferSummary | null;
}

/** Settlements newest first, accepted or not, with how far their payments have come; a page at a time. */
export async function findSettlementPage(
  executor: Executor,
  query: SettlementPageQuery,
): Promise<ListedSettlement[]> {
  const rows = await executor
    .select({
      settlementId: settlements.settlementId,
      contestId: settlements.contestId,
      currency: settlements.currency,
      status: settlements.status,
      totalMinor: settlements.totalMinor,
      winnerCount: settlements.winnerCount,
      recordedAt: settlements.recordedAt,
      rejectedReasons: settlements.rejectedReasons,
      job: { id: payoutJobs.id, status: payoutJobs.status, approval: payoutJobs.approval },
    })
    .from(settlements)
    .leftJoin(payoutJobs, eq(payoutJobs.settlementId, settlements.settlementId))
    .where(and(isInView(query.view), hasIdPrefix(query.idPrefix), isAfter(query.afterSettlementId)))
    .orderBy(desc(settlements.recordedAt), desc(settlements.settlementId))
    .limit(query.settlementsMax);
  const jobIds = rows.flatMap(({ job }) => job?.id ?? []);
  const progress = await summarizeTransfersOfJobs(executor, jobIds);
  return rows.map((row) => ({ ...row, progress: progress.get(row.job?.id ?? '') ?? null }));
}

function isInView(view: SettlementView): SQL | undefined {
  switch (view) {
    case 'all':
      return undefined;
    case 'open':
      return ne(payoutJobs.status, 'complete');
    case 'complete':
      return eq(payoutJobs.status, 'complete');
    case 'awaiting_approval':
      return and(eq(payoutJobs.approval, 'required'), ne(payoutJobs.status, 'complete'));
    case 'handed_in':
      return inArray(settlements.status, ['open', 'completed']);
    case 'rejected':
      return eq(settlements.status, 'rejected');
  }
}

function hasIdPrefix(prefix: string | undefined): SQL | undefined {
  return prefix === undefined
    ? undefined
    : sql`(starts_with(${settlements.settlementId}, ${prefix}) or starts_with(${settlements.contestId}, ${prefix}))`;
}

/** Compared in Postgres, whose times are finer than JavaScript's. */
function isAfter(settlementId: string | undefined): SQL | undefined {
  return settlementId === undefined
    ? undefined
    : sql`(${settlements.recordedAt}, ${settlements.settlementId}) < (
        select last.recorded_at, last.settlement_id from settlements as last where last.settlement_id = ${settlementId})`;
}
