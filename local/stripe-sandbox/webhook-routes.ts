import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

import { oneOrMany, type ControlPost } from './control-post';
import type { Deliveries } from './deliveries';
import type { SandboxState } from './state';
import {
  deleteWebhookEndpoint,
  putWebhookEndpoint,
  webhookEndpointSchema,
} from './webhook-endpoints';
import { webhookFaultRuleSchema } from './webhook-fault-rules';
import { addWebhookFaults } from './webhook-faults';

const deliverSchema = z.strictObject({
  eventId: z.string().optional(),
  endpointId: z.string().optional(),
});

export function webhookRoutes(
  app: FastifyInstance,
  { state, deliveries }: { state: SandboxState; deliveries: Deliveries },
  post: ControlPost,
): void {
  const { store } = state;
  post('webhooks', webhookEndpointSchema, (body) => ({ ...putWebhookEndpoint(state, body) }));
  post('webhooks/faults', oneOrMany(webhookFaultRuleSchema), (body) => ({
    ids: addWebhookFaults(store, body),
  }));
  app.get('/_sandbox/webhooks', () => ({
    endpoints: store.values('webhookEndpoints'),
    faults: store.values('webhookFaults'),
    waiting: store.values('deliveries'),
    finished: store.values('finished'),
  }));
  app.post('/_sandbox/webhooks/deliver', async (request, reply) => {
    const parsed = deliverSchema.safeParse(request.body ?? {});
    if (!parsed.success) {
      return reply.code(400).send({ error: z.prettifyError(parsed.error) });
    }
    const tried = await deliveries.deliverNow(parsed.data);
    await store.flushed();
    return { tried };
  });
  app.delete<{ Params: { id: string } }>('/_sandbox/webhooks/:id', async (request, reply) => {
    const known = store.transaction(() => deleteWebhookEndpoint(state, request.params.id));
    await store.flushed();
    return known ? { deleted: true } : reply.code(404).send({ error: 'no such endpoint' });
  });
  app.delete('/_sandbox/webhooks/faults', async () => {
    store.transaction(() => {
      for (const { id } of store.values('webhookFaults')) {
        store.delete('webhookFaults', id);
      }
    });
    await store.flushed();
    return { faults: [] };
  });
}
