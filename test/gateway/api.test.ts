/**
 * Goal: the OpenAPI document that is served is true: whatever it promises happens, and nothing else does.
 * Method: each promised answer is provoked over a real socket and held to the served document by ajv; parts that must be
 * away are cut off for it.
 */
import Stripe from 'stripe';

import { settlementOf as fileOf, until } from '../e2e/bed';
import { insertSettlement } from '../../src/db/settlements';
import { newId, settlementOf } from '../support/builders';
import { ALICE, openGatewayBed, WEBHOOK_SECRET, type GatewayBed } from './gateway-bed';
import { openRaw, parseAnswer, post, request, sendRaw, type Answer } from './http-client';
import { OpenApiChecks, type Document } from './openapi-checks';

let bed: GatewayBed;
let url: string;
let checks: OpenApiChecks;

beforeAll(async () => {
  bed = await openGatewayBed();
  ({ url } = await bed.start());
  const { text } = await request(url, '/v1/openapi.json', { token: null });
  checks = new OpenApiChecks(JSON.parse(text) as Document);
});
afterAll(() => bed.close());

const SETTLEMENTS = '/v1/settlements';
const ONE = '/v1/settlements/{id}';
const WEBHOOKS = '/v1/webhooks/stripe';

/** While a table has another name, every statement on it fails as no statement should. */
async function withoutTable<Result>(table: string, work: () => Promise<Result>): Promise<Result> {
  await bed.rows(`alter table ${table} rename to hidden`);
  try {
    return await work();
  } finally {
    await bed.rows(`alter table hidden rename to ${table}`);
  }
}

async function withoutPostgres<Result>(work: () => Promise<Result>): Promise<Result> {
  bed.postgres.cut();
  try {
    return await work();
  } finally {
    bed.postgres.restore();
  }
}

