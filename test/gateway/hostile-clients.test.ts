/**
 * Goal: no client takes the gateway from the others, learns a secret, or leaves one in the log: floods, slow and huge
 * requests, guessed tokens.
 * Method: raw sockets against gateways with small limits; after each attack an ordinary client is served.
 */
import { once } from 'node:events';

import { settlementOf as fileOf } from '../e2e/bed';
import {
  ALICE,
  API_KEY,
  BOB,
  openGatewayBed,
  WEBHOOK_SECRET,
  type GatewayBed,
} from './gateway-bed';
import { openRaw, parseAnswer, post, request, type RawConnection } from './http-client';

const MEGABYTE = 1024 * 1024;

let bed: GatewayBed;
let url: string;

beforeAll(async () => {
  bed = await openGatewayBed();
  ({ url } = await bed.start());
});
afterAll(() => bed.close());

/** Soon over for a slow client, and long for the ordinary ones beside it on a busy machine. */
const IMPATIENT = { headersTimeoutMs: 4_000, requestTimeoutMs: 4_000, timeoutLookMs: 50 };

test.each<[string, Record<string, string>, string]>([
  ['no token', {}, 'Bearer realm="payouts"'],
  ['another scheme', { authorization: `Basic ${ALICE.token}` }, 'invalid_token'],
  ['a wrong token', { authorization: 'Bearer wrong' }, 'invalid_token'],
  ['the name for the token', { authorization: `Bearer ${ALICE.name}` }, 'invalid_token'],
  ['half a token', { authorization: `Bearer ${ALICE.token.slice(0, -1)}` }, 'invalid_token'],
  ['two tokens', { authorization: `Bearer ${ALICE.token} ${BOB.token}` }, 'invalid_token'],
  ['an empty token', { authorization: 'Bearer ' }, 'invalid_token'],
])(
  '%s is 401 with a challenge, before anything is read or recorded',
  async (...[, headers, said]) => {
    for (const [method, path] of [
      ['POST', '/v1/settlements'],
      ['GET', '/v1/settlements/x'],
      ['GET', '/metrics'],
    ] as const) {
      const body = method === 'POST' ? { body: JSON.stringify(fileOf('guessed', 1)) } : {};
      const answer = await request(url, path, { method, token: null, headers, ...body });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toContain(said);
    }
    expect(await bed.rows(`select from settlements where settlement_id = 'guessed'`)).toEqual([]);
  },
);

test('each token is its own caller, and failures are counted by kind', async () => {
  expect((await request(url, '/metrics', { token: BOB.token })).status).toBe(200);
  await request(url, '/metrics', { token: 'guess' });
  const { text } = await request(url, '/metrics');
  expect(text).toMatch(/payouts_gateway_auth_failures_total\{reason="missing"\} [1-9]/);
  expect(text).toMatch(/payouts_gateway_auth_failures_total\{reason="unknown"\} [1-9]/);
});

test.each([
  { how: 'with its length', header: `content-length: ${50 * MEGABYTE}` },
  { how: 'in chunks of unsaid length', header: 'transfer-encoding: chunked' },
])('a body of 50 MB, sent $how, is 413 and not kept in memory', async ({ header }) => {
  const { socket, ended } = await openRaw(url);
  socket.write(
    `POST /v1/settlements HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ALICE.token}\r\n` +
      `content-type: application/json\r\n${header}\r\n\r\n`,
  );
  const size = header.includes('chunked') ? `${MEGABYTE.toString(16)}\r\n` : '';
  const end = size === '' ? '' : '\r\n';
  const chunk = Buffer.concat([Buffer.from(size), Buffer.alloc(MEGABYTE, ' '), Buffer.from(end)]);
  const before = process.memoryUsage().arrayBuffers;
  let heldMb = 0;
  for (let sentMb = 0; sentMb < 50 && socket.writable; sentMb += 1) {
    if (!socket.write(chunk)) {
      await Promise.race([once(socket, 'drain'), ended]);
    }
    heldMb = Math.max(heldMb, (process.memoryUsage().arrayBuffers - before) / MEGABYTE);
  }
  socket.end(size === '' ? '' : '0\r\n\r\n');
  expect(parseAnswer(await ended).status).toBe(413);
  // What sockets hold that nobody has collected yet, and, without a length, the largest settlement.
  expect(heldMb).toBeLessThan(size === '' ? 45 : 80);
  expect((await request(url, '/healthz')).status).toBe(200);
});

