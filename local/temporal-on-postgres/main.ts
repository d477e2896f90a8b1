/**
 * Owns a Temporal server as in production, on the stack's Postgres, whose address its parent says:
 * `main.js --data-dir D [--port N]`. D gets the server's settings; all its data is in Postgres.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chosenPort, LOOPBACK, portOf } from '../free-port';
import { runPart, valuesFromParent, type RunningPart } from '../part-process';
import { startProgram, stopRecorded } from '../server-program';
import type { BinarySearch } from '../temporal-binary';
import { refuseDataOf } from '../temporal-data';
import { untilItAnswers } from '../until-it-answers';
import { CONFIG_NAME, serverConfig, writeConfig } from './config';
import {
  forgetEarlierServers,
  postgresPlaceOf,
  updateDatabases,
  type PostgresPlace,
} from './databases';
import { askDefaultNamespace } from './default-namespace';
import { findServerProgram, TEMPORAL_SERVER, TEMPORAL_SQL_TOOL } from './programs';

/** Fewer collections for more memory; it was measured with this. */
const GOGC = '400';

async function start(
  signal: AbortSignal,
  onProgress: (line: string) => void,
): Promise<RunningPart> {
  const { values } = parseArgs({
    options: { port: { type: 'string' }, 'data-dir': { type: 'string', default: '' } },
  });
  const dataDir = values['data-dir'];
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  refuseDataOf('dev', dataDir);
  const record = { pidFile: join(dataDir, 'server.pid'), commandPart: dataDir };
  await stopRecorded(record);
  const port = await chosenPort(portOf(values.port), 'the Temporal server');
  const [programs, postgres] = await Promise.all([
    findPrograms({ env: process.env, onProgress, signal }),
    postgresOfStack(signal),
  ]);
  await updateDatabases(programs.sqlTool, postgres, signal);
  await forgetEarlierServers(postgres);
  writeConfig(dataDir, await serverConfig(port, postgres));
  const temporalAddress = `${LOOPBACK}:${String(port)}`;
  const server = await startProgram(
    {
      name: TEMPORAL_SERVER.name,
      file: programs.server,
      args: ['--root', dataDir, '--env', CONFIG_NAME, '--allow-no-auth', 'start'],
      env: { GOGC },
      record,
    },
    () => untilItAnswers(TEMPORAL_SERVER.name, () => askDefaultNamespace(temporalAddress), signal),
  );
  return { ready: { temporalAddress }, ...server };
}

async function findPrograms(search: BinarySearch): Promise<{ server: string; sqlTool: string }> {
  const server = await findServerProgram(TEMPORAL_SERVER, search);
  return { server, sqlTool: await findServerProgram(TEMPORAL_SQL_TOOL, search) };
}

async function postgresOfStack(signal: AbortSignal): Promise<PostgresPlace> {
  const { databaseUrl } = await valuesFromParent(signal);
  if (databaseUrl === undefined) {
    throw new Error('Postgres did not say its address');
  }
  return postgresPlaceOf(databaseUrl);
}

void runPart(start);
