import { z } from 'zod';

import { EVENT_TYPES } from './event-types';

const webhookFaultSchema = z.discriminatedUnion('kind', [
  /** The same event is sent twice. */
  z.strictObject({ kind: z.literal('duplicate') }),
  /** Two events with ids of their own about the same change of the same object. */
  z.strictObject({ kind: z.literal('twin') }),
  /** Not before a later event has been taken by the same endpoint. */
  z.strictObject({ kind: z.literal('reorder') }),
  /** Not before the API has answered, and then this much later by the sandbox's clock. */
  z.strictObject({ kind: z.literal('delay'), ms: z.number().int().min(0) }),
  /** The API answers only when the first try is over. */
  z.strictObject({ kind: z.literal('before_answer') }),
]);

export type WebhookFault = z.infer<typeof webhookFaultSchema>;

export const webhookFaultRuleSchema = z.strictObject({
  match: z
    .strictObject({
      type: z.enum(EVENT_TYPES).optional(),
      objectId: z.string().optional(),
      destination: z.string().optional(),
      transferGroup: z.string().optional(),
      metadata: z.record(z.string(), z.string()).optional(),
    })
    .default({}),
  fault: webhookFaultSchema,
  times: z.number().int().min(1).default(1),
});

export type WebhookFaultRule = z.infer<typeof webhookFaultRuleSchema> & { readonly id: string };
