import type { TransferStart } from '../domain/contracts';
import { transferWorkflowId } from '../domain/ids';
import { SWEEP_TRANSFERS_MAX, TEMPORAL_REQUESTS_AT_ONCE } from '../domain/limits';
import type { Executor } from '../db/database';
import { findPaidTransfers } from '../db/payout-transfers';
import { inBatches } from './in-batches';
import { startOf } from './read-transfer-page';
import type { RunState, WorkflowRuns } from './workflow-runs';

const UNTRUE_WHEN_PAID: ReadonlySet<RunState | undefined> = new Set([
  'FAILED',
  'CANCELLED',
] as const);

/**
 * Of these transfers, those that are paid and whose newest run says otherwise: the payment was learnt after it had
 * closed, and Temporal mirrors the row. Another run completes at once, so each is found once. Read-only.
 */
export async function findUntrueRuns(
  executor: Executor,
  runs: WorkflowRuns,
  transferIds: readonly string[],
): Promise<TransferStart[]> {
  const paid = await findPaidTransfers(executor, transferIds, SWEEP_TRANSFERS_MAX);
  // The list lags behind: one that it shows as failed may have had its other run.
  const newest = await inBatches(
    paid,
    ({ id }) => runs.newestOf(transferWorkflowId(id)),
    TEMPORAL_REQUESTS_AT_ONCE,
  );
  return paid.filter((_paid, index) => UNTRUE_WHEN_PAID.has(newest[index]?.state)).map(startOf);
}
