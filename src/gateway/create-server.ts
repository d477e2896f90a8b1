import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';

import { codeOfFailure } from '../activities/failure-code';
import type { GatewayToken } from '../config/setting-rules';
import type { Logger } from '../config/log';
import type { Installation } from '../db/installation';
import {
  CONSOLE_ORDER_ANSWER_MS,
  GATEWAY_BODY_BYTES_MAX,
  GATEWAY_CONNECTIONS_MAX,
  GATEWAY_HEADERS_TIMEOUT_MS,
  GATEWAY_KEEP_ALIVE_MS,
  GATEWAY_REQUEST_TIMEOUT_MS,
  GATEWAY_SOCKET_IDLE_MS,
  GATEWAY_TIMEOUT_LOOK_MS,
} from '../domain/limits';
import { ApiError, apiErrorOf, errorBody } from './api-error';
import { requireToken } from './authenticate';
import { checkRequest } from './check-request';
import { createMetrics, type GatewayMetrics } from './metrics';
import { openApiRoute, registerOpenApi } from './openapi';
import { operationRoutes } from './operation-routes';
import { answerBrokenRequest } from './raw-answers';
import { registerConsole } from './console/register-console';
import { isConsolePath } from './console/local-path';
import type { ConsoleDependencies } from './console/console-context';
import { registerSecurityHeaders } from './console/security-headers';
import { pageErrorOf, sendErrorPage } from './console/send-page';
import { createReadiness, type ReadinessDependencies } from './readiness';
import { REQUEST_ID_HEADER, requestIdOf } from './request-id';
import { settlementRoutes, type SettlementDependencies } from './settlement-routes';
import { stripeWebhookRoute, type StripeWebhookOptions } from './stripe-webhook-route';

/** What a client may use up; tests make it small. */
export interface ServerLimits {
  readonly connectionsMax: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly timeoutLookMs: number;
  /** How long a page of the console waits for its order. */
  readonly orderAnswerMs: number;
}

const LIMITS: ServerLimits = {
  connectionsMax: GATEWAY_CONNECTIONS_MAX,
  headersTimeoutMs: GATEWAY_HEADERS_TIMEOUT_MS,
  requestTimeoutMs: GATEWAY_REQUEST_TIMEOUT_MS,
  timeoutLookMs: GATEWAY_TIMEOUT_LOOK_MS,
  orderAnswerMs: CONSOLE_ORDER_ANSWER_MS,
};

export interface ServerDependencies
  extends Omit<SettlementDependencies, 'authenticate'>, ReadinessDependencies {
  readonly tokens: readonly GatewayToken[];
  readonly log: Logger;
  readonly limits?: Partial<ServerLimits>;
  readonly webhooks: StripeWebhookOptions;
  readonly console: Pick<
    ConsoleDependencies,
    'payeeWaitMs' | 'platform' | 'stripe' | 'temporalUiUrl'
  >;
}

/** The gateway's HTTP server with all its routes, not yet listening. Whoever makes it closes it. */
export async function createServer(dependencies: ServerDependencies): Promise<FastifyInstance> {
  const { database, log, tokens } = dependencies;
  const limits = { ...LIMITS, ...dependencies.limits };
  const metrics = createMetrics(database, dependencies.webhooks.counts);
  const app = bareServer(log, limits, metrics);
  app.server.maxConnections = limits.connectionsMax;
  app.server.on('drop', () => metrics.countRefusedConnection());
  // Node would answer such a request itself, with an empty 417; `notServed` does it.
  app.server.on('checkExpectation', (request, response) =>
    app.server.emit('request', request, response),
  );
  app.setValidatorCompiler(checkRequest);
  app.setSerializerCompiler(serializerCompiler);
  app.removeAllContentTypeParsers();
  app.decorateRequest('actor', null);
  await registerSecurityHeaders(app);
  const pages = errorPages(dependencies.console.platform);
  addErrorAnswers(app, collectRoutes(app), (thrown, request, reply) =>
    answerError(thrown, request, reply, isConsolePath(request.url) ? pages : JSON_ERRORS),
  );
  addRecords(app, metrics);
  const authenticate = requireToken(tokens, (failure) => metrics.countAuthFailure(failure));
  await registerOpenApi(app);
  operationRoutes(app, { authenticate, metrics, readiness: createReadiness(dependencies) });
  openApiRoute(app);
  await app.register((scope, _options, done) => {
    settlementRoutes(scope, { ...dependencies, authenticate });
    done();
  });
  await app.register(stripeWebhookRoute, dependencies.webhooks);
  await registerConsole(app, {
    ...dependencies,
    ...dependencies.console,
    maxAttempts: dependencies.terms.maxAttempts,
    orderAnswerMs: limits.orderAnswerMs,
    countAuthFailure: (failure) => metrics.countAuthFailure(failure),
  });
  return app;
}

function bareServer(log: Logger, limits: ServerLimits, metrics: GatewayMetrics): FastifyInstance {
  const { headersTimeoutMs, requestTimeoutMs, timeoutLookMs } = limits;
  const logger: FastifyBaseLogger = log.child({}, { serializers: CODES_ONLY });
  return fastify({
    loggerInstance: logger,
    logController: new fastify.LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: (request) => requestIdOf(request),
    bodyLimit: GATEWAY_BODY_BYTES_MAX,
    connectionTimeout: GATEWAY_SOCKET_IDLE_MS,
    keepAliveTimeout: GATEWAY_KEEP_ALIVE_MS,
    requestTimeout: requestTimeoutMs,
    http: {
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: timeoutLookMs,
      // Node's own refusal has no body, no request id and no count; `notServed` refuses it.
      requireHostHeader: false,
    },
    // Every answer is in the document; those of HEAD would be answers that nobody asked to write down.
    exposeHeadRoutes: false,
    // What comes in on an open connection after SIGTERM is still served; the connection ends with it.
    return503OnClosing: false,
    // Longer ids reach the route, which refuses them by name.
    routerOptions: { maxParamLength: 16 * 1024 },
    clientErrorHandler: (error, socket) => {
      const code = answerBrokenRequest(error, socket);
      if (code !== undefined) {
        metrics.countBrokenRequest(code);
      }
    },
    frameworkErrors: (error, request, reply) => {
      void answerError(error, request, reply);
    },
  });
}

