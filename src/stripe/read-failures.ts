import type Stripe from 'stripe';
import { answerFromError } from './answers';

/** Stripe, or whatever should be Stripe, gave no readable answer to a reading call; trying again is safe. Exit code 3. */
export class StripeUnreachableError extends Error {
  readonly address: string;
  /** ECONNREFUSED, DEADLINE, NOT_JSON, …: the transport's or our own word for what happened. */
  readonly transportCode: string;

  constructor(address: string, transportCode: string) {
    super(`Stripe cannot be reached at ${address} (${transportCode})`);
    this.name = 'StripeUnreachableError';
    this.address = address;
    this.transportCode = transportCode;
  }
}

/** Stripe answered a reading call with an error: 401 is the key, 403 its permissions, 429 and 5xx may pass. */
export class StripeRefusedError extends Error {
  readonly httpStatus: number;
  readonly code: string | undefined;

  constructor(httpStatus: number, code: string | undefined) {
    super(`Stripe refused the request: HTTP ${httpStatus.toString()}, ${code ?? 'no code'}`);
    this.name = 'StripeRefusedError';
    this.httpStatus = httpStatus;
    this.code = code;
  }
}

/** Whether Stripe gave no usable answer to a reading call, for whatever cause. */
export function isReadFailure(error: unknown): boolean {
  return error instanceof StripeRefusedError || error instanceof StripeUnreachableError;
}

/**
 * How a reading call failed, as a code: `stripe_<HTTP status>`, or `stripe_unreachable_<code of the transport>`.
 * @returns undefined where it was something else that failed
 */
export function stripeErrorCode(error: unknown): string | undefined {
  if (error instanceof StripeRefusedError) {
    return `stripe_${error.httpStatus.toString()}`;
  }
  return error instanceof StripeUnreachableError
    ? `stripe_unreachable_${error.transportCode}`
    : undefined;
}

function addressOf(stripe: Stripe): string {
  const [protocol, host, port] = (['protocol', 'host', 'port'] as const).map((field) =>
    String(stripe.getApiField(field)),
  );
  return `${protocol ?? ''}://${host?.includes(':') ? `[${host}]` : (host ?? '')}:${port ?? ''}`;
}

/** What a reading call of the SDK threw, without Stripe's words. */
export function readFailure(
  stripe: Stripe,
  thrown: unknown,
): StripeUnreachableError | StripeRefusedError {
  const { httpStatus, code, connectionCode } = answerFromError(thrown, '');
  return httpStatus === undefined
    ? new StripeUnreachableError(addressOf(stripe), connectionCode ?? 'UNNAMED')
    : new StripeRefusedError(httpStatus, code);
}
