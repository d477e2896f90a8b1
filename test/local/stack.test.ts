/**
 * Goal: the local stack is real, keeps its data, leaves nothing behind and explains its failures.
 * Method: whole stacks of the compiled parts are started, used, killed and started again.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client as TemporalClient, Connection } from '@temporalio/client';
import { Client } from 'pg';
import { compiledEntry } from '../../local/compiled-entry';
import { freePort } from '../../local/free-port';
import { isAlive, waitUntilGone } from '../../local/process-life';
import { startLocalStack, type LocalStack, type LocalStackOptions } from '../../local/stack';
import { spawnNode, type TestProcess } from '../support/processes';

/** What the command line does once it has read its options, which come as JSON here. */
const LOCAL_UP = `
  const { localUp } = require(${JSON.stringify(compiledEntry('local-up.js'))});
  localUp(JSON.parse(process.argv[1]), process).then((code) => process.exit(code));`;
/** They end a hang on a busy machine and measure nothing. */
const GONE_LIMIT_MS = 60_000;
const READY_LIMIT_MS = 90_000;
const PARTS = ['postgres', 'temporal', 'stripe'];

const stacks: LocalStack[] = [];
const folders: string[] = [];

async function start(options: Partial<LocalStackOptions> = {}): Promise<LocalStack> {
  const stack = await startLocalStack({ stripe: false, fsync: false, ...options });
  stacks.push(stack);
  return stack;
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'payouts-stack-test-'));
  folders.push(folder);
  return folder;
}

afterEach(async () => {
  await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
  for (const folder of folders.splice(0)) {
    rmSync(folder, { recursive: true, force: true });
  }
});

async function query(databaseUrl: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function withTemporal<T>(
  address: string,
  use: (client: TemporalClient) => Promise<T>,
): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await use(new TemporalClient({ connection }));
  } finally {
    await connection.close();
  }
}

async function readyLine(child: TestProcess): Promise<Record<string, string | null>> {
  const deadline = Date.now() + READY_LIMIT_MS;
  while (!child.stdout().includes('\n')) {
    if (Date.now() > deadline || !isAlive(child.pid)) {
      throw new Error(`not ready: ${child.stderr()}`);
    }
    await delay(50);
  }
  return JSON.parse(child.stdout()) as Record<string, string | null>;
}

function recordedPids(dir: string): number[] {
  const parts = JSON.parse(readFileSync(join(dir, 'parts.json'), 'utf8')) as { pid: number }[];
  return parts.map(({ pid }) => pid);
}

/** A part leads a process group with its server in it: an empty group means nothing is left. */
async function expectGroupsGone(pids: readonly number[]): Promise<void> {
  const gone = await Promise.all(pids.map((pid) => waitUntilGone(-pid, GONE_LIMIT_MS)));
  expect(gone).toEqual(pids.map(() => true));
}

describe('a stack', () => {
  test('answers SQL, Temporal and Stripe calls, and is gone after stop', async () => {
    const stack = await start({ stripe: true });
    expect(await query(stack.databaseUrl, 'select current_database() as name')).toEqual([
      { name: 'payouts' },
    ]);
    const settings = await query(
      stack.databaseUrl,
      `select name, setting from pg_settings
       where name in ('max_connections', 'listen_addresses', 'server_encoding') order by name`,
    );
    expect(settings).toEqual([
      { name: 'listen_addresses', setting: '127.0.0.1' },
      { name: 'max_connections', setting: '200' },
      { name: 'server_encoding', setting: 'UTF8' },
    ]);
    const count = await withTemporal(stack.temporalAddress, (client) => client.workflow.count());
    expect(count.count).toBe(0);
    expect((await fetch(stack.temporalUiUrl)).status).toBe(200);
    expect((await fetch(`${stack.stripeApiBase!}/v1/balance`)).status).toBe(401);
    const pids = Object.values(stack.partPids);
    expect(Object.keys(stack.partPids)).toEqual(PARTS);
    await Promise.all([stack.stop(), stack.stop()]);
    await expectGroupsGone(pids);
  });

  test('keeps its data in a given folder and opens nothing secret', async () => {
    const dir = newFolder();
    const first = await start({ dir, fsync: true });
    await query(first.databaseUrl, 'create table kept as select 7 as number');
    await withTemporal(first.temporalAddress, (client) =>
      client.workflow.start('noWorkerRunsThis', { taskQueue: 'none', workflowId: 'kept' }),
    );
    await first.stop();
    expect(statSync(join(dir, 'postgres/password')).mode & 0o777).toBe(0o600);

    const second = await start({ dir });
    expect(await query(second.databaseUrl, 'select number from kept')).toEqual([{ number: 7 }]);
    const status = await withTemporal(second.temporalAddress, async (client) => {
      const { status: found } = await client.workflow.getHandle('kept').describe();
      return found.name;
    });
    expect(status).toBe('RUNNING');
  });

  test('refuses a folder that another stack uses', async () => {
    const dir = newFolder();
    await start({ dir });
    await expect(start({ dir })).rejects.toThrow(`${dir} is in use by another local stack`);
  });

  test('names the part that dies, and stops the others', async () => {
    const stack = await start();
    process.kill(stack.partPids['temporal'] ?? 0, 'SIGKILL');
    expect((await stack.died).message).toMatch(/^temporal: ended with SIGKILL/);
    await stack.stop();
    await expectGroupsGone(Object.values(stack.partPids));
  });
});

