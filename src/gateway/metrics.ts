import { Counter, Gauge, Histogram, Registry } from 'prom-client';

import { readOperatingFigures, type OperatingFigures } from '../db/operating-figures';
import type { Database } from '../db/database';
import { CANCELLATION_REFUSAL_TEXTS } from '../domain/manual-cancellation';
import { RESOLVE_REFUSAL_TEXTS } from '../domain/manual-resolution';
import { APPROVAL_REFUSAL_TEXTS, CONFIRMATION_REFUSAL_TEXTS } from '../domain/approval';
import { RETRY_REFUSAL_TEXTS } from '../domain/manual-retry';
import { REVERSAL_REFUSAL_TEXTS } from '../domain/manual-reversal';
import { JOB_STATUSES } from '../domain/job-state';
import { REASON_REFUSED } from '../domain/operator-reason';
import { SETTLEMENT_STATUSES } from '../domain/settlement';
import { OPEN_STATUSES } from '../domain/transfer-state';
import type { AuthFailure } from './authenticate';
import type { WebhookCounts } from './webhook-counts';

export interface ServedRequest {
  readonly method: string;
  /** The pattern of the route, never the path that came: ids are no label. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** What the gateway counts about itself, and reads from Postgres when it is asked. */
export interface GatewayMetrics {
  readonly contentType: string;
  countRequest(request: ServedRequest): void;
  countAuthFailure(failure: AuthFailure): void;
  countRefusedConnection(): void;
  /** @param code of a request that was given up before a route could take it */
  countBrokenRequest(code: string): void;
  /** The text of a scrape. Where Postgres does not answer, its figures are missing and `payouts_database_up` is 0. */
  scrape(): Promise<string>;
}

/** Names follow https://prometheus.io/docs/practices/naming/: base units, counters end in `_total`. */
export function createMetrics(database: Database, webhooks: WebhookCounts): GatewayMetrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const requests = new Counter({
    name: 'payouts_gateway_requests_total',
    help: 'Requests that were answered.',
    labelNames: ['method', 'route', 'status'] as const,
    registers,
  });
  const durations = new Histogram({
    name: 'payouts_gateway_request_duration_seconds',
    help: 'How long answers took.',
    labelNames: ['method', 'route'] as const,
    buckets: [0.01, 0.05, 0.25, 1, 5, 30],
    registers,
  });
  const authFailures = new Counter({
    name: 'payouts_gateway_auth_failures_total',
    help: 'Requests without a known token.',
    labelNames: ['reason'] as const,
    registers,
  });
  const refusedConnections = new Counter({
    name: 'payouts_gateway_refused_connections_total',
    help: 'Connections that were closed because too many were open.',
    registers,
  });
  const brokenRequests = new Counter({
    name: 'payouts_gateway_broken_requests_total',
    help: 'Requests that came too slowly, or were none, and reached no route.',
    labelNames: ['code'] as const,
    registers,
  });
  new Counter({
    name: 'payouts_gateway_webhooks_total',
    help: 'Deliveries of webhooks and tries to process them, by what became of them.',
    labelNames: ['result'] as const,
    registers,
    collect() {
      this.reset();
      webhooks.entries().forEach(([result, count]) => this.inc({ result }, count));
    },
  });
  const showFigures = figuresIn(registers);
  return {
    contentType: registry.contentType,
    countRequest: ({ method, route, status, seconds }) => {
      requests.inc({ method, route, status });
      durations.observe({ method, route }, seconds);
    },
    countAuthFailure: (reason) => authFailures.inc({ reason }),
    countRefusedConnection: () => refusedConnections.inc(),
    countBrokenRequest: (code) => brokenRequests.inc({ code }),
    scrape: async () => {
      showFigures(await readOperatingFigures(database).catch(() => undefined));
      return registry.metrics();
    },
  };
}

