/** The fields of `error` in Stripe's answers (docs.stripe.com/api/errors). */
export interface ErrorFields {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly param?: string;
}

/** An answer of the API that is not a success; `StripeError` to the clients that receive it. */
export class StripeError extends Error {
  constructor(
    readonly status: number,
    readonly fields: ErrorFields,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(fields.message);
  }
}

/** Stripe's own text does not say more than this either. */
const SUPPORT = 'Please see https://stripe.com/docs or we can help at https://support.stripe.com/.';

export function errorBody(fields: ErrorFields, requestId: string, livemode: boolean): string {
  const logs = `https://dashboard.stripe.com/${livemode ? '' : 'test/'}logs/${requestId}`;
  const error = {
    ...(fields.code === undefined ? {} : { code: fields.code, doc_url: docUrl(fields.code) }),
    message: fields.message,
    ...(fields.param === undefined ? {} : { param: fields.param }),
    request_log_url: logs,
    type: fields.type,
  };
  return `${JSON.stringify({ error }, null, 2)}\n`;
}

function docUrl(code: string): string {
  return `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`;
}

export function invalidRequest(
  message: string,
  more: { code?: string; param?: string; status?: number } = {},
): StripeError {
  const { status = 400, ...fields } = more;
  return new StripeError(status, { type: 'invalid_request_error', message, ...fields });
}

export function noSuch(what: string, id: string, param: string, status: 400 | 404): StripeError {
  return invalidRequest(`No such ${what}: '${id}'`, { code: 'resource_missing', param, status });
}

export function unrecognizedUrl(method: string, path: string): StripeError {
  return invalidRequest(`Unrecognized request URL (${method}: ${path}). ${SUPPORT}`, {
    status: 404,
  });
}

/** 401s carry no code, except for expired keys. */
export function unauthorized(message: string, code?: string): StripeError {
  const fields = { type: 'invalid_request_error', message };
  return new StripeError(401, code === undefined ? fields : { ...fields, code }, {
    'WWW-Authenticate': 'Basic realm="Stripe"',
  });
}

export function accountInvalid(apiKey: string, accountId: string): StripeError {
  return invalidRequest(
    `The provided key '${maskKey(apiKey)}' does not have access to account '${accountId}' (or that account does not exist). Application access may have been revoked.`,
    { code: 'account_invalid', status: 403 },
  );
}

/** docs.stripe.com/rate-limits: the header tells rate limits from lock timeouts. */
export function rateLimited(reason: string): StripeError {
  return new StripeError(
    429,
    {
      type: 'invalid_request_error',
      code: 'rate_limit',
      message:
        'Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.',
    },
    { 'Stripe-Rate-Limited-Reason': reason },
  );
}

export function keyInUse(key: string): StripeError {
  return new StripeError(
    409,
    {
      type: 'invalid_request_error',
      code: 'idempotency_key_in_use',
      message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
    },
    { 'Stripe-Should-Retry': 'true' },
  );
}

export function keyUsedDifferently(key: string, difference: string): StripeError {
  return new StripeError(400, {
    type: 'idempotency_error',
    message: `Keys for idempotent requests can only be used ${difference}. Try using a key other than '${key}' if you meant to execute a different request.`,
  });
}

export function serverError(): StripeError {
  return new StripeError(500, {
    type: 'api_error',
    message:
      'An unknown error occurred while processing your request. Contact us at https://support.stripe.com/ if this persists.',
  });
}

export function maskKey(key: string): string {
  const prefix = /^[a-z]+_(test|live)_/.exec(key)?.[0] ?? '';
  return `${prefix}${'*'.repeat(Math.max(key.length - prefix.length - 4, 4))}${key.slice(-4)}`;
}
