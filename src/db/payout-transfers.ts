import { and, asc, count, eq, gt, inArray, ne, sql } from 'drizzle-orm';

import type { Approval } from '../domain/approval';
import { DEFAULT_AWARD } from '../domain/ids';
import type { TransferCounts } from '../domain/job-state';
import { ROWS_PER_INSERT } from '../domain/limits';
import type { ReasonCode } from '../domain/reasons';
import {
  OPEN_STATUSES,
  TO_BE_PAID_STATUSES,
  TRANSFER_STATUSES,
  type TransferStatus,
} from '../domain/transfer-state';
import type { Executor } from './database';
import { owed } from './owed-transfers';
import { payoutTransfers } from './schema';

export type PayoutTransfer = typeof payoutTransfers.$inferSelect;

export interface NewPayoutTransfer {
  readonly id: string;
  readonly payoutJobId: string;
  readonly settlementId: string;
  readonly contestId: string;
  readonly userId: string;
  readonly award: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly maxAttempts: number;
  readonly approval?: Exclude<Approval, 'approved'>;
}

/** A debt that this settlement names belongs to another one already: two settlements would pay one award. */
export class AwardAlreadySettledError extends Error {
  override readonly name = 'AwardAlreadySettledError';
  constructor(
    readonly contestId: string,
    readonly userId: string,
    readonly award: string,
    readonly settlementId: string,
  ) {
    const which = award === DEFAULT_AWARD ? '' : `, award ${award}`;
    super(
      `user ${userId} of contest ${contestId}${which} is already paid by settlement ${settlementId}; ` +
        'a further prize needs an award id of its own',
    );
  }
}

/**
 * Creates transfers; those that are there already stay as they are. Nothing is dropped in silence: one that
 * belongs to another job, or has another amount, is refused.
 * @throws AwardAlreadySettledError
 */
export async function insertTransfers(
  executor: Executor,
  transfers: readonly NewPayoutTransfer[],
): Promise<number> {
  let created = 0;
  for (let start = 0; start < transfers.length; start += ROWS_PER_INSERT) {
    const page = transfers.slice(start, start + ROWS_PER_INSERT);
    const inserted = await executor
      .insert(payoutTransfers)
      .values(page)
      .onConflictDoNothing()
      .returning({ id: payoutTransfers.id });
    created += inserted.length;
    if (inserted.length < page.length) {
      const fresh = new Set(inserted.map((row) => row.id));
      await refuseForeignTransfers(
        executor,
        page.filter((transfer) => !fresh.has(transfer.id)),
      );
    }
  }
  return created;
}

async function refuseForeignTransfers(
  executor: Executor,
  wanted: readonly NewPayoutTransfer[],
): Promise<void> {
  const [first] = wanted;
  if (first === undefined) {
    return;
  }
  // By award and not by id: under another installation id the same award would have another transfer id.
  const existing = await executor
    .select()
    .from(payoutTransfers)
    .where(
      and(
        eq(payoutTransfers.contestId, first.contestId),
        inArray(
          payoutTransfers.userId,
          wanted.map((transfer) => transfer.userId),
        ),
      ),
    );
  for (const transfer of wanted) {
    const row = existing.find(
      (candidate) => candidate.userId === transfer.userId && candidate.award === transfer.award,
    );
    const same =
      row?.id === transfer.id &&
      row.payoutJobId === transfer.payoutJobId &&
      row.amountMinor === transfer.amountMinor &&
      row.currency === transfer.currency;
    if (!same) {
      const owner = row?.settlementId ?? 'unknown';
      throw new AwardAlreadySettledError(
        transfer.contestId,
        transfer.userId,
        transfer.award,
        owner,
      );
    }
  }
}

export async function findTransferById(
  executor: Executor,
  transferId: string,
): Promise<PayoutTransfer | undefined> {
  const [transfer] = await executor
    .select()
    .from(payoutTransfers)
    .where(eq(payoutTransfers.id, transferId));
  return transfer;
}

