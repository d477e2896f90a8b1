import cookie from '@fastify/cookie';
import csrf from '@fastify/csrf-protection';
import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { CONSOLE_FORM_BYTES_MAX } from '../../domain/limits';
import { ApiError } from '../api-error';
import { sessionOf, type ConsoleContext, type ConsoleDependencies } from './console-context';
import { cookieTerms } from './cookies';
import { CONSOLE_ROOT, loginPath } from './local-path';
import { loginRoutes } from './login-routes';
import { FORM_TOKEN_FIELD } from './pages/layout';
import { allOrderRoutes } from './order-places';
import { OrdersUnderWay } from './orders/orders-under-way';
import { readRoutes } from './read-routes';
import { settlementRoute } from './settlement-route';
import { winnerRoute } from './winner-route';
import { isFromElsewhere } from './same-origin';
import { secure } from './security-headers';
import { pageSender } from './send-page';
import { SESSION_COOKIE, Sessions } from './session';
import { STYLESHEET } from './stylesheet';

/** Pages for operators under /console: forms and links, no script. Cookies are read here and nowhere else. */
export async function registerConsole(
  app: FastifyInstance,
  dependencies: ConsoleDependencies,
): Promise<void> {
  app.decorateRequest('session', null).decorateRequest('formToken', null);
  await app.register(
    async (scope) => {
      await scope.register(cookie);
      await scope.register(formbody, { bodyLimit: CONSOLE_FORM_BYTES_MAX });
      await registerFormTokens(scope);
      const context = contextOf(dependencies);
      endOrders(scope, context);
      addLogin(scope, context);
      styleRoute(scope);
      loginRoutes(scope, context);
      readRoutes(scope, context);
      settlementRoute(scope, context);
      winnerRoute(scope, context);
      allOrderRoutes(scope, context);
    },
    { prefix: CONSOLE_ROOT },
  );
}

/**
 * A form's token is bound to the login that it was made for: without its cookie nobody can make one, even with a cookie
 * of theirs planted in the browser. So the key that the package asks for has nothing to keep secret.
 */
async function registerFormTokens(scope: FastifyInstance): Promise<void> {
  await scope.register(csrf, {
    cookieKey: 'payouts_form',
    csrfOpts: { hmacKey: 'payouts console form' },
    getToken: ({ body }: FastifyRequest) => {
      const token = (body as Readonly<Record<string, unknown>> | undefined)?.[FORM_TOKEN_FIELD];
      return typeof token === 'string' ? token : undefined;
    },
    getUserInfo: (request: FastifyRequest) => sessionOf(request).proof,
  });
}

function contextOf(dependencies: ConsoleDependencies): ConsoleContext {
  const sessions = new Sessions(dependencies.tokens);
  const formToken = (request: FastifyRequest, reply: FastifyReply) => {
    // One for all forms of a page: where the browser has no cookie for it yet, each call would plant another.
    request.formToken ??= reply.generateCsrf({
      ...cookieTerms(request),
      userInfo: sessionOf(request).proof,
    });
    return request.formToken;
  };
  const underWay = new OrdersUnderWay(dependencies.orderAnswerMs);
  const shared = { ...dependencies, sessions, formToken, underWay };
  return { ...shared, send: pageSender(shared) };
}

/** Orders that are under way end before the database closes. */
function endOrders(scope: FastifyInstance, { underWay }: ConsoleContext): void {
  scope.addHook('preClose', (done) => {
    underWay.stop();
    done();
  });
  scope.addHook('onClose', () => underWay.ended());
}

/** Who is it, and does the form come from us? Before anything of a body is read. */
function addLogin(scope: FastifyInstance, { sessions }: ConsoleContext): void {
  scope.addHook('onRequest', async (request, reply) => {
    secure(reply);
    const isRead = request.method === 'GET';
    if (!isRead && isFromElsewhere(request)) {
      throw new ApiError(
        403,
        'foreign_form',
        'the form was sent by another site; nothing was changed',
      );
    }
    request.session = sessions.read(request.cookies[SESSION_COOKIE]) ?? null;
    request.actor = request.session?.name ?? null;
    if (request.session !== null || request.routeOptions.config.isPublic === true) {
      return;
    }
    if (!isRead) {
      const message =
        'you are not logged in, or not any more; nothing was changed. Log in and open the page again.';
      throw new ApiError(401, 'not_logged_in', message);
    }
    await reply.redirect(loginPath(request.url), 303);
  });
  scope.addHook('preHandler', (request, reply, done) => {
    const isGuarded = request.method !== 'GET' && request.routeOptions.config.isPublic !== true;
    if (isGuarded) {
      scope.csrfProtection(request, reply, done);
    } else {
      done();
    }
  });
}

const STYLE_SECONDS = 300;

function styleRoute(scope: FastifyInstance): void {
  scope.get(
    '/style.css',
    { schema: { hide: true }, config: { isPublic: true } },
    (_request, reply) =>
      reply
        .header('cache-control', `max-age=${STYLE_SECONDS.toString()}`)
        .type('text/css; charset=utf-8')
        .send(STYLESHEET),
  );
}
