import type { ServerResponse } from 'node:http';

import type { Delivery } from './answers';
import { DEFAULT_API_VERSION } from './api-version';

/** Writes an answer, or leaves the connection in the state that a fault asked for. */
export function deliver(
  raw: ServerResponse,
  { how, answer }: Delivery,
  headers: Readonly<Record<string, string>>,
): void {
  if (how === 'hang') {
    // The client gives up, or the sandbox closes all connections when it stops.
    return;
  }
  if (how === 'drop' || answer === null) {
    raw.destroy();
    return;
  }
  const body = Buffer.from(answer.body, 'utf8');
  raw.writeHead(answer.status, {
    ...headers,
    ...answer.headers,
    'Content-Type': answer.contentType,
    'Content-Length': body.length,
    'Cache-Control': 'no-cache, no-store',
  });
  if (how === 'truncate') {
    // Destroyed only once the half is with the kernel; before, the client might see no headers.
    raw.write(body.subarray(0, Math.floor(body.length / 2)), () => raw.destroy());
  } else {
    raw.end(body);
  }
}

/** Headers that every answer of Stripe carries, error or not. */
export function commonHeaders(
  requestId: string,
  request: { headers: Record<string, unknown> },
): Record<string, string> {
  const version = request.headers['stripe-version'];
  const key = request.headers['idempotency-key'];
  const account = request.headers['stripe-account'];
  return {
    'Request-Id': requestId,
    'Stripe-Version': typeof version === 'string' ? version : DEFAULT_API_VERSION,
    ...(typeof key === 'string' && key !== ''
      ? { 'Idempotency-Key': key, 'Original-Request': requestId }
      : {}),
    ...(typeof account === 'string' ? { 'Stripe-Account': account } : {}),
  };
}
