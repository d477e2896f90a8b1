import { writeSync } from 'node:fs';
import { SERVERS_OF_RUN, type RunGlobals } from './processes-of-run';
import { startServersOfRun } from './processes-of-stack';

const STDOUT = 1;

async function globalSetup(): Promise<void> {
  try {
    (globalThis as RunGlobals)[SERVERS_OF_RUN] = await startServersOfRun();
  } catch (error) {
    // Jest starts its reporters after this, so the totals line of a run without tests is said here.
    process.once('exit', () => writeSync(STDOUT, '0 passed, 1 failed\n'));
    throw error;
  }
}

export = globalSetup;
