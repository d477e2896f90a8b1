import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';

import { QUERIES, SEARCH_ATTRIBUTES, type TransferCursor } from '../domain/contracts';
import { jobWorkflowId } from '../domain/ids';
import { RUN_QUERY_TIMEOUT_MS } from '../domain/limits';

/** A run that is open, or that has ended as it was meant to. */
export interface WorkflowRun {
  readonly workflowId: string;
  readonly isRunning: boolean;
}

/** What Temporal knows of the runs of this product. Read-only. */
export interface WorkflowRuns {
  /** The open and the completed runs of a settlement, in one list. It lags behind by a moment. */
  ofSettlement(settlementId: string): AsyncIterable<WorkflowRun>;
  /** Whether the newest run of this id has completed, at this moment. */
  isCompleted(workflowId: string): Promise<boolean>;
  /** How far the open run of a settlement's job has come; undefined when it does not answer. */
  cursorOf(settlementId: string): Promise<TransferCursor | undefined>;
}

export function temporalRuns(client: Client): WorkflowRuns {
  return {
    ofSettlement: (settlementId) => listRuns(client, settlementId),
    isCompleted: async (workflowId) => {
      try {
        const { status } = await client.workflow.getHandle(workflowId).describe();
        return status.name === 'COMPLETED';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) {
          return false;
        }
        throw error;
      }
    },
    cursorOf: async (settlementId) => {
      const job = client.workflow.getHandle(jobWorkflowId(settlementId));
      try {
        return await client.withDeadline(Date.now() + RUN_QUERY_TIMEOUT_MS, () =>
          job.query<TransferCursor>(QUERIES.cursor),
        );
      } catch {
        // No worker, or a run that has just ended: whoever needs the answer asks again later.
        return undefined;
      }
    },
  };
}

async function* listRuns(client: Client, settlementId: string): AsyncIterable<WorkflowRun> {
  const query =
    `${SEARCH_ATTRIBUTES.settlementId.name}="${settlementId}"` +
    ' AND (ExecutionStatus="Running" OR ExecutionStatus="Completed")';
  for await (const { workflowId, status } of client.workflow.list({ query })) {
    yield { workflowId, isRunning: status.name === 'RUNNING' };
  }
}
