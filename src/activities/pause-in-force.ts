import type { PauseInForce } from '../domain/contracts';
import type { Executor } from '../db/database';
import { readPayoutClock } from '../db/payout-clock';
import { findPausesInForce } from '../db/payout-controls';

/** What keeps a settlement from being sent, and when automation looks whether it is over; null when nothing does. */
export async function pauseOf(
  executor: Executor,
  settlementId: string,
): Promise<PauseInForce | null> {
  const pauses = await findPausesInForce(executor, settlementId);
  if (pauses.length === 0) {
    return null;
  }
  const nowMs = (await readPayoutClock(executor)).getTime();
  const looks = pauses.flatMap(({ nextLookAt }) =>
    nextLookAt === null ? [] : [Math.max(nextLookAt.getTime() - nowMs, 0)],
  );
  return {
    lookInMs: looks.length === 0 ? null : Math.min(...looks),
    causes: pauses.map(({ cause }) => cause),
  };
}
