import { WorkflowNotFoundError, type Client } from '@temporalio/client';

import type { SIGNALS } from '../domain/contracts';
import { inBatches } from './in-batches';

export interface WakeUp {
  readonly workflowId: string;
  readonly signal: (typeof SIGNALS)[keyof typeof SIGNALS];
}

/**
 * Sends one signal to each of these workflows. A signal says only "look again", so a lost or a doubled one changes
 * nothing; who has no open run is left to the next start of the job.
 */
export async function wakeWorkflows(client: Client, wakeUps: readonly WakeUp[]): Promise<void> {
  await inBatches(wakeUps, (wakeUp) => wake(client, wakeUp));
}

async function wake(client: Client, { signal, workflowId }: WakeUp): Promise<void> {
  try {
    await client.workflow.getHandle(workflowId).signal(signal);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) {
      throw error;
    }
  }
}
