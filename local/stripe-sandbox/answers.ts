import type { FaultPlan } from './fault-plan';
import type { JsonObject } from './json-object';
import type { Caller } from './rows';
import { errorBody, type StripeError } from './stripe-errors';

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What goes out, and in which state the connection is left. */
export interface Delivery {
  readonly how: FaultPlan['delivery'];
  readonly answer: Answer | null;
}

const JSON_TYPE = 'application/json';

export function success(body: JsonObject): Answer {
  // Stripe indents its answers, too; a replay has to repeat every byte.
  return jsonAnswer(200, `${JSON.stringify(body, null, 2)}\n`);
}

export function failure(error: StripeError, requestId: string, caller: Caller | null): Answer {
  const body = errorBody(error.fields, requestId, caller?.livemode ?? false);
  return jsonAnswer(error.status, body, error.headers);
}

export function jsonAnswer(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, contentType: JSON_TYPE, body, headers };
}

export function htmlAnswer(status: number, html: string): Answer {
  return { status, contentType: 'text/html', body: html, headers: {} };
}
