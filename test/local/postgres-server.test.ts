/**
 * Goal: the Postgres part starts whoever runs it and whatever an earlier, killed run left behind.
 * Method: the compiled part is forked alone, as root and as another user, on prepared folders.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { compiledEntry } from '../../local/compiled-entry';
import { waitUntilGone } from '../../local/process-life';

const IS_ROOT = process.getuid?.() === 0;
const NOBODY = 65_534;
const GONE_LIMIT_MS = 60_000;

const onlyForRoot = IS_ROOT ? test : test.skip;
const children: ChildProcess[] = [];
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'payouts-postgres-test-'));
  chmodSync(folder, 0o711);
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    await stop(child, 'SIGTERM');
  }
  rmSync(folder, { recursive: true, force: true });
});

function forkPostgres(dataDir: string, as: { uid?: number; gid?: number } = {}): ChildProcess {
  const child = fork(compiledEntry('postgres-server.mjs'), ['--data-dir', dataDir, '--no-fsync'], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    ...as,
  });
  children.push(child);
  return child;
}

async function firstMessage(child: ChildProcess): Promise<Record<string, string>> {
  const [message] = (await once(child, 'message')) as [Record<string, string>];
  return message;
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
  return child.exitCode;
}

async function selectOne(databaseUrl: string | undefined): Promise<unknown[]> {
  const client = new Client({ connectionString: databaseUrl ?? '' });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>('select 1 as one')).rows;
  } finally {
    await client.end();
  }
}

function serverPid(dataDir: string): number {
  return Number(readFileSync(join(dataDir, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends it with code 0, and its server',
  async (signal) => {
    const dataDir = join(folder, 'postgres');
    const child = forkPostgres(dataDir);
    const { databaseUrl } = await firstMessage(child);
    expect(await selectOne(databaseUrl)).toEqual([{ one: 1 }]);
    const pid = serverPid(dataDir);
    expect(await stop(child, signal)).toBe(0);
    expect(await waitUntilGone(pid, GONE_LIMIT_MS)).toBe(true);
  },
);

test('a server left without its parent is ended before a new one starts on its data', async () => {
  const dataDir = join(folder, 'postgres');
  const killed = forkPostgres(dataDir);
  await firstMessage(killed);
  const orphan = serverPid(dataDir);
  await stop(killed, 'SIGKILL');
  const { databaseUrl } = await firstMessage(forkPostgres(dataDir));
  expect(await selectOne(databaseUrl)).toEqual([{ one: 1 }]);
  expect(await waitUntilGone(orphan, GONE_LIMIT_MS)).toBe(true);
});

test('a postmaster.pid with the number of another process is no obstacle', async () => {
  const dataDir = join(folder, 'postgres');
  const first = forkPostgres(dataDir);
  await firstMessage(first);
  await stop(first, 'SIGTERM');
  const pidFile = join(dataDir, 'data/postmaster.pid');
  writeFileSync(pidFile, `${String(process.pid)}\n${join(dataDir, 'data')}\n`);
  const { databaseUrl } = await firstMessage(forkPostgres(dataDir));
  expect(await selectOne(databaseUrl)).toEqual([{ one: 1 }]);
});

test('a first start that was cut off half way is begun again', async () => {
  const dataDir = join(folder, 'postgres');
  mkdirSync(join(dataDir, 'data.draft'), { recursive: true });
  writeFileSync(join(dataDir, 'data.draft/half'), '');
  writeFileSync(join(dataDir, 'password'), 'chosen-before');
  const { databaseUrl } = await firstMessage(forkPostgres(dataDir));
  expect(databaseUrl).toContain(':chosen-before@');
  expect(await selectOne(databaseUrl)).toEqual([{ one: 1 }]);
});

onlyForRoot('as root, a folder that the Postgres user cannot reach is named', async () => {
  const closed = join(folder, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const message = await firstMessage(forkPostgres(join(closed, 'postgres')));
  expect(message['failed']).toContain(`cannot get into ${closed}:`);
});

onlyForRoot('it runs for a user who is not root', async () => {
  chownSync(folder, NOBODY, NOBODY);
  const child = forkPostgres(join(folder, 'postgres'), { uid: NOBODY, gid: NOBODY });
  const { databaseUrl } = await firstMessage(child);
  expect(await selectOne(databaseUrl)).toEqual([{ one: 1 }]);
});
