import type { FastifyRequest, onRequestHookHandler } from 'fastify';

import { tokenReader } from '../config/known-tokens';
import type { GatewayToken } from '../config/setting-rules';
import { ApiError } from './api-error';

declare module 'fastify' {
  interface FastifyRequest {
    /** The name of the token that the request came with; null where none is asked for. */
    actor: string | null;
  }
}

export type AuthFailure = 'missing' | 'malformed' | 'unknown';

function tokenOf(request: FastifyRequest): { readonly token: string } | AuthFailure {
  const { authorization } = request.headers;
  if (authorization === undefined) {
    return 'missing';
  }
  const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
  return token === undefined ? 'malformed' : { token };
}

/**
 * A hook that lets only holders of a token pass and says who it is (`request.actor`). It runs before the body is read.
 * @param onFailure counts; it is told a code and never the token
 */
export function requireToken(
  tokens: readonly GatewayToken[],
  onFailure: (failure: AuthFailure) => void,
): onRequestHookHandler {
  const nameOf = tokenReader(tokens);
  return (request, _reply, done) => {
    const given = tokenOf(request);
    const actor = typeof given === 'string' ? null : nameOf(given.token);
    if (actor === null) {
      onFailure(typeof given === 'string' ? given : 'unknown');
      done(unauthorized(given));
      return;
    }
    request.actor = actor;
    done();
  };
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-3: no error code where no token was given. */
function unauthorized(given: ReturnType<typeof tokenOf>): ApiError {
  const challenge = 'Bearer realm="payouts"';
  return new ApiError(401, 'unauthorized', 'a known token is needed: Authorization: Bearer …', {
    headers: {
      'www-authenticate': given === 'missing' ? challenge : `${challenge}, error="invalid_token"`,
    },
  });
}