/** The transfer that a Stripe transfer has paid, if there is one. */
export async function findTransferPaidBy(
  executor: Executor,
  stripeTransferId: string,
): Promise<PayoutTransfer | undefined> {
  const [transfer] = await executor
    .select()
    .from(payoutTransfers)
    .where(eq(payoutTransfers.stripeTransferId, stripeTransferId));
  return transfer;
}

export interface TransferPageQuery {
  readonly afterTransferId: string | null;
  readonly transfersMax: number;
}

/** All transfers of a job by id, a page at a time. */
export async function findTransfersByJob(
  executor: Executor,
  jobId: string,
  page: TransferPageQuery,
): Promise<PayoutTransfer[]> {
  return executor
    .select()
    .from(payoutTransfers)
    .where(and(eq(payoutTransfers.payoutJobId, jobId), afterId(page)))
    .orderBy(asc(payoutTransfers.id))
    .limit(page.transfersMax);
}

/** The same for `everyPage`. */
export function transfersOfJob(executor: Executor, jobId: string) {
  return (last: PayoutTransfer | undefined, transfersMax: number): Promise<PayoutTransfer[]> =>
    findTransfersByJob(executor, jobId, { afterTransferId: last?.id ?? null, transfersMax });
}

/** The transfers of a job that are in one of these states, by id, a page at a time. */
export async function findTransfersByStatus(
  executor: Executor,
  jobId: string,
  page: TransferPageQuery & { readonly statuses: readonly TransferStatus[] },
): Promise<PayoutTransfer[]> {
  return executor
    .select()
    .from(payoutTransfers)
    .where(
      and(
        eq(payoutTransfers.payoutJobId, jobId),
        inArray(payoutTransfers.status, [...page.statuses]),
        afterId(page),
      ),
    )
    .orderBy(asc(payoutTransfers.id))
    .limit(page.transfersMax);
}

/** Where a page of transfers by id begins. */
export function afterId(page: TransferPageQuery) {
  return page.afterTransferId === null ? undefined : gt(payoutTransfers.id, page.afterTransferId);
}

/** Which of these transfers are still on their way: not waiting, not ended. */
export async function findSendingTransfers(
  executor: Executor,
  transferIds: readonly string[],
): Promise<string[]> {
  if (transferIds.length === 0) {
    return [];
  }
  const rows = await executor
    .select({ id: payoutTransfers.id })
    .from(payoutTransfers)
    .where(
      and(
        inArray(payoutTransfers.id, [...transferIds]),
        inArray(payoutTransfers.status, ['pending', 'processing']),
      ),
    );
  return rows.map((row) => row.id);
}

/** Of these transfers, those that are neither paid nor given up by an operator. */
export async function findUnpaidTransfers(
  executor: Executor,
  transferIds: readonly string[],
  transfersMax: number,
): Promise<Pick<PayoutTransfer, 'id'>[]> {
  return executor
    .select({ id: payoutTransfers.id })
    .from(payoutTransfers)
    .where(
      and(
        // One parameter for the whole list: a settlement may have more runs than a statement takes parameters.
        sql`${payoutTransfers.id} = any(${sql.param([...transferIds])}::uuid[])`,
        inArray(payoutTransfers.status, [...TO_BE_PAID_STATUSES]),
      ),
    )
    .orderBy(asc(payoutTransfers.id))
    .limit(transfersMax);
}

/** Of these transfers, those that are not at their end. */
export async function findOpenTransfers(
  executor: Executor,
  transferIds: readonly string[],
): Promise<PayoutTransfer[]> {
  return transferIds.length === 0
    ? []
    : executor
        .select()
        .from(payoutTransfers)
        .where(
          and(
            sql`${payoutTransfers.id} = any(${sql.param([...transferIds])}::uuid[])`,
            inArray(payoutTransfers.status, OPEN_STATUSES),
          ),
        )
        .orderBy(asc(payoutTransfers.id));
}

