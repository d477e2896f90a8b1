import { WorkflowNotFoundError, type Client } from '@temporalio/client';

import { SIGNALS } from '../domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../domain/ids';
import { TEMPORAL_REQUESTS_AT_ONCE } from '../domain/limits';
import { inBatches } from './in-batches';

export interface WakeUp {
  readonly workflowId: string;
  readonly signal: string;
}

type SignalName = (typeof SIGNALS)[keyof typeof SIGNALS];

export function wakeUpOfTransfer(transferId: string, signal: SignalName): WakeUp {
  return { workflowId: transferWorkflowId(transferId), signal };
}

export function wakeUpOfJob(settlementId: string, signal: SignalName): WakeUp {
  return { workflowId: jobWorkflowId(settlementId), signal };
}

/**
 * Sends one signal to each of these workflows. A signal says only "look again", so a lost or a doubled one changes
 * nothing; who has no open run is left to the next start of the job.
 */
export async function wakeWorkflows(client: Client, wakeUps: readonly WakeUp[]): Promise<void> {
  await inBatches(
    wakeUps,
    ({ signal, workflowId }) => wakeWorkflow(client, workflowId, signal),
    TEMPORAL_REQUESTS_AT_ONCE,
  );
}

/** Tells an open run to look at Postgres again. @returns whether there was one */
export async function wakeWorkflow(
  client: Client,
  workflowId: string,
  signal: string,
): Promise<boolean> {
  try {
    await client.workflow.getHandle(workflowId).signal(signal);
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) {
      return false;
    }
    throw error;
  }
}

/** Tells the runs of these transfers to look again. @returns the transfers that have an open run */
export async function wakeTransfers(
  client: Client,
  transferIds: readonly string[],
): Promise<string[]> {
  const isWoken = await inBatches(
    transferIds,
    (transferId) => wakeWorkflow(client, transferWorkflowId(transferId), SIGNALS.changed),
    TEMPORAL_REQUESTS_AT_ONCE,
  );
  return transferIds.filter((_transferId, index) => isWoken[index] === true);
}
