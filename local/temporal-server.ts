/**
 * Owns a real Temporal dev server with its Web UI:
 * `temporal-server.js [--port N] [--ui-port N] [--data-dir D]`; without a folder it keeps nothing.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Connection } from '@temporalio/client';
import { chosenPort } from './free-port';
import { runPart, type RunningPart } from './part-process';
import { stopLeftover } from './process-life';
import { findTemporalBinary } from './temporal-binary';

const LOOPBACK = '127.0.0.1';
const READY_LIMIT_MS = 60_000;
const READY_POLL_MS = 100;
const LEFTOVER_GRACE_MS = 10_000;

/**
 * Eager activities save a round trip for each payout and are off in the dev server.
 * The version check is the server's only call to the internet.
 */
const DYNAMIC_CONFIG = [
  'system.enableActivityEagerExecution=true',
  'frontend.enableServerVersionCheck=false',
];

interface ServerPlace {
  port: number;
  uiPort: number;
  databaseFile: string | undefined;
}

async function start(
  signal: AbortSignal,
  onProgress: (line: string) => void,
): Promise<RunningPart> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      'ui-port': { type: 'string' },
      'data-dir': { type: 'string' },
    },
  });
  const place: ServerPlace = {
    port: await chosenPort(portOf(values.port), 'the Temporal server'),
    uiPort: await chosenPort(portOf(values['ui-port']), 'the Temporal Web UI'),
    databaseFile: await preparedDatabaseFile(values['data-dir']),
  };
  const binary = await findTemporalBinary({ env: process.env, onProgress, signal });
  const server = spawn(binary, serverArguments(place), {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: environmentWithoutTemporalSettings(),
  });
  await once(server, 'spawn');
  return readyServer(server, place, signal);
}

async function readyServer(
  server: ChildProcess,
  place: ServerPlace,
  signal: AbortSignal,
): Promise<RunningPart> {
  const serverPid = server.pid ?? 0;
  if (place.databaseFile !== undefined) {
    writeFileSync(pidFileOf(place.databaseFile), String(serverPid));
  }
  const gone = once(server, 'exit').then(([code, by]) => `ended with ${String(code ?? by)}`);
  const stop = async (): Promise<void> => {
    server.kill('SIGTERM');
    await gone;
  };
  const ended = gone.then((how) => `the Temporal server ${how}`);
  try {
    await Promise.race([
      untilClientConnects(`${LOOPBACK}:${String(place.port)}`, signal),
      ended.then((how) => Promise.reject(new Error(how))),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  const ready = {
    temporalAddress: `${LOOPBACK}:${String(place.port)}`,
    temporalUiUrl: `http://${LOOPBACK}:${String(place.uiPort)}`,
  };
  return { ready, serverPid, stop, ended };
}

/** An open port is not enough: the namespace is made some time after it opens. */
async function untilClientConnects(address: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_LIMIT_MS;
  for (;;) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: '2s' });
      try {
        await connection.workflowService.describeNamespace({ namespace: 'default' });
        return;
      } finally {
        await connection.close();
      }
    } catch (error) {
      if (Date.now() >= deadline) {
        throw new Error('the Temporal server does not answer', { cause: error });
      }
    }
    await delay(READY_POLL_MS, undefined, { signal });
  }
}

function serverArguments(place: ServerPlace): string[] {
  return [
    ...['server', 'start-dev', '--ip', LOOPBACK, '--log-format', 'json', '--log-level', 'error'],
    ...['--port', String(place.port), '--ui-port', String(place.uiPort)],
    ...DYNAMIC_CONFIG.flatMap((setting) => ['--dynamic-config-value', setting]),
    ...(place.databaseFile === undefined ? [] : ['--db-filename', place.databaseFile]),
  ];
}

/** The CLI reads TEMPORAL_* too: a user's settings for another server must not steer this one. */
function environmentWithoutTemporalSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')),
  );
}

async function preparedDatabaseFile(dataDir: string | undefined): Promise<string | undefined> {
  if (dataDir === undefined) {
    return undefined;
  }
  mkdirSync(dataDir, { recursive: true });
  const databaseFile = join(dataDir, 'temporal.db');
  const pidFile = pidFileOf(databaseFile);
  if (existsSync(pidFile)) {
    // Two servers on one SQLite file damage each other's tasks.
    await stopLeftover(Number(readFileSync(pidFile, 'utf8')), databaseFile, LEFTOVER_GRACE_MS);
  }
  return databaseFile;
}

function pidFileOf(databaseFile: string): string {
  return `${databaseFile}.pid`;
}

function portOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

void runPart(start);
