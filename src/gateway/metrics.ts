import { Counter, Histogram, Registry } from 'prom-client';

import { readOperatingFigures } from '../db/operating-figures';
import type { Database } from '../db/database';
import type { AuthFailure } from './authenticate';
import { createOperatingMetrics } from './operating-metrics';
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
  const showFigures = createOperatingMetrics(registers);
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
