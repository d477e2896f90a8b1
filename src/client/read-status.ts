import { sql } from 'drizzle-orm';

import {
  jobOutcome,
  type JobOutcome,
  type JobStatus,
  type TransferCounts,
} from '../domain/job-state';
import type { FailureClass, ReasonCode } from '../domain/reasons';
import type { SettlementStatus as SettlementRowStatus } from '../domain/settlement';
import { shownText } from '../domain/shown-value';
import type { TransferStatus } from '../domain/transfer-state';
import { inTransaction, type Database, type Executor } from '../db/database';
import { findPausesInForce } from '../db/payout-controls';
import { findJobBySettlement } from '../db/payout-jobs';
import {
  findTransfersByJob,
  summarizeTransfers,
  type PayoutTransfer,
  type TransferPageQuery,
} from '../db/payout-transfers';
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
  readonly cancelRequestedAt: Date | null;
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
}

export interface SettlementStatus {
  readonly settlementId: string;
  readonly job: JobStatusReport;
  /** What keeps it from being sent at this moment, oldest first. */
  readonly pauses: readonly ShownPause[];
  readonly transfers: readonly TransferStatusRow[];
}

/** No settlement of this id is recorded. */
export class UnknownSettlementError extends Error {
  override readonly name = 'UnknownSettlementError';
  constructor(readonly settlementId: string) {
    super(`settlement ${settlementId} is not recorded here`);
  }
}

/** A settlement that another system writes as rows, and that is not accepted: nobody of it is paid. */
export interface SettlementHandedIn {
  readonly settlementId: string;
  readonly contestId: string;
  readonly currency: string;
  readonly status: Exclude<SettlementRowStatus, 'accepted'>;
  /** Why it was rejected; none otherwise. */
  readonly rejectedReasons: readonly string[];
  readonly rejectedAt: Date | null;
}

/** The rows of another system stand under this id, and have no job. */
export class SettlementNotAcceptedError extends Error {
  override readonly name = 'SettlementNotAcceptedError';
  constructor(readonly settlement: SettlementHandedIn) {
    super(`settlement ${shownText(settlement.settlementId)} is ${settlement.status}, not accepted`);
  }
}

/** @throws UnknownSettlementError, SettlementNotAcceptedError */
export async function readJobStatus(
  executor: Executor,
  settlementId: string,
): Promise<JobStatusReport> {
  const job = await findJobBySettlement(executor, settlementId);
  if (job === undefined) {
    throw await whyThereIsNoJob(executor, settlementId);
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
  };
}

async function whyThereIsNoJob(executor: Executor, settlementId: string): Promise<Error> {
  const row = await findSettlementRow(executor, settlementId);
  const handedIn = row && handedInOf(row);
  return handedIn === undefined
    ? new UnknownSettlementError(settlementId)
    : new SettlementNotAcceptedError(handedIn);
}

/** @returns undefined of one that is accepted */
function handedInOf(row: SettlementRow): SettlementHandedIn | undefined {
  const { contestId, currency, rejectedAt, rejectedReasons, settlementId, status } = row;
  if (status === 'accepted') {
    return undefined;
  }
  const isRejected = status === 'rejected';
  return {
    settlementId,
    contestId,
    currency,
    status,
    // Those of an earlier rejection stay beside the row until the next answer.
    rejectedReasons: isRejected ? (rejectedReasons ?? []) : [],
    rejectedAt: isRejected ? rejectedAt : null,
  };
}

const ROWS_PER_PAGE = 2_000;

/**
 * How a settlement stands, from Postgres alone: a transfer is reported as completed only when its row holds the id of
 * the Stripe transfer that paid it.
 * @throws UnknownSettlementError, SettlementNotAcceptedError
 */
export async function readStatus(
  database: Database,
  settlementId: string,
): Promise<SettlementStatus> {
  return inTransaction(database, async (transaction) => {
    // One snapshot, so that the counts are those of the rows while the job goes on.
    await transaction.execute(sql`set transaction isolation level repeatable read, read only`);
    const standing = await readStanding(transaction, settlementId);
    const transfers = await readAllTransfers(transaction, standing.job.id);
    return { settlementId, ...standing, transfers };
  });
}

async function readStanding(
  executor: Executor,
  settlementId: string,
): Promise<Pick<SettlementStatus, 'job' | 'pauses'>> {
  const job = await readJobStatus(executor, settlementId);
  const pauses = await findPausesInForce(executor, settlementId);
  return { job, pauses: pauses.map(shownPause) };
}

export interface StatusPage extends SettlementStatus {
  readonly status: 'accepted';
  readonly recordedBy: string | null;
  /** Of the next page: the transfers after this one; null where there are none. */
  readonly next: string | null;
}

/**
 * The same facts a page of transfers at a time, and how far a settlement is that has no job.
 * @throws UnknownSettlementError
 */
export async function readStatusPage(
  database: Database,
  settlementId: string,
  page: TransferPageQuery,
): Promise<StatusPage | SettlementHandedIn> {
  return inTransaction(database, async (transaction) => {
    await transaction.execute(sql`set transaction isolation level repeatable read, read only`);
    const row = await findSettlementRow(transaction, settlementId);
    const handedIn = row && handedInOf(row);
    if (row === undefined || handedIn !== undefined) {
      return handedIn ?? Promise.reject(new UnknownSettlementError(settlementId));
    }
    const standing = await readStanding(transaction, settlementId);
    const transfers = await findTransfersByJob(transaction, standing.job.id, page);
    return {
      settlementId,
      status: 'accepted',
      recordedBy: row.recordedBy,
      ...standing,
      transfers: transfers.map(rowOf),
      next: transfers.length < page.transfersMax ? null : (transfers.at(-1)?.id ?? null),
    };
  });
}

async function readAllTransfers(executor: Executor, jobId: string): Promise<TransferStatusRow[]> {
  const transfers: PayoutTransfer[] = [];
  for (;;) {
    const page = await findTransfersByJob(executor, jobId, {
      afterTransferId: transfers.at(-1)?.id ?? null,
      transfersMax: ROWS_PER_PAGE,
    });
    transfers.push(...page);
    if (page.length < ROWS_PER_PAGE) {
      return transfers.map(rowOf);
    }
  }
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
    cancelRequestedAt: transfer.cancelRequestedAt,
  };
}
