import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

import type { Problem } from '../../domain/invalid-input';
import { isPlainText, shownPlace, shownValue } from '../../domain/shown-value';
import { ApiError } from '../api-error';
import { FORM_TOKEN_FIELD } from './pages/layout';

/** A form that none of our pages sends. */
export function invalidForm(problems: readonly Problem[] = []): ApiError {
  const message = 'the form is not valid; nothing was changed';
  return new ApiError(400, 'invalid_form', message, problems.length === 0 ? {} : { problems });
}

/**
 * The fields of a form that was sent, each once and no other.
 * @throws ApiError 400 naming what is wrong
 */
export function readForm<Shape extends z.ZodRawShape>(
  { body }: FastifyRequest,
  shape: Shape,
): z.output<z.ZodObject<Shape>> {
  const fields = { ...(body as object | undefined) };
  const schema = z.strictObject({ ...shape, [FORM_TOKEN_FIELD]: z.string().optional() });
  const result = schema.safeParse(fields);
  if (!result.success) {
    const problems = result.error.issues.map(({ message, path }) => ({
      place: shownPlace(['form', ...path]),
      found: path[0] === undefined ? 'other fields' : shownValue(Reflect.get(fields, path[0])),
      expected: message,
    }));
    throw invalidForm(problems);
  }
  return result.data as z.output<z.ZodObject<Shape>>;
}

/** A field of a query that may be left empty. */
export function optional<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (value === '' ? undefined : value), schema.optional());
}

const SEARCH_CHARACTERS_MAX = 100;

/** How an id begins. */
export const searchText = z
  .string()
  .trim()
  .max(SEARCH_CHARACTERS_MAX, `at most ${SEARCH_CHARACTERS_MAX.toString()} characters`)
  .refine(isPlainText, 'plain text');
