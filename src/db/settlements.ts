import { and, asc, eq, notExists, sql } from 'drizzle-orm';

import { ROWS_PER_INSERT } from '../domain/limits';
import type { Settlement } from '../domain/settlement';
import { shownText } from '../domain/shown-value';
import { settlementContentHash } from './settlement-content-hash';
import type { Executor } from './database';
import { payoutJobs, settlements, settlementWinners } from './schema';

/** What stands under a settlement id, as whoever wrote it left it. */
export type SettlementRow = typeof settlements.$inferSelect;

/**
 * Something else stands under the settlement id already: nothing is merged and nothing dropped (M10). It was accepted
 * with other content, or another system writes it row by row.
 */
export class SettlementConflictError extends Error {
  override readonly name = 'SettlementConflictError';
  constructor(
    readonly settlementId: string,
    readonly standing: Pick<SettlementRow, 'status' | 'contentHash'>,
    readonly offeredHash: string,
  ) {
    super(`settlement ${settlementId} ${conflictText(standing, offeredHash)}`);
  }
}

function conflictText(
  { contentHash, status }: Pick<SettlementRow, 'status' | 'contentHash'>,
  offeredHash: string,
): string {
  const ofRows = 'stands here as rows that another system has written';
  switch (status) {
    case 'accepted': {
      const [recorded = 'none', offered] = [contentHash, offeredHash].map((hash) =>
        hash?.slice(0, 12),
      );
      return `is already recorded with other content (recorded ${recorded}, offered ${offered ?? ''})`;
    }
    case 'open':
      return `${ofRows} and not handed in yet (open); nothing of this offer was recorded`;
    case 'completed':
      return `${ofRows} and handed in (completed), about to be accepted or rejected; nothing of this offer was recorded`;
    case 'rejected':
      return `${ofRows} and that were rejected; that system has to correct them, and nothing of this offer was recorded`;
  }
}

export interface RecordedSettlement {
  readonly settlementId: string;
  readonly contestId: string;
  readonly currency: string;
  readonly totalMinor: number;
  readonly winnerCount: number;
  readonly contentHash: string;
}

export interface RecordedWinner {
  readonly userId: string;
  readonly award: string;
  readonly amountMinor: number;
}

/** @param recordedBy who hands it in, as `settlements.recorded_by` keeps it
 *  @returns true when this call recorded it, false when it was there with the same content.
 *  @throws SettlementConflictError when it is there with other content. */
export async function insertSettlement(
  executor: Executor,
  settlement: Settlement,
  recordedBy: string | null = null,
): Promise<boolean> {
  const contentHash = settlementContentHash(settlement);
  // A second insert of the same id waits here for the first to commit, and then does nothing.
  const inserted = await executor
    .insert(settlements)
    .values({
      settlementId: settlement.settlementId,
      contestId: settlement.contestId,
      currency: settlement.currency,
      status: 'accepted',
      totalMinor: settlement.totalMinor,
      winnerCount: settlement.winners.length,
      contentHash,
      recordedBy,
    })
    .onConflictDoNothing()
    .returning({ settlementId: settlements.settlementId });
  if (inserted.length === 0) {
    const standing = await readSettlementRow(executor, settlement.settlementId);
    if (standing.status !== 'accepted' || standing.contentHash !== contentHash) {
      throw new SettlementConflictError(settlement.settlementId, standing, contentHash);
    }
    return false;
  }
  for (let start = 0; start < settlement.winners.length; start += ROWS_PER_INSERT) {
    const page = settlement.winners.slice(start, start + ROWS_PER_INSERT);
    await executor
      .insert(settlementWinners)
      .values(page.map((winner) => ({ ...winner, settlementId: settlement.settlementId })));
  }
  return true;
}

/** A settlement that was accepted; one that is only written, handed in or rejected is not found. */
export async function findSettlement(
  executor: Executor,
  settlementId: string,
): Promise<RecordedSettlement | undefined> {
  const [row] = await executor
    .select()
    .from(settlements)
    .where(and(eq(settlements.settlementId, settlementId), eq(settlements.status, 'accepted')));
  return row === undefined ? undefined : recordedSettlement(row);
}