/** What logs may say of an error, a request or an answer: codes, never a text or an address (M12). */
const CODES_ONLY = {
  err: (error: unknown) => ({ code: codeOfFailure(error) }),
  req: () => undefined,
  res: () => undefined,
};

/** The methods of every path pattern, as routes are added. */
function collectRoutes(app: FastifyInstance): ReadonlyMap<string, Set<string>> {
  const methods = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ method, url }) => {
    const known = methods.get(url) ?? new Set();
    [method].flat().forEach((each) => known.add(each));
    methods.set(url, known);
  });
  return methods;
}

type ErrorAnswer = (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

function addErrorAnswers(
  app: FastifyInstance,
  routes: ReadonlyMap<string, Set<string>>,
  answer: ErrorAnswer,
): void {
  app.setErrorHandler((error, request, reply) => answer(error, request, reply));
  app.setNotFoundHandler((request, reply) => answer(noRoute(request, routes), request, reply));
  // Before the body of a request that nobody takes is read.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(REQUEST_ID_HEADER, request.id);
    done(notServed(request) ?? (request.is404 ? noRoute(request, routes) : undefined));
  });
}

/** What no route serves, whatever its path: RFC 9112 §3.2, RFC 9110 §10.1.1. */
function notServed({ headers, raw }: FastifyRequest): ApiError | undefined {
  if (raw.httpVersion === '1.1' && headers.host === undefined) {
    return new ApiError(400, 'malformed_request', 'a request of HTTP/1.1 has to name its Host');
  }
  if ((headers.expect ?? CONTINUE).toLowerCase() !== CONTINUE) {
    return new ApiError(417, 'expectation_failed', 'nothing but 100-continue can be expected');
  }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    return new ApiError(415, 'unsupported_media_type', 'a compressed body is not taken here');
  }
  return undefined;
}

const CONTINUE = '100-continue';

function noRoute(request: FastifyRequest, routes: ReadonlyMap<string, Set<string>>): ApiError {
  const path = (request.url.split('?')[0] ?? '').split('/');
  const allowed = [...routes].find(([pattern]) => {
    const steps = pattern.split('/');
    return (
      steps.length === path.length &&
      steps.every((step, index) => step.startsWith(':') || step === path[index])
    );
  })?.[1];
  if (allowed === undefined) {
    return new ApiError(404, 'not_found', 'there is no such path');
  }
  const allow = [...allowed].sort().join(', ');
  return new ApiError(405, 'method_not_allowed', `this path takes ${allow}`, {
    headers: { allow },
  });
}

/** How an error is answered: which of its kinds it is, and in which shape. */
interface ErrorShape {
  readonly errorOf: (thrown: unknown) => ApiError;
  readonly send: (error: ApiError, request: FastifyRequest, reply: FastifyReply) => FastifyReply;
}

const JSON_ERRORS: ErrorShape = {
  errorOf: apiErrorOf,
  send: (error, request, reply) =>
    reply
      .status(error.status)
      .headers(error.headers)
      .type('application/json; charset=utf-8')
      .send(errorBody(error, request.id)),
};

function errorPages(platform: Installation): ErrorShape {
  return {
    errorOf: pageErrorOf,
    send: (error, request, reply) => sendErrorPage(error, request, reply, platform),
  };
}

function answerError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { errorOf, send }: ErrorShape = JSON_ERRORS,
): FastifyReply {
  const error = request.raw.socket.destroyed ? CLIENT_IS_GONE : errorOf(thrown);
  if (!request.raw.complete) {
    // A socket that closes under a client that still sends takes the answer from it. The rest is thrown away as it
    // comes, within the time that a request has.
    reply.removeHeader('connection');
    reply.raw.shouldKeepAlive = true;
  }
  if (error.status >= 500) {
    request.log.error({ err: thrown, answer: error.code, frames: framesOf(thrown) }, 'failed');
  }
  return send(error, request, reply.header(REQUEST_ID_HEADER, request.id));
}

/** Nobody reads it; the log has to say something. */
const CLIENT_IS_GONE = new ApiError(400, 'client_is_gone', 'the client has closed the connection');

/** Where it was thrown, without what it says: a failed statement says its values. */
function framesOf(thrown: unknown): string[] {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  return stack
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, 5)
    .map((line) => line.trim());
}

/** One line of log and one count for every answer. */
function addRecords(app: FastifyInstance, metrics: GatewayMetrics): void {
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (!app.server.listening) {
      reply.header('connection', 'close');
    }
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { actor, method } = request;
    const { statusCode: status } = reply;
    const route = request.routeOptions.url ?? 'none';
    metrics.countRequest({ method, route, status, seconds: reply.elapsedTime / 1_000 });
    const ms = Math.round(reply.elapsedTime);
    request.log.info({ method, route, status, ms, ...(actor !== null && { actor }) }, 'answered');
    done();
  });
}
