import type { Client } from '@temporalio/client';

import { WORKFLOW_TYPES } from '../domain/contracts';
import { reversalRun } from '../domain/run-starts';

export { orderReversal, type ReversalOrderAnswer } from '../activities/order-reversal';

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
