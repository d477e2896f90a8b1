import { SERVERS_OF_RUN, type RunGlobals } from './processes-of-run';

async function globalTeardown(): Promise<void> {
  await (globalThis as RunGlobals)[SERVERS_OF_RUN]?.stop();
}

export = globalTeardown;