test('a caller without a token makes the gateway read no body either', async () => {
  const answer = await request(url, '/v1/settlements', {
    method: 'POST',
    token: 'wrong',
    body: Buffer.alloc(50 * MEGABYTE, ' '),
  });
  expect(answer.status).toBe(401);
});

async function ordinaryClientIsServed(at: string, id: string): Promise<void> {
  expect((await request(at, '/healthz')).status).toBe(200);
  expect((await post(at, fileOf(id, 1))).status).toBe(201);
}

test('a client that is slow with its headers, or with its body, is dropped; others are served meanwhile', async () => {
  const { url: at } = await bed.start({}, IMPATIENT);
  const slow = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const connection = await openRaw(at);
      const head = `POST /v1/settlements HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ALICE.token}\r\n`;
      connection.socket.write(
        index % 2 === 0
          ? head
          : `${head}content-type: application/json\r\ncontent-length: 900\r\n\r\n`,
      );
      // A byte now and then: no silence, and never a whole request.
      const drip = setInterval(() => connection.socket.write(index % 2 === 0 ? 'x' : ' '), 50);
      void connection.ended.then(() => clearInterval(drip));
      return connection;
    }),
  );
  await ordinaryClientIsServed(at, 'beside-slow-ones');
  const answers = (await Promise.all(slow.map(({ ended }) => ended))).map(parseAnswer);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([408]));
  expect(answers[0]?.text).toContain('"code":"request_timeout"');
  await ordinaryClientIsServed(at, 'after-slow-ones');
});

test('1,000 connections at once: each is served or closed, and the gateway answers again afterwards', async () => {
  const { url: at } = await bed.start({}, { connectionsMax: 200 });
  const connections: RawConnection[] = await Promise.all(
    Array.from({ length: 1_000 }, () => openRaw(at)),
  );
  for (const { socket } of connections) {
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  }
  const answers = (await Promise.all(connections.map(({ ended }) => ended))).map(parseAnswer);
  const served = answers.filter(({ status }) => status === 200).length;
  const closed = answers.filter(({ status, text }) => status === 0 && text === '').length;
  expect(served + closed).toBe(1_000);
  expect(served).toBeGreaterThanOrEqual(200);
  expect(closed).toBeGreaterThan(0);
  await ordinaryClientIsServed(at, 'after-flood');
  const { text } = await request(at, '/metrics');
  expect(text).toContain(`payouts_gateway_refused_connections_total ${closed.toString()}`);
});

test('with its own limits, 1,000 ordinary requests at once are all answered or closed', async () => {
  const results = await Promise.all(
    Array.from({ length: 1_000 }, () =>
      request(url, '/healthz').then(
        ({ status }) => status,
        () => 'closed',
      ),
    ),
  );
  expect(results.filter((result) => result !== 200 && result !== 'closed')).toEqual([]);
  await ordinaryClientIsServed(url, 'after-thousand');
});

test('the log has ids and codes, and no token, key, body or address with a query', async () => {
  await post(url, { ...fileOf('logged', 1), contestId: 'secret contest' });
  await request(url, '/v1/settlements/logged?email=somebody@example.com');
  await bed.rows('alter table payout_transfers rename to hidden');
  await post(url, fileOf('logged-failure', 1)).finally(() =>
    bed.rows('alter table hidden rename to payout_transfers'),
  );
  const log = bed.log();
  for (const said of ['"actor":"alice"', '"code":"42P01"', '"frames":["at ']) {
    expect({ said, isThere: log.includes(said) }).toEqual({ said, isThere: true });
  }
  for (const secret of [
    ALICE.token,
    BOB.token,
    API_KEY,
    WEBHOOK_SECRET,
    'somebody@',
    'secret con',
  ]) {
    expect({ secret, isThere: log.includes(secret) }).toEqual({ secret, isThere: false });
  }
  expect(/amountMinor|insert into|logged-failure-u000|wrong|guess"/.exec(log)).toBeNull();
});