/** Headers and the beginning of a body, and then nothing more. */
async function halfABody(path = SETTLEMENTS): Promise<Answer> {
  const limits = { headersTimeoutMs: 200, requestTimeoutMs: 300, timeoutLookMs: 50 };
  const { url: impatient } = await bed.start({}, limits);
  const { socket, ended } = await openRaw(impatient);
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ALICE.token}\r\n` +
      'content-type: application/json\r\ncontent-length: 1000\r\n\r\n{"settlementId":',
  );
  return parseAnswer(await ended);
}

const other = (id: string) => ({ ...fileOf(id, 2), currency: 'eur' });

/** What makes the gateway give each promised answer. */
const PROVOKE: Readonly<Record<string, () => Promise<Answer>>> = {
  'get /healthz 200': () => request(url, '/healthz', { token: null }),
  // A busy machine may take longer for its first look than a look has.
  'get /readyz 200': () =>
    until('it is ready', async () => {
      const answer = await request(url, '/readyz', { token: null });
      return answer.status === 200 && answer;
    }),
  'get /readyz 503': async () => {
    const { url: running } = await bed.start();
    return withoutPostgres(() => request(running, '/readyz', { token: null }));
  },
  'get /metrics 200': () => request(url, '/metrics'),
  'get /metrics 401': () => request(url, '/metrics', { token: null }),
  'get /v1/openapi.json 200': () => request(url, '/v1/openapi.json', { token: null }),
  [`post ${SETTLEMENTS} 200`]: async () => {
    await post(url, fileOf('again', 1));
    return post(url, fileOf('again', 1));
  },
  [`post ${SETTLEMENTS} 201`]: () => post(url, fileOf('first', 3)),
  [`post ${SETTLEMENTS} 202`]: async () => {
    bed.temporal.cut();
    try {
      return await post(url, fileOf('unstarted', 1));
    } finally {
      bed.temporal.restore();
    }
  },
  [`post ${SETTLEMENTS} 400`]: () => post(url, '{"settlementId": }'),
  [`post ${SETTLEMENTS} 401`]: () => post(url, fileOf('x', 1), { token: 'wrong' }),
  [`post ${SETTLEMENTS} 408`]: () => halfABody(),
  [`post ${SETTLEMENTS} 409`]: async () => {
    await post(url, fileOf('conflict', 2));
    return post(url, other('conflict'));
  },
  [`post ${SETTLEMENTS} 413`]: () => post(url, ' '.repeat(33 * 1024 * 1024)),
  [`post ${SETTLEMENTS} 415`]: () =>
    post(url, fileOf('x', 1), { headers: { 'content-type': 'text/plain' } }),
  [`post ${SETTLEMENTS} 422`]: () => post(url, { ...fileOf('x', 1), winners: [] }),
  [`post ${SETTLEMENTS} 500`]: () =>
    withoutTable('payout_transfers', () => post(url, fileOf('broken', 1))),
  [`post ${SETTLEMENTS} 503`]: () => withoutPostgres(() => post(url, fileOf('away', 1))),
  [`get ${ONE} 200`]: async () => {
    await insertSettlement(bed.database, settlementOf({ settlementId: 'x' }));
    await post(url, fileOf('shown', 2));
    return request(url, `${SETTLEMENTS}/shown?limit=1`);
  },
  [`get ${ONE} 400`]: () => request(url, `${SETTLEMENTS}/shown?limit=0`),
  [`get ${ONE} 401`]: () => request(url, `${SETTLEMENTS}/shown`, { token: null }),
  [`get ${ONE} 404`]: () => request(url, `${SETTLEMENTS}/nobody`),
  [`get ${ONE} 500`]: () =>
    withoutTable('payout_transfers', () => request(url, `${SETTLEMENTS}/first`)),
  [`get ${ONE} 503`]: () => withoutPostgres(() => request(url, `${SETTLEMENTS}/first`)),
  [`post ${WEBHOOKS} 200`]: () => deliver(signed()),
  [`post ${WEBHOOKS} 400`]: () => deliver({ ...signed(), signature: 't=1,v1=00' }),
  [`post ${WEBHOOKS} 408`]: () => halfABody(WEBHOOKS),
  [`post ${WEBHOOKS} 413`]: () => deliver({ body: ' '.repeat(600 * 1024), signature: '' }),
  [`post ${WEBHOOKS} 500`]: () => withoutTable('stripe_events', () => deliver(signed())),
  [`post ${WEBHOOKS} 503`]: () => withoutPostgres(() => deliver(signed())),
};

interface Delivery {
  readonly body: string;
  readonly signature: string;
}

/** An event as Stripe sends it, signed at this moment. */
function signed(): Delivery {
  const body = JSON.stringify({
    id: newId('evt').replace('-', '_'),
    object: 'event',
    type: 'customer.created',
    livemode: false,
    created: Math.floor(Date.now() / 1_000),
    data: { object: { id: 'cus_1', object: 'customer' } },
  });
  const signature = Stripe.webhooks.generateTestHeaderString({
    payload: body,
    secret: WEBHOOK_SECRET,
  });
  return { body, signature };
}

function deliver({ body, signature }: Delivery): Promise<Answer> {
  return request(url, WEBHOOKS, {
    method: 'POST',
    token: null,
    body,
    headers: { 'stripe-signature': signature },
  });
}

test('the document is OpenAPI 3.1 and promises exactly what is provoked here', () => {
  expect(checks.document.openapi).toBe('3.1.0');
  expect(checks.promised.sort()).toEqual(Object.keys(PROVOKE).sort());
});

test.each(Object.entries(PROVOKE))('%s is as promised', async (name, provoke) => {
  const [method = '', path = '', status = ''] = name.split(' ');
  const answer = await provoke();
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: Number(status) });
  checks.check(method, path, answer);
  expect(answer.headers['x-request-id']).toMatch(/^[A-Za-z0-9_.:-]{1,100}$/);
  if (answer.status >= 400 && path !== '/readyz') {
    const { error } = JSON.parse(answer.text) as { error: { requestId: string } };
    expect(error.requestId).toBe(answer.headers['x-request-id']);
    expect(answer.text).not.toMatch(/select|insert|hidden|node_modules|\.ts:/);
  }
});

test.each<[string, string, () => Promise<Answer>]>([
  ['NotFound', '404', () => request(url, '/v2/settlements', { method: 'POST', body: '{}' })],
  ['NotFound', '404', () => request(url, '/v1', { token: null })],
  ['MethodNotAllowed', '405', () => request(url, SETTLEMENTS, { method: 'DELETE' })],
  ['MethodNotAllowed', '405', () => request(url, '/healthz', { method: 'PUT', body: 'x' })],
  ...['/healthz', WEBHOOKS].map((path): [string, string, () => Promise<Answer>] => [
    'UnsupportedMediaType',
    '415',
    () =>
      request(url, path, {
        method: path === WEBHOOKS ? 'POST' : 'GET',
        headers: { 'content-encoding': 'gzip' },
      }),
  ]),
  ['MalformedRequest', '400', () => request(url, `${SETTLEMENTS}/%zz`)],
  ['MalformedRequest', '400', () => sendRaw(url, 'HELLO\r\n\r\n')],
  [
    'MalformedRequest',
    '400',
    () => sendRaw(url, 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n'),
  ],
  [
    'ExpectationFailed',
    '417',
    () => request(url, '/healthz', { headers: { expect: 'a-miracle' } }),
  ],
  [
    'HeadersTooLarge',
    '431',
    () => request(url, '/healthz', { headers: { x: 'x'.repeat(20_000) } }),
  ],
])('%s: %s has the shape of every error', async (component, status, provoke) => {
  const answer = await provoke();
  expect(String(answer.status)).toBe(status);
  checks.checkComponent(component, answer);
  expect(answer.headers['x-request-id']).toBeDefined();
});

test('a path says which methods it takes', async () => {
  const answer = await request(url, `${SETTLEMENTS}/x`, { method: 'POST', body: '{}' });
  expect({ status: answer.status, allow: answer.headers.allow }).toEqual({
    status: 405,
    allow: 'GET',
  });
});

test('routes of callers who are known by a token say so, and ask for it', async () => {
  const { components, paths } = checks.document;
  expect(components.securitySchemes).toEqual({
    token: expect.objectContaining({ type: 'http', scheme: 'bearer' }),
    stripeSignature: expect.objectContaining({ in: 'header', name: 'Stripe-Signature' }),
  });
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { security }] of Object.entries(operations)) {
      const answer = await request(url, path.replace('{id}', 'first'), {
        method: method.toUpperCase(),
        token: null,
      });
      const asks = answer.status === 401;
      const needsToken = security.some((scheme) => 'token' in scheme);
      expect({ path, asks }).toEqual({ path, asks: needsToken });
      expect(answer.headers['www-authenticate']).toBe(asks ? 'Bearer realm="payouts"' : undefined);
    }
  }
});

test('the schema of the body takes what the parser takes, and refuses what it can see to be wrong', () => {
  const body = checks.document.paths[SETTLEMENTS]?.['post']?.requestBody;
  const validate = checks.validator(body?.content['application/json']?.schema ?? {});
  expect(validate(fileOf('file', 3))).toBe(true);
  expect(validate({ ...fileOf('file', 1), totalMinor: 1_000 })).toBe(true);
  for (const wrong of [
    { ...fileOf('file', 1), winners: [] },
    { ...fileOf('file', 1), prize: 1 },
    { ...fileOf('a b', 1) },
    { ...fileOf('file', 1), winners: [{ userId: 'u', amountMinor: '1' }] },
  ]) {
    expect(validate(wrong)).toBe(false);
  }
});

test('a well-formed request id is kept, any other replaced, in header and body alike', async () => {
  const ask = (id: string) => request(url, '/nowhere', { headers: { 'x-request-id': id } });
  const kept = await ask('order-17:a');
  expect(kept.headers['x-request-id']).toBe('order-17:a');
  expect(kept.text).toContain('"requestId":"order-17:a"');
  for (const wrong of ['a b', 'x'.repeat(101), '<script>']) {
    const replaced = await ask(wrong);
    expect(replaced.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(replaced.text).not.toContain(wrong);
  }
});
