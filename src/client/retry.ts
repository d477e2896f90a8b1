import type { Client } from '@temporalio/client';

import { retryTransfer } from '../activities/retry-transfer';
import { inBatches } from '../activities/in-batches';
import { wakeWorkflow } from '../activities/wake-workflows';
import { SIGNALS, type TransferStart } from '../domain/contracts';
import { jobWorkflowId } from '../domain/ids';
import type { RetryRefusal } from '../domain/manual-retry';
import { RETRY_REFUSAL_TEXTS } from '../domain/manual-retry';
import type { Operator } from '../domain/operator-reason';
import type { ReasonCode } from '../domain/reasons';
import type { Database } from '../db/database';
import { findTransfersByStatus, type PayoutTransfer } from '../db/payout-transfers';
import { findSettlement } from '../db/settlements';
import { driveRetriedTransfer, startJobWorkflow } from './start-workflows';

export interface RefusedRetry {
  readonly id: string;
  readonly why: string;
  readonly code: RetryRefusal;
  /** The reason code of the transfer itself, such as why its outcome is not known. */
  readonly reason: ReasonCode | null;
}

export interface RetryReport {
  readonly retried: readonly string[];
  /**
   * Who waits for his turn already: nothing is changed, and the run is told once more, because the retry before this one
   * may have ended between the database and Temporal.
   */
  readonly toldAgain: readonly string[];
  readonly refused: readonly RefusedRetry[];
}

interface Retrying {
  readonly database: Database;
  readonly maxAttempts: number;
  readonly operator: Operator;
}

/** Retries transfers as they were seen, each in a transaction of its own; nobody is told yet. */
export async function retryAsSeen(
  { database, maxAttempts, operator }: Retrying,
  transfers: readonly PayoutTransfer[],
): Promise<RetryReport> {
  const retried: string[] = [];
  const toldAgain: string[] = [];
  const refused: RefusedRetry[] = [];
  for (const seen of transfers) {
    const code = await retryTransfer(
      { database, maxAttempts },
      {
        ...operator,
        transferId: seen.id,
        seenStatus: seen.status,
        seenAttemptCount: seen.attemptCount,
        seenReason: seen.failureReason,
        seenUpdatedAtMs: seen.updatedAt.getTime(),
      },
    );
    if (code === 'retried') {
      retried.push(seen.id);
    } else if (code === 'waits_for_its_turn') {
      toldAgain.push(seen.id);
    } else {
      const why = RETRY_REFUSAL_TEXTS[code];
      refused.push({ id: seen.id, why, code, reason: seen.failureReason });
    }
  }
  return { retried, toldAgain, refused };
}

/** The transfers whose runs have to be told. */
export function transfersToDrive(
  { retried, toldAgain }: RetryReport,
  transfers: readonly PayoutTransfer[],
): PayoutTransfer[] {
  const ids = new Set([...retried, ...toldAgain]);
  return transfers.filter(({ id }) => ids.has(id));
}

const ROWS_PER_PAGE = 500;

/**
 * Every transfer of a job that failed, and those that are refused with their reason: whose outcome is not known, and
 * who was retried before and still waits for his turn.
 */
export async function findFailedTransfers(
  database: Database,
  jobId: string,
): Promise<PayoutTransfer[]> {
  const found: PayoutTransfer[] = [];
  let page: PayoutTransfer[] = [];
  do {
    page = await findTransfersByStatus(database, jobId, {
      statuses: ['failed_terminal', 'unknown', 'retryable'],
      afterTransferId: page.at(-1)?.id ?? null,
      transfersMax: ROWS_PER_PAGE,
    });
    found.push(...page.filter(isFailedOrRetried));
  } while (page.length === ROWS_PER_PAGE);
  return found;
}

function isFailedOrRetried({ failureReason, status }: PayoutTransfer): boolean {
  return status !== 'retryable' || failureReason === 'transient_retried_by_operator';
}

/** Requests to Temporal under way at a time. */
const STARTS_AT_ONCE = 20;

/** Starts what has to run for transfers that were retried: the job of their settlement, and their own runs. */
export async function driveTransfers(
  { client, database }: { readonly client: Client; readonly database: Database },
  settlementId: string,
  transfers: readonly TransferStart[],
): Promise<void> {
  const settlement = await findSettlement(database, settlementId);
  if (settlement !== undefined) {
    await startJobWorkflow(client, settlement);
    // A run that was open already has to read Stripe's list before it lets them be sent.
    await wakeWorkflow(client, jobWorkflowId(settlementId), SIGNALS.changed);
  }
  await inBatches(transfers, (transfer) => driveRetriedTransfer(client, transfer), STARTS_AT_ONCE);
}
