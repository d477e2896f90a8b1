import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

import type { JsonObject } from './json-object';
import type { SandboxState } from './state';

/** One, or a list. Not a union: its error would not say which field is wrong. */
export function oneOrMany<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((body): unknown => (Array.isArray(body) ? body : [body]), z.array(schema));
}

export type ControlPost = <Body>(
  name: string,
  schema: z.ZodType<Body>,
  act: (body: Body) => JsonObject,
) => void;

/** A wrong control call must fail loudly: a fault that silently never fires makes a test pass. */
export function controlPost(app: FastifyInstance, { store }: SandboxState): ControlPost {
  return (name, schema, act) => {
    app.post(`/_sandbox/${name}`, async (request, reply) => {
      const parsed = schema.safeParse(request.body ?? null);
      if (!parsed.success) {
        return reply.code(400).send({ error: z.prettifyError(parsed.error) });
      }
      const result = store.transaction(() => act(parsed.data));
      await store.flushed();
      return result;
    });
  };
}
