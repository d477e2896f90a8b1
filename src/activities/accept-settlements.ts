import { sql } from 'drizzle-orm';

import type { PayoutTerms } from '../domain/approval';
import type { JobStart } from '../domain/contracts';
import { ACCEPTANCES_AT_ONCE, WINNERS_PER_SETTLEMENT_MAX } from '../domain/limits';
import { rejectionReasons } from '../domain/rejection-reasons';
import { checkSettlement, type SettlementCheck } from '../domain/settlement';
import { isUnreachable } from '../db/database-errors';
import { inTransaction, type Executor } from '../db/database';
import { AwardAlreadySettledError } from '../db/payout-transfers';
import { schedulePayoutJob } from '../db/schedule-payout-job';
import {
  acceptSettlementRow,
  findCompletedSettlements,
  findSettlement,
  findWinners,
  lockSettlement,
  rejectSettlementRow,
  type SettlementRow,
} from '../db/settlements';
import type { ActivityDependencies } from './dependencies';
import { codeOfFailure } from './failure-code';
import { inBatches } from './in-batches';

export type AcceptanceDependencies = Pick<
  ActivityDependencies,
  'database' | 'amountMinorMax' | keyof PayoutTerms
> & { readonly platform: Pick<ActivityDependencies['platform'], 'installationId'> };

/** Rows of another system that were handed in and are wrong. */
export interface RejectedSettlement {
  readonly settlementId: string;
  readonly reasons: readonly string[];
}

/** What became of a settlement that may have been handed in. */
export type Acceptance =
  | { readonly is: 'accepted'; readonly job: JobStart }
  | { readonly is: 'rejected'; readonly rejected: RejectedSettlement }
  /** It is not `completed`: somebody else was faster, or it is nobody's business. */
  | { readonly is: 'left' };

/** What became of the settlements that were handed in. */
export interface AcceptedSettlements {
  /** Their jobs and transfers stand in Postgres, and their workflows have to be started. */
  readonly accepted: readonly JobStart[];
  readonly rejected: readonly RejectedSettlement[];
  /** Nothing became of these (`why`: codeOfFailure); they are still `completed`, and the next call tries them again. */
  readonly failed: readonly { readonly settlementId: string; readonly why: string }[];
  /** There may be more than were asked for. */
  readonly isMore: boolean;
}

/**
 * Accepts a settlement that another system has written as rows and said `completed` of, with its job, its transfers and
 * its debt, or rejects it with the reasons: one short transaction, whole or not at all (M10).
 *
 * The rules are those of a settlement file. The row is locked before the winners are read, and whoever writes a winner
 * waits for that lock, so what was checked is what is paid. Safe to repeat and to race: one call accepts, the others
 * leave it.
 */
export async function acceptSettlement(
  dependencies: AcceptanceDependencies,
  settlementId: string,
): Promise<Acceptance> {
  return inTransaction(dependencies.database, async (transaction) => {
    const row = await lockSettlement(transaction, settlementId);
    if (row?.status !== 'completed') {
      return { is: 'left' };
    }
    const reasons = await acceptOrRefuse(dependencies, transaction, row);
    if (reasons.length > 0) {
      await rejectSettlementRow(transaction, settlementId, reasons);
      return { is: 'rejected', rejected: { settlementId, reasons } };
    }
    const job = await findSettlement(transaction, settlementId);
    if (job === undefined) {
      throw new Error(`settlement ${settlementId} was accepted and is not found`);
    }
    return { is: 'accepted', job };
  });
}

/**
 * Accepts or rejects what is `completed`, the longest waiting first. One settlement that fails stops no other. Safe to
 * repeat and to race.
 * @throws what Postgres said when it could not be reached; what was accepted before is started by the sweep
 */
export async function acceptCompletedSettlements(
  dependencies: AcceptanceDependencies,
  { settlementsMax }: { readonly settlementsMax: number },
): Promise<AcceptedSettlements> {
  const accepted: JobStart[] = [];
  const rejected: RejectedSettlement[] = [];
  const failed: { settlementId: string; why: string }[] = [];
  const take = async ({ settlementId }: { readonly settlementId: string }): Promise<void> => {
    try {
      const acceptance = await acceptSettlement(dependencies, settlementId);
      if (acceptance.is === 'accepted') {
        accepted.push(acceptance.job);
      } else if (acceptance.is === 'rejected') {
        rejected.push(acceptance.rejected);
      }
    } catch (error) {
      if (isUnreachable(error)) {
        throw error;
      }
      failed.push({ settlementId, why: codeOfFailure(error) });
    }
  };
  const completed = await findCompletedSettlements(dependencies.database, settlementsMax);
  await inBatches(completed, take, ACCEPTANCES_AT_ONCE);
  return { accepted, rejected, failed, isMore: completed.length >= settlementsMax };
}

/** @returns the reasons against it; none when it is accepted */
async function acceptOrRefuse(
  dependencies: AcceptanceDependencies,
  transaction: Executor,
  row: SettlementRow,
): Promise<readonly string[]> {
  const winners = await findWinners(transaction, row.settlementId, WINNERS_PER_SETTLEMENT_MAX + 1);
  const check: SettlementCheck = checkSettlement(
    { ...row, totalMinor: row.totalMinor ?? undefined, winners },
    dependencies,
  );
  if (!check.ok) {
    return rejectionReasons(check, winners);
  }
  // Whose award it is shows only when its transfer is made; then nothing of the acceptance may stay but the lock.
  await transaction.execute(sql`savepoint unaccepted`);
  try {
    await acceptSettlementRow(transaction, check.settlement);
    await schedulePayoutJob(transaction, row.settlementId, {
      ...dependencies,
      installationId: dependencies.platform.installationId,
    });
    return [];
  } catch (error) {
    if (!(error instanceof AwardAlreadySettledError)) {
      throw error;
    }
    await transaction.execute(sql`rollback to savepoint unaccepted`);
    return [error.message];
  }
}
