import type { ClosedRuns } from '../domain/contracts';
import { transferWorkflowId } from '../domain/ids';
import { CANCELLED_RUNS_NAMED_MAX, TEMPORAL_REQUESTS_AT_ONCE } from '../domain/limits';
import { cancelledRunCause } from '../domain/pause-causes';
import type { Executor } from '../db/database';
import { findCancelDecisions, isForgottenCancel } from '../db/cancel-decisions';
import { findOpenTransfers, type PayoutTransfer } from '../db/payout-transfers';
import type { ActivityDependencies } from './dependencies';
import { inBatches } from './in-batches';
import { startOf } from './read-transfer-page';
import { reopenPaidRun } from './reopen-paid-runs';
import { raiseAlarm } from './settle-created-transfer';
import type { WorkflowRun, WorkflowRuns } from './workflow-runs';

/**
 * Says of transfers that have had a run which of them may get another. A run that is closed as paid beside an open row
 * makes the row `unknown` first. One that is closed as canceled, beside an open row of which nothing tells why, is a
 * cancel that a restored database has forgotten: its settlement stops until a person has decided (M11).
 *
 * Each is asked about by its id, since the list of runs lags behind. Safe to repeat and to race.
 */
export async function compareClosedRuns(
  { database }: Pick<ActivityDependencies, 'database'>,
  runs: WorkflowRuns,
  { transferIds }: { readonly transferIds: readonly string[] },
): Promise<ClosedRuns> {
  // Asked before the rows are read: a run closes only after its row says why, so what is open then was open after it.
  const newest = await inBatches(
    transferIds,
    (transferId) => runs.newestOf(transferWorkflowId(transferId)),
    TEMPORAL_REQUESTS_AT_ONCE,
  );
  const idsWhere = (isSo: (run: WorkflowRun | undefined) => boolean) =>
    transferIds.filter((_transferId, index) => isSo(newest[index]));
  const paid = [];
  for (const transferId of idsWhere((run) => run?.state === 'COMPLETED')) {
    paid.push(...(await reopenPaidRun(database, transferId)));
  }
  const closedAtMs = new Map(
    transferIds.map((transferId, index) => [transferId, newest[index]?.closedAtMs ?? null]),
  );
  const cancelled = await findOpenTransfers(
    database,
    idsWhere((run) => run?.state === 'CANCELLED'),
  );
  const undecided = await findForgotten(database, cancelled, closedAtMs);
  const others = await findOpenTransfers(
    database,
    idsWhere((run) => !WITH_RULES_OF_THEIR_OWN.has(run?.state)),
  );
  return {
    paid,
    startable: [...others, ...cancelled.filter(({ id }) => !undecided.includes(id))].map(startOf),
    undecided,
  };
}

const WITH_RULES_OF_THEIR_OWN: ReadonlySet<WorkflowRun['state'] | undefined> = new Set([
  'RUNNING',
  'COMPLETED',
  'CANCELLED',
] as const);

/** The settlement stops at the first of them, so that those who are not named yet are asked about again after it. */
async function findForgotten(
  executor: Executor,
  open: readonly PayoutTransfer[],
  closedAtMs: ReadonlyMap<string, number | null>,
): Promise<string[]> {
  const decisions = await findCancelDecisions(
    executor,
    open.map(({ id }) => id),
  );
  const forgotten = open.filter((transfer) =>
    isForgottenCancel(transfer, closedAtMs.get(transfer.id) ?? null, decisions),
  );
  for (const { id, settlementId } of forgotten.slice(0, CANCELLED_RUNS_NAMED_MAX)) {
    await raiseAlarm(executor, settlementId, cancelledRunCause(id));
  }
  return forgotten.map(({ id }) => id);
}
