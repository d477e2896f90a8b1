import { and, asc, eq, inArray, sql } from 'drizzle-orm';

import {
  EVENT_TRY_WAITS,
  STRIPE_EVENTS_FORGOTTEN_AT_ONCE,
  STRIPE_EVENTS_KEPT_MS,
} from '../domain/limits';
import type { Executor } from './database';
import { dueAgainAt } from './due-again';
import { stripeEvents } from './schema';

export type StripeEvent = typeof stripeEvents.$inferSelect;

/** What is kept of a verified event: ids alone (M12). */
export type NewStripeEvent = Pick<
  StripeEvent,
  | 'eventId'
  | 'type'
  | 'objectId'
  | 'accountId'
  | 'payoutTransferId'
  | 'installationId'
  | 'livemode'
  | 'createdAt'
>;

/** Keeps an event once; a further delivery of it is counted. @returns whether this call kept it */
export async function storeStripeEvent(
  executor: Executor,
  event: NewStripeEvent,
): Promise<boolean> {
  const [stored] = await executor
    .insert(stripeEvents)
    .values(event)
    .onConflictDoUpdate({
      target: stripeEvents.eventId,
      set: { deliveryCount: sql`${stripeEvents.deliveryCount} + 1` },
    })
    .returning({ deliveryCount: stripeEvents.deliveryCount });
  return stored?.deliveryCount === 1;
}

/** Doubles from try to try; the step is the number of tries before the one that begins. */
const NEXT_TRY_AT = dueAgainAt(stripeEvents.tryCount, EVENT_TRY_WAITS);

/**
 * Takes the turn to process events that wait and are due, oldest first, or one of them. The turn is a time and no lock,
 * so that nothing is held while Stripe is asked (M2); whoever comes while it lasts goes away empty-handed.
 */
export async function beginEventTries(
  executor: Executor,
  wanted: { readonly eventsMax: number; readonly eventId?: string },
): Promise<StripeEvent[]> {
  // Not a plain subquery: a plan may run that once a row, and each run skips what the last has taken and takes others.
  const due = executor.$with('due').as(
    executor
      .select({ eventId: stripeEvents.eventId })
      .from(stripeEvents)
      .where(
        and(
          eq(stripeEvents.status, 'received'),
          sql`coalesce(${stripeEvents.nextTryAt} <= payout_now(), true)`,
          wanted.eventId === undefined ? undefined : eq(stripeEvents.eventId, wanted.eventId),
        ),
      )
      .orderBy(asc(stripeEvents.receivedAt))
      .limit(wanted.eventsMax)
      .for('update', { skipLocked: true }),
  );
  return executor
    .with(due)
    .update(stripeEvents)
    .set({ tryCount: sql`${stripeEvents.tryCount} + 1`, nextTryAt: NEXT_TRY_AT })
    .where(inArray(stripeEvents.eventId, executor.select({ eventId: due.eventId }).from(due)))
    .returning();
}

/** How the processing of an event ended, for ever. */
export interface EventEnd {
  /** `ignored`: it is none of ours, or nothing that matters. */
  readonly status: 'processed' | 'ignored';
  /** What came of it, as a code. */
  readonly result: string;
}

/** Safe to repeat: the first end stays. */
export async function endStripeEvent(
  executor: Executor,
  eventId: string,
  end: EventEnd,
): Promise<void> {
  await executor
    .update(stripeEvents)
    .set({ ...end, processedAt: sql`payout_now()`, nextTryAt: null })
    .where(and(eq(stripeEvents.eventId, eventId), eq(stripeEvents.status, 'received')));
}

/** Says why a try failed; when the next one comes was set as it began. */
export async function noteFailedTry(
  executor: Executor,
  eventId: string,
  result: string,
): Promise<void> {
  await executor
    .update(stripeEvents)
    .set({ result })
    .where(and(eq(stripeEvents.eventId, eventId), eq(stripeEvents.status, 'received')));
}

/**
 * Deletes events that ended longer ago than STRIPE_EVENTS_KEPT_MS, a bounded number of them; what still waits has
 * no end and is kept however old it is. Safe to repeat and to race.
 */
export async function forgetEndedEvents(executor: Executor): Promise<void> {
  await executor.execute(sql`with ended as (
      select event_id from stripe_events
      where processed_at < (select payout_now() - ${STRIPE_EVENTS_KEPT_MS} * interval '1 millisecond')
      limit ${STRIPE_EVENTS_FORGOTTEN_AT_ONCE}
      for update skip locked)
    delete from stripe_events where event_id in (select event_id from ended)`);
}
