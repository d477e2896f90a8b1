import type { TransferStart } from '../domain/contracts';
import { transferWorkflowId } from '../domain/ids';
import { SWEEP_TRANSFERS_MAX } from '../domain/limits';
import { isAlarm } from '../domain/next-state';
import { inTransaction, type Database, type Executor } from '../db/database';
import { findUnpaidTransfers, type PayoutTransfer } from '../db/payout-transfers';
import { lockTransfer, markDistrusted } from '../db/transfer-moves';
import type { ActivityDependencies } from './dependencies';
import { startOf } from './read-transfer-page';
import type { WorkflowRuns } from './workflow-runs';

export interface ReopenPaidRunsInput {
  readonly transferIds: readonly string[];
}

/**
 * Of these transfers, those whose newest run says paid while their row does not: Postgres came back older (M11). Their
 * rows become `unknown`, so that a new run asks Stripe before anything is sent. Safe to repeat and to race.
 *
 * @returns what the new runs are started with; the reuse policy has to allow a run after a completed one
 */
export async function reopenPaidRuns(
  { database }: Pick<ActivityDependencies, 'database'>,
  runs: WorkflowRuns,
  { transferIds }: ReopenPaidRunsInput,
): Promise<TransferStart[]> {
  const unpaid = await findUnpaidTransfers(database, transferIds, SWEEP_TRANSFERS_MAX);
  const reopened: TransferStart[] = [];
  for (const { id } of unpaid) {
    // Asked before the row is read: a run completes only after its row says paid, and a paid row stays paid.
    const run = await runs.newestOf(transferWorkflowId(id));
    if (run?.state === 'COMPLETED') {
      reopened.push(...(await reopenPaidRun(database, id)));
    }
  }
  return reopened;
}

/**
 * The same for one transfer whose newest run is known to say paid. Safe to repeat and to race.
 * @returns what its new run is started with; nothing where none is needed
 */
export async function reopenPaidRun(
  database: Database,
  transferId: string,
): Promise<TransferStart[]> {
  return inTransaction(database, async (executor) => {
    const transfer = await lockTransfer(executor, transferId);
    switch (transfer.status) {
      case 'completed':
      case 'cancelled':
      case 'voided':
        return [];
      case 'unknown':
        // What a person has to look at stays as it was found.
        return [
          startOf(isAlarm(transfer.failureReason) ? transfer : await mark(executor, transfer)),
        ];
      case 'pending':
      case 'retryable':
      case 'processing':
      case 'blocked':
      case 'failed_terminal':
        return [startOf(await mark(executor, transfer))];
    }
  });
}

function mark(executor: Executor, transfer: PayoutTransfer): Promise<PayoutTransfer> {
  return markDistrusted(executor, transfer, 'unknown_paid_run');
}
