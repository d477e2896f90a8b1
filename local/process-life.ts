import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;

/** True while a process (or, for a negative number, any member of a process group) exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Sends a signal; a process that is already gone is no error. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error;
    }
  }
}

/** Waits until the process is gone, at most `limitMs`; false when it is still there then. */
export async function waitUntilGone(pid: number, limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  while (isAlive(pid)) {
    if (Date.now() >= deadline) {
      return false;
    }
    await delay(POLL_MS);
  }
  return true;
}

/**
 * The command line of a running process, '' when there is none.
 *
 * Process numbers are used again, in containers very soon: whoever reads a number from a file
 * compares the command before it takes the process for the one that wrote it.
 */
export function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8')
      .split('\0')
      .join(' ')
      .trim();
  } catch {
    return commandLineFromPs(pid);
  }
}

function commandLineFromPs(pid: number): string {
  if (process.platform === 'linux') {
    return '';
  }
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

/**
 * Stops a server that an earlier, killed run left behind: first in order, then by force.
 *
 * Does nothing unless the process's command line contains `commandPart`.
 */
export async function stopLeftover(
  pid: number,
  commandPart: string,
  graceMs: number,
): Promise<void> {
  if (pid <= 1 || !commandLineOf(pid).includes(commandPart)) {
    return;
  }
  signalIfAlive(pid, 'SIGINT');
  if (!(await waitUntilGone(pid, graceMs))) {
    signalIfAlive(pid, 'SIGKILL');
    await waitUntilGone(pid, graceMs);
  }
}
