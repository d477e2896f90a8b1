import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import { ID_PATTERN } from '../domain/ids';

export const REQUEST_ID_HEADER = 'x-request-id';

/** The caller's own id where it is one, so that both logs can be joined; else a new one. */
export function requestIdOf(request: { readonly headers: IncomingHttpHeaders }): string {
  const given = request.headers[REQUEST_ID_HEADER];
  return typeof given === 'string' && ID_PATTERN.test(given) ? given : randomUUID();
}
