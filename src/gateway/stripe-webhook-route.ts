import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';

import { WEBHOOK_BODY_BYTES_MAX } from '../domain/limits';
import type { Database } from '../db/database';
import { storeStripeEvent } from '../db/stripe-events';
import { readWebhook, WEBHOOK_REFUSALS } from '../stripe/webhooks';
import { ApiError } from './api-error';
import { answer, errorAnswers, receivedSchema, stripeEventSchema } from './api-schemas';
import { SIGNATURE_SCHEME } from './openapi';
import type { WebhookCounts } from './webhook-counts';

export interface StripeWebhookOptions {
  readonly database: Database;
  /** Of `STRIPE_WEBHOOK_SECRET`: one, or two while one is rolled over. */
  readonly secrets: readonly string[];
  /** The mode of this installation. */
  readonly livemode: boolean;
  readonly counts: WebhookCounts;
  /** Told of every event that is kept, also again; must not throw or wait. */
  readonly onStored: (eventId: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * `POST /v1/webhooks/stripe`: takes what Stripe sends, needs no token since it is signed, and answers as soon as it is
 * kept in Postgres. What it means is found out afterwards.
 *
 * 200 `{received: true}` when it is kept, also again. What is not believed is thrown as a 400 with its code, and nothing is
 * kept. What Postgres does not take is thrown to the server's own error handler: any 5xx makes Stripe repeat it for up to
 * three days. An event of the other mode is answered with 200 and not kept: an endpoint of a
 * live platform gets the test events of its connected accounts too (docs.stripe.com/connect/webhooks), and would be
 * switched off for refusing them.
 *
 * Register it without fastify-plugin: its parser of raw bodies must not reach the other routes.
 */
export const stripeWebhookRoute: FastifyPluginCallback<StripeWebhookOptions> = (
  server,
  options,
  done,
) => {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => {
    // As it came: what is signed are the bytes.
    parsed(null, body);
  });
  server.post(
    '/v1/webhooks/stripe',
    {
      bodyLimit: WEBHOOK_BODY_BYTES_MAX,
      schema: {
        summary: 'What Stripe sends; signed, so it needs no token',
        security: [{ [SIGNATURE_SCHEME]: [] }],
        body: stripeEventSchema,
        response: {
          200: answer('It is kept, or of no use here; Stripe need not repeat it.', receivedSchema),
          ...errorAnswers(400, 408, 413, 500, 503),
        },
      },
    },
    (request, reply) => takeDelivery(options, request, reply),
  );
  done();
};

async function takeDelivery(
  { counts, database, livemode, now = Date.now, onStored, secrets }: StripeWebhookOptions,
  { body, headers }: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const signature = headers['stripe-signature'];
  const reading = readWebhook({
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
    signature: typeof signature === 'string' ? signature : undefined,
    secrets,
    livemode,
    nowMs: now(),
  });
  if (!reading.ok) {
    counts.add(reading.refusal);
    if (reading.refusal === 'wrong_mode') {
      return reply.send({ received: true, ignored: reading.refusal });
    }
    throw new ApiError(400, reading.refusal, WEBHOOK_REFUSALS[reading.refusal]);
  }
  const { eventId } = reading.event;
  try {
    counts.add((await storeStripeEvent(database, reading.event)) ? 'stored' : 'repeated');
  } catch (error) {
    counts.add('not_stored');
    throw error;
  }
  onStored(eventId);
  return reply.send({ received: true });
}
