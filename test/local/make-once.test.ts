/**
 * Goal: a program is built once, whoever asks, and a half-built one is never used.
 * Method: makers which count, fail or take their time write into a temporary cache.
 */
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tryFileLock } from '../../local/file-lock';
import { makeOnce } from '../../local/make-once';

const DEAD_PID = 2 ** 22 - 1;

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'payouts-make-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function makeSlowly(draft: string): Promise<void> {
  writeFileSync(draft, 'half');
  await delay(100);
  writeFileSync(draft, 'whole');
  chmodSync(draft, 0o755);
}

test('two who ask at the same time share one build', async () => {
  const target = join(folder, 'deep', 'program');
  let made = 0;
  const make = (draft: string): Promise<void> => {
    made += 1;
    return makeSlowly(draft);
  };
  await Promise.all([makeOnce(target, make), makeOnce(target, make)]);
  expect(made).toBe(1);
  expect(readdirSync(join(folder, 'deep'))).toEqual(['program']);
});

test('a failed build leaves nothing, and the next one may try again', async () => {
  const target = join(folder, 'program');
  const fail = async (draft: string): Promise<void> => {
    writeFileSync(draft, 'half');
    await delay(1);
    throw new Error('no compiler');
  };
  await expect(makeOnce(target, fail)).rejects.toThrow('no compiler');
  expect(readdirSync(folder)).toEqual([]);
  await makeOnce(target, makeSlowly);
  expect(existsSync(target)).toBe(true);
});

describe('a lock file', () => {
  test('keeps a second taker out until it is released', () => {
    const file = join(folder, 'lock');
    const first = tryFileLock(file);
    expect(tryFileLock(file)).toEqual({ held: false, holderPid: process.pid });
    if (first.held) {
      first.release();
    }
    const again = tryFileLock(file);
    expect(again.held).toBe(true);
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  test.each([
    { left: 'a dead process', content: JSON.stringify({ pid: DEAD_PID, command: 'node x' }) },
    {
      left: 'a process whose number was given to another',
      content: JSON.stringify({ pid: process.ppid, command: 'something else' }),
    },
    { left: 'an earlier process with our number', content: JSON.stringify({ pid: process.pid }) },
    { left: 'a writer that was cut off', content: '{"pid":' },
  ])('left by $left is taken over', ({ content }) => {
    const file = join(folder, 'lock');
    writeFileSync(file, content);
    expect(tryFileLock(file).held).toBe(true);
  });
});
