import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { commandLineOf } from './process-life';

interface Holder {
  pid: number;
  command: string;
}

export type LockAttempt = { held: true; release(): void } | { held: false; holderPid: number };

/** Locks of this process; the file alone cannot tell them from those of a dead one with its number. */
const heldHere = new Set<string>();

/**
 * Takes a lock file or says which process has it. A lock whose process has died is taken over.
 *
 * The file appears with its content in one step (a hard link): a reader never sees an empty lock.
 */
export function tryFileLock(file: string): LockAttempt {
  if (heldHere.has(file)) {
    return { held: false, holderPid: process.pid };
  }
  const draft = `${file}.${randomUUID()}`;
  const holder: Holder = { pid: process.pid, command: commandLineOf(process.pid) };
  writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
  try {
    const otherPid = linkUnlessHeld(draft, file);
    if (otherPid !== undefined) {
      return { held: false, holderPid: otherPid };
    }
  } finally {
    rmSync(draft, { force: true });
  }
  heldHere.add(file);
  return {
    held: true,
    release: () => {
      if (heldHere.delete(file)) {
        rmSync(file, { force: true });
      }
    },
  };
}

function linkUnlessHeld(draft: string, file: string): number | undefined {
  for (;;) {
    try {
      linkSync(draft, file);
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw error;
      }
    }
    const pid = livingHolder(file);
    if (pid !== undefined) {
      return pid;
    }
    rmSync(file, { force: true });
  }
}

function livingHolder(file: string): number | undefined {
  let holder: Partial<Holder>;
  try {
    holder = JSON.parse(readFileSync(file, 'utf8')) as Partial<Holder>;
  } catch {
    return undefined;
  }
  const { pid, command } = holder;
  if (pid === undefined || command === undefined || pid === process.pid) {
    return undefined;
  }
  return commandLineOf(pid) === command ? pid : undefined;
}
