/**
 * Goal: what Stripe signed is kept once, before it is answered; what it did not sign leaves no trace.
 * Method: the route on a real Fastify server and a real Postgres; requests over a socket, signed with the SDK's own test
 * helper. The time is given.
 */
import type { FastifyInstance } from 'fastify';
import Stripe from 'stripe';

import { openDatabase } from '../../src/db/database';
import {
  stripeWebhookRoute,
  type StripeWebhookOptions,
} from '../../src/gateway/stripe-webhook-route';
import { WebhookCounts } from '../../src/gateway/webhook-counts';
import { WEBHOOK_BODY_BYTES_MAX } from '../../src/domain/limits';
import { newId, openDatabaseBed, type DatabaseBed } from '../support/builders';
import { bareServer } from './bare-server';

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const SECRETS = ['whsec_new', 'whsec_old'] as const;

let bed: DatabaseBed;
let servers: FastifyInstance[] = [];
let counts: WebhookCounts;
let told: string[];
let url: string;

beforeAll(async () => {
  bed = await openDatabaseBed();
});

beforeEach(async () => {
  counts = new WebhookCounts();
  told = [];
  url = await serve();
});

afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
  await bed.rows('delete from stripe_events');
});

afterAll(() => bed.close());

async function serve(change: Partial<StripeWebhookOptions> = {}): Promise<string> {
  const server = bareServer();
  servers.push(server);
  await server.register(stripeWebhookRoute, {
    database: bed.database,
    secrets: SECRETS,
    livemode: false,
    counts,
    onStored: (eventId) => void told.push(eventId),
    now: () => NOW_MS,
    ...change,
  });
  server.post('/echo', ({ body }) => Promise.resolve(body));
  return server.listen({ host: '127.0.0.1', port: 0 });
}

function eventText(change: Record<string, unknown> = {}): string {
  return JSON.stringify({
    id: newId('evt').replace('-', '_'),
    object: 'event',
    type: 'transfer.created',
    livemode: false,
    created: NOW_MS / 1_000,
    data: {
      object: {
        id: 'tr_1',
        object: 'transfer',
        description: 'to Jane Doe',
        metadata: { installation_id: 'test' },
      },
    },
    ...change,
  });
}

interface Signing {
  readonly secret?: string;
  readonly ageS?: number;
}

function signatureOf(payload: string, { ageS = 0, secret = SECRETS[0] }: Signing = {}): string {
  const timestamp = NOW_MS / 1_000 - ageS;
  return Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
}

async function post(
  payload: string,
  signature = signatureOf(payload),
  to = url,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${to}/v1/webhooks/stripe`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...(signature !== '' && { 'stripe-signature': signature }),
    },
    body: payload,
  });
  return { status: response.status, body: await response.json() };
}

const keptRows = () => bed.rows('select * from stripe_events order by received_at');

test('a signed event is kept with its ids alone, answered, and told of', async () => {
  const text = eventText();
  expect(await post(text)).toEqual({ status: 200, body: { received: true } });
  const rows = await keptRows();
  expect(rows).toEqual([
    expect.objectContaining({
      type: 'transfer.created',
      object_id: 'tr_1',
      installation_id: 'test',
      delivery_count: 1,
      status: 'received',
    }),
  ]);
  expect(JSON.stringify(rows)).not.toContain('Jane');
  expect(told).toEqual([(JSON.parse(text) as { id: string }).id]);
  expect(counts.entries()).toEqual([['stored', 1]]);
});

test('the same event again, replayed or delivered twice at once, is one row that counts', async () => {
  const text = eventText();
  const answers = await Promise.all([1, 2, 3].map(() => post(text)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(await keptRows()).toEqual([expect.objectContaining({ delivery_count: 3 })]);
  expect([counts.of('stored'), counts.of('repeated')]).toEqual([1, 2]);
});

test('while a secret is rolled over both are believed', async () => {
  for (const secret of SECRETS) {
    const text = eventText();
    expect((await post(text, signatureOf(text, { secret }))).status).toBe(200);
  }
  expect(await keptRows()).toHaveLength(2);
});

test.each([
  ['forged', () => signatureOf('another body'), 'bad_signature'],
  [
    'signed by somebody else',
    (text: string) => signatureOf(text, { secret: 'whsec_x' }),
    'bad_signature',
  ],
  ['replayed after its time', (text: string) => signatureOf(text, { ageS: 301 }), 'stale'],
  ['dated into the future', (text: string) => signatureOf(text, { ageS: -61 }), 'future'],
  ['unsigned', () => '', 'no_signature'],
])('what is %s is refused by its code, and nothing is kept', async (_what, sign, code) => {
  const text = eventText();
  expect(await post(text, sign(text))).toEqual({
    status: 400,
    body: {
      error: {
        code,
        message: expect.any(String) as string,
        requestId: expect.any(String) as string,
      },
    },
  });
  expect(await keptRows()).toEqual([]);
  expect(told).toEqual([]);
  expect(counts.entries()).toEqual([[code, 1]]);
});

test('a thin event says which endpoint to register', async () => {
  const text = JSON.stringify({ id: 'evt_thin', object: 'v2.core.event' });
  const { body, status } = await post(text);
  expect(status).toBe(400);
  expect(body).toMatchObject({
    error: { code: 'thin_event', message: expect.stringContaining('snapshot') as string },
  });
});

test('an event of the other mode is answered, counted and not kept: live endpoints of a platform get test events too', async () => {
  expect(await post(eventText({ livemode: true }))).toEqual({
    status: 200,
    body: { received: true, ignored: 'wrong_mode' },
  });
  expect(await keptRows()).toEqual([]);
  expect(counts.entries()).toEqual([['wrong_mode', 1]]);
});

test('a body above the limit is not read', async () => {
  const text = eventText({ filling: 'x'.repeat(WEBHOOK_BODY_BYTES_MAX) });
  const { status } = await post(text);
  expect(status).toBe(413);
  expect(await keptRows()).toEqual([]);
});

test('a body just below it is', async () => {
  const text = eventText({ filling: 'x'.repeat(WEBHOOK_BODY_BYTES_MAX - 1_000) });
  expect((await post(text)).status).toBe(200);
});

test('while Postgres is away the answer is 5xx, so that Stripe repeats; nobody is told', async () => {
  const away = openDatabase('postgres://nobody@127.0.0.1:1/nothing');
  const awayUrl = await serve({ database: away.database });
  const text = eventText();
  expect((await post(text, signatureOf(text), awayUrl)).status).toBeGreaterThanOrEqual(500);
  expect(told).toEqual([]);
  expect(counts.entries()).toEqual([['not_stored', 1]]);
  expect((await post(text)).status).toBe(200);
  await away.close();
});

test('the other routes of the server go on reading JSON', async () => {
  const response = await fetch(`${url}/echo`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"a":1}',
  });
  expect(await response.json()).toEqual({ a: 1 });
});