/** Why orders are refused; one that is not here is shown once it was given. */
const ORDER_REFUSALS = [
  REASON_REFUSED,
  ...[
    CANCELLATION_REFUSAL_TEXTS,
    RETRY_REFUSAL_TEXTS,
    RESOLVE_REFUSAL_TEXTS,
    APPROVAL_REFUSAL_TEXTS,
    CONFIRMATION_REFUSAL_TEXTS,
    REVERSAL_REFUSAL_TEXTS,
  ].flatMap((texts) => Object.keys(texts)),
];

const OPEN_JOB_STATUSES = JOB_STATUSES.filter((status) => status !== 'complete');

function setByStatus(
  gauge: Gauge<'status'>,
  known: readonly string[],
  rows: readonly { readonly status: string; readonly count: number }[],
): void {
  known.forEach((status) => gauge.set({ status }, 0));
  rows.forEach(({ status, count }) => gauge.set({ status }, count));
}

/** What Postgres says. Those whose labels are known show 0 too, so that an alarm on them has something to read. */
function figuresIn(registers: Registry[]): (figures: OperatingFigures | undefined) => void {
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers });
  const up = gauge('payouts_database_up', 'Whether the figures below could be read.', []);
  const settlements = gauge('payouts_settlements', 'Settlements by status.', ['status']);
  const openJobs = gauge('payouts_open_jobs', 'Jobs that are not complete.', ['status']);
  const open = gauge('payouts_open_transfers', 'Transfers that are not at their end.', ['status']);
  const failed = gauge(
    'payouts_failed_transfers',
    'Transfers that were given up and wait for a person.',
    [],
  );
  const unknown = gauge(
    'payouts_oldest_unknown_age_seconds',
    'Age of the oldest transfer whose outcome is unknown; 0 where there is none.',
    [],
  );
  const pauses = gauge('payouts_pauses_in_force', 'Pauses that stop sending.', ['scope']);
  const events = gauge('payouts_stripe_events', 'Webhooks received, by result.', ['result']);
  const recurring = gauge(
    'payouts_recurring_work_age_seconds',
    'Since recurring work, such as the sweep, last succeeded.',
    ['name'],
  );
  const refusedOrders = new Counter({
    name: 'payouts_refused_orders_total',
    help: 'Orders of operators that were refused, by code.',
    labelNames: ['code'] as const,
    registers,
  });
  const refusedChanges = new Counter({
    name: 'payouts_refused_changes_total',
    help: 'Changes of rows that a guard of Postgres refused; after a crash of Postgres up to 32 too many.',
    registers,
  });
  return (figures) => {
    for (const each of [
      settlements,
      openJobs,
      open,
      unknown,
      pauses,
      events,
      recurring,
      refusedOrders,
      refusedChanges,
    ]) {
      each.reset();
    }
    up.set(figures === undefined ? 0 : 1);
    if (figures === undefined) {
      failed.remove();
      unknown.remove();
      refusedChanges.remove();
      return;
    }
    setByStatus(settlements, SETTLEMENT_STATUSES, figures.settlements);
    setByStatus(openJobs, OPEN_JOB_STATUSES, figures.openJobs);
    setByStatus(open, OPEN_STATUSES, figures.openTransfers);
    ['everything', 'settlement'].forEach((scope) => pauses.set({ scope }, 0));
    failed.set(figures.failedTransfers);
    unknown.set(figures.oldestUnknownSeconds ?? 0);
    figures.pausesInForce.forEach(({ scope, count }) => pauses.set({ scope }, count));
    figures.stripeEvents.forEach(({ result, count }) => events.set({ result }, count));
    ORDER_REFUSALS.forEach((code) => refusedOrders.inc({ code }, 0));
    figures.refusedOrders.forEach(({ code, count }) => refusedOrders.inc({ code }, count));
    refusedChanges.inc(figures.refusedChanges);
    figures.recurringWork.forEach(({ name, seconds }) => recurring.set({ name }, seconds));
  };
}