describe('a port in use', () => {
  let server: Server | undefined;
  let port = 0;

  beforeAll(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });

  afterAll(() => {
    server?.close();
  });

  test.each([
    { ports: 'postgres', part: 'postgres', purpose: 'Postgres' },
    { ports: 'temporal', part: 'temporal', purpose: 'the Temporal server' },
    { ports: 'temporalUi', part: 'temporal', purpose: 'the Temporal Web UI' },
  ])('for $purpose is named', async ({ ports, part, purpose }) => {
    await expect(start({ ports: { [ports]: port } })).rejects.toThrow(
      `${part}: port ${String(port)} on 127.0.0.1 for ${purpose} cannot be used`,
    );
  });
});

describe('payouts local up', () => {
  const arguments_ = (dir: string, options: object): string[] => [
    LOCAL_UP,
    JSON.stringify({ dir, stripe: false, json: true, ...options }),
  ];

  test('prints one line, and ends with 0 on SIGTERM with nothing left', async () => {
    const dir = newFolder();
    const port = await freePort();
    const child = spawnNode('-e', arguments_(dir, { ports: { postgres: port } }));
    const ready = await readyLine(child);
    expect(ready).toEqual({
      databaseUrl: expect.stringContaining(`@127.0.0.1:${String(port)}/payouts`) as string,
      temporalAddress: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
      temporalUiUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
      stripeApiBase: null,
    });
    const pids = recordedPids(dir);
    const { code, stdout } = await child.stop();
    expect({ code, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 0, lines: 1 });
    await expectGroupsGone(pids);
  });

  test('killed with SIGKILL leaves no process, and its folder can be used at once', async () => {
    const dir = newFolder();
    const child = spawnNode('-e', arguments_(dir, { stripe: true }));
    await readyLine(child);
    const pids = recordedPids(dir);
    child.signal('SIGKILL');
    await child.ended;
    const stack = await start({ dir, stripe: true });
    await expectGroupsGone(pids);
    expect(await query(stack.databaseUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('stopped while it starts ends with 0 and leaves nothing', async () => {
    const dir = newFolder();
    const child = spawnNode('-e', arguments_(dir, {}));
    while (!existsSync(join(dir, 'parts.json'))) {
      await delay(10);
    }
    const pids = recordedPids(dir);
    expect((await child.stop()).code).toBe(0);
    await expectGroupsGone(pids);
  });

  test('ends with 1 and names the part that died', async () => {
    const dir = newFolder();
    const child = spawnNode('-e', arguments_(dir, {}));
    await readyLine(child);
    process.kill(recordedPids(dir)[0] ?? 0, 'SIGKILL');
    const { code, stderr } = await child.ended;
    expect(code).toBe(1);
    expect(stderr).toContain('a part of the local stack ended: postgres: ended with SIGKILL');
  });

  test('says what to paste when it is read by a person', async () => {
    const dir = newFolder();
    const child = spawnNode('-e', arguments_(dir, { json: false }));
    while (!child.stdout().includes('Web UI') && isAlive(child.pid)) {
      await delay(50);
    }
    expect(child.stdout()).toMatch(/export DATABASE_URL=postgres:\/\/\S+\n/);
    expect(child.stdout()).toMatch(/export TEMPORAL_ADDRESS=127\.0\.0\.1:\d+/);
    expect((await child.stop()).code).toBe(0);
  });
});
