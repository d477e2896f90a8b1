import { spawn } from 'node:child_process';
import { once } from 'node:events';

const TAIL_CHARACTERS_MAX = 2_000;

export interface CommandOptions {
  cwd: string;
  limitMs: number;
  /** On top of this process's own. */
  env?: NodeJS.ProcessEnv | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Runs a program to its end; anything but exit code 0 throws with the end of its output.
 *
 * The time limit and the abort signal end it with SIGTERM.
 */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<void> {
  const limit = AbortSignal.timeout(options.limitMs);
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]),
  });
  let output = '';
  const keepTail = (chunk: string): void => {
    output = (output + chunk).slice(-TAIL_CHARACTERS_MAX);
  };
  child.stdout.setEncoding('utf8').on('data', keepTail);
  child.stderr.setEncoding('utf8').on('data', keepTail);
  let code: unknown;
  try {
    [code] = (await once(child, 'close')) as unknown[];
  } catch (error) {
    throw new Error(failureText(program, error, limit.aborted, options.limitMs), { cause: error });
  }
  if (code !== 0) {
    throw new Error(`${program} ended with code ${String(code)}: ${output.trim()}`);
  }
}

function failureText(program: string, error: unknown, late: boolean, limitMs: number): string {
  if (late) {
    return `${program} did not end within ${String(limitMs / 1000)} s`;
  }
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
    return `${program} is not installed`;
  }
  return `${program} could not be run: ${String(error)}`;
}
