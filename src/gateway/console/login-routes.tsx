import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

import { tokenReader } from '../../config/known-tokens';
import { CONSOLE_SESSION_MS } from '../../domain/limits';
import { ApiError } from '../api-error';
import type { ConsoleContext } from './console-context';
import { cookieTerms } from './cookies';
import { CONSOLE_ROOT, urlOfPath, wantedPath } from './local-path';
import { LoginPage } from './pages/login-page';
import { readForm } from './read-form';
import { SESSION_COOKIE } from './session';
import { WrongLogins } from './wrong-logins';

const NOT_KNOWN = 'This token is not known here. Nobody was logged in.';

/** Logging in with a token and out again. */
export function loginRoutes(app: FastifyInstance, context: ConsoleContext): void {
  const nameOf = tokenReader(context.tokens);
  const wrongLogins = new WrongLogins();
  const show = (
    request: FastifyRequest,
    reply: FastifyReply,
    { next, problem }: { readonly next: string | undefined; readonly problem?: string },
  ) =>
    context.send(
      request,
      reply,
      { title: 'Log in', section: null, status: problem === undefined ? 200 : 401 },
      <LoginPage next={wantedPath(next)} problem={problem} />,
    );
  const options = { schema: { hide: true }, config: { isPublic: true } };
  app.get('/login', options, (request, reply) =>
    show(request, reply, {
      next: urlOfPath(request.url).searchParams.get('next') ?? undefined,
    }),
  );
  app.post('/login', options, (request, reply) => {
    refuseWhileTooMany(wrongLogins, request);
    const { next, token } = readForm(request, { token: z.string(), next: z.string().optional() });
    const name = nameOf(token.trim());
    if (name === null) {
      wrongLogins.count(request.ip);
      context.countAuthFailure(token.trim() === '' ? 'missing' : 'unknown');
      return show(request, reply, { next, problem: NOT_KNOWN });
    }
    request.actor = name;
    reply.setCookie(SESSION_COOKIE, context.sessions.open(name), {
      ...cookieTerms(request),
      maxAge: CONSOLE_SESSION_MS / 1_000,
    });
    return reply.redirect(wantedPath(next), 303);
  });
  app.post('/logout', { schema: { hide: true } }, (request, reply) =>
    reply.clearCookie(SESSION_COOKIE, cookieTerms(request)).redirect(`${CONSOLE_ROOT}/login`, 303),
  );
}

function refuseWhileTooMany(wrongLogins: WrongLogins, { ip }: FastifyRequest): void {
  const waitMs = wrongLogins.waitMs(ip);
  if (waitMs > 0) {
    const seconds = Math.ceil(waitMs / 1_000).toString();
    throw new ApiError(
      429,
      'too_many_wrong_logins',
      `there were too many wrong logins from your address; try again in ${seconds} s`,
      { headers: { 'retry-after': seconds } },
    );
  }
}
