import Stripe from 'stripe';
import { STRIPE_CALL_DEADLINE_MS } from '../domain/limits';
import { SingleSendHttpClient } from './single-send-http-client';

export interface StripeClientOptions {
  readonly apiKey: string;
  /** Where Stripe's API answers, such as `https://api.stripe.com`; checked by `loadSettings`. */
  readonly apiBase: string;
  /** Deadline of every call, connecting and reading included, in milliseconds. */
  readonly callDeadlineMs?: number;
  /** How long a socket is kept for the next call, in milliseconds. */
  readonly idleSocketMs?: number;
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/**
 * The SDK, configured once: no retries of its own (Temporal retries, and every POST is an attempt with a row of its
 * own), a hard deadline, no telemetry, and the API version that its types describe.
 *
 * @throws TypeError when `apiBase` is not a URL
 */
export function createStripeClient(options: StripeClientOptions): Stripe {
  const base = new URL(options.apiBase);
  return new Stripe(options.apiKey, {
    apiVersion: '2026-10-28.endive',
    maxNetworkRetries: 0,
    timeout: options.callDeadlineMs ?? STRIPE_CALL_DEADLINE_MS,
    telemetry: false,
    appInfo: { name: 'temporal-stripe-payouts' },
    host: base.hostname.replace(/^\[|\]$/g, ''),
    port: base.port === '' ? (DEFAULT_PORTS[base.protocol] ?? '443') : base.port,
    protocol: base.protocol === 'http:' ? 'http' : 'https',
    httpClient: new SingleSendHttpClient(options.idleSocketMs),
  });
}
