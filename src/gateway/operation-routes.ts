import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { z } from 'zod';

import { answer, errorAnswers, healthSchema, readinessSchema } from './api-schemas';
import type { GatewayMetrics } from './metrics';
import { TOKEN_SCHEME } from './openapi';
import type { Readiness } from './readiness';

export interface OperationDependencies {
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: GatewayMetrics;
  readonly authenticate: onRequestHookHandler;
}

/** What an orchestrator and a monitor ask. The first two need no token and tell no secret. */
export function operationRoutes(
  app: FastifyInstance,
  { authenticate, metrics, readiness }: OperationDependencies,
): void {
  app.get(
    '/healthz',
    {
      schema: {
        summary: 'Whether the process lives',
        security: [],
        response: { 200: answer('It lives.', healthSchema) },
      },
    },
    () => ({ ok: true }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Whether Postgres, Temporal and Stripe answer',
        security: [],
        response: {
          200: answer('All of them do.', readinessSchema),
          503: answer(
            'One of them does not; settlements are taken while Postgres does.',
            readinessSchema,
          ),
        },
      },
    },
    async (_request, reply) => {
      const state = await readiness();
      return reply.status(state.ready ? 200 : 503).send(state);
    },
  );
  app.get(
    '/metrics',
    {
      onRequest: authenticate,
      schema: {
        summary: 'Figures for Prometheus',
        security: [{ [TOKEN_SCHEME]: [] }],
        response: {
          200: answer('In the text format of Prometheus.', z.string(), 'text/plain'),
          ...errorAnswers(401),
        },
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.scrape()),
  );
}
