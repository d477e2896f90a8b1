import { EVENTS_AT_ONCE } from '../domain/limits';
import {
  beginEventTries,
  endStripeEvent,
  noteFailedTry,
  type EventEnd,
  type StripeEvent,
} from '../db/stripe-events';
import { ignored, type EventDependencies, type EventProcessor } from './event-processing';
import { codeOfFailure } from './failure-code';
import { processAccountEvent } from './process-account-event';
import { processBalanceEvent } from './process-balance-event';
import { processTransferEvent } from './process-transfer-event';

/** docs.stripe.com/api/events/types; whatever is not here does not matter to payouts. */
const PROCESSORS: Readonly<Record<string, EventProcessor>> = {
  'account.updated': processAccountEvent,
  'account.application.authorized': processAccountEvent,
  'account.application.deauthorized': processAccountEvent,
  'capability.updated': processAccountEvent,
  'balance.available': processBalanceEvent,
  'transfer.created': processTransferEvent,
  'transfer.updated': processTransferEvent,
  'transfer.reversed': processTransferEvent,
};

/** What an endpoint in Stripe has to send; README.md says so. */
export const STRIPE_EVENT_TYPES: readonly string[] = Object.keys(PROCESSORS);

/** How one try ended: for ever, or why it failed, as a code. */
export type EventTry = EventEnd | { readonly status: 'failed'; readonly result: string };

/** How many tries of events ended how. */
export interface EventCounts {
  readonly processed: number;
  readonly ignored: number;
  /** They are tried again later. */
  readonly failed: number;
}

/**
 * Processes one stored event, if it waits and is due. Safe to repeat and to race.
 * @returns undefined where there was nothing to do: it has ended, or somebody works on it
 * @throws when Postgres cannot be reached; nothing was begun
 */
export async function processStripeEvent(
  dependencies: EventDependencies,
  eventId: string,
): Promise<EventTry | undefined> {
  const [event] = await beginEventTries(dependencies.database, { eventId, eventsMax: 1 });
  return event === undefined ? undefined : tryEvent(dependencies, event);
}

/**
 * Processes the stored events that wait and are due, oldest first, a few at a time. Safe to repeat and to race: what
 * another process works on is passed over.
 * @throws when Postgres cannot be reached; nothing of the rest was begun
 */
export async function processStripeEvents(
  dependencies: EventDependencies,
  { eventsMax }: { readonly eventsMax: number },
): Promise<EventCounts> {
  const counts = { processed: 0, ignored: 0, failed: 0 };
  let left = eventsMax;
  while (left > 0) {
    const events = await beginEventTries(dependencies.database, {
      eventsMax: Math.min(left, EVENTS_AT_ONCE),
    });
    const tries = await Promise.all(events.map((event) => tryEvent(dependencies, event)));
    for (const { status } of tries) {
      counts[status] += 1;
    }
    left = events.length === 0 ? 0 : left - events.length;
  }
  return counts;
}

async function tryEvent(dependencies: EventDependencies, event: StripeEvent): Promise<EventTry> {
  const { database } = dependencies;
  try {
    const process = PROCESSORS[event.type];
    const end = process ? await process(dependencies, event) : ignored('of_no_interest');
    await endStripeEvent(database, event.eventId, end);
    return end;
  } catch (error) {
    const result = codeOfFailure(error);
    // Where Postgres itself is away nothing can be noted; the next try comes all the same.
    await noteFailedTry(database, event.eventId, result).catch(() => undefined);
    return { status: 'failed', result };
  }
}
