import { setTimeout as delay } from 'node:timers/promises';

/** One request as it goes over the wire; the fields of a form keep their order. */
export interface RawRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly form?: readonly (readonly [string, string])[];
  readonly idempotencyKey?: string;
  /** Another version than the SDK's. */
  readonly version?: string;
}

export interface RawReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
  /** Stripe's `error.code` or else its `error.type`; nothing for a success. */
  readonly code: string | undefined;
  readonly param: string | undefined;
  readonly isReplayed: boolean;
}

const SDK_VERSION = '2026-10-28.endive';
const CALL_DEADLINE_MS = 30_000;
const RATE_LIMIT_WAIT_MS = 1_000;
const RATE_LIMIT_WAITS_MAX = 10;

/** Codes and names only: Stripe's sentences may hold what does not belong on a console. */
function word(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9_.[\]-]{1,80}$/.test(value) ? value : undefined;
}

export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Stripe's API without the SDK, which hides the headers of its successes and of its own repetitions. */
export class RawStripe {
  constructor(
    private readonly apiBase: string,
    private readonly apiKey: string,
  ) {}

  /** Exactly one request. Rejects when nothing readable comes back. */
  async once(request: RawRequest): Promise<RawReply> {
    const { method, path, form, idempotencyKey, version = SDK_VERSION } = request;
    const response = await fetch(`${this.apiBase}${path}`, {
      method,
      redirect: 'error',
      signal: AbortSignal.timeout(CALL_DEADLINE_MS),
      headers: {
        Authorization: `Bearer ${this.apiKey}`,
        'Stripe-Version': version,
        ...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }),
        ...(form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
      },
      ...(form === undefined
        ? {}
        : {
            body: new URLSearchParams(
              form.map(([name, value]): [string, string] => [name, value]),
            ).toString(),
          }),
    });
    const body = fieldsOf(await response.json());
    const error = fieldsOf(body['error']);
    return {
      status: response.status,
      headers: response.headers,
      body,
      code: word(error['code']) ?? word(error['type']),
      param: word(error['param']),
      isReplayed: response.headers.get('idempotent-replayed') === 'true',
    };
  }

  /** The same request again while Stripe's rate limit refuses it, which is before it looks at the key. */
  async send(request: RawRequest): Promise<RawReply> {
    let reply = await this.once(request);
    for (let waits = 0; reply.status === 429 && waits < RATE_LIMIT_WAITS_MAX; waits += 1) {
      await delay(RATE_LIMIT_WAIT_MS);
      reply = await this.once(request);
    }
    return reply;
  }
}

/** `400 balance_insufficient`, `200`. */
export function summary({ status, code }: RawReply): string {
  return code === undefined ? `${status}` : `${status} ${code}`;
}
