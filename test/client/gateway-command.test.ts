/**
 * Goal: `payouts gateway` starts only where it may, says in one line where it listens, and ends with the right code.
 * Method: the built command as a process, against a database, a namespace and a Stripe sandbox of this file's own.
 */
import { randomBytes } from 'node:crypto';

import { freePort } from '../../local/free-port';
import { startStripeSandbox, type StripeSandbox } from '../../local/stripe-sandbox/server';
import { Bed, settlementOf, until } from '../e2e/bed';
import { request } from '../gateway/http-client';
import { createTestDatabase, type TestDatabase } from '../support/postgres';
import type { TestProcess } from '../support/processes';
import { testTemporalAddress } from '../support/temporal';

const TOKEN = 'a-token-of-this-run';
const NEEDED = {
  DATABASE_URL: '',
  TEMPORAL_ADDRESS: '',
  STRIPE_API_KEY: '',
  STRIPE_WEBHOOK_SECRET: '',
  GATEWAY_TOKENS: '',
};

let sandbox: StripeSandbox;
let database: TestDatabase;
let bed: Bed;

beforeAll(async () => {
  [sandbox, database] = await Promise.all([startStripeSandbox(), createTestDatabase()]);
  const { databaseUrl } = database;
  bed = new Bed(
    { databaseUrl, temporalAddress: testTemporalAddress(), stripeApiBase: sandbox.baseUrl },
    {
      TEMPORAL_NAMESPACE: `gateway-${randomBytes(4).toString('hex')}`,
      STRIPE_WEBHOOK_SECRET: 'whsec_ofThisRun',
      GATEWAY_PORT: '0',
      GATEWAY_TOKENS: `alice=${TOKEN}`,
    },
  );
  await bed.json('setup');
}, 120_000);
afterAll(async () => {
  await bed.close();
  await Promise.all([sandbox.close(), database.drop()]);
});

async function listening(child: TestProcess): Promise<string> {
  const line = await until('the gateway listens', () => /^.*\n/.exec(child.stdout())?.[0]);
  return (JSON.parse(line) as { url: string }).url;
}

test('every missing setting is named at once', async () => {
  const { code, stdout, stderr } = await bed.run(['gateway'], NEEDED);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  for (const name of Object.keys(NEEDED)) {
    expect(stderr).toContain(`${name}: is missing`);
  }
});

test('another installation, or a database that is not set up, is refused; no Postgres is 3', async () => {
  const other = await bed.run(['gateway'], { PAYOUT_INSTALLATION_ID: 'other' });
  expect({ code: other.code, stdout: other.stdout }).toEqual({ code: 2, stdout: '' });
  expect(other.stderr).toContain('belongs to another installation');
  const address = `127.0.0.1:${(await freePort()).toString()}`;
  const away = await bed.run(['gateway'], {
    DATABASE_URL: database.databaseUrl.replace(/@[^/]+/, `@${address}`),
  });
  expect({ code: away.code, stdout: away.stdout }).toEqual({ code: 3, stdout: '' });
  expect(away.stderr).toContain(address);
});

test('a port that is taken is said, without a stack trace', async () => {
  const first = bed.spawn(['gateway', '--json']);
  const { port } = new URL(await listening(first));
  const second = await bed.run(['gateway'], { GATEWAY_PORT: port });
  expect({ code: second.code, stdout: second.stdout }).toEqual({ code: 2, stdout: '' });
  expect(second.stderr).toContain(`GATEWAY_PORT: 127.0.0.1:${port} is taken`);
  expect((await first.stop()).code).toBe(0);
});

test('it serves while Temporal is down, on this machine alone, logs on stderr, and ends with 0', async () => {
  const temporal = `127.0.0.1:${(await freePort()).toString()}`;
  const child = bed.spawn(['gateway', '--json'], { TEMPORAL_ADDRESS: temporal });
  const url = await listening(child);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const answer = await request(url, '/v1/settlements', {
    method: 'POST',
    token: TOKEN,
    body: JSON.stringify(settlementOf('while-down', 1)),
  });
  expect(answer.status).toBe(202);
  child.signal('SIGTERM');
  const { code, stdout, stderr } = await child.ended;
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${JSON.stringify({ url })}\n` });
  for (const line of stderr.trimEnd().split('\n')) {
    expect(JSON.parse(line)).toMatchObject({ msg: expect.any(String) });
  }
  expect(stderr).toContain('gateway has drained');
  expect(stderr).not.toContain(TOKEN);
  expect(stderr).not.toContain('can be guessed');
});

test('in test mode a token that can be guessed is warned of in one line, which does not have it', async () => {
  const child = bed.spawn(['gateway', '--json'], {
    GATEWAY_TOKENS: `alice=${TOKEN},bob=sh0rtOne`,
  });
  await listening(child);
  const { code, stderr } = await child.stop();
  expect(code).toBe(0);
  const warnings = stderr.split('\n').filter((line) => line.includes('can be guessed'));
  expect(warnings.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { level: 40, names: ['bob'] },
  ]);
  expect(stderr).not.toContain('sh0rtOne');
});

test('SIGTERM while a request is under way: it is answered, and then the process ends with 0', async () => {
  const child = bed.spawn(['gateway', '--json']);
  const url = await listening(child);
  const { answer } = await bed.inTransaction(async (client) => {
    await client.query('lock table settlements in access exclusive mode');
    const asked = request(url, '/v1/settlements', {
      method: 'POST',
      token: TOKEN,
      body: JSON.stringify(settlementOf('cut-short', 2)),
    });
    await until('the request waits for the lock', async () => {
      const [row] = await bed.rows<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return (row?.n ?? 0) > 0;
    });
    child.signal('SIGTERM');
    await until('nobody is let in', () =>
      request(url, '/healthz').then(
        () => false,
        () => true,
      ),
    );
    return { answer: asked };
  });
  expect((await answer).status).toBe(201);
  expect((await child.ended).code).toBe(0);
});

test('the operator who settles a file is kept with it', async () => {
  await bed.json('settle', bed.file('by-hand.json', settlementOf('by-hand', 1)));
  const rows = await bed.rows<{ recorded_by: string | null }>(
    `select recorded_by from settlements where settlement_id = 'by-hand'`,
  );
  expect(rows[0]?.recorded_by).toMatch(/\S/);
});
