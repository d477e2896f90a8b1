import { setTimeout as delay } from 'node:timers/promises';

const READY_LIMIT_MS = 60_000;
const READY_POLL_MS = 100;

/** Asks until a server answers; after a minute it throws with the last refusal. */
export async function untilItAnswers(
  server: string,
  ask: () => Promise<unknown>,
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + READY_LIMIT_MS;
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (Date.now() >= deadline) {
        throw new Error(`${server} does not answer`, { cause: error });
      }
    }
    await delay(READY_POLL_MS, undefined, { signal });
  }
}
