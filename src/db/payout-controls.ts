import { and, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm';

import { ASK_WAITS, PAUSE_MEMORY_MS } from '../domain/limits';
import type { Executor } from './database';
import { dueAgainAt } from './due-again';
import { isInForceFor } from './pause-in-force';
import { payoutControls } from './schema';

export type PayoutControl = typeof payoutControls.$inferSelect;

/** Whether a pause of everything or of this settlement is in force. `beginSend` asks again in its own statement (M6). */
export async function isPaused(executor: Executor, settlementId: string): Promise<boolean> {
  const pauses = await findPausesInForce(executor, settlementId);
  return pauses.length > 0;
}

/** The pauses that keep a settlement from being sent: its own and those of everything, oldest first. */
export async function findPausesInForce(
  executor: Executor,
  settlementId: string,
): Promise<PayoutControl[]> {
  return executor
    .select()
    .from(payoutControls)
    .where(isInForceFor(settlementId))
    .orderBy(payoutControls.id);
}

/** A pause that automation sets: what it stops, why, and whether it may lift it itself (M13). */
export interface AutomaticPause {
  /** null: everything. */
  readonly settlementId: string | null;
  readonly cause: string;
  readonly isLiftedByItself: boolean;
  /** Where funds are short: what has to be available before it is lifted. */
  readonly needed?: { readonly amountMinor: number; readonly currency: string };
}

/**
 * Pauses because of an error or an alarm, once a cause however often it is raised. A cause that comes back soon after
 * automation lifted it is looked at as rarely as it was before.
 * @returns whether this call set it
 */
export async function pauseByAutomation(
  executor: Executor,
  pause: AutomaticPause,
): Promise<boolean> {
  const { cause, isLiftedByItself, needed, settlementId } = pause;
  const lookCount = isLiftedByItself ? await looksBefore(executor, pause) : 0;
  const set = await executor
    .insert(payoutControls)
    .values({
      settlementId,
      cause,
      owner: 'automation',
      lookCount,
      // The step is the number of looks before …
      ...(isLiftedByItself && { nextLookAt: dueAgainAt(lookCount, ASK_WAITS) }),
      ...(needed !== undefined && { neededMinor: needed.amountMinor, currency: needed.currency }),
    })
    .onConflictDoNothing()
    .returning({ id: payoutControls.id });
  return set.length > 0;
}

async function looksBefore(
  executor: Executor,
  { cause, settlementId }: AutomaticPause,
): Promise<number> {
  const [last] = await executor
    .select({ lookCount: payoutControls.lookCount })
    .from(payoutControls)
    .where(
      and(
        eq(payoutControls.cause, cause),
        sql`${payoutControls.settlementId} is not distinct from ${settlementId}`,
        eq(payoutControls.liftedBy, 'automation'),
        sql`${payoutControls.liftedAt} > payout_now() - ${PAUSE_MEMORY_MS} * interval '1 millisecond'`,
      ),
    )
    .orderBy(desc(payoutControls.id))
    .limit(1);
  return last?.lookCount ?? 0;
}

/**
 * Takes the turn to look at every pause that is due, once a due time however many jobs wait for it; the next look is
 * twice as far off.
 */
export async function beginPauseLooks(
  executor: Executor,
  settlementId: string,
): Promise<PayoutControl[]> {
  return executor
    .update(payoutControls)
    .set({
      lookCount: sql`${payoutControls.lookCount} + 1`,
      // … and here the look that begins is one of them.
      nextLookAt: dueAgainAt(sql`(${payoutControls.lookCount} + 1)`, ASK_WAITS),
    })
    .where(
      and(
        isInForceFor(settlementId),
        eq(payoutControls.owner, 'automation'),
        sql`${payoutControls.nextLookAt} <= payout_now()`,
      ),
    )
    .returning();
}

/** Automation lifts what it set itself for one cause. @returns whether this call lifted it */
export async function liftCauseByAutomation(
  executor: Executor,
  settlementId: string,
  cause: string,
): Promise<boolean> {
  const lifted = await executor
    .update(payoutControls)
    .set(LIFTED_BY_AUTOMATION)
    .where(
      and(
        isLiftable(),
        eq(payoutControls.settlementId, settlementId),
        eq(payoutControls.cause, cause),
      ),
    )
    .returning({ id: payoutControls.id });
  return lifted.length > 0;
}

const LIFTED_BY_AUTOMATION = { liftedAt: sql`payout_now()`, liftedBy: 'automation' };

function isLiftable() {
  return and(eq(payoutControls.owner, 'automation'), isNull(payoutControls.liftedAt));
}

/** The pauses that automation set because funds are missing, whenever their next look is. */
export async function findFundsPauses(executor: Executor): Promise<PayoutControl[]> {
  return executor
    .select()
    .from(payoutControls)
    .where(and(isLiftable(), isNotNull(payoutControls.neededMinor)))
    .orderBy(payoutControls.id);
}

/** Automation lifts a pause that it set itself; one that a person has lifted meanwhile stays theirs. */
export async function liftByAutomation(
  executor: Executor,
  pause: Pick<PayoutControl, 'id'>,
): Promise<void> {
  await executor
    .update(payoutControls)
    .set(LIFTED_BY_AUTOMATION)
    .where(and(isLiftable(), eq(payoutControls.id, pause.id)));
}
