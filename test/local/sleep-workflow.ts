import { sleep } from '@temporalio/workflow';

/** Sleeps for thirty days and says how long that was by the workflow's own clock, in milliseconds. */
export async function sleepThirtyDays(): Promise<number> {
  const start = Date.now();
  await sleep('30 days');
  return Date.now() - start;
}
