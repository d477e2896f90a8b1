import { fork } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';

import { compiledEntry } from '../compiled-entry';

/** Longer than the worker's own draining. */
const STOP_LIMIT_MS = 90_000;

export interface WorkerProcess {
  /** Resolves with what to say when the worker ends by itself. */
  readonly died: Promise<string>;
  stop(): Promise<void>;
}

/** The same `payouts worker` that users run, as a process of its own, with its log in a file. */
export function startWorkerProcess(
  environment: Readonly<Record<string, string>>,
  logFile: string,
): WorkerProcess {
  const log = openSync(logFile, 'a');
  const child = fork(compiledEntry('../src/client/cli.js'), ['worker'], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', log, log, 'ipc'],
  });
  const ended = once(child, 'exit');
  return {
    died: ended.then(([code]) => `the worker ended with ${String(code)}; its log is ${logFile}`),
    stop: async () => {
      child.kill('SIGTERM');
      const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await ended;
      clearTimeout(limit);
    },
  };
}
