import { needsApproval, type PayoutTerms } from '../domain/approval';
import { settlementLedgerKey } from '../domain/ids';
import { settlementPosting } from '../domain/ledger';
import { sumMinor } from '../domain/money';
import { transferIdOf } from './transfer-id';
import type { Executor } from './database';
import { postLedger } from './ledger';
import { insertPayoutJob, type PayoutJob } from './payout-jobs';
import { insertTransfers } from './payout-transfers';
import {
  findSettlement,
  findWinners,
  type RecordedSettlement,
  type RecordedWinner,
} from './settlements';

export interface SchedulingTerms extends PayoutTerms {
  readonly installationId: string;
}

/**
 * Creates the job of a recorded settlement with all its transfers and books the debt, in the caller's
 * transaction. Any number of callers may race: one creates, the others find the same job.
 *
 * Whether an approval is needed and until when it is held is decided here, once: a job that is there keeps its terms,
 * whatever the settings have become.
 *
 * @throws AwardAlreadySettledError when another settlement pays one of the awards already
 */
export async function schedulePayoutJob(
  executor: Executor,
  settlementId: string,
  terms: SchedulingTerms,
): Promise<{ job: PayoutJob; created: boolean }> {
  const settlement = await findSettlement(executor, settlementId);
  if (settlement === undefined) {
    throw new Error(`settlement ${settlementId} is not recorded`);
  }
  const { contestId, currency, totalMinor } = settlement;
  // Read before the job exists: from then on the winners are frozen.
  const winners = await findWinners(executor, settlementId);
  refuseOtherWinners(settlement, winners);
  const approval = needsApproval(terms.approvalAbove, settlement) ? 'required' : 'not_required';
  const scheduled = await insertPayoutJob(executor, {
    settlementId,
    contestId,
    currency,
    totalMinor,
    approval,
    holdMs: terms.holdMs,
  });
  if (scheduled.created) {
    await insertTransfers(
      executor,
      winners.map((winner) => ({
        id: transferIdOf({ ...terms, contestId, ...winner }),
        payoutJobId: scheduled.job.id,
        settlementId,
        contestId,
        currency,
        maxAttempts: terms.maxAttempts,
        approval,
        ...winner,
      })),
    );
    await postLedger(executor, {
      idempotencyKey: settlementLedgerKey(settlementId),
      kind: 'settlement',
      settlementId,
      entries: settlementPosting(totalMinor, currency),
    });
  }
  return scheduled;
}

/** Winners that were added or removed by hand would be paid, or dropped, without anybody having settled it. */
function refuseOtherWinners(
  settlement: RecordedSettlement,
  winners: readonly RecordedWinner[],
): void {
  const totalMinor = sumMinor(winners.map(({ amountMinor }) => amountMinor));
  if (winners.length !== settlement.winnerCount || totalMinor !== settlement.totalMinor) {
    throw new Error(
      `the winners of settlement ${settlement.settlementId} do not add up to what was recorded`,
    );
  }
}
