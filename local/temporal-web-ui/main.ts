/**
 * Owns the Web UI of a Temporal server that has none of its own, whose address its parent says:
 * `main.js --data-dir D [--port N]`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chosenPort, LOOPBACK, portOf } from '../free-port';
import { runPart, valuesFromParent, type RunningPart } from '../part-process';
import { startProgram, stopRecorded } from '../server-program';
import { CONFIG_NAME, writeConfig } from '../temporal-on-postgres/config';
import { findServerProgram, TEMPORAL_WEB_UI } from '../temporal-on-postgres/programs';
import { untilItAnswers } from '../until-it-answers';

async function start(
  signal: AbortSignal,
  onProgress: (line: string) => void,
): Promise<RunningPart> {
  const { values } = parseArgs({
    options: { port: { type: 'string' }, 'data-dir': { type: 'string', default: '' } },
  });
  const dataDir = values['data-dir'];
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const record = { pidFile: join(dataDir, 'server.pid'), commandPart: dataDir };
  await stopRecorded(record);
  const port = await chosenPort(portOf(values.port), TEMPORAL_WEB_UI.name);
  const { temporalAddress } = await valuesFromParent(signal);
  // After the server's, which is built first: two builds at once would take each other's cores.
  const file = await findServerProgram(TEMPORAL_WEB_UI, { env: process.env, onProgress, signal });
  const temporalUiUrl = `http://${LOOPBACK}:${String(port)}`;
  writeConfig(dataDir, uiConfig(temporalAddress, port));
  const server = await startProgram(
    {
      name: TEMPORAL_WEB_UI.name,
      file,
      args: ['--root', dataDir, '--env', CONFIG_NAME, 'start'],
      record,
    },
    () => untilItAnswers(TEMPORAL_WEB_UI.name, () => fetch(temporalUiUrl, { signal }), signal),
  );
  return { ready: { temporalUiUrl }, ...server };
}

function uiConfig(temporalGrpcAddress: string | undefined, port: number): object {
  return {
    temporalGrpcAddress,
    host: LOOPBACK,
    port,
    enableUi: true,
    defaultNamespace: 'default',
    notifyOnNewVersion: false,
    hideLogs: true,
    // Plain http on this machine: a browser would not send a cookie that asks for https.
    cors: { cookieInsecure: true, allowOrigins: [`http://${LOOPBACK}:${String(port)}`] },
  };
}

void runPart(start);
