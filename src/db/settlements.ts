import { and, asc, eq } from 'drizzle-orm';

import type { Settlement } from '../domain/settlement';
import { settlementContentHash } from './settlement-content-hash';
import type { Executor } from './database';
import { settlements, settlementWinners } from './schema';

/** Rows of one insert statement; Postgres takes at most 65,535 parameters in one. */
export const ROWS_PER_INSERT = 5_000;

/** The same settlement id was recorded before with other content: nothing is merged and nothing dropped (M10). */
export class SettlementConflictError extends Error {
  override readonly name = 'SettlementConflictError';
  constructor(
    readonly settlementId: string,
    readonly recordedHash: string,
    readonly offeredHash: string,
  ) {
    super(
      `settlement ${settlementId} is already recorded with other content ` +
        `(recorded ${recordedHash.slice(0, 12)}, offered ${offeredHash.slice(0, 12)})`,
    );
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
    const recorded = await findSettlement(executor, settlement.settlementId);
    if (recorded?.contentHash !== contentHash) {
      throw new SettlementConflictError(
        settlement.settlementId,
        recorded?.contentHash ?? 'none',
        contentHash,
      );
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

/** How far a settlement is, whoever wrote it. */
export async function findIntake(executor: Executor, settlementId: string) {
  const [row] = await executor
    .select({
      status: settlements.status,
      recordedBy: settlements.recordedBy,
      rejectedReasons: settlements.rejectedReasons,
      rejectedAt: settlements.rejectedAt,
    })
    .from(settlements)
    .where(eq(settlements.settlementId, settlementId));
  return row;
}

function recordedSettlement(row: typeof settlements.$inferSelect): RecordedSettlement {
  const { contentHash, contestId, currency, settlementId, totalMinor, winnerCount } = row;
  if (totalMinor === null || winnerCount === null || contentHash === null) {
    throw new Error(`settlement ${settlementId} is accepted and not whole`);
  }
  return { settlementId, contestId, currency, totalMinor, winnerCount, contentHash };
}

export async function findWinners(
  executor: Executor,
  settlementId: string,
): Promise<RecordedWinner[]> {
  return executor
    .select({
      userId: settlementWinners.userId,
      award: settlementWinners.award,
      amountMinor: settlementWinners.amountMinor,
    })
    .from(settlementWinners)
    .where(eq(settlementWinners.settlementId, settlementId))
    .orderBy(asc(settlementWinners.userId), asc(settlementWinners.award));
}
