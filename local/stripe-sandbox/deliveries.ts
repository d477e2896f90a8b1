import { addDelivery, renderEvent } from './events';
import type { JsonObject } from './json-object';
import { retryDelayMs } from './retry-delay';
import type { DeliveryRow } from './rows';
import type { SandboxState } from './state';
import { endpointsFor } from './webhook-endpoints';
import { postEvent, type PostResult } from './webhook-post';

const MAX_AT_ONCE = 10;

/** The longest delay a Node.js timer takes; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface DeliveryFilter {
  readonly eventId?: string | undefined;
  readonly endpointId?: string | undefined;
}

/**
 * Brings events to endpoints: at least once, in no promised order (docs.stripe.com/webhooks). What
 * waits is in the store; a try whose result was not saved is made again after a restart.
 */
export class Deliveries {
  private readonly running = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();
  private soon: NodeJS.Immediate | null = null;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly state: SandboxState,
    private readonly onFailure: (error: unknown) => void,
  ) {
    state.store.watch('deliveries', () => this.wake());
  }

  /** After the start: the requests that the last process was answering are over. */
  start(): void {
    this.release(({ gate }) => gate === 'before_answer' || gate === 'after_answer');
    this.wake();
  }

  /** Resolves when no try is under way any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer ?? undefined);
    clearImmediate(this.soon ?? undefined);
    await Promise.all(this.running.values());
  }

  /** To be called when time has moved; what changes in the store is noticed. */
  wake(): void {
    if (!this.stopping.signal.aborted) {
      this.soon ??= setImmediate(() => {
        this.soon = null;
        this.runDue();
      });
    }
  }

  async beforeAnswer(requestId: string): Promise<void> {
    const held = this.waiting().filter(
      (row) => row.gate === 'before_answer' && row.requestId === requestId,
    );
    await this.tryInOrder(held);
  }

  afterAnswer(requestId: string): void {
    this.release((row) => row.gate === 'after_answer' && row.requestId === requestId);
  }

  /**
   * Tries now whatever waits, for a retry, a gate or a delay. With an event also what has been
   * delivered or given up, as `stripe events resend` does.
   */
  async deliverNow({ eventId, endpointId }: DeliveryFilter): Promise<JsonObject[]> {
    const chosen = this.waiting().filter(
      (row) =>
        (eventId === undefined || row.eventId === eventId) &&
        (endpointId === undefined || row.endpointId === endpointId),
    );
    const rows =
      eventId === undefined || chosen.length > 0 ? chosen : this.again(eventId, endpointId);
    await this.tryInOrder(rows);
    return rows.map(({ id }) => ({
      ...(this.state.store.get('deliveries', id) ?? this.state.store.get('finished', id)),
    }));
  }

  private again(eventId: string, endpointId: string | undefined): DeliveryRow[] {
    const event = this.state.store.get('events', eventId);
    const endpoints = event === undefined ? [] : endpointsFor(this.state, event);
    return endpoints
      .filter(({ id }) => endpointId === undefined || id === endpointId)
      .flatMap(({ id }) =>
        event === undefined ? [] : addDelivery(this.state, { event, endpointId: id, fault: null }),
      );
  }

  private runDue(): void {
    const now = this.state.clock.nowMs();
    const open = this.waiting().filter(({ gate, id }) => gate === 'open' && !this.running.has(id));
    const due = open.filter(({ dueAtMs }) => dueAtMs <= now);
    for (const { id } of due.slice(0, Math.max(MAX_AT_ONCE - this.running.size, 0))) {
      void this.tryOnce(id);
    }
    clearTimeout(this.timer ?? undefined);
    const later = open.map(({ dueAtMs }) => dueAtMs).filter((dueAtMs) => dueAtMs > now);
    if (later.length > 0) {
      const wait = Math.min(later.reduce((a, b) => Math.min(a, b)) - now, MAX_TIMER_MS);
      this.timer = setTimeout(() => this.wake(), wait);
      this.timer.unref();
    }
  }

  private async tryInOrder(rows: readonly DeliveryRow[]): Promise<void> {
    for (const { id } of rows) {
      await this.tryOnce(id);
    }
  }

  /** A try that is already under way is the one that is meant. */
  private tryOnce(id: string): Promise<void> {
    const attempt =
      this.running.get(id) ??
      this.attempt(id)
        .catch((error: unknown) => {
          // Otherwise the same failure would come again without end.
          this.stopping.abort();
          this.onFailure(error);
        })
        .finally(() => {
          this.running.delete(id);
          this.wake();
        });
    this.running.set(id, attempt);
    return attempt;
  }

  private async attempt(id: string): Promise<void> {
    const { store, clock } = this.state;
    // Nobody may hear of what a crash could still undo.
    await store.flushed();
    const row = store.get('deliveries', id);
    const endpoint = row && store.get('webhookEndpoints', row.endpointId);
    const event = row && store.get('events', row.eventId);
    if (row === undefined || endpoint === undefined || event === undefined) {
      return;
    }
    const body = JSON.stringify(renderEvent(this.state, event, endpoint.apiVersion), null, 2);
    const { signal } = this.stopping;
    const result = await postEvent(endpoint, body, { seconds: clock.nowSeconds(), signal });
    // Gone: the endpoint was deleted meanwhile. Stopping: as when the process dies, nothing is known.
    if (!signal.aborted && store.get('deliveries', id) !== undefined) {
      store.transaction(() => this.settle({ ...row, tries: row.tries + 1 }, result));
    }
  }

  private settle(row: DeliveryRow, { taken, text }: PostResult): void {
    const { store, clock } = this.state;
    const tried: DeliveryRow = { ...row, gate: 'open', lastResult: text };
    const event = store.get('events', row.eventId);
    const now = clock.nowMs();
    const delayMs = taken || event === undefined ? null : retryDelayMs(event, row.tries, now);
    if (delayMs !== null) {
      store.put('deliveries', row.id, { ...tried, dueAtMs: now + delayMs });
      return;
    }
    store.delete('deliveries', row.id);
    store.put('finished', row.id, { ...tried, state: taken ? 'delivered' : 'given_up' });
    if (taken) {
      this.markDelivered(row);
      this.release((other) => other.gate === 'after_next' && other.endpointId === row.endpointId);
    }
  }

  private markDelivered({ eventId, endpointId }: DeliveryRow): void {
    const { store } = this.state;
    const left = (store.get('undelivered', eventId) ?? []).filter((id) => id !== endpointId);
    if (left.length > 0) {
      store.put('undelivered', eventId, left);
    } else {
      store.delete('undelivered', eventId);
    }
  }

  private release(which: (row: DeliveryRow) => boolean): void {
    const { store, clock } = this.state;
    for (const row of this.waiting().filter(which)) {
      store.put('deliveries', row.id, {
        ...row,
        gate: 'open',
        dueAtMs: clock.nowMs() + row.delayMs,
      });
    }
  }

  private waiting(): DeliveryRow[] {
    return this.state.store.values('deliveries');
  }
}
