import type { FastifyRequest } from 'fastify';

/**
 * Whether a browser says that a form was sent by another site. `Sec-Fetch-Site` cannot be set by pages; browsers leave
 * it out on plain http to another machine, and then `Origin` tells. Who sends neither is no browser that could be
 * deceived, and still needs a login and a token of the form.
 */
export function isFromElsewhere({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) {
    return site !== 'same-origin' && site !== 'none';
  }
  const { host, origin } = headers;
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host);
}

/**
 * Whether the browser came by https, as a proxy in front says. Whoever forges this header only makes their own cookie
 * stricter, so that no list of trusted proxies is needed.
 */
export function isHttps({ headers }: FastifyRequest): boolean {
  return headers['x-forwarded-proto'] === 'https';
}
