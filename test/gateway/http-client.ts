/**
 * Goal: requests as any client may send them, over a socket of their own, with whatever comes back.
 * Method: node:http without an agent for whole requests, node:net for those that no client library would send.
 */
import { once } from 'node:events';
import http from 'node:http';
import { connect, type Socket } from 'node:net';

import { ALICE } from './gateway-bed';

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Alice's where nothing is said; null sends none. */
  readonly token?: string | null;
  readonly body?: string | Buffer;
}

/** One request on a connection of its own, never sent twice. */
export async function request(
  url: string,
  path: string,
  { method = 'GET', headers = {}, token = ALICE.token, body }: RequestOptions = {},
): Promise<Answer> {
  const sent = http.request(`${url}${path}`, {
    method,
    agent: false,
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body).toString(),
      }),
      ...headers,
    },
  });
  // The other side may answer and close before it has taken the whole body: then the rest breaks, and the answer stands.
  sent.on('error', () => undefined);
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

export function post(url: string, body: unknown, options: RequestOptions = {}): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return request(url, '/v1/settlements', { method: 'POST', body: text, ...options });
}

export interface RawConnection {
  readonly socket: Socket;
  /** Everything that came, once the other side has closed. */
  readonly ended: Promise<string>;
}

/** A bare socket; what goes over it is up to the caller. */
export async function openRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined);
  // Not `once` of node:events, which rejects with an error; a socket that is reset has ended too.
  const ended = new Promise<string>((resolve) => {
    socket.once('close', () => resolve(text));
  });
  await Promise.race([once(socket, 'connect'), ended]);
  return { socket, ended };
}

/** Sends text as it is and reads until the other side closes. */
export async function sendRaw(url: string, text: string): Promise<Answer> {
  const { socket, ended } = await openRaw(url);
  socket.write(text);
  return parseAnswer(await ended);
}

export function parseAnswer(raw: string): Answer {
  const [head = '', ...body] = raw.split('\r\n\r\n');
  const [start = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const [name = '', ...value] = line.split(': ');
      return [name.toLowerCase(), value.join(': ')];
    }),
  );
  return { status: Number(start.split(' ')[1] ?? 0), headers, text: body.join('\r\n\r\n') };
}
