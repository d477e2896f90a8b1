import { createHash, timingSafeEqual } from 'node:crypto';

import type { GatewayToken } from './setting-rules';

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/**
 * Says whose a token is; null where it is nobody's. Every known token is compared, and digests instead of tokens, so
 * that the time says nothing about any of them.
 */
export function tokenReader(tokens: readonly GatewayToken[]): (token: string) => string | null {
  const known = tokens.map(({ name, token }) => ({ name, digest: digestOf(token) }));
  return (token) => {
    const digest = digestOf(token);
    return known.reduce<string | null>(
      (found, candidate) => (timingSafeEqual(digest, candidate.digest) ? candidate.name : found),
      null,
    );
  };
}
