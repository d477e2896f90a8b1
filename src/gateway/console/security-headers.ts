import helmet from '@fastify/helmet';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** No script, no frame, nothing from elsewhere: https://developer.mozilla.org/docs/Web/HTTP/Guides/CSP */
const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
};

/** Registered before every other hook, so that also a page that refuses a request has these headers. */
export async function registerSecurityHeaders(app: FastifyInstance): Promise<void> {
  await app.register(helmet, {
    global: false,
    contentSecurityPolicy: CONTENT_SECURITY_POLICY,
    frameguard: { action: 'deny' },
    // Not `no-referrer`: with it browsers say `Origin: null` of our own forms too. Nothing is told to other sites.
    referrerPolicy: { policy: 'same-origin' },
    // Whether this name is only ever served by https is the proxy's to say.
    hsts: false,
  });
}

/** What every answer of the console carries. */
export function secure(reply: FastifyReply): FastifyReply {
  void reply.helmet();
  return reply.header('cache-control', 'no-store');
}
