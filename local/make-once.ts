import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isExecutable } from './executable-lookups';
import { tryFileLock } from './file-lock';

const POLL_MS = 500;
const WAIT_FOR_OTHER_LIMIT_MS = 20 * 60_000;

/**
 * Makes an executable file in the cache unless it is there.
 *
 * It is made under a draft name and renamed when complete, so a killed build never leaves a broken
 * program behind; a lock lets a second process wait for the first instead of building as well.
 */
export async function makeOnce(
  target: string,
  make: (draft: string) => Promise<void>,
  signal?: AbortSignal,
): Promise<string> {
  mkdirSync(dirname(target), { recursive: true });
  const deadline = Date.now() + WAIT_FOR_OTHER_LIMIT_MS;
  for (;;) {
    const lock = tryFileLock(`${target}.lock`);
    if (lock.held) {
      try {
        await makeUnlessThere(target, make);
        return target;
      } finally {
        lock.release();
      }
    }
    if (Date.now() >= deadline) {
      throw new Error(`process ${String(lock.holderPid)} has been making ${target} for too long`);
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

async function makeUnlessThere(
  target: string,
  make: (draft: string) => Promise<void>,
): Promise<void> {
  if (isExecutable(target)) {
    return;
  }
  const draft = `${target}.draft-${String(process.pid)}`;
  try {
    await make(draft);
    renameSync(draft, target);
  } finally {
    rmSync(draft, { force: true, recursive: true });
  }
}
