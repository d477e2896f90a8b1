import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyRequest } from 'fastify';

import { CONSOLE_ROOT } from './local-path';
import { isHttps } from './same-origin';

/** For the console alone, out of reach of scripts and of other sites, and over https only where it came by https. */
export function cookieTerms(request: FastifyRequest): CookieSerializeOptions {
  return {
    path: CONSOLE_ROOT,
    httpOnly: true,
    sameSite: 'strict',
    secure: isHttps(request),
  };
}
