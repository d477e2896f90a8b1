import Stripe from 'stripe';
import { z } from 'zod';

import { ID_PATTERN, STRIPE_ACCOUNT_ID_PATTERN, TRANSFER_ID_PATTERN } from '../domain/ids';
import { WEBHOOK_AGE_MAX_MS, WEBHOOK_FUTURE_MAX_MS } from '../domain/limits';

/** Why a delivery is not believed, or is of no use; nothing of it is kept. */
export const WEBHOOK_REFUSALS = {
  no_signature: 'the header Stripe-Signature is missing',
  bad_signature: 'no signature fits the body and a secret of STRIPE_WEBHOOK_SECRET',
  stale: 'it was signed too long ago; somebody repeats it, or a clock is slow',
  future: 'it was signed in the future; a clock is wrong',
  not_json: 'the body is no JSON',
  thin_event:
    'it is a thin event; register an endpoint for snapshot events (payload style “Snapshot”)',
  not_an_event: 'the body is no event of Stripe’s',
  wrong_mode: 'it is of the other mode, test or live, than this installation',
} as const;

export type WebhookRefusal = keyof typeof WEBHOOK_REFUSALS;

/** What is read of an event: ids only, since its object may carry personal data (M12). */
export interface WebhookEvent {
  readonly eventId: string;
  readonly type: string;
  /** `data.object.id`, or what kind of object it is where it has none. */
  readonly objectId: string;
  /** The connected account it happened on; null for the platform's own. */
  readonly accountId: string | null;
  /** Of the object's metadata, where they look like ids of ours. */
  readonly payoutTransferId: string | null;
  readonly installationId: string | null;
  readonly livemode: boolean;
  readonly createdAt: Date;
}

export type WebhookReading =
  | { readonly ok: true; readonly event: WebhookEvent }
  | { readonly ok: false; readonly refusal: WebhookRefusal };

export interface WebhookDelivery {
  /** The bytes as they came: one other letter is another signature. */
  readonly body: Buffer;
  readonly signature: string | undefined;
  /** One a registered endpoint, two while one is rolled over. */
  readonly secrets: readonly string[];
  /** The mode of this installation. */
  readonly livemode: boolean;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Whether a delivery comes from Stripe, was signed now, and is an event of our mode (docs.stripe.com/webhooks). Pure:
 * the same delivery at the same time always reads the same.
 */
export function readWebhook(delivery: WebhookDelivery): WebhookReading {
  const verified = verify(delivery);
  if (typeof verified === 'string') {
    return { ok: false, refusal: verified };
  }
  const parsed = eventSchema.safeParse(verified.event);
  if (!parsed.success) {
    return { ok: false, refusal: 'not_an_event' };
  }
  return parsed.data.livemode === delivery.livemode
    ? { ok: true, event: parsed.data }
    : { ok: false, refusal: 'wrong_mode' };
}

/** The SDK takes whatever is signed and parses; what it is, the schema says. */
function verify(delivery: WebhookDelivery): { readonly event: unknown } | WebhookRefusal {
  const { body, nowMs, secrets, signature } = delivery;
  if (signature === undefined || signature === '') {
    return 'no_signature';
  }
  const signedAtMs = signedAtOf(signature);
  if (signedAtMs === undefined) {
    return 'bad_signature';
  }
  for (const secret of secrets) {
    try {
      const event: unknown = Stripe.webhooks.constructEvent(
        body,
        signature,
        secret,
        WEBHOOK_AGE_MAX_MS / 1_000,
        undefined,
        nowMs,
      );
      // The SDK lets any time in the future pass.
      return signedAtMs > nowMs + WEBHOOK_FUTURE_MAX_MS ? 'future' : { event };
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) {
        // Thrown after the signature was found right: by the parser, or by the SDK itself of a thin event.
        return isJson(body) ? 'thin_event' : 'not_json';
      }
    }
  }
  return signedAtMs < nowMs - WEBHOOK_AGE_MAX_MS ? 'stale' : 'bad_signature';
}

/** The one time in the header; with two of them the SDK and we might mean different ones. */
function signedAtOf(signature: string): number | undefined {
  const [time, ...more] = signature.split(',').filter((part) => part.startsWith('t='));
  const seconds = /^t=(\d{1,11})$/.exec(time ?? '')?.[1];
  return seconds === undefined || more.length > 0 ? undefined : Number(seconds) * 1_000;
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

const OBJECT_ID = /^[A-Za-z0-9_.-]{1,120}$/;

/** A value that looks like what is meant; whatever else somebody wrote there is not kept (M12). */
function idLike(pattern: RegExp) {
  return z.string().regex(pattern).nullable().catch(null);
}

const eventSchema = z
  .object({
    id: z.string().regex(/^evt_[A-Za-z0-9_]{1,100}$/),
    object: z.literal('event'),
    type: z.string().regex(/^[a-z0-9_.]{1,100}$/),
    livemode: z.boolean(),
    created: z.int().positive(),
    account: idLike(STRIPE_ACCOUNT_ID_PATTERN),
    data: z.object({
      object: z.object({
        id: idLike(OBJECT_ID),
        object: z.string().regex(OBJECT_ID),
        account: idLike(STRIPE_ACCOUNT_ID_PATTERN),
        metadata: z
          .object({
            payout_transfer_id: idLike(TRANSFER_ID_PATTERN),
            installation_id: idLike(ID_PATTERN),
          })
          .nullable()
          .catch(null),
      }),
    }),
  })
  .transform(
    ({ account, created, data: { object }, id: eventId, livemode, type }): WebhookEvent => ({
      eventId,
      type,
      objectId: object.id ?? object.object,
      // A capability names its account itself.
      accountId: account ?? object.account,
      payoutTransferId: object.metadata?.payout_transfer_id ?? null,
      installationId: object.metadata?.installation_id ?? null,
      livemode,
      createdAt: new Date(created * 1_000),
    }),
  );
