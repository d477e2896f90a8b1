import { createHmac } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

import type { WebhookEndpointRow } from './rows';

export interface PostResult {
  /** "A successful status code (2xx)"; a redirect is none (docs.stripe.com/webhooks). */
  readonly taken: boolean;
  /** The status, or why there is none. */
  readonly text: string;
}

export interface SignedAt {
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** One try. It never rejects: whatever happens is a result. */
export async function postEvent(
  endpoint: WebhookEndpointRow,
  body: string,
  { seconds, signal }: SignedAt,
): Promise<PostResult> {
  const bytes = Buffer.from(body, 'utf8');
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': bytes.length,
    'User-Agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
    'Stripe-Signature': signature(endpoint, seconds, body),
  };
  const timeout = AbortSignal.timeout(endpoint.timeoutMs);
  try {
    const status = await statusOf(endpoint.url, bytes, {
      method: 'POST',
      // A connection of its own: a half-closed one of an earlier delivery would be no answer.
      agent: false,
      headers,
      signal: AbortSignal.any([timeout, signal]),
    });
    return { taken: status >= 200 && status < 300, text: String(status) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return { taken: false, text: timeout.aborted ? 'timeout' : (code ?? String(error)) };
  }
}

/** docs.stripe.com/webhooks: one v1 for each secret, and for test events a v0 that means nothing. */
function signature(endpoint: WebhookEndpointRow, seconds: number, body: string): string {
  const signed = endpoint.secrets.map((secret) => `v1=${hmac(secret, `${seconds}.${body}`)}`);
  const decoy = endpoint.livemode ? [] : [`v0=${hmac('v0', `${seconds}.${body}`)}`];
  return [`t=${seconds}`, ...signed, ...decoy].join(',');
}

function hmac(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('hex');
}

function statusOf(url: string, body: Buffer, options: https.RequestOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const { request } = url.startsWith('https:') ? https : http;
    request(url, options, (response) => {
      // Nobody reads it; what breaks after the status is no concern of the delivery.
      response.on('error', () => undefined).resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end(body);
  });
}