/** Of these transfers, those that are paid, by id. */
export async function findPaidTransfers(
  executor: Executor,
  transferIds: readonly string[],
  transfersMax: number,
): Promise<PayoutTransfer[]> {
  return transferIds.length === 0
    ? []
    : executor
        .select()
        .from(payoutTransfers)
        .where(
          and(
            sql`${payoutTransfers.id} = any(${sql.param([...transferIds])}::uuid[])`,
            eq(payoutTransfers.status, 'completed'),
          ),
        )
        .orderBy(asc(payoutTransfers.id))
        .limit(transfersMax);
}

/** How many other transfers of the same job have this reason now. */
export async function countTransfersWithReason(
  executor: Executor,
  transfer: Pick<PayoutTransfer, 'id' | 'payoutJobId'>,
  reason: ReasonCode,
): Promise<number> {
  const [counted] = await executor
    .select({ others: count() })
    .from(payoutTransfers)
    .where(
      and(
        eq(payoutTransfers.payoutJobId, transfer.payoutJobId),
        eq(payoutTransfers.failureReason, reason),
        ne(payoutTransfers.id, transfer.id),
      ),
    );
  return counted?.others ?? 0;
}

export interface TransferSummary {
  readonly counts: TransferCounts;
  readonly sumsMinor: TransferCounts;
}

/** Counts and sums of a job's transfers by state. */
export async function summarizeTransfers(
  executor: Executor,
  jobId: string,
): Promise<TransferSummary> {
  return (await summarizeTransfersOfJobs(executor, [jobId])).get(jobId) ?? tally([]);
}

/** The same of several jobs; one without transfers is left out. */
export async function summarizeTransfersOfJobs(
  executor: Executor,
  jobIds: readonly string[],
): Promise<ReadonlyMap<string, TransferSummary>> {
  const rows = await executor
    .select({
      jobId: payoutTransfers.payoutJobId,
      status: payoutTransfers.status,
      count: sql<string>`count(*)`,
      sumMinor: sql<string>`sum(${payoutTransfers.amountMinor})`,
    })
    .from(payoutTransfers)
    .where(inArray(payoutTransfers.payoutJobId, [...jobIds]))
    .groupBy(payoutTransfers.payoutJobId, payoutTransfers.status);
  const found = new Set(rows.map(({ jobId }) => jobId));
  return new Map([...found].map((id) => [id, tally(rows.filter(({ jobId }) => jobId === id))]));
}

function tally(
  rows: readonly {
    readonly status: TransferStatus;
    readonly count: string;
    readonly sumMinor: string;
  }[],
): TransferSummary {
  const byStatus = (read: (row: (typeof rows)[number]) => string): TransferCounts =>
    Object.fromEntries(
      TRANSFER_STATUSES.map((status) => {
        const row = rows.find((candidate) => candidate.status === status);
        return [status, row === undefined ? 0 : Number(read(row))];
      }),
    ) as TransferCounts;
  return { counts: byStatus((row) => row.count), sumsMinor: byStatus((row) => row.sumMinor) };
}

export type WaitingTransfer = Pick<
  PayoutTransfer,
  'id' | 'settlementId' | 'contestId' | 'userId' | 'status' | 'approval'
>;

/** Unpaid transfers of these users: whom an import of accounts may free. */
export async function findWaitingTransfersOfUsers(
  executor: Executor,
  userIds: readonly string[],
): Promise<WaitingTransfer[]> {
  if (userIds.length === 0) {
    return [];
  }
  return executor
    .select({
      id: payoutTransfers.id,
      settlementId: payoutTransfers.settlementId,
      contestId: payoutTransfers.contestId,
      userId: payoutTransfers.userId,
      status: payoutTransfers.status,
      approval: payoutTransfers.approval,
    })
    .from(payoutTransfers)
    .where(
      and(
        // One parameter for the whole list: an import may name more users than a statement takes parameters.
        sql`${payoutTransfers.userId} = any(${sql.param([...userIds])}::text[])`,
        owed(payoutTransfers.status),
      ),
    );
}
