import type { Client } from '@temporalio/client';

import type { EventEnd, StripeEvent } from '../db/stripe-events';
import type { ActivityDependencies } from './dependencies';

/** What the processing of Stripe's events works with: a worker's sweep has it, and a gateway. */
export interface EventDependencies extends Pick<
  ActivityDependencies,
  'database' | 'platform' | 'stripe'
> {
  /** Wakes the workflows that an event concerns. */
  readonly client: Client;
}

/**
 * Processes one kind of event. An event is a hint and never the truth: whatever matters is asked from Stripe again, so it
 * may come late, twice, out of order or in two events about one thing. Safe to repeat and to race with itself.
 *
 * @throws whatever kept it from being processed; it is tried again later
 */
export type EventProcessor = (
  dependencies: EventDependencies,
  event: StripeEvent,
) => Promise<EventEnd>;

export function processed(result: string): EventEnd {
  return { status: 'processed', result };
}

export function ignored(result: string): EventEnd {
  return { status: 'ignored', result };
}
