import { platformPause } from '../domain/breaker';
import type { ReasonCode } from '../domain/reasons';
import type { Executor } from '../db/database';
import { pauseByAutomation, type AutomaticPause } from '../db/payout-controls';

/**
 * Pauses for an error of the platform's, as far as it reaches (M7). Once a cause, however often it is met.
 * @returns whether it is one; false where the reason is about one winner, or about nobody
 */
export async function pauseForPlatform(
  executor: Executor,
  settlementId: string,
  reason: ReasonCode,
  needed?: AutomaticPause['needed'],
): Promise<boolean> {
  const pause = platformPause(reason);
  if (pause === undefined) {
    return false;
  }
  await pauseByAutomation(executor, {
    settlementId: pause.scope === 'settlement' ? settlementId : null,
    cause: reason,
    isLiftedByItself: pause.isLiftedByItself,
    ...(needed !== undefined && { needed }),
  });
  return true;
}
