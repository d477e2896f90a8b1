import type { EventRow } from './rows';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** "Three times over the course of a few hours"; the single delays are not documented. */
const TEST_MODE_DELAYS_MS = [10 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS];

/** "Up to three days with an exponential back off"; again without numbers. */
const LIVE_FIRST_MS = 5 * MINUTE_MS;
const LIVE_LONGEST_MS = 12 * HOUR_MS;
const LIVE_LIMIT_MS = 72 * HOUR_MS;

/** How long to wait after the n-th try failed (docs.stripe.com/webhooks); null: no more tries. */
export function retryDelayMs(event: EventRow, tries: number, nowMs: number): number | null {
  if (!event.livemode) {
    return TEST_MODE_DELAYS_MS[tries - 1] ?? null;
  }
  const delayMs = Math.min(LIVE_FIRST_MS * 2 ** (tries - 1), LIVE_LONGEST_MS);
  return nowMs + delayMs - event.createdAtMs <= LIVE_LIMIT_MS ? delayMs : null;
}
