import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';

import { shownPlace, shownValue } from '../domain/shown-value';
import { ApiError } from './api-error';

const PARTS: Readonly<Record<string, string>> = { params: 'path', querystring: 'query' };

/**
 * Checks path and query by their schemas, and names what is wrong as settlement files are answered. The schema of a body
 * only describes it: routes read the bytes that came, more strictly than a schema can.
 */
export const checkRequest: FastifySchemaCompiler<z.ZodType> =
  ({ schema, httpPart = '' }) =>
  (data: unknown) => {
    if (httpPart === 'body') {
      return { value: data };
    }
    const result = schema.safeParse(data);
    if (result.success) {
      return { value: result.data };
    }
    const fields = (data ?? {}) as Readonly<Record<PropertyKey, unknown>>;
    const problems = result.error.issues.map(({ message, path }) => ({
      place: shownPlace([PARTS[httpPart] ?? httpPart, ...path]),
      found: path[0] === undefined ? 'other fields' : shownValue(fields[path[0]]),
      expected: message,
    }));
    return {
      error: new ApiError(400, 'invalid_request', 'the request is not valid', { problems }),
    };
  };
