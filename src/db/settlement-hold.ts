import { isHeld } from '../domain/send-gate';
import type { Executor } from './database';
import { readPayoutClock } from './payout-clock';
import type { PayoutJob } from './payout-jobs';

/** Until when a settlement is held; null where it is not, or no longer. */
export async function findHoldInForce(
  executor: Executor,
  { heldUntil }: Pick<PayoutJob, 'heldUntil'>,
): Promise<Date | null> {
  // Most settlements are not held, and need not know the time for it.
  const isInForce =
    heldUntil !== null && isHeld(heldUntil.getTime(), (await readPayoutClock(executor)).getTime());
  return isInForce ? heldUntil : null;
}
