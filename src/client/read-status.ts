import { sql } from 'drizzle-orm';

import {
  jobOutcome,
  type JobOutcome,
  type JobStatus,
  type TransferCounts,
} from '../domain/job-state';
import type { FailureClass, ReasonCode } from '../domain/reasons';
import type { SettlementStatus as SettlementIntakeStatus } from '../domain/settlement';
import type { TransferStatus } from '../domain/transfer-state';
import { inTransaction, type Database, type Executor } from '../db/database';
import { findJobBySettlement } from '../db/payout-jobs';
import {
  findTransfersByJob,
  summarizeTransfers,
  type PayoutTransfer,
  type TransferPageQuery,
} from '../db/payout-transfers';
import { findIntake } from '../db/settlements';

export interface TransferStatusRow {
  readonly id: string;
  readonly userId: string;
  readonly award: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly status: TransferStatus;
  readonly attemptCount: number;
  readonly stripeTransferId: string | null;
  readonly failureClass: FailureClass | null;
  readonly failureReason: ReasonCode | null;
}

export interface JobStatusReport {
  readonly id: string;
  readonly status: JobStatus;
  readonly outcome: JobOutcome;
  readonly counts: TransferCounts & { readonly total: number };
}

export interface SettlementStatus {
  readonly settlementId: string;
  readonly job: JobStatusReport;
  readonly transfers: readonly TransferStatusRow[];
}

/** No settlement of this id is recorded. */
export class UnknownSettlementError extends Error {
  override readonly name = 'UnknownSettlementError';
  constructor(readonly settlementId: string) {
    super(`settlement ${settlementId} is not recorded here`);
  }
}

/** @throws UnknownSettlementError */
export async function readJobStatus(
  executor: Executor,
  settlementId: string,
): Promise<JobStatusReport & { readonly currency: string }> {
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
    counts: { ...counts, total },
    currency: job.currency,
  };
}

const ROWS_PER_PAGE = 2_000;

/**
 * How a settlement stands, from Postgres alone: a transfer is reported as completed only when its row holds the id of
 * the Stripe transfer that paid it.
 * @throws UnknownSettlementError
 */
export async function readStatus(
  database: Database,
  settlementId: string,
): Promise<SettlementStatus> {
  return inTransaction(database, async (transaction) => {
    // One snapshot, so that the counts are those of the rows while the job goes on.
    await transaction.execute(sql`set transaction isolation level repeatable read, read only`);
    const { id, status, outcome, counts } = await readJobStatus(transaction, settlementId);
    const transfers = await readAllTransfers(transaction, id);
    return { settlementId, job: { id, status, outcome, counts }, transfers };
  });
}

/** A settlement that another system writes or has handed in, or that was refused: there is no job yet. */
export interface UnacceptedSettlement {
  readonly settlementId: string;
  readonly status: Exclude<SettlementIntakeStatus, 'accepted'>;
  readonly rejectedReasons: readonly string[];
  readonly rejectedAt: Date | null;
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
): Promise<StatusPage | UnacceptedSettlement> {
  return inTransaction(database, async (transaction) => {
    await transaction.execute(sql`set transaction isolation level repeatable read, read only`);
    const intake = await findIntake(transaction, settlementId);
    if (intake === undefined) {
      throw new UnknownSettlementError(settlementId);
    }
    const { recordedBy, rejectedAt, rejectedReasons, status: intakeStatus } = intake;
    if (intakeStatus !== 'accepted') {
      return {
        settlementId,
        status: intakeStatus,
        rejectedReasons: rejectedReasons ?? [],
        rejectedAt,
      };
    }
    const { id, status, outcome, counts } = await readJobStatus(transaction, settlementId);
    const transfers = await findTransfersByJob(transaction, id, page);
    return {
      settlementId,
      status: intakeStatus,
      recordedBy,
      job: { id, status, outcome, counts },
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
    currency: transfer.currency,
    status: transfer.status,
    attemptCount: transfer.attemptCount,
    stripeTransferId: transfer.stripeTransferId,
    failureClass: transfer.failureClass,
    failureReason: transfer.failureReason,
  };
}
