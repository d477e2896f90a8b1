import { setTimeout as delay } from 'node:timers/promises';

import type { Database } from '../db/database';
import { findReversal, type PayoutReversal } from '../db/payout-reversals';
import { isReversalEnded } from '../domain/reversal-state';

const LOOK_AGAIN_MS = 250;

/**
 * Waits until a reversal is at its end, or for so long.
 * @param options.signal ends the wait
 * @param options.onChange told the row whenever its state or reason changes
 * @returns the row as it is then
 */
export async function awaitReversal(
  database: Database,
  ordered: PayoutReversal,
  options: {
    readonly waitMs: number;
    readonly signal: AbortSignal;
    readonly onChange: (reversal: PayoutReversal) => void;
  },
): Promise<PayoutReversal> {
  const giveUpAt = Date.now() + options.waitMs;
  let shown = ordered;
  for (;;) {
    const reversal = (await findReversal(database, ordered.id)) ?? shown;
    if (reversal.status !== shown.status || reversal.failureReason !== shown.failureReason) {
      options.onChange(reversal);
    }
    shown = reversal;
    if (isReversalEnded(shown.status) || options.signal.aborted || Date.now() > giveUpAt) {
      return shown;
    }
    await delay(LOOK_AGAIN_MS, undefined, { signal: options.signal }).catch(() => undefined);
  }
}
