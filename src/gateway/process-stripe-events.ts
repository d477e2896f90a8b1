import type { Logger } from '../config/log';
import type { EventDependencies } from '../activities/event-processing';
import { processStripeEvent, processStripeEvents } from '../activities/process-stripe-event';
import { EVENT_LOOK_MS, EVENTS_AT_ONCE, EVENTS_NOTICED_MAX } from '../domain/limits';
import type { WebhookCounts } from './webhook-counts';

export interface EventProcessing {
  /** An event was kept: it is processed as soon as there is room. Returns at once and never throws. */
  notice(eventId: string): void;
  /** Ends what is under way; what waits stays in Postgres for the next process. */
  close(): Promise<void>;
}

/**
 * Processes Stripe's events in this process: each that it is told of at once, and on start and every minute what waits
 * in Postgres and is due, such as the events of a gateway that died and those whose last try failed.
 *
 * Any number of gateways and sweeps may do so: each takes turns, and an event that two work on all the same is processed
 * twice to the same end.
 */
export function startEventProcessing({
  counts,
  dependencies,
  log,
}: {
  readonly dependencies: EventDependencies;
  readonly counts: WebhookCounts;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}): EventProcessing {
  const noticed = new Set<string>();
  const underWay = new Set<Promise<void>>();
  let isClosed = false;

  const run = (work: Promise<void>): void => {
    const ended = work
      .catch((error: unknown) => {
        // It waits in Postgres; the next look finds it.
        log.warn({ failure: nameOf(error) }, 'events of Stripe wait for the next look');
      })
      .finally(() => {
        underWay.delete(ended);
        takeNoticed();
      });
    underWay.add(ended);
  };

  const takeNoticed = (): void => {
    for (const eventId of noticed) {
      if (isClosed || underWay.size >= EVENTS_AT_ONCE) {
        return;
      }
      noticed.delete(eventId);
      run(processNoticed(eventId));
    }
  };

  const processNoticed = async (eventId: string): Promise<void> => {
    const ended = await processStripeEvent(dependencies, eventId);
    if (ended !== undefined) {
      counts.add(ended.status);
      log.info({ eventId, ...ended }, 'event of Stripe');
    }
  };

  const look = async (): Promise<void> => {
    let tried: number;
    do {
      const ended = await processStripeEvents(dependencies, { eventsMax: EVENTS_AT_ONCE });
      for (const status of ['processed', 'ignored', 'failed'] as const) {
        counts.add(status, ended[status]);
      }
      tried = ended.processed + ended.ignored + ended.failed;
    } while (tried > 0 && !isClosed);
  };

  let isLooking = false;
  const lookUnlessLooking = (): void => {
    if (!isLooking) {
      isLooking = true;
      run(look().finally(() => (isLooking = false)));
    }
  };
  const timer = setInterval(lookUnlessLooking, EVENT_LOOK_MS);
  lookUnlessLooking();

  return {
    notice: (eventId) => {
      if (noticed.size < EVENTS_NOTICED_MAX) {
        noticed.add(eventId);
        takeNoticed();
      }
    },
    close: async () => {
      isClosed = true;
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

/** What failed, without anybody's words (M12). */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unnamed';
}
