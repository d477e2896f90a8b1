import http from 'node:http';
import https from 'node:https';
import type Stripe from 'stripe';
import { errorCode } from '../domain/error-code';
import type { StripeAnswer } from '../domain/outcome';

/**
 * An idle socket is closed this soon after its last answer. Servers commonly close theirs after 5 s; a POST written to a
 * socket that is just being closed has an unknown outcome, so ours has to go first.
 */
const IDLE_SOCKET_MS = 4_000;

/** A page of 100 transfers is about 200 kB; whatever is larger than this is not Stripe's API. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** What a call without a readable answer can prove, and the transport's own name for what happened. */
export class TransportError extends Error {
  readonly failure: NonNullable<StripeAnswer['connection']>;
  /** ECONNREFUSED, ECONNRESET, … or a name of ours. */
  readonly transportCode: string;
  readonly requestId: string | undefined;

  constructor(failure: TransportError['failure'], transportCode: string, requestId?: string) {
    super(`no readable answer from Stripe: ${failure} (${transportCode})`);
    this.name = 'TransportError';
    this.failure = failure;
    this.transportCode = transportCode;
    this.requestId = requestId;
  }
}

interface Exchange {
  readonly headers: http.IncomingHttpHeaders;
  readonly httpStatus: number;
  readonly body: object;
}

/** How far one request has come; decides what its failure proves. */
interface Progress {
  /** The connection stood, so bytes of the request may have left. */
  mayHaveLeft: boolean;
  response: http.IncomingMessage | undefined;
  isDeadlineOver: boolean;
}

function failureOf(progress: Progress): TransportError['failure'] {
  if (progress.isDeadlineOver) {
    return 'deadline';
  }
  if (progress.response !== undefined) {
    return 'answer_lost';
  }
  return progress.mayHaveLeft ? 'lost' : 'not_connected';
}

function requestIdOf(response: http.IncomingMessage | undefined): string | undefined {
  const requestId = response?.headers['request-id'];
  return typeof requestId === 'string' ? requestId : undefined;
}

/**
 * The body as the object that every answer of Stripe is. The SDK would never settle a call whose body is another JSON
 * value (`"ok"`, `5`), and would crash the process over it.
 */
function parseBody(text: string, requestId: string | undefined): object {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new TransportError('unreadable', 'NOT_JSON', requestId);
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new TransportError('unreadable', 'NOT_AN_OBJECT', requestId);
  }
  if ('error' in body && (typeof body.error !== 'object' || body.error === null)) {
    throw new TransportError('unreadable', 'NOT_AN_ERROR', requestId);
  }
  return body;
}

async function readBody(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX) {
      throw new TransportError('unreadable', 'TOO_LARGE', requestIdOf(response));
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Notes the moment from which bytes may be on their way; until then nothing has left this machine. */
function watchConnection(request: http.ClientRequest, isSecure: boolean, progress: Progress): void {
  request.once('socket', (socket) => {
    if (request.reusedSocket || !socket.connecting) {
      progress.mayHaveLeft = true;
      return;
    }
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      progress.mayHaveLeft = true;
    });
  });
}

async function exchange(
  start: () => http.ClientRequest,
  call: { readonly body: string; readonly isSecure: boolean; readonly deadlineMs: number },
): Promise<Exchange> {
  const progress: Progress = { mayHaveLeft: false, response: undefined, isDeadlineOver: false };
  let request: http.ClientRequest;
  try {
    request = start();
  } catch (error) {
    throw new TransportError('not_sendable', errorCode(error) ?? 'UNNAMED');
  }
  watchConnection(request, call.isSecure, progress);
  const deadline = setTimeout(() => {
    progress.isDeadlineOver = true;
    request.destroy();
  }, call.deadlineMs);
  try {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.on('error', reject);
      // Node ends a request with neither after an answer that changes the protocol (101).
      request.once('close', () => {
        reject(new TransportError(failureOf(progress), 'CLOSED'));
      });
      request.end(call.body);
    });
    progress.response = response;
    const text = await readBody(response);
    const { headers, statusCode = 0 } = response;
    return { headers, httpStatus: statusCode, body: parseBody(text, requestIdOf(response)) };
  } catch (error) {
    request.destroy();
    if (error instanceof TransportError) {
      throw error;
    }
    const code = progress.isDeadlineOver ? 'DEADLINE' : (errorCode(error) ?? 'UNNAMED');
    throw new TransportError(failureOf(progress), code, requestIdOf(progress.response));
  } finally {
    clearTimeout(deadline);
  }
}

/** `Stripe-Notice` is free text that the SDK would print (M12), so it does not get that far. */
function toSdkResponse({ headers, httpStatus, body }: Exchange): Stripe.HttpClientResponse {
  const kept = Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || name === 'stripe-notice' ? [] : [[name, value]],
    ),
  );
  return {
    getStatusCode: () => httpStatus,
    getHeaders: () => kept,
    getRawResponse: () => ({ headers: kept, statusCode: httpStatus }),
    toStream: () => {
      throw new Error('answers of Stripe are read whole, never streamed');
    },
    toJSON: () => Promise.resolve(body),
  };
}

/**
 * The SDK's HTTP client with three promises that its own one does not make: one call is at most one request on the wire
 * (M5), it ends by its deadline whatever the peer does, and its failure says whether bytes may have left.
 *
 * The SDK resends after ECONNRESET and EPIPE even with retries off, going by the error's `code`; a `TransportError` has
 * none, so it never does. The SDK's `timeout` is this client's deadline for the whole call.
 */
export class SingleSendHttpClient implements Stripe.HttpClient {
  private readonly httpAgent: http.Agent;
  private readonly httpsAgent: https.Agent;

  constructor(idleSocketMs: number = IDLE_SOCKET_MS) {
    const options = { keepAlive: true, timeout: idleSocketMs };
    this.httpAgent = new http.Agent(options);
    this.httpsAgent = new https.Agent(options);
  }

  readonly getClientName = (): string => 'node-single-send';

  readonly makeRequest: Stripe.HttpClient['makeRequest'] = async (...call) => {
    const [host, port, path, method, headers, body, protocol, deadlineMs] = call;
    const isSecure = protocol !== 'http';
    const start = (): http.ClientRequest => {
      const options = { host, port, path, method, headers };
      return isSecure
        ? https.request({ ...options, agent: this.httpsAgent })
        : http.request({ ...options, agent: this.httpAgent });
    };
    return toSdkResponse(await exchange(start, { body, isSecure, deadlineMs }));
  };
}
