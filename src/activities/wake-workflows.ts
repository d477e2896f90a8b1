import { WorkflowNotFoundError, type Client } from '@temporalio/client';

import { SIGNALS, type WokenTransfers } from '../domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../domain/ids';
import { TEMPORAL_REQUESTS_AT_ONCE } from '../domain/limits';
import { grpcStatusOf } from './grpc-status';
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
 * nothing; who has no open run is left to the next start of the job, and a run that refuses its signal to its own look.
 */
export async function wakeWorkflows(client: Client, wakeUps: readonly WakeUp[]): Promise<void> {
  await inBatches(
    wakeUps,
    ({ signal, workflowId }) => tryToWake(client, workflowId, signal),
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

/** The same; one run that takes no signal stands in nobody's way. @returns false where there is no open run */
async function tryToWake(
  client: Client,
  workflowId: string,
  signal: string,
): Promise<boolean | 'refused'> {
  try {
    return await wakeWorkflow(client, workflowId, signal);
  } catch (error) {
    if (isOfOneRun(error)) {
      return 'refused';
    }
    throw error;
  }
}

/** Tells the runs of these transfers to look again. Safe to repeat. */
export async function wakeTransfers(
  client: Client,
  transferIds: readonly string[],
): Promise<WokenTransfers> {
  const answers = await inBatches(
    transferIds,
    (transferId) => tryToWake(client, transferWorkflowId(transferId), SIGNALS.changed),
    TEMPORAL_REQUESTS_AT_ONCE,
  );
  const idsWith = (wanted: boolean | 'refused') =>
    transferIds.filter((_transferId, index) => answers[index] === wanted);
  return {
    woken: idsWith(true),
    failed: idsWith('refused').map((transferId) => ({
      what: transferWorkflowId(transferId),
      reason: 'signal_refused',
    })),
  };
}

/** gRPC status codes that Temporal answers about the run that was named, and not about itself or the way to it. */
const CODES_OF_ONE_RUN: ReadonlySet<number | undefined> = new Set([3, 9]); // INVALID_ARGUMENT, FAILED_PRECONDITION

function isOfOneRun(error: unknown): boolean {
  return CODES_OF_ONE_RUN.has(grpcStatusOf(error));
}
