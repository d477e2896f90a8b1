import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';

import {
  SIGNALS,
  TASK_QUEUES,
  WORKFLOW_TYPES,
  type JobStart,
  type PayoutSweepInput,
  type SweepReport,
  type TransferStart,
} from '../domain/contracts';
import { settlementSweepId, SWEEP_NOW_ID } from '../domain/ids';
import { SWEEP_RUN_TIMEOUT_MS } from '../domain/limits';
import { jobRun, loneTransferRun, SWEEP_DETAILS } from '../domain/run-starts';

/** Starts the job of a settlement, or finds its open run. It moves no money itself, so it may run again. @returns the run id */
export async function startJobWorkflow(client: Client, start: JobStart): Promise<string> {
  const handle = await client.workflow.start(WORKFLOW_TYPES.payoutJob, {
    ...jobRun(start),
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
  });
  return handle.firstExecutionRunId;
}

/**
 * Tells the run of a transfer that a person retried it, or starts one where it is closed, whatever its end was: the
 * row in Postgres decides what it does. Safe to repeat.
 */
export async function driveRetriedTransfer(client: Client, transfer: TransferStart): Promise<void> {
  await client.workflow.signalWithStart(WORKFLOW_TYPES.transfer, {
    ...loneTransferRun(transfer),
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    signal: SIGNALS.retryTransfer,
  });
}

type SweepHandle = WorkflowHandleWithFirstExecutionRunId<
  (input: PayoutSweepInput) => Promise<SweepReport>
>;

/** Starts a sweep of everything under the id of those that are asked for, or finds the one that runs. */
export function startSweepNow(client: Client): Promise<SweepHandle> {
  return startSweep(client, SWEEP_NOW_ID, { registeredAs: SWEEP_NOW_ID }, 'sweep, asked for');
}

/** Starts the sweep of one settlement, or finds the one that runs. */
export function startSettlementSweep(client: Client, settlementId: string): Promise<SweepHandle> {
  const summary = `sweep of settlement ${settlementId}`;
  return startSweep(client, settlementSweepId(settlementId), { settlementId }, summary);
}

function startSweep(
  client: Client,
  workflowId: string,
  input: PayoutSweepInput,
  staticSummary: string,
): Promise<SweepHandle> {
  return client.workflow.start<(input: PayoutSweepInput) => Promise<SweepReport>>(
    WORKFLOW_TYPES.payoutSweep,
    {
      taskQueue: TASK_QUEUES.payouts,
      workflowId,
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowRunTimeout: SWEEP_RUN_TIMEOUT_MS,
      args: [input],
      staticSummary,
      staticDetails: SWEEP_DETAILS,
    },
  );
}
