import { finished } from 'node:stream';

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { failure } from './answers';
import { commonHeaders, deliver } from './delivery';
import { ENDPOINTS, type Endpoint, type PathIds } from './endpoints';
import { parseForm, type RawParams } from './form-body';
import { newId } from './ids';
import type { Pipeline } from './pipeline';
import { invalidRequest, serverError, unrecognizedUrl, type StripeError } from './stripe-errors';

/** A body whose content type is not the one that Stripe's v1 API reads. */
const UNREADABLE = Symbol('unreadable');

/** Everything under `/v1`: what a client of Stripe may use. */
export function apiRoutes(api: FastifyInstance, pipeline: Pipeline): void {
  api.removeAllContentTypeParsers();
  api.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, body),
  );
  api.addContentTypeParser('*', { parseAs: 'string' }, (_request, _body, done) =>
    done(null, UNREADABLE),
  );
  for (const endpoint of ENDPOINTS) {
    api.route({
      method: endpoint.method,
      url: endpoint.url,
      handler: (request, reply) => serve(pipeline, endpoint, request, reply),
    });
  }
}

/** Stripe's shape also for URLs that it does not know. */
export function answerUnknownUrl(request: FastifyRequest, reply: FastifyReply): void {
  sendError(request, reply, unrecognizedUrl(request.method, pathOf(request)));
}

export function answerFailure(
  error: { statusCode?: number; message: string },
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const status = error.statusCode ?? 500;
  if (status < 500) {
    sendError(request, reply, invalidRequest(error.message, { status }));
    return;
  }
  request.log.error(error);
  sendError(request, reply, serverError());
}

async function serve(
  pipeline: Pipeline,
  endpoint: Endpoint,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const requestId = newId('req', 14);
  const delivery = await pipeline.handle({
    endpoint,
    path: pathOf(request),
    ids: request.params as PathIds,
    headers: request.headers,
    requestId,
    readParams: () => readParams(endpoint, request),
  });
  request.log.info({ requestId, how: delivery.how, status: delivery.answer?.status });
  // From here on the connection is ours: some deliveries break it on purpose.
  reply.hijack();
  finished(reply.raw, () => pipeline.answered(requestId));
  deliver(reply.raw, delivery, commonHeaders(requestId, request));
}

function readParams(endpoint: Endpoint, request: FastifyRequest): RawParams {
  const query = request.url.split('?')[1] ?? '';
  if (endpoint.method === 'GET') {
    return parse(query);
  }
  if (request.body === UNREADABLE) {
    throw invalidRequest(
      'Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any questions, we can help at https://support.stripe.com/.',
    );
  }
  // Stripe reads parameters of a POST from the query, too.
  const body = typeof request.body === 'string' ? request.body : '';
  return parse([query, body].filter((part) => part !== '').join('&'));
}

function parse(text: string): RawParams {
  try {
    return parseForm(text);
  } catch (error) {
    throw invalidRequest(error instanceof Error ? error.message : 'Invalid request');
  }
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?')[0] ?? '/';
}

function sendError(request: FastifyRequest, reply: FastifyReply, error: StripeError): void {
  const requestId = newId('req', 14);
  reply.hijack();
  deliver(
    reply.raw,
    { how: 'answer', answer: failure(error, requestId, null) },
    commonHeaders(requestId, request),
  );
}
