import type { Approval } from '../domain/approval';
import type { JobStatus } from '../domain/job-state';
import { obstaclesOf } from '../domain/obstacles';
import type { ReasonCode } from '../domain/reasons';
import { isGivenUp, isToBePaid, type TransferStatus } from '../domain/transfer-state';
import { readApprovalContent } from '../db/approvals';
import { inSnapshot, type Database, type Executor } from '../db/database';
import { everyRow } from '../db/every-page';
import { findPausesInForce } from '../db/payout-controls';
import { findJobBySettlement, type PayoutJob } from '../db/payout-jobs';
import { summarizeTransfers, type TransferPageQuery } from '../db/payout-transfers';
import { findPlannedTransfers, type PlannedTransfer } from '../db/planned-transfers';
import type { AccountReadiness } from '../db/schema';
import { findHoldInForce } from '../db/settlement-hold';
import { findSettlementRow } from '../db/settlements';
import { UnknownSettlementError } from './read-status';
import { shownPause, type ShownPause } from './show-pauses';

/** One winner as whoever approves sees it. */
export interface PreviewedWinner {
  readonly transferId: string;
  readonly userId: string;
  readonly award: string;
  readonly amountMinor: number;
  readonly status: TransferStatus;
  /** null while the winner has no account. */
  readonly accountId: string | null;
  /** 1 for the winner's first account; each that takes the place of another has the next. */
  readonly accountVersion: number | null;
  readonly readiness: AccountReadiness | 'no_account';
  readonly approval: Approval;
  /** What stands in the way of this payment now, as reason codes; none for whoever is paid or given up. */
  readonly obstacles: readonly ReasonCode[];
}

/** What is going to be paid, to whom, and what an approval has to name. Every time is ISO 8601 text in UTC. */
export interface SettlementPreview {
  readonly settlementId: string;
  readonly contestId: string;
  readonly currency: string;
  readonly jobStatus: JobStatus;
  /** The gateway token, or the terminal's user, that recorded it; null where nobody said. */
  readonly recordedBy: string | null;
  readonly recordedAt: string;
  readonly approval: Approval;
  readonly approvedBy: string | null;
  readonly approvedAt: string | null;
  /** Nothing is sent before; null where it was never held. */
  readonly heldUntil: string | null;
  readonly isHeld: boolean;
  /** What `payouts approve` has to name: winner, award, amount and currency of all that is approved or waits for it. */
  readonly hash: string;
  /** How often accounts of its winners took the place of others; an approval that names it is for these accounts. */
  readonly accountReplacements: number;
  readonly counts: {
    readonly winners: number;
    readonly waitingForApproval: number;
    readonly toPay: number;
    readonly paid: number;
    readonly givenUp: number;
  };
  /** Of all winners, of those who are still to be paid, and of those who wait for an approval. */
  readonly totalMinor: number;
  readonly toPayMinor: number;
  readonly waitingForApprovalMinor: number;
  readonly pauses: readonly ShownPause[];
  readonly winners: readonly PreviewedWinner[];
  /** Of the next page: the winners after this transfer; null where there are none. */
  readonly next: string | null;
}

/**
 * What a settlement is going to pay, from Postgres alone, in one snapshot. Reads only.
 * @param page which of the winners, by transfer id; all of them without it. Hash and totals are of all.
 * @throws UnknownSettlementError where it has no job
 */
export async function previewSettlement(
  database: Database,
  settlementId: string,
  page?: TransferPageQuery,
): Promise<SettlementPreview> {
  return inSnapshot(database, async (executor) => {
    const job = await findJobBySettlement(executor, settlementId);
    const settlement = await findSettlementRow(executor, settlementId);
    if (job === undefined || settlement === undefined) {
      throw new UnknownSettlementError(settlementId);
    }
    const content = await readApprovalContent(executor, job);
    const isHeldNow = (await findHoldInForce(executor, job)) !== null;
    const rows = await readWinners(executor, job.id, page);
    const pauses = await findPausesInForce(executor, settlementId);
    return {
      settlementId,
      contestId: job.contestId,
      currency: job.currency,
      jobStatus: job.status,
      recordedBy: settlement.recordedBy,
      recordedAt: settlement.recordedAt.toISOString(),
      approval: job.approval,
      approvedBy: job.approvedBy,
      approvedAt: job.approvedAt?.toISOString() ?? null,
      heldUntil: job.heldUntil?.toISOString() ?? null,
      isHeld: isHeldNow,
      hash: content.hash,
      accountReplacements: content.accountReplacements,
      ...(await sumsOf(executor, job, content.waitingCount)),
      waitingForApprovalMinor: content.waitingMinor,
      pauses: pauses.map(shownPause),
      winners: rows.map((row) => winnerOf(row, isHeldNow)),
      next: nextOf(rows, page),
    };
  });
}

async function sumsOf(
  executor: Executor,
  job: PayoutJob,
  waitingForApproval: number,
): Promise<Pick<SettlementPreview, 'counts' | 'totalMinor' | 'toPayMinor'>> {
  const { counts, sumsMinor } = await summarizeTransfers(executor, job.id);
  const statuses = Object.keys(counts) as TransferStatus[];
  const sumOf = (of: typeof counts, isMeant: (status: TransferStatus) => boolean) =>
    statuses.filter(isMeant).reduce((sum, status) => sum + of[status], 0);
  return {
    counts: {
      winners: sumOf(counts, () => true),
      waitingForApproval,
      toPay: sumOf(counts, isToBePaid),
      paid: counts.completed,
      givenUp: sumOf(counts, isGivenUp),
    },
    totalMinor: job.totalMinor,
    toPayMinor: sumOf(sumsMinor, isToBePaid),
  };
}

async function readWinners(
  executor: Executor,
  jobId: string,
  page: TransferPageQuery | undefined,
): Promise<PlannedTransfer[]> {
  if (page !== undefined) {
    return findPlannedTransfers(executor, jobId, page);
  }
  return everyRow((last, transfersMax) =>
    findPlannedTransfers(executor, jobId, {
      afterTransferId: last?.transfer.id ?? null,
      transfersMax,
    }),
  );
}

function nextOf(
  rows: readonly PlannedTransfer[],
  page: TransferPageQuery | undefined,
): string | null {
  const isLastPage = page === undefined || rows.length < page.transfersMax;
  return isLastPage ? null : (rows.at(-1)?.transfer.id ?? null);
}

function winnerOf({ account, transfer }: PlannedTransfer, isHeldNow: boolean): PreviewedWinner {
  return {
    transferId: transfer.id,
    userId: transfer.userId,
    award: transfer.award,
    amountMinor: transfer.amountMinor,
    status: transfer.status,
    accountId: account?.stripeAccountId ?? null,
    accountVersion: account?.version ?? null,
    readiness: account?.readiness ?? 'no_account',
    approval: transfer.approval,
    obstacles: obstaclesOf({
      ...transfer,
      isCancelRequested: transfer.cancelRequestedAt !== null,
      isHeld: isHeldNow,
      account: account && {
        version: account.version,
        isNotReady: account.readiness === 'not_ready',
      },
    }),
  };
}
