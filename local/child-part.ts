import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { PartPlan } from './parts';
import { signalIfAlive, waitUntilGone } from './process-life';

/** How long a part may take to stop in order before it and all it started are killed. */
const PART_STOP_LIMIT_MS = 15_000;
const GROUP_GONE_LIMIT_MS = 5_000;
const LOG_TAIL_LINES = 15;

export type ReadyValues = Readonly<Record<string, string>>;

/** A part as its parent sees it. */
export interface ChildPart {
  name: string;
  /** Name of the part that this one needs. */
  needs: string | undefined;
  pid: number;
  /** Hands over what the part that it needs has said. */
  tell(values: ReadyValues): void;
  /** Resolves with what the part says when it can be used; rejects when it ends before. */
  ready: Promise<ReadyValues>;
  /** Resolves with an error that names the part when it ends without having been stopped. */
  died: Promise<Error>;
  /** Resolves when nothing of the part is left; safe to call again. */
  stop(): Promise<void>;
}

export interface ForkOptions {
  logFile: string;
  onProgress: (line: string) => void;
}

/**
 * Forks a part with its output in a log file.
 *
 * `detached` makes it the leader of a process group: Ctrl-C in the terminal then reaches only the
 * parent, which stops the parts in order, and a part that hangs can be killed with all it started.
 */
export function forkPart(plan: PartPlan, options: ForkOptions): ChildPart {
  const log = openSync(options.logFile, 'a', 0o600);
  const child = fork(plan.entry, plan.args, {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const messages = listenToPart(child, options.onProgress);
  let stopAsked = false;
  const died = new Promise<Error>((resolve) => {
    child.once('exit', (code, signal) => {
      if (stopAsked) {
        return;
      }
      const how = messages.failure() ?? `ended with ${String(code ?? signal)}`;
      resolve(new Error(`${plan.name}: ${how}${logTail(options.logFile)}`));
    });
    child.once('error', (error) => {
      resolve(new Error(`${plan.name}: ${error.message}`));
    });
  });
  let stopped: Promise<void> | undefined;
  return {
    name: plan.name,
    needs: plan.needs,
    pid: child.pid ?? 0,
    tell: (values) => {
      // One that has died says so by itself.
      child.send(values, () => undefined);
    },
    ready: Promise.race([messages.ready, died.then((error) => Promise.reject(error))]),
    died,
    stop: () => {
      stopAsked = true;
      stopped ??= stopChild(child);
      return stopped;
    },
  };
}

/** A message is progress, the reason of a failure, or what the part says when it is ready. */
function listenToPart(
  child: ChildProcess,
  onProgress: (line: string) => void,
): { ready: Promise<ReadyValues>; failure: () => string | undefined } {
  let failure: string | undefined;
  const ready = new Promise<ReadyValues>((resolve) => {
    child.on('message', (message) => {
      const values = message as ReadyValues;
      if (values['progress'] !== undefined) {
        onProgress(values['progress']);
      } else if (values['failed'] !== undefined) {
        failure = values['failed'];
      } else {
        resolve(values);
      }
    });
  });
  return { ready, failure: () => failure };
}

async function stopChild(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) {
    return;
  }
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const limit = setTimeout(() => {
      signalIfAlive(-pid, 'SIGKILL');
    }, PART_STOP_LIMIT_MS);
    await exited;
    clearTimeout(limit);
  }
  await endGroup(pid);
}

/** Ends what a part that was itself killed has left: Postgres and Temporal both take SIGINT as "stop now". */
async function endGroup(groupLeader: number): Promise<void> {
  signalIfAlive(-groupLeader, 'SIGINT');
  if (!(await waitUntilGone(-groupLeader, GROUP_GONE_LIMIT_MS))) {
    signalIfAlive(-groupLeader, 'SIGKILL');
    await waitUntilGone(-groupLeader, GROUP_GONE_LIMIT_MS);
  }
}

function logTail(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES);
  const text = lines.join('\n  ').trim();
  return text === '' ? '' : `\nlast lines of ${logFile}:\n  ${text}`;
}
