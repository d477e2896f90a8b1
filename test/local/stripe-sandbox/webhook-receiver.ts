import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

import type Stripe from 'stripe';

import { HANG_LIMIT_MS } from './support';

export interface Received {
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly raw: string;
  readonly event: Stripe.Event;
}

/** A status, a redirect, or no answer at all. */
type Reply = number | { status: number; location: string } | 'none';

/** An endpoint for webhooks that keeps what arrives and answers as it is told. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  /** Asked for every delivery; may take its time. */
  reply: (received: Received) => Reply | Promise<Reply> = () => 200;

  private constructor(private readonly server: http.Server) {
    server.on('request', (request, response) => void this.take(request, response));
  }

  static async start(): Promise<WebhookReceiver> {
    const server = http.createServer();
    const receiver = new WebhookReceiver(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  url(path = '/webhooks'): string {
    const { port } = this.server.address() as AddressInfo;
    return `http://127.0.0.1:${port}${path}`;
  }

  types(): string[] {
    return this.received.map(({ event }) => event.type);
  }

  /** Waits until so many deliveries have arrived, and returns all that have. */
  async atLeast(count: number): Promise<readonly Received[]> {
    while (this.received.length < count) {
      await once(this.server, 'received', { signal: AbortSignal.timeout(HANG_LIMIT_MS) });
    }
    return this.received;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let raw = '';
    for await (const chunk of request) {
      raw += String(chunk);
    }
    const received = {
      path: request.url ?? '',
      headers: request.headers,
      raw,
      event: JSON.parse(raw) as Stripe.Event,
    };
    this.received.push(received);
    this.server.emit('received');
    const reply = await this.reply(received);
    if (reply === 'none') {
      return;
    }
    if (typeof reply === 'number') {
      response.writeHead(reply).end();
    } else {
      response.writeHead(reply.status, { Location: reply.location }).end();
    }
  }
}
