/**
 * Goal: a route's tests on a server that checks, writes and refuses as the gateway's own does, and has nothing else of it.
 * Method: the compilers and the error's shape of `createServer`; the test registers its route and listens.
 */
import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';

import { apiErrorOf, errorBody } from '../../src/gateway/api-error';
import { checkRequest } from '../../src/gateway/check-request';

export function bareServer(): FastifyInstance {
  const server = Fastify();
  server.setValidatorCompiler(checkRequest);
  server.setSerializerCompiler(serializerCompiler);
  server.setErrorHandler((thrown, { id }, reply) => {
    const error = apiErrorOf(thrown);
    return reply.code(error.status).send(errorBody(error, id));
  });
  return server;
}
