import type { Client } from '@temporalio/client';

import { retryTransfer } from '../activities/retry-transfer';
import { inBatches } from '../activities/in-batches';
import { wakeWorkflow } from '../activities/wake-workflows';
import { SIGNALS, type TransferStart } from '../domain/contracts';
import { jobWorkflowId } from '../domain/ids';
import { TEMPORAL_REQUESTS_AT_ONCE } from '../domain/limits';
import { RETRY_REFUSAL_TEXTS, type RetryRefusal } from '../domain/manual-retry';
import type { Database } from '../db/database';
import { findSettlement } from '../db/settlements';
import {
  answeredWith,
  carryOut,
  codesOf,
  idsOf,
  refusedOf,
  type Meant,
  type Ordering,
  type RefusedOrder,
  type SeenPages,
} from './operator-orders';
import { noteRefusals } from './refusals';
import { driveRetriedTransfer, startJobWorkflow } from './start-workflows';

export interface RetryReport {
  readonly retried: readonly string[];
  /**
   * Who waits for his turn already: nothing is changed, and the run is told once more, because the retry before this one
   * may have ended between the database and Temporal.
   */
  readonly toldAgain: readonly string[];
  readonly refused: readonly RefusedOrder<RetryRefusal>[];
}

/** Retries transfers, each in a transaction of its own; nobody is told yet, and the runs of `toTell` have to be. */
export async function retryTransfers(
  { maxAttempts, ...ordering }: Ordering & { readonly maxAttempts: number },
  pages: SeenPages,
): Promise<{ readonly report: RetryReport; readonly toTell: readonly TransferStart[] }> {
  const { database } = ordering;
  const answers = await carryOut(ordering, pages, (order) =>
    retryTransfer({ database, maxAttempts }, order),
  );
  const refused = refusedOf(answers, RETRY_REFUSAL_TEXTS).filter(
    ({ code }) => code !== 'waits_for_its_turn',
  );
  await noteRefusals(database, codesOf(refused));
  const report = {
    retried: idsOf(answeredWith(answers, 'retried')),
    toldAgain: idsOf(answeredWith(answers, 'waits_for_its_turn')),
    refused,
  };
  return { report, toTell: answeredWith(answers, 'retried', 'waits_for_its_turn') };
}

/**
 * Of a settlement: who failed, and those that are refused with their reason: whose outcome is not known, and who was
 * retried before and still waits for his turn.
 */
export const FAILED: Meant = {
  statuses: ['failed_terminal', 'unknown', 'retryable'],
  isMeant: ({ failureReason, status }) =>
    status !== 'retryable' || failureReason === 'transient_retried_by_operator',
};

/** Starts what has to run for transfers of one settlement that are to go on: its job, and their own runs. */
export async function driveTransfers(
  { client, database }: { readonly client: Client; readonly database: Database },
  transfers: readonly TransferStart[],
): Promise<void> {
  const [first] = transfers;
  const settlement = first && (await findSettlement(database, first.settlementId));
  if (settlement !== undefined) {
    await startJobWorkflow(client, settlement);
    // A run that was open already has to read Stripe's list before it lets them be sent.
    await wakeWorkflow(client, jobWorkflowId(settlement.settlementId), SIGNALS.changed);
  }
  await inBatches(
    transfers,
    (transfer) => driveRetriedTransfer(client, transfer),
    TEMPORAL_REQUESTS_AT_ONCE,
  );
}
