import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

interface Holder {
  readonly pid: number;
  /** Process numbers are used again; the command line tells the holder from a later process. */
  readonly command: string;
}

/** Locks of this process: a file that names it without being here was left by a dead one. */
const heldHere = new Set<string>();

/**
 * Keeps a second sandbox out of a data directory: two of them would overwrite each other's journal.
 * A lock whose process was killed is taken over. Returns the function that gives the lock back.
 *
 * @throws Error that names the directory and the process that has it.
 */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const file = path.resolve(directory, 'lock');
  if (heldHere.has(file)) {
    throw inUse(directory, process.pid);
  }
  // A draft and a link: the lock appears with its content in one step, so nobody reads an empty one.
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, command: commandLineOf(process.pid) }));
  try {
    while (!linked(draft, file)) {
      removeUnlessHeld(directory, file);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  heldHere.add(file);
  return () => {
    if (heldHere.delete(file)) {
      rmSync(file, { force: true });
    }
  };
}

function linked(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

/** By renaming: of two processes that find the same dead lock only one takes it away. */
function removeUnlessHeld(directory: string, file: string): void {
  const dead = readHolder(file);
  if (dead !== null && isAlive(dead)) {
    throw inUse(directory, dead.pid);
  }
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      return;
    }
    throw error;
  }
  const moved = readHolder(aside);
  if (moved !== null && isAlive(moved)) {
    // Another process was faster, and this is its new lock: back to its place.
    linked(aside, file);
  }
  rmSync(aside, { force: true });
}

function readHolder(file: string): Holder | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    return null;
  }
}

function isAlive({ pid, command }: Holder): boolean {
  return pid !== process.pid && command !== '' && commandLineOf(pid) === command;
}

/** Empty when there is no such process. */
function commandLineOf(pid: number): string {
  try {
    return process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

function inUse(directory: string, pid: number): Error {
  return new Error(`${directory} is in use by another Stripe sandbox (process ${pid})`);
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code;
}
