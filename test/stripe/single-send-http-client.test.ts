/**
 * Goal: one call is one request on the wire and ends by its deadline, whatever the peer does (M5).
 * Method: the real SDK against servers on real sockets that count what arrives.
 */
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import Stripe from 'stripe';
import { STRIPE_CALL_DEADLINE_MS } from '../../src/domain/limits';
import { createStripeClient } from '../../src/stripe/client';
import { sendTransfer } from '../../src/stripe/transfers';
import { FROZEN, KEY, stripeTransfer } from './frozen';
import { json, startRawServer, type RawServer, type Reply } from './raw-server';

const SEND = { request: FROZEN, idempotencyKey: KEY };
const PAID = json(200, stripeTransfer());

let server: RawServer;
beforeEach(async () => {
  server = await startRawServer(PAID);
});
afterEach(() => server.stop());

function client(options: { callDeadlineMs?: number; idleSocketMs?: number } = {}): Stripe {
  return createStripeClient({ apiKey: 'sk_test_123', apiBase: server.baseUrl, ...options });
}

describe('one attempt is one POST', () => {
  const drops: readonly (readonly [string, Reply])[] = [
    ['a reset', (socket) => socket.resetAndDestroy()],
    ['a close', (socket) => socket.destroy()],
  ];

  test.each(drops)('after %s', async (_what, drop) => {
    server.reply = drop;
    const answer = await sendTransfer(client(), SEND);
    expect(answer).toMatchObject({ connection: 'lost', connectionCode: 'ECONNRESET' });
    await delay(1_500);
    expect(server.requests).toHaveLength(1);
  });

  test.each(drops)('after %s of a socket used before', async (_what, drop) => {
    const stripe = client();
    await sendTransfer(stripe, SEND);
    server.reply = drop;
    expect(await sendTransfer(stripe, SEND)).toMatchObject({ connection: 'lost' });
    await delay(1_500);
    expect(server.requests).toHaveLength(2);
    expect(server.connections()).toBe(1);
  });

  test('the SDK’s own client sends twice, which is why it is not used', async () => {
    server.reply = (socket) => socket.resetAndDestroy();
    const { hostname, port } = new URL(server.baseUrl);
    const options = { host: hostname, port, protocol: 'http', maxNetworkRetries: 0 } as const;
    await sendTransfer(new Stripe('sk_test_123', options), SEND);
    expect(server.requests).toHaveLength(2);
  });
});

describe('the deadline', () => {
  const heads = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  const drip: Reply = (socket) => {
    socket.write(heads);
    const timer = setInterval(() => socket.write('1\r\n \r\n'), 20);
    socket.on('close', () => clearInterval(timer));
  };

  test.each([
    ['silence', (): void => undefined],
    ['an answer that drips for ever', drip],
  ] as const)('ends %s and closes the socket', async (_what, reply) => {
    let closed: Promise<unknown> = Promise.resolve();
    server.reply = (socket) => {
      // Not `once` of node:events: it rejects when a drip meets the closed socket first, which is a close as well.
      closed = new Promise((resolve) => {
        socket.once('close', resolve);
      });
      reply(socket);
    };
    const started = Date.now();
    const answer = await sendTransfer(client({ callDeadlineMs: 300 }), SEND);
    expect(answer).toEqual({ connection: 'deadline', connectionCode: 'DEADLINE', replayed: false });
    // It is the deadline given that ended it, not the one of a client without.
    expect(Date.now() - started).toBeLessThan(STRIPE_CALL_DEADLINE_MS);
    await closed;
  });
});

test('an answer that changes the protocol ends the call, and proves nothing', async () => {
  const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';
  server.reply = (socket) => socket.write(upgrade);
  expect(await sendTransfer(client(), SEND)).toMatchObject({ connection: 'lost' });
});

describe('sockets', () => {
  test('one is used again while it is fresh', async () => {
    const stripe = client();
    await sendTransfer(stripe, SEND);
    await sendTransfer(stripe, SEND);
    expect(server.connections()).toBe(1);
  });

  test('an idle one is closed by us, before a server would', async () => {
    const stripe = client({ idleSocketMs: 100 });
    await sendTransfer(stripe, SEND);
    await delay(400);
    await sendTransfer(stripe, SEND);
    expect(server.connections()).toBe(2);
  });

  test('the idle time does not cut a slow answer', async () => {
    server.reply = (socket) => void delay(500).then(() => PAID(socket));
    const answer = await sendTransfer(client({ idleSocketMs: 100 }), SEND);
    expect(answer).toMatchObject({ httpStatus: 200 });
  });
});

test('a connection that never becomes secure proves that nothing left', async () => {
  let received = '';
  const plain = net.createServer((socket) => {
    socket.on('data', (data) => {
      received += data.toString('latin1');
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
  });
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const { port } = plain.address() as net.AddressInfo;
  const apiBase = `https://127.0.0.1:${port}`;
  const answer = await sendTransfer(createStripeClient({ apiKey: 'sk_test_123', apiBase }), SEND);
  plain.close();
  expect(answer).toMatchObject({ connection: 'not_connected' });
  expect(received).not.toContain('/v1/transfers');
});

test('Stripe’s notices are not printed', async () => {
  server.reply = json(200, stripeTransfer(), { 'Stripe-Notice': 'free text' });
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  await sendTransfer(client(), SEND);
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});
