import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';

import { answer } from './api-schemas';

/** The name of the auth scheme that routes refer to. */
export const TOKEN_SCHEME = 'token';
export const SIGNATURE_SCHEME = 'stripeSignature';

const ERROR = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } };

/** Answers that belong to no route, because they are given before one is found. */
const ANSWERS_WITHOUT_ROUTE = {
  MalformedRequest: {
    description: '400: no HTTP, HTTP/1.1 without a Host, or a path that cannot be decoded.',
    content: ERROR,
  },
  NotFound: { description: '404: there is no such path.', content: ERROR },
  MethodNotAllowed: {
    description: '405: the path takes other methods, which the header Allow names.',
    content: ERROR,
  },
  UnsupportedMediaType: {
    description: '415: the body is compressed, on whichever path.',
    content: ERROR,
  },
  ExpectationFailed: {
    description: '417: something else than 100-continue is expected.',
    content: ERROR,
  },
  RequestTimeout: { description: '408: headers or body did not arrive in time.', content: ERROR },
  HeadersTooLarge: { description: '431: the headers are too large.', content: ERROR },
};

const DESCRIPTION = `Hands in settled contests and tells how their payments stand.

Every answer carries \`X-Request-Id\`: the caller's own where it is 1 to 100 of \`A-Za-z0-9_.:-\`, else a new one. Every error
has the shape \`Error\`. Answers that are given before a route is found are under \`components.responses\`. Too many open
connections are closed without an answer.`;

/** Registered before the routes that it describes. */
export async function registerOpenApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'temporal-stripe-payouts', version: '1', description: DESCRIPTION },
      components: {
        securitySchemes: {
          [TOKEN_SCHEME]: { type: 'http', scheme: 'bearer', description: 'One of GATEWAY_TOKENS.' },
          [SIGNATURE_SCHEME]: {
            type: 'apiKey',
            in: 'header',
            name: 'Stripe-Signature',
            description: 'As Stripe signs, with a secret of STRIPE_WEBHOOK_SECRET.',
          },
        },
        responses: ANSWERS_WITHOUT_ROUTE,
      },
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => withoutUnused(jsonSchemaTransformObject(document)),
  });
}

/** Every schema is made twice, as it comes in and as it goes out; one of them is used. */
function withoutUnused(document: ReturnType<typeof jsonSchemaTransformObject>): typeof document {
  const text = JSON.stringify(document);
  const { components = {} } = document as { readonly components?: { readonly schemas?: object } };
  const used = Object.entries(components.schemas ?? {}).filter(([name]) =>
    text.includes(`"#/components/schemas/${name}"`),
  );
  return { ...document, components: { ...components, schemas: Object.fromEntries(used) } };
}

/** The document, made once all routes are known. */
export function openApiRoute(app: FastifyInstance): void {
  let text: string | undefined;
  app.get(
    '/v1/openapi.json',
    {
      schema: {
        summary: 'This document',
        security: [],
        response: { 200: answer('OpenAPI 3.1', z.looseObject({})) },
      },
    },
    (_request, reply) => {
      text ??= JSON.stringify(app.swagger());
      return reply.type('application/json; charset=utf-8').send(text);
    },
  );
}
