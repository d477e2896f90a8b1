import { WorkflowFailedError, type Client } from '@temporalio/client';

import type { SweepReport } from '../domain/contracts';
import { SWEEP_NOW_ID } from '../domain/ids';
import { SWEEP_WAIT_MS } from '../domain/limits';
import { startSweepNow } from './start-workflows';

/** A sweep that was asked for has not ended well, or not yet. */
export class SweepNotDoneError extends Error {
  override readonly name = 'SweepNotDoneError';
}

/**
 * Starts one sweep now, or finds the one that somebody asked for just before, and waits for its end (the seed's name).
 * Safe to repeat and to race with the schedule's sweeps: whoever both find is started once.
 *
 * @throws SweepNotDoneError when it does not end within `waitMs`, with why; it goes on in Temporal all the same
 */
export async function runPayoutScheduler(
  client: Client,
  waitMs = SWEEP_WAIT_MS,
): Promise<SweepReport> {
  const sweep = await startSweepNow(client);
  const waiting = new AbortController();
  const timer = setTimeout(() => {
    waiting.abort();
  }, waitMs);
  try {
    // Ended with the wait: a question to Temporal that outlives its connection would end the process.
    return await client.withAbortSignal(waiting.signal, () => sweep.result());
  } catch (error) {
    if (error instanceof WorkflowFailedError) {
      const cause = error.cause?.message ?? error.message;
      throw new SweepNotDoneError(`the sweep ${SWEEP_NOW_ID} did not end well: ${cause}`, {
        cause: error,
      });
    }
    if (!waiting.signal.aborted) {
      throw error;
    }
  } finally {
    clearTimeout(timer);
  }
  throw new SweepNotDoneError(await whyNotYet(client, sweep.firstExecutionRunId, waitMs));
}

/** Its start, and its first task that nobody has taken. */
const EVENTS_OF_UNTOUCHED_RUN = 2;

async function whyNotYet(client: Client, runId: string, waitMs: number): Promise<string> {
  const { historyLength } = await client.workflow.getHandle(SWEEP_NOW_ID, runId).describe();
  const waited = `within ${Math.round(waitMs / 1_000).toString()} s`;
  return historyLength <= EVENTS_OF_UNTOUCHED_RUN
    ? `no worker has picked the sweep up ${waited}: is \`payouts worker\` running? ` +
        `It waits in Temporal as ${SWEEP_NOW_ID}, run ${runId}`
    : `the sweep is not done ${waited}; it goes on in Temporal as ${SWEEP_NOW_ID}, run ${runId}`;
}
