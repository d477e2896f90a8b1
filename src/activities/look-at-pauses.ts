import { STRIPE_LIST_UNREADABLE } from '../domain/pause-causes';
import { inTransaction } from '../db/database';
import { beginPauseLooks, liftByAutomation, type PayoutControl } from '../db/payout-controls';
import { availableBalances } from '../stripe/balance-and-account';
import { isReadFailure } from '../stripe/read-failures';
import type { ActivityDependencies } from './dependencies';

export interface LookAtPausesInput {
  readonly settlementId: string;
}

/**
 * Looks at the pauses that automation set and whose look is due, and lifts those whose cause is gone (M13). Safe to
 * repeat; of all the jobs that wait for one pause, one asks.
 * @param wake tells those who waited for the end of a pause of this settlement, or of everything (null)
 */
export async function lookAtPauses(
  dependencies: ActivityDependencies,
  { settlementId }: LookAtPausesInput,
  wake: (settlementId: string | null) => Promise<void>,
): Promise<void> {
  const due = await inTransaction(dependencies.database, (executor) =>
    beginPauseLooks(executor, settlementId),
  );
  for (const pause of due) {
    if (await isCauseGone(dependencies, pause)) {
      await liftByAutomation(dependencies.database, pause);
      await wake(pause.settlementId);
    }
  }
}

async function isCauseGone(
  { stripe }: ActivityDependencies,
  pause: PayoutControl,
): Promise<boolean> {
  try {
    if (pause.neededMinor !== null) {
      return isFunded(pause, await availableBalances(stripe));
    }
    if (pause.cause === STRIPE_LIST_UNREADABLE) {
      // The job goes on trying to read the list; the reading that succeeds lifts it.
      return false;
    }
    if (pause.cause === 'transient_rate_limited') {
      return true;
    }
    // A key that reads may still be refused to send; then the next refusal sets the pause again, and looks less often.
    await availableBalances(stripe);
    return true;
  } catch (error) {
    if (isReadFailure(error)) {
      // Its next look is set already; the other pauses that are due are looked at all the same.
      return false;
    }
    throw error;
  }
}

/** Whether what a pause for missing funds needs is available. */
export function isFunded(
  { currency, neededMinor }: Pick<PayoutControl, 'currency' | 'neededMinor'>,
  available: ReadonlyMap<string, number>,
): boolean {
  return neededMinor !== null && currency !== null && (available.get(currency) ?? 0) >= neededMinor;
}