/** The ids of accepted settlements without a payout job, in their order. */
export async function findSettlementsWithoutJob(
  executor: Executor,
  settlementsMax: number,
): Promise<string[]> {
  const rows = await executor
    .select({ settlementId: settlements.settlementId })
    .from(settlements)
    .where(
      and(
        eq(settlements.status, 'accepted'),
        notExists(
          executor
            .select({ id: payoutJobs.id })
            .from(payoutJobs)
            .where(eq(payoutJobs.settlementId, settlements.settlementId)),
        ),
      ),
    )
    .orderBy(asc(settlements.settlementId))
    .limit(settlementsMax);
  return rows.map(({ settlementId }) => settlementId);
}

function recordedSettlement(row: typeof settlements.$inferSelect): RecordedSettlement {
  const { contentHash, contestId, currency, settlementId, totalMinor, winnerCount } = row;
  if (totalMinor === null || winnerCount === null || contentHash === null) {
    throw new Error(`settlement ${settlementId} is accepted and not whole`);
  }
  return { settlementId, contestId, currency, totalMinor, winnerCount, contentHash };
}

/** @param winnersMax where the rows are not checked yet: there may be any number of them */
export async function findWinners(
  executor: Executor,
  settlementId: string,
  winnersMax?: number,
): Promise<RecordedWinner[]> {
  const winners = executor
    .select({
      userId: settlementWinners.userId,
      award: settlementWinners.award,
      amountMinor: settlementWinners.amountMinor,
    })
    .from(settlementWinners)
    .where(eq(settlementWinners.settlementId, settlementId))
    .orderBy(asc(settlementWinners.userId), asc(settlementWinners.award));
  return winnersMax === undefined ? winners : winners.limit(winnersMax);
}

/** Whatever stands under this id, handed in or not. */
export async function findSettlementRow(
  executor: Executor,
  settlementId: string,
): Promise<SettlementRow | undefined> {
  const [row] = await executor
    .select()
    .from(settlements)
    .where(eq(settlements.settlementId, settlementId));
  return row;
}

async function readSettlementRow(executor: Executor, settlementId: string): Promise<SettlementRow> {
  const row = await findSettlementRow(executor, settlementId);
  if (row === undefined) {
    throw new Error(`settlement ${shownText(settlementId)} was deleted in this moment`);
  }
  return row;
}

/**
 * Locks a settlement's row for the rest of a short transaction. Nobody writes it or its winners meanwhile: whoever
 * writes a winner locks the key of its settlement first (`settlement_winners_frozen`). No weaker lock will do: this one
 * is also what refuses a winner from a transaction whose snapshot is older than the acceptance.
 */
export async function lockSettlement(
  executor: Executor,
  settlementId: string,
): Promise<SettlementRow | undefined> {
  const [row] = await executor
    .select()
    .from(settlements)
    .where(eq(settlements.settlementId, settlementId))
    .for('update');
  return row;
}

/** The rows of another system are accepted with this checked content, for good. The caller holds the row's lock. */
export async function acceptSettlementRow(
  executor: Executor,
  settlement: Settlement,
): Promise<void> {
  await executor
    .update(settlements)
    .set({
      status: 'accepted',
      currency: settlement.currency,
      totalMinor: settlement.totalMinor,
      winnerCount: settlement.winners.length,
      contentHash: settlementContentHash(settlement),
      rejectedReasons: null,
      rejectedAt: null,
    })
    .where(eq(settlements.settlementId, settlement.settlementId));
}

/** The rows of another system stay as they are, with the reasons beside them. The caller holds the row's lock. */
export async function rejectSettlementRow(
  executor: Executor,
  settlementId: string,
  reasons: readonly string[],
): Promise<void> {
  await executor
    .update(settlements)
    .set({ status: 'rejected', rejectedReasons: reasons, rejectedAt: sql`payout_now()` })
    .where(eq(settlements.settlementId, settlementId));
}

/** Settlements that were handed in and wait for the validator, the longest waiting first. */
export async function findCompletedSettlements(
  executor: Executor,
  settlementsMax: number,
): Promise<Pick<SettlementRow, 'settlementId'>[]> {
  return executor
    .select({ settlementId: settlements.settlementId })
    .from(settlements)
    .where(eq(settlements.status, 'completed'))
    .orderBy(asc(settlements.recordedAt))
    .limit(settlementsMax);
}
