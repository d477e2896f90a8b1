import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { tryFileLock } from './file-lock';
import { commandLineOf, signalIfAlive, waitUntilGone } from './process-life';

/** Longer than a part gives its server to stop: a part of a killed run is on its way out. */
const OLD_PART_LIMIT_MS = 15_000;

/** The folder of one stack: data, logs, and a lock which keeps a second stack out. */
export interface StackFolder {
  path: string;
  kept: boolean;
  logFile(part: string): string;
  /** Writes down the parts' processes, so that a later run can wait for those of a killed one. */
  recordParts(parts: readonly RecordedPart[]): void;
  /** Gives the folder back, and removes it unless it is kept. */
  release(): void;
}

export interface RecordedPart {
  pid: number;
  entry: string;
}

/** Takes a folder, or a new temporary one, for one stack alone. */
export async function takeStackFolder(dir: string | undefined): Promise<StackFolder> {
  const path = dir === undefined ? newTemporaryFolder() : preparedFolder(resolve(dir));
  const lock = tryFileLock(join(path, 'lock'));
  if (!lock.held) {
    const holder = String(lock.holderPid);
    throw new Error(`${path} is in use by another local stack (process ${holder})`);
  }
  const recordFile = join(path, 'parts.json');
  await waitForOldParts(recordFile);
  const logs = join(path, 'logs');
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  return {
    path,
    kept: dir !== undefined,
    logFile: (part) => join(logs, `${part}.log`),
    recordParts: (parts) => {
      writeFileSync(recordFile, JSON.stringify(parts), { mode: 0o600 });
    },
    release: () => {
      rmSync(recordFile, { force: true });
      lock.release();
      if (dir === undefined) {
        rmSync(path, { recursive: true, force: true });
      }
    },
  };
}

function newTemporaryFolder(): string {
  return preparedFolder(mkdtempSync(join(tmpdir(), 'payouts-local-')));
}

/** For root, Postgres's user has to pass through the folder; the parts' own folders stay closed. */
function preparedFolder(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (process.getuid?.() === 0) {
    chmodSync(path, 0o711);
  }
  for (const part of ['temporal', 'stripe']) {
    mkdirSync(join(path, part), { recursive: true, mode: 0o700 });
  }
  return path;
}

async function waitForOldParts(recordFile: string): Promise<void> {
  for (const { pid, entry } of recordedParts(recordFile)) {
    if (commandLineOf(pid).includes(entry) && !(await waitUntilGone(pid, OLD_PART_LIMIT_MS))) {
      signalIfAlive(-pid, 'SIGKILL');
      await waitUntilGone(pid, OLD_PART_LIMIT_MS);
    }
  }
}

function recordedParts(recordFile: string): readonly RecordedPart[] {
  try {
    return JSON.parse(readFileSync(recordFile, 'utf8')) as RecordedPart[];
  } catch {
    return [];
  }
}
