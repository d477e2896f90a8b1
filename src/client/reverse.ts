import type { Client } from '@temporalio/client';

import {
  recordReversalOrder,
  type ReversalOrder,
  type ReversalOrderAnswer,
  type ReversalOrdering,
} from '../activities/order-reversal';
import { wakeWorkflow } from '../activities/wake-workflows';
import { SIGNALS, WORKFLOW_TYPES } from '../domain/contracts';
import { reversalWorkflowId } from '../domain/ids';
import { reversalRun } from '../domain/run-starts';
import { noteRefusals } from './refusals';

export type { ReversalOrderAnswer };

/** Writes an order to take a payment back, as `recordReversalOrder` does, and counts a refused one. */
export async function orderReversal(
  ordering: ReversalOrdering,
  order: ReversalOrder,
): Promise<ReversalOrderAnswer> {
  const answer = await recordReversalOrder(ordering, order);
  if (answer.is === 'refused') {
    await noteRefusals(ordering.database, [answer.code]);
  }
  return answer;
}

/**
 * Starts the run of a reversal, or finds the open one. Safe to repeat: Postgres decides what a run does, and a closed one
 * has no send left to repeat.
 */
export async function startReversal(client: Client, reversalId: string): Promise<void> {
  await client.workflow.start(WORKFLOW_TYPES.reversal, {
    ...reversalRun(reversalId),
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
  });
}

/** Tells the run of a reversal that a person has ended it; a closed one gets another, which says so. Safe to repeat. */
export async function tellReversalEnded(client: Client, reversalId: string): Promise<void> {
  if (!(await wakeWorkflow(client, reversalWorkflowId(reversalId), SIGNALS.changed))) {
    await startReversal(client, reversalId);
  }
}
