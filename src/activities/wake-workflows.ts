import { WorkflowNotFoundError, type Client } from '@temporalio/client';

/** Requests to Temporal under way at a time. */
const REQUESTS_AT_ONCE = 20;

/** Does one thing for each item, a bounded number at a time. @returns the results in the order of the items */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  atOnce: number = REQUESTS_AT_ONCE,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += atOnce) {
    const batch = items.slice(start, start + atOnce);
    results.push(...(await Promise.all(batch.map(work))));
  }
  return results;
}

export interface WakeUp {
  readonly workflowId: string;
  readonly signal: string;
}

/**
 * Sends one signal to each of these workflows. A signal says only "look again", so a lost or a doubled one changes
 * nothing; who has no open run is left to the next start of the job.
 */
export async function wakeWorkflows(client: Client, wakeUps: readonly WakeUp[]): Promise<void> {
  await inBatches(wakeUps, ({ signal, workflowId }) => wakeWorkflow(client, workflowId, signal));
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
