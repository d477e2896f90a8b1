import type { Logger } from '../config/log';
import type { EventDependencies } from '../activities/event-processing';
import { codeOfFailure } from '../activities/failure-code';
import { processStripeEvent, processStripeEvents } from '../activities/process-stripe-event';
import { EVENT_LOOK_MS, EVENTS_AT_ONCE, EVENTS_NOTICED_MAX } from '../domain/limits';
import type { WebhookCounts } from './webhook-counts';

export interface EventProcessing {
  /** An event was kept: it is processed as soon as there is room. Returns at once and never throws. */
  notice(eventId: string): void;
  /** Ends what is under way; what waits stays in Postgres for the next process. */
  close(): Promise<void>;
}

export interface EventProcessingOptions {
  readonly dependencies: EventDependencies;
  readonly counts: WebhookCounts;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/**
 * Processes Stripe's events in this process: each that it is told of at once, and on start and every minute what waits
 * in Postgres and is due, such as the events of a gateway that died and those whose last try failed.
 *
 * Any number of gateways and sweeps may do so: each takes turns, and an event that two work on all the same is processed
 * twice to the same end.
 */
export function startEventProcessing(options: EventProcessingOptions): EventProcessing {
  const events = new EventQueue(options);
  const timer = setInterval(() => events.look(), EVENT_LOOK_MS);
  events.look();
  return {
    notice: (eventId) => events.notice(eventId),
    close: () => {
      clearInterval(timer);
      return events.close();
    },
  };
}

class EventQueue {
  private readonly noticed = new Set<string>();
  private readonly underWay = new Set<Promise<void>>();
  private isLooking = false;
  private isClosed = false;

  constructor(private readonly options: EventProcessingOptions) {}

  notice(eventId: string): void {
    if (this.noticed.size < EVENTS_NOTICED_MAX) {
      this.noticed.add(eventId);
      this.takeNoticed();
    }
  }

  /** Unless one is under way, which may take longer than a minute. */
  look(): void {
    if (!this.isLooking) {
      this.isLooking = true;
      this.run(this.processDue().finally(() => (this.isLooking = false)));
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(this.underWay);
  }

  private run(work: Promise<void>): void {
    const ended = work
      .catch((error: unknown) => {
        // It waits in Postgres; the next look finds it.
        this.options.log.warn(
          { failure: codeOfFailure(error) },
          'events of Stripe wait for the next look',
        );
      })
      .finally(() => {
        this.underWay.delete(ended);
        this.takeNoticed();
      });
    this.underWay.add(ended);
  }

  private takeNoticed(): void {
    for (const eventId of this.noticed) {
      if (this.isClosed || this.underWay.size >= EVENTS_AT_ONCE) {
        return;
      }
      this.noticed.delete(eventId);
      this.run(this.processOne(eventId));
    }
  }

  private async processOne(eventId: string): Promise<void> {
    const { counts, dependencies, log } = this.options;
    const ended = await processStripeEvent(dependencies, eventId);
    if (ended !== undefined) {
      counts.add(ended.status);
      log.info({ eventId, ...ended }, 'event of Stripe');
    }
  }

  /** A few at a time, so that closing waits for no more than those. */
  private async processDue(): Promise<void> {
    const { counts, dependencies } = this.options;
    let tried: number;
    do {
      const ended = await processStripeEvents(dependencies, { eventsMax: EVENTS_AT_ONCE });
      for (const status of ['processed', 'ignored', 'failed'] as const) {
        counts.add(status, ended[status]);
      }
      tried = ended.processed + ended.ignored + ended.failed;
    } while (tried > 0 && !this.isClosed);
  }
}
