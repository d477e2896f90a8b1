/**
 * The static checks of `npm test`, with the test servers fetched or built beside them: on a new machine that takes
 * minutes of which the checks need none. A server that cannot be had is reported here and fails the tests later.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { findTemporalBinary } from '../temporal-binary';
import { findServerPrograms } from '../temporal-on-postgres/programs';
import { findTimeSkippingServer } from '../time-skipping-server';

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function fetchServers(signal: AbortSignal): Promise<void> {
  const search = { env: process.env, onProgress: say, signal };
  try {
    await findTimeSkippingServer(search);
    await findTemporalBinary(search);
    // Shares most of its packages with the dev server, so that it takes little longer.
    await findServerPrograms(search);
  } catch (error) {
    if (!signal.aborted) {
      say(error instanceof Error ? error.message : String(error));
    }
  }
}

async function main(): Promise<void> {
  const checksFailed = new AbortController();
  const fetching = fetchServers(checksFailed.signal);
  const checks = spawn('npm', ['run', 'check:static'], { stdio: 'inherit' });
  const [code] = (await once(checks, 'exit')) as [number | null];
  if (code !== 0) {
    checksFailed.abort();
  }
  await fetching;
  process.exitCode = code ?? 1;
}

void main();
