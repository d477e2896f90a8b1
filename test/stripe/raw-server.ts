import { once } from 'node:events';
import net from 'node:net';

/** What the server does with a connection once a whole request has arrived on it. */
export type Reply = (socket: net.Socket) => void;

export interface RawServer {
  readonly baseUrl: string;
  /** Every whole request, as its bytes came. */
  readonly requests: readonly string[];
  readonly connections: () => number;
  reply: Reply;
  stop(): Promise<void>;
}

function isWhole(request: string): boolean {
  const [head = '', body] = request.split('\r\n\r\n');
  const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
  return body !== undefined && body.length >= length;
}

/** A server on a real socket that answers with whatever bytes a test wants, or drops the connection. */
export async function startRawServer(reply: Reply): Promise<RawServer> {
  const requests: string[] = [];
  const sockets = new Set<net.Socket>();
  let connections = 0;
  const server = net.createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    let received = '';
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (data) => {
      received += data.toString('latin1');
      if (isWhole(received)) {
        requests.push(received);
        received = '';
        self.reply(socket);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const self: RawServer = {
    baseUrl: `http://127.0.0.1:${port}`,
    requests,
    connections: () => connections,
    reply,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      sockets.forEach((socket) => socket.destroy());
      await closed;
    },
  };
  return self;
}

export function bytes(status: number, text: string, headers: Record<string, string> = {}): Reply {
  const lines = Object.entries({
    'Content-Length': Buffer.byteLength(text).toString(),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`);
  return (socket) => {
    socket.write([`HTTP/1.1 ${status} Status`, ...lines, '', text].join('\r\n'));
  };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return bytes(status, JSON.stringify(body), { 'Content-Type': 'application/json', ...headers });
}

export function stripeError(
  status: number,
  error: Record<string, unknown>,
  headers: Record<string, string> = {},
): Reply {
  const body = { error: { type: 'invalid_request_error', message: 'free text', ...error } };
  return json(status, body, { 'Request-Id': 'req_error', ...headers });
}
