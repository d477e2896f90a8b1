import type { Approval } from '../domain/approval';
import {
  jobOutcome,
  type JobOutcome,
  type JobStatus,
  type TransferCounts,
} from '../domain/job-state';
import type { FailureClass, ReasonCode } from '../domain/reasons';
import type { SettlementStatus } from '../domain/settlement';
import { shownText } from '../domain/shown-value';
import type { TransferStatus } from '../domain/transfer-state';
import { everyRow } from '../db/every-page';
import { inSnapshot, type Database, type Executor } from '../db/database';
import { findPausesInForce } from '../db/payout-controls';
import { findJobBySettlement } from '../db/payout-jobs';
import {
  findTransfersByJob,
  summarizeTransfers,
  transfersOfJob,
  type PayoutTransfer,
  type TransferPageQuery,
} from '../db/payout-transfers';
import { findHoldInForce } from '../db/settlement-hold';
import { findSettlementRow, type SettlementRow } from '../db/settlements';
import { shownPause, type ShownPause } from './show-pauses';

export interface TransferStatusRow {
  readonly id: string;
  readonly userId: string;
  readonly award: string;
  readonly amountMinor: number;
  /** What came back of it; the transfer stays completed. */
  readonly amountReversedMinor: number;
  readonly currency: string;
  readonly status: TransferStatus;
  readonly attemptCount: number;
  readonly stripeTransferId: string | null;
  readonly failureClass: FailureClass | null;
  readonly failureReason: ReasonCode | null;
  /** Since when an operator wants it cancelled; of a paid one, that it was paid all the same. */
  readonly cancelRequestedAt: string | null;
}

export interface JobStatusReport {
  readonly id: string;
  readonly status: JobStatus;
  readonly outcome: JobOutcome;
  readonly currency: string;
  readonly counts: TransferCounts & { readonly total: number };
  /** What was missing when Stripe's balance was last asked for, in minor units; null unless the job waits for it. */
  readonly fundsNeededMinor: number | null;
  readonly fundsAvailableMinor: number | null;
  /** Whether a second person has to approve it, or has. */
  readonly approval: Approval;
  readonly approvedBy: string | null;
  readonly approvedAt: string | null;
  /** Nothing is sent before this, in UTC; null where it is not held, or no longer. */
  readonly heldUntil: string | null;
}

/** How an accepted settlement stands: who is paid, who is not, and why. */
export interface SettlementReport {
  readonly settlementId: string;
  readonly status: 'accepted';
  /** The gateway token or the operator that recorded it; null where nobody said. */
  readonly recordedBy: string | null;
  readonly job: JobStatusReport;
  /** What keeps it from being sent at this moment, oldest first. */
  readonly pauses: readonly ShownPause[];
  readonly transfers: readonly TransferStatusRow[];
  /** Of the next page: the transfers after this one; null where there are none. */
  readonly next: string | null;
}

/** A settlement that another system writes as rows, and that is not accepted: nobody of it is paid. */
export interface HandedInReport {
  readonly settlementId: string;
  readonly status: Exclude<SettlementStatus, 'accepted'>;
  readonly contestId: string;
  readonly currency: string;
  /** Why it was rejected; none otherwise. */
  readonly rejectedReasons: readonly string[];
  readonly rejectedAt: string | null;
  readonly job: null;
  readonly transfers: readonly never[];
}

/** No settlement of this id is recorded. */
export class UnknownSettlementError extends Error {
  override readonly name = 'UnknownSettlementError';
  constructor(readonly settlementId: string) {
    super(`settlement ${shownText(settlementId)} is not recorded here`);
  }
}

/** @throws UnknownSettlementError where it has no job */
export async function readJobStatus(
  executor: Executor,
  settlementId: string,
): Promise<JobStatusReport> {
  const job = await findJobBySettlement(executor, settlementId);
  if (job === undefined) {
    throw new UnknownSettlementError(settlementId);
  }
  const { counts } = await summarizeTransfers(executor, job.id);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    id: job.id,
    status: job.status,
    outcome: jobOutcome(counts),
    currency: job.currency,
    counts: { ...counts, total },
    fundsNeededMinor: job.fundsNeededMinor,
    fundsAvailableMinor: job.fundsAvailableMinor,
    approval: job.approval,
    approvedBy: job.approvedBy,
    approvedAt: job.approvedAt?.toISOString() ?? null,
    heldUntil: (await findHoldInForce(executor, job))?.toISOString() ?? null,
  };
}

/**
 * How a settlement stands, from Postgres alone, for the command line and the gateway: a transfer is reported as completed
 * only when its row holds the id of the Stripe transfer that paid it. Every time is ISO 8601 text in UTC.
 * @param page which of the transfers; all of them without it
 * @throws UnknownSettlementError
 */
export async function readStatus(
  database: Database,
  settlementId: string,
  page?: TransferPageQuery,
): Promise<SettlementReport | HandedInReport> {
  // One snapshot, so that the counts are those of the rows while the job goes on.
  return inSnapshot(database, async (transaction) => {
    const row = await findSettlementRow(transaction, settlementId);
    if (row === undefined) {
      throw new UnknownSettlementError(settlementId);
    }
    const { recordedBy, status } = row;
    return status === 'accepted'
      ? readAccepted(transaction, { settlementId, status, recordedBy }, page)
      : handedInReport(row, status);
  });
}

async function readAccepted(
  executor: Executor,
  settlement: Pick<SettlementReport, 'settlementId' | 'status' | 'recordedBy'>,
  page: TransferPageQuery | undefined,
): Promise<SettlementReport> {
  const { settlementId } = settlement;
  const job = await readJobStatus(executor, settlementId);
  const pauses = await findPausesInForce(executor, settlementId);
  const transfers =
    page === undefined
      ? await everyRow(transfersOfJob(executor, job.id))
      : await findTransfersByJob(executor, job.id, page);
  const isLastPage = page === undefined || transfers.length < page.transfersMax;
  return {
    ...settlement,
    job,
    pauses: pauses.map(shownPause),
    transfers: transfers.map(rowOf),
    next: isLastPage ? null : (transfers.at(-1)?.id ?? null),
  };
}

function handedInReport(
  { contestId, currency, rejectedAt, rejectedReasons, settlementId }: SettlementRow,
  status: HandedInReport['status'],
): HandedInReport {
  const isRejected = status === 'rejected';
  return {
    settlementId,
    status,
    contestId,
    currency,
    // Those of an earlier rejection stay beside the row until the next answer.
    rejectedReasons: isRejected ? (rejectedReasons ?? []) : [],
    rejectedAt: isRejected ? (rejectedAt?.toISOString() ?? null) : null,
    job: null,
    transfers: [],
  };
}

function rowOf(transfer: PayoutTransfer): TransferStatusRow {
  return {
    id: transfer.id,
    userId: transfer.userId,
    award: transfer.award,
    amountMinor: transfer.amountMinor,
    amountReversedMinor: transfer.amountReversedMinor,
    currency: transfer.currency,
    status: transfer.status,
    attemptCount: transfer.attemptCount,
    stripeTransferId: transfer.stripeTransferId,
    failureClass: transfer.failureClass,
    failureReason: transfer.failureReason,
    cancelRequestedAt: transfer.cancelRequestedAt?.toISOString() ?? null,
  };
}
