import { WorkflowNotFoundError, type Client } from '@temporalio/client';

import type { SIGNALS } from '../domain/contracts';

export interface WakeUp {
  readonly workflowId: string;
  readonly signal: (typeof SIGNALS)[keyof typeof SIGNALS];
}

/** Signals sent at a time. */
const SIGNALS_AT_ONCE = 20;

/**
 * Sends one signal to each of these workflows. A signal says only "look again", so a lost or a doubled one changes
 * nothing; who has no open run is left to the next start of the job.
 */
export async function wakeWorkflows(client: Client, wakeUps: readonly WakeUp[]): Promise<void> {
  for (let start = 0; start < wakeUps.length; start += SIGNALS_AT_ONCE) {
    const batch = wakeUps.slice(start, start + SIGNALS_AT_ONCE);
    await Promise.all(batch.map((wakeUp) => wake(client, wakeUp)));
  }
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
