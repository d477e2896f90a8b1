import { and, eq, isNull, or } from 'drizzle-orm';

import type { Executor } from './database';
import { payoutControls } from './schema';

/** Whether a pause of everything or of this settlement is in force. `beginSend` asks again in its own statement (M6). */
export async function isPaused(executor: Executor, settlementId: string): Promise<boolean> {
  const [control] = await executor
    .select({ id: payoutControls.id })
    .from(payoutControls)
    .where(
      and(
        isNull(payoutControls.liftedAt),
        or(isNull(payoutControls.settlementId), eq(payoutControls.settlementId, settlementId)),
      ),
    )
    .limit(1);
  return control !== undefined;
}

/** Pauses one settlement because of an alarm, once a cause however often it is raised. */
export async function pauseSettlementByAlarm(
  executor: Executor,
  settlementId: string,
  cause: string,
): Promise<void> {
  const [inForce] = await executor
    .select({ id: payoutControls.id })
    .from(payoutControls)
    .where(
      and(
        isNull(payoutControls.liftedAt),
        eq(payoutControls.settlementId, settlementId),
        eq(payoutControls.cause, cause),
      ),
    )
    .limit(1);
  if (inForce === undefined) {
    await executor.insert(payoutControls).values({ settlementId, cause, owner: 'automation' });
  }
}
