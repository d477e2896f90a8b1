import { once } from 'node:events';
import http from 'node:http';

import Stripe from 'stripe';

import {
  startStripeSandbox,
  type SandboxOptions,
  type StripeSandbox,
} from '../../../local/stripe-sandbox/server';

export const API_KEY = 'sk_test_sandbox';

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface ErrorReply {
  readonly error: { type: string; code?: string; message: string; param?: string };
}

export interface Oracle {
  readonly posts: number;
  readonly reversalPosts: number;
  readonly executions: number;
  readonly refusals: number;
  readonly replays: number;
  readonly transfers: number;
  readonly totalsByCurrency: Record<string, number>;
  readonly byPayoutTransferId: Record<
    string,
    { count: number; amountMinor: number; reversedMinor: number; ids: string[] }
  >;
}

/** One sandbox per test file or test; closed by `closeAll` in `afterAll`. */
const open: StripeSandbox[] = [];

export async function start(options: SandboxOptions = {}): Promise<TestSandbox> {
  const sandbox = await startStripeSandbox(options);
  open.push(sandbox);
  return new TestSandbox(sandbox.baseUrl, () => sandbox.close());
}

export async function closeAll(): Promise<void> {
  await Promise.all(open.splice(0).map((sandbox) => sandbox.close()));
}

export class TestSandbox {
  constructor(
    readonly baseUrl: string,
    readonly close: () => Promise<void>,
  ) {}

  stripe(apiKey = API_KEY, timeout = HANG_LIMIT_MS): Stripe {
    const { hostname, port } = new URL(this.baseUrl);
    return new Stripe(apiKey, {
      host: hostname,
      port,
      protocol: 'http',
      telemetry: false,
      maxNetworkRetries: 0,
      timeout,
    });
  }

  /** A connection of its own each time, and never resent: what happens to it is what was done. */
  async send(
    method: string,
    path: string,
    { form = '', headers = {} }: { form?: string; headers?: Record<string, string> } = {},
  ): Promise<Reply> {
    const request = http.request(`${this.baseUrl}${path}`, {
      method,
      agent: false,
      headers: {
        Authorization: `Bearer ${API_KEY}`,
        'Content-Type': 'application/x-www-form-urlencoded',
        'Content-Length': Buffer.byteLength(form),
        ...headers,
      },
    });
    request.end(form);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    let text = '';
    for await (const chunk of response) {
      text += String(chunk);
    }
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  }

  pay(key: string, fields: Record<string, string> = {}): Promise<Reply> {
    return this.send('POST', '/v1/transfers', {
      form: transferForm(fields),
      headers: { 'Idempotency-Key': key },
    });
  }

  async control<T = Record<string, unknown>>(name: string, body: unknown): Promise<T> {
    const response = await fetch(`${this.baseUrl}/_sandbox/${name}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) {
      throw new Error(`control call ${name} failed: ${await response.text()}`);
    }
    return (await response.json()) as T;
  }

  oracle(): Promise<Oracle> {
    return this.look('oracle');
  }

  async look<T>(name: string): Promise<T> {
    const response = await fetch(`${this.baseUrl}/_sandbox/${name}`);
    return (await response.json()) as T;
  }
}

export function transferForm(fields: Record<string, string> = {}): string {
  return new URLSearchParams({
    amount: '1000',
    currency: 'usd',
    destination: 'acct_winner',
    ...fields,
  }).toString();
}

export function errorOf(reply: Reply): ErrorReply['error'] {
  return (JSON.parse(reply.text) as ErrorReply).error;
}

export function idOf(reply: Reply): string {
  return (JSON.parse(reply.text) as { id: string }).id;
}

/** Ends a hang on a busy machine and measures nothing. */
export const HANG_LIMIT_MS = 50_000;

/** Waits for a condition instead of for a time. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const giveUp = Date.now() + HANG_LIMIT_MS;
  while (!(await condition())) {
    if (Date.now() > giveUp) {
      throw new Error(`the condition did not come true within ${HANG_LIMIT_MS} ms`);
    }
  }
}

/** The error that a promise rejects with, as the fields of Stripe's errors. */
export async function refusal(promise: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) {
      return error;
    }
    throw error;
  }
  throw new Error('expected a refusal');
}
