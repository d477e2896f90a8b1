import type { FastifyReply, FastifyRequest } from 'fastify';

import { cookieTerms } from './cookies';
import { sessionOf } from './console-context';
import type { Sessions } from './session';

const MESSAGE_COOKIE = 'payouts_message';
const MESSAGE_SECONDS = 60;

/** Keeps what was done for the page that is gone to, signed, so that nobody else can put words on it. */
export function leaveMessage(
  sessions: Sessions,
  request: FastifyRequest,
  reply: FastifyReply,
  message: string,
): void {
  const signed = sessions.sign(sessionOf(request), message);
  reply.setCookie(MESSAGE_COOKIE, signed, { ...cookieTerms(request), maxAge: MESSAGE_SECONDS });
}

/** What was left, once. */
export function takeMessage(
  sessions: Sessions,
  request: FastifyRequest,
  reply: FastifyReply,
): string | undefined {
  const signed = request.cookies[MESSAGE_COOKIE];
  if (signed === undefined || signed === '') {
    return undefined;
  }
  reply.clearCookie(MESSAGE_COOKIE, cookieTerms(request));
  return sessions.unsign(sessionOf(request), signed);
}
