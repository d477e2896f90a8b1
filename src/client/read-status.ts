import { sql } from 'drizzle-orm';

import {
  jobOutcome,
  type JobOutcome,
  type JobStatus,
  type TransferCounts,
} from '../domain/job-state';
import type { FailureClass, ReasonCode } from '../domain/reasons';
import type { TransferStatus } from '../domain/transfer-state';
import { inTransaction, type Database, type Executor } from '../db/database';
import { findJobBySettlement } from '../db/payout-jobs';
import {
  findTransfersByJob,
  summarizeTransfers,
  type PayoutTransfer,
} from '../db/payout-transfers';

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
  /** Since when an operator wants it cancelled; of a paid one, that it was paid all the same. */
  readonly cancelRequestedAt: Date | null;
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
    cancelRequestedAt: transfer.cancelRequestedAt,
  };
}
