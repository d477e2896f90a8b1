import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ComponentChildren } from 'preact';
import { renderToString } from 'preact-render-to-string';

import type { Installation } from '../../db/installation';
import { ApiError, apiErrorOf } from '../api-error';
import { errorCode } from '../../domain/error-code';
import type { ConsoleContext } from './console-context';
import { urlOfPath } from './local-path';
import { takeMessage } from './message';
import { ErrorPage, errorTitle } from './pages/error-page';
import { Layout, type Frame } from './pages/layout';
import { secure } from './security-headers';

/** Answers with whole pages, for whoever is logged in. */
export function pageSender(
  context: Pick<ConsoleContext, 'platform' | 'sessions' | 'formToken'>,
): ConsoleContext['send'] {
  return (request, reply, { isLive = false, section, status = 200, title }, content) => {
    const { session } = request;
    const frame: Frame = {
      title,
      section,
      platform: context.platform,
      login:
        session === null
          ? null
          : { name: session.name, formToken: context.formToken(request, reply) },
      message: session === null ? undefined : takeMessage(context.sessions, request, reply),
      reloading: isLive ? reloadingOf(request.url) : undefined,
    };
    return sendHtml(reply, status, frame, content);
  };
}

function reloadingOf(path: string): NonNullable<Frame['reloading']> {
  const { pathname, searchParams } = urlOfPath(path);
  const isOn = searchParams.get('reload') === 'on';
  if (isOn) {
    searchParams.delete('reload');
  } else {
    searchParams.set('reload', 'on');
  }
  const query = searchParams.toString();
  return { isOn, toggle: query === '' ? pathname : `${pathname}?${query}` };
}

function sendHtml(
  reply: FastifyReply,
  status: number,
  frame: Frame,
  content: ComponentChildren,
): FastifyReply {
  const html = renderToString(<Layout frame={frame}>{content}</Layout>);
  return secure(reply)
    .status(status)
    .type('text/html; charset=utf-8')
    .send(`<!doctype html>${html}`);
}

/** The page of an error; also of those that come before the console's own hooks have run. */
export function sendErrorPage(
  error: ApiError,
  request: FastifyRequest,
  reply: FastifyReply,
  platform: Installation,
): FastifyReply {
  const title = errorTitle(error.status);
  const frame = { title, platform, section: null, login: null };
  void reply.headers(error.headers);
  return sendHtml(reply, error.status, frame, <ErrorPage error={error} requestId={request.id} />);
}

/** Whatever was thrown while a page was made, in the words of forms and pages. */
export function pageErrorOf(thrown: unknown): ApiError {
  switch (errorCode(thrown) ?? '') {
    case 'FST_CSRF_MISSING_SECRET':
    case 'FST_CSRF_INVALID_TOKEN':
      return new ApiError(
        403,
        'form_refused',
        'this form was not made for your login, or is older than it; nothing was changed. Open the page again.',
      );
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ApiError(415, 'unsupported_media_type', 'only forms are taken here');
    default:
      return apiErrorOf(thrown);
  }
}
