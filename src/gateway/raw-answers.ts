import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

import { errorCode } from '../domain/error-code';
import { ApiError, errorBody } from './api-error';
import { REQUEST_ID_HEADER } from './request-id';

/** What Node's parser gives up on, before there is a request that a route could answer. */
function errorOf(error: unknown): ApiError {
  switch (errorCode(error) ?? '') {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ApiError(408, 'request_timeout', 'the request did not arrive whole in time');
    case 'HPE_HEADER_OVERFLOW':
      return new ApiError(431, 'headers_too_large', 'the headers are larger than is taken here');
    default:
      return new ApiError(400, 'malformed_request', 'this is no HTTP request');
  }
}

/**
 * Answers on the bare socket, in the shape of every other error, and closes it.
 * @returns the code of the answer; undefined where the client is gone and there is nobody to answer
 */
export function answerBrokenRequest(error: unknown, socket: Socket): string | undefined {
  if (!socket.writable || errorCode(error) === 'ECONNRESET') {
    socket.destroy();
    return undefined;
  }
  const requestId = randomUUID();
  const problem = errorOf(error);
  const body = JSON.stringify(errorBody(problem, requestId));
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `${REQUEST_ID_HEADER}: ${requestId}`,
    'connection: close',
  ];
  // What the client still sends is not waited for; destroying at once could take the answer from it.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
  return problem.code;
}
