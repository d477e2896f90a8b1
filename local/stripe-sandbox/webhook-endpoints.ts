import { z } from 'zod';

import { DEFAULT_API_VERSION } from './api-version';
import { EVENT_TYPES } from './event-types';
import { newId } from './ids';
import type { EventRow, WebhookEndpointRow } from './rows';
import { isPlatform, readSettings } from './settings';
import type { SandboxState } from './state';

const secret = z.string().min(1);

export const webhookEndpointSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  /** Two while a secret is being rolled: every delivery is signed with each. */
  secret: z.union([secret, z.array(secret).min(1).max(2)]),
  events: z
    .array(z.enum(['*', ...EVENT_TYPES]))
    .min(1)
    .default(['*']),
  connect: z.boolean().default(false),
  livemode: z.boolean().default(false),
  apiVersion: z.string().min(1).default(DEFAULT_API_VERSION),
  timeoutMs: z.number().int().min(1).default(10_000),
});

/** An endpoint is known by its URL, mode and kind: registering it again changes it. */
export function putWebhookEndpoint(
  { store }: SandboxState,
  { secret: given, ...fields }: z.infer<typeof webhookEndpointSchema>,
): WebhookEndpointRow {
  const known = store
    .values('webhookEndpoints')
    .find(
      ({ url, connect, livemode }) =>
        url === fields.url && connect === fields.connect && livemode === fields.livemode,
    );
  const secrets = typeof given === 'string' ? [given] : given;
  const row = { ...fields, id: known?.id ?? newId('we'), secrets };
  store.put('webhookEndpoints', row.id, row);
  return row;
}

/** "No further retries" for an endpoint that was deleted (docs.stripe.com/webhooks). */
export function deleteWebhookEndpoint({ store }: SandboxState, id: string): boolean {
  const known = store.get('webhookEndpoints', id) !== undefined;
  store.delete('webhookEndpoints', id);
  for (const delivery of store.values('deliveries')) {
    if (delivery.endpointId === id) {
      store.delete('deliveries', delivery.id);
    }
  }
  return known;
}

/**
 * The platform's own events go to its account endpoints, those of connected accounts to its Connect
 * endpoints (docs.stripe.com/connect/webhooks); another platform's to none of ours.
 */
export function endpointsFor({ store }: SandboxState, event: EventRow): WebhookEndpointRow[] {
  const own = event.accountId === readSettings(store).platformAccountId;
  if (!own && isPlatform(store, event.accountId)) {
    return [];
  }
  return store
    .values('webhookEndpoints')
    .filter(
      ({ connect, livemode, events }) =>
        connect === !own &&
        livemode === event.livemode &&
        (events.includes('*') || events.includes(event.type)),
    );
}
