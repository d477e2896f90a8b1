import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { SERVER_PROGRAMS } from '../../local/temporal-on-postgres/programs';

const ROOT = resolve(__dirname, '../..');
const COMMAND = join(ROOT, 'dist/src/client/cli.js');
/** They end a hang on a busy machine and measure nothing. */
const RUN_LIMIT_MS = 110_000;
const STOP_LIMIT_MS = 60_000;

export interface CommandResult {
  /** Null when a signal ended the process. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Settings on top of a bare environment: a test must not depend on the caller's DATABASE_URL. */
  env?: Readonly<Record<string, string>> | undefined;
  input?: string | undefined;
  cwd?: string | undefined;
  timeoutMs?: number | undefined;
}

/** A process of a test, with all it has written so far. */
export interface TestProcess {
  pid: number;
  stdout(): string;
  stderr(): string;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when the process has ended, with its output complete. */
  ended: Promise<CommandResult>;
  /** SIGTERM, then SIGKILL when it does not end in time. */
  stop(): Promise<CommandResult>;
}

const living = new Set<ChildProcess>();

// A test that fails half way, or a jest worker that is told to exit, must leave nothing running.
process.on('exit', () => {
  for (const child of living) {
    child.kill('SIGKILL');
  }
});

/** Starts `node <entry> <args>` as a process of its own, which is killed at the latest when jest ends. */
export function spawnNode(
  entry: string,
  args: readonly string[],
  options: RunOptions = {},
): TestProcess {
  return spawnProgram(process.execPath, [entry, ...args], options);
}

/** Starts any program in the same way. */
export function spawnProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): TestProcess {
  const child = spawn(program, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...bareEnvironment(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  living.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // A process that ends without reading its input is judged by its exit code, not by EPIPE.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const ended = once(child, 'close').then(([code]): CommandResult => {
    living.delete(child);
    return { code: code as number | null, stdout, stderr };
  });
  return {
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    signal: (signal) => {
      child.kill(signal);
    },
    ended,
    stop: async () => {
      child.kill('SIGTERM');
      return killAfter(child, ended, STOP_LIMIT_MS);
    },
  };
}

/** Starts the built command `payouts <args>`. */
export function spawnCli(args: readonly string[], options: RunOptions = {}): TestProcess {
  return spawnNode(COMMAND, args, options);
}

/** Runs the built command `payouts <args>` to its end; one that takes too long is killed (code null). */
export async function runCli(
  args: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  const child = spawnCli(args, options);
  const limit = setTimeout(() => {
    child.signal('SIGKILL');
  }, options.timeoutMs ?? RUN_LIMIT_MS);
  try {
    return await child.ended;
  } finally {
    clearTimeout(limit);
  }
}

async function killAfter(
  child: ChildProcess,
  ended: Promise<CommandResult>,
  limitMs: number,
): Promise<CommandResult> {
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
  try {
    return await ended;
  } finally {
    clearTimeout(limit);
  }
}

/** What a program needs to run at all and to find the cache; nothing that configures the product. */
function bareEnvironment(): Record<string, string> {
  const wanted = [
    ...['PATH', 'HOME', 'TMPDIR', 'XDG_CACHE_HOME'],
    ...['TEMPORAL_CLI_PATH', ...SERVER_PROGRAMS.map(({ setting }) => setting)],
  ];
  return Object.fromEntries(
    wanted.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
