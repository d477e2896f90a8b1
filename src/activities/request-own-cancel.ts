import { WorkflowNotFoundError, type Client } from '@temporalio/client';

import { transferWorkflowId } from '../domain/ids';

export interface RequestOwnCancelInput {
  readonly transferId: string;
  readonly runId: string;
}

/**
 * Asks Temporal to cancel the run of a transfer that is given up: a workflow can only close as canceled after such a
 * request, and cannot make it itself. Safe to repeat; a run that has closed meanwhile needs none.
 */
export async function requestOwnCancel(
  client: Client,
  { runId, transferId }: RequestOwnCancelInput,
): Promise<void> {
  try {
    await client.workflow.getHandle(transferWorkflowId(transferId), runId).cancel();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) {
      throw error;
    }
  }
}
