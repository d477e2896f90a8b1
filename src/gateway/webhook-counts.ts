import type { WebhookRefusal } from '../stripe/webhooks';

/** What becomes of deliveries, and of the tries to process what was kept. */
export type WebhookCount =
  | 'stored'
  /** Kept before; counted on its row. */
  | 'repeated'
  | WebhookRefusal
  /** Postgres did not take it; Stripe repeats it. */
  | 'not_stored'
  | 'processed'
  | 'ignored'
  /** Tried again later. */
  | 'failed';

/** Counts since the process began, for whoever shows them. */
export class WebhookCounts {
  private readonly counts = new Map<WebhookCount, number>();

  add(what: WebhookCount, times = 1): void {
    this.counts.set(what, this.of(what) + times);
  }

  of(what: WebhookCount): number {
    return this.counts.get(what) ?? 0;
  }

  /** What has happened at least once. */
  entries(): [WebhookCount, number][] {
    return [...this.counts];
  }
}
