import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';

import { QUERIES, SEARCH_ATTRIBUTES, type TransferCursor } from '../domain/contracts';
import { jobWorkflowId } from '../domain/ids';
import { RUN_QUERY_TIMEOUT_MS } from '../domain/limits';

const TOLD_STATES = ['RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const;

/** How a run stands; those that were terminated, or ran out of time, tell nothing of their payment. */
export type RunState = (typeof TOLD_STATES)[number] | 'OTHER';

export interface WorkflowRun {
  readonly state: RunState;
  /** By Temporal's clock, in milliseconds since 1970; null while it is open. */
  readonly closedAtMs: number | null;
}

/** The newest run of each workflow id; one that continued as new is not its newest. */
export type RunStates = ReadonlyMap<string, RunState>;

/** What Temporal knows of the runs of this product. Read-only. */
export interface WorkflowRuns {
  /** The runs of a settlement, in one list. It lags behind by a moment. */
  ofSettlement(settlementId: string): Promise<RunStates>;
  /** The newest run of this id, at this moment; undefined when Temporal knows none. */
  newestOf(workflowId: string): Promise<WorkflowRun | undefined>;
  /** How far the open run of a settlement's job has come; undefined when it does not answer. */
  cursorOf(settlementId: string): Promise<TransferCursor | undefined>;
}

export function temporalRuns(client: Client): WorkflowRuns {
  return {
    ofSettlement: (settlementId) => listRuns(client, settlementId),
    newestOf: async (workflowId) => {
      try {
        const { closeTime, status } = await client.workflow.getHandle(workflowId).describe();
        return { state: stateNamed(status.name), closedAtMs: closeTime?.getTime() ?? null };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) {
          return undefined;
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

async function listRuns(client: Client, settlementId: string): Promise<RunStates> {
  const newest = new Map<string, { readonly state: RunState; readonly startedAt: number }>();
  const query =
    `${SEARCH_ATTRIBUTES.settlementId.name}="${settlementId}"` +
    ' AND ExecutionStatus!="ContinuedAsNew"';
  for await (const { workflowId, status, startTime } of client.workflow.list({ query })) {
    const run = { state: stateNamed(status.name), startedAt: startTime.getTime() };
    const known = newest.get(workflowId);
    if (known === undefined || (known.state !== 'RUNNING' && known.startedAt <= run.startedAt)) {
      newest.set(workflowId, run);
    }
  }
  return new Map([...newest].map(([workflowId, { state }]) => [workflowId, state]));
}

function stateNamed(name: string): RunState {
  return TOLD_STATES.find((state) => state === name) ?? 'OTHER';
}
