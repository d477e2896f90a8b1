/**
 * Owns a real Temporal dev server with its Web UI:
 * `temporal-server.js [--port N] [--ui-port N] [--data-dir D]`; without a folder it keeps nothing.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Connection } from '@temporalio/client';
import { chosenPort, LOOPBACK, portOf } from './free-port';
import { runPart, type RunningPart } from './part-process';
import { startProgram, stopRecorded, type ProgramRecord } from './server-program';
import { findTemporalBinary } from './temporal-binary';
import { refuseDataOf } from './temporal-data';
import { untilItAnswers } from './until-it-answers';

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
  const databaseFile = preparedDatabaseFile(values['data-dir']);
  const record = recordOf(databaseFile);
  if (record !== undefined) {
    await stopRecorded(record);
  }
  const place: ServerPlace = {
    port: await chosenPort(portOf(values.port), 'the Temporal server'),
    uiPort: await chosenPort(portOf(values['ui-port']), 'the Temporal Web UI'),
    databaseFile,
  };
  const temporalAddress = `${LOOPBACK}:${String(place.port)}`;
  const server = await startProgram(
    {
      name: 'the Temporal server',
      file: await findTemporalBinary({ env: process.env, onProgress, signal }),
      args: serverArguments(place),
      record,
    },
    () => untilItAnswers('the Temporal server', () => askNamespace(temporalAddress), signal),
  );
  const temporalUiUrl = `http://${LOOPBACK}:${String(place.uiPort)}`;
  return { ready: { temporalAddress, temporalUiUrl }, ...server };
}

/** An open port is not enough: the namespace is made some time after it opens. */
async function askNamespace(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '2s' });
  try {
    await connection.workflowService.describeNamespace({ namespace: 'default' });
  } finally {
    await connection.close();
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

function preparedDatabaseFile(dataDir: string | undefined): string | undefined {
  if (dataDir === undefined) {
    return undefined;
  }
  mkdirSync(dataDir, { recursive: true });
  refuseDataOf('server', dataDir);
  return join(dataDir, 'temporal.db');
}

function recordOf(databaseFile: string | undefined): ProgramRecord | undefined {
  return databaseFile === undefined
    ? undefined
    : { pidFile: `${databaseFile}.pid`, commandPart: databaseFile };
}

void runPart(start);
