import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';

import { readStatus } from '../client/read-status';
import { recordSettlement, reportOf, startRecordedJob } from '../client/settle';
import { parseSettlement } from '../client/settlement-file';
import type { TemporalClient } from '../client/temporal-client';
import type { Database } from '../db/database';
import type { SchedulingTerms } from '../db/schedule-payout-job';
import { SETTLEMENT_FILE_BYTES_MAX } from '../domain/limits';
import { ApiError } from './api-error';
import {
  answer,
  errorAnswers,
  recordedReportSchema,
  settlementBodySchema,
  settlementParamsSchema,
  settlementStatusSchema,
  settleReportSchema,
  statusQuerySchema,
  type SettlementStatusAnswer,
} from './api-schemas';
import { TOKEN_SCHEME } from './openapi';
import { startInTime } from './in-time';

export interface SettlementDependencies {
  readonly database: Database;
  readonly temporal: Pick<TemporalClient, 'client' | 'connection' | 'namespace'>;
  readonly terms: SchedulingTerms;
  /** The largest single prize, in minor units. */
  readonly amountMinorMax: number;
  readonly authenticate: onRequestHookHandler;
}

const SECURITY = [{ [TOKEN_SCHEME]: [] }];
const WILL_BE_STARTED =
  'the settlement is recorded and not lost; Temporal does not answer, the sweep starts its job when it does';

/** Handing in a settlement, and asking how it stands. Every caller is known by a token. */
export function settlementRoutes(app: FastifyInstance, dependencies: SettlementDependencies): void {
  app.addHook('onRequest', dependencies.authenticate);
  // The text as it came, for the parser of settlement files: JSON.parse passes over doubled fields and rounds numbers.
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  handInRoute(app, dependencies);
  statusRoute(app, dependencies);
}

function handInRoute(app: FastifyInstance, dependencies: SettlementDependencies): void {
  const { amountMinorMax, database, temporal, terms } = dependencies;
  const { client, connection } = temporal;
  app.post(
    '/v1/settlements',
    {
      bodyLimit: SETTLEMENT_FILE_BYTES_MAX,
      schema: {
        summary: 'Records a settlement and starts its payments; safe to repeat',
        security: SECURITY,
        body: settlementBodySchema,
        response: {
          200: answer('It was recorded before with the same content.', settleReportSchema),
          201: answer('It is recorded, and its job runs.', settleReportSchema),
          202: answer('It is recorded; the sweep starts its job.', recordedReportSchema),
          ...errorAnswers(400, 401, 408, 409, 413, 415, 422, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const settlement = parseSettlement(textOf(request.body), { amountMinorMax });
      const recorded = await recordSettlement(database, settlement, terms, request.actor);
      const { settlementId } = settlement;
      const { created } = recorded;
      request.log.info({ actor: request.actor, settlementId, created }, 'settlement recorded');
      const report = await startInTime(connection, { log: request.log, settlementId }, () =>
        startRecordedJob({ client, database }, settlement, recorded),
      );
      return report === undefined
        ? reply
            .status(202)
            .send({ ...reportOf(settlement, recorded, null), message: WILL_BE_STARTED })
        : reply.status(created ? 201 : 200).send(report);
    },
  );
}

function textOf(body: unknown): string {
  try {
    return body instanceof Uint8Array ? new TextDecoder('utf-8', { fatal: true }).decode(body) : '';
  } catch {
    const found = 'bytes that are not UTF-8';
    throw new ApiError(400, 'malformed_json', 'the body is not JSON; nothing was recorded', {
      problems: [{ place: 'the whole body', found, expected: 'UTF-8 text' }],
    });
  }
}

function statusRoute(app: FastifyInstance, { database }: SettlementDependencies): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    '/v1/settlements/:id',
    {
      schema: {
        summary: 'Who is paid, who is not, and why',
        security: SECURITY,
        params: settlementParamsSchema,
        querystring: statusQuerySchema,
        response: {
          200: answer('How it stands, a page of transfers at a time.', settlementStatusSchema),
          ...errorAnswers(400, 401, 404, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const { after = null, limit } = request.query;
      const page = { afterTransferId: after, transfersMax: limit };
      const report: SettlementStatusAnswer = await readStatus(database, request.params.id, page);
      return reply.send(report);
    },
  );
}
