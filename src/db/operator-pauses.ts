import { and, desc, eq, inArray, isNull, or, sql } from 'drizzle-orm';

import type { Operator } from '../domain/operator-reason';
import type { Executor } from './database';
import type { PayoutControl } from './payout-controls';
import { payoutControls } from './schema';

/** What a pause stops: one settlement by its id, or everything (null). */
export type PauseScope = string | null;

function isOfScope(scope: PauseScope) {
  return scope === null
    ? isNull(payoutControls.settlementId)
    : eq(payoutControls.settlementId, scope);
}

/**
 * Pauses for an operator. Safe to repeat: the first pause stays as it is until it is lifted.
 * @returns whether this call set it
 */
export async function pauseByOperator(
  executor: Executor,
  scope: PauseScope,
  { actor, reason }: Operator,
): Promise<boolean> {
  const set = await executor
    .insert(payoutControls)
    .values({ settlementId: scope, cause: 'operator', owner: 'operator', actor, reason })
    .onConflictDoNothing()
    .returning({ id: payoutControls.id });
  return set.length > 0;
}

/**
 * Lifts every pause of exactly this scope, whoever set it: a person may (M13).
 * @param seenIds only those that the person saw; whatever was set since stays in force
 * @returns those that this call lifted
 */
export async function liftPausesByOperator(
  executor: Executor,
  scope: PauseScope,
  { actor, reason }: Operator,
  seenIds?: readonly number[],
): Promise<PayoutControl[]> {
  return executor
    .update(payoutControls)
    .set({ liftedAt: sql`payout_now()`, liftedBy: actor, liftReason: reason })
    .where(
      and(
        isOfScope(scope),
        isNull(payoutControls.liftedAt),
        seenIds === undefined ? undefined : inArray(payoutControls.id, [...seenIds]),
      ),
    )
    .returning();
}

/** The pauses that a scope is under or holds: of a settlement also those of everything, of everything all of them. */
export async function findPausesTouching(
  executor: Executor,
  scope: PauseScope,
): Promise<PayoutControl[]> {
  const touching = scope === null ? undefined : or(isOfScope(scope), isOfScope(null));
  return executor
    .select()
    .from(payoutControls)
    .where(and(isNull(payoutControls.liftedAt), touching))
    .orderBy(payoutControls.id);
}

/** The pauses that were set last, whether or not they are in force, newest first. */
export async function findNewestPauses(
  executor: Executor,
  pausesMax: number,
): Promise<PayoutControl[]> {
  return executor.select().from(payoutControls).orderBy(desc(payoutControls.id)).limit(pausesMax);
}
