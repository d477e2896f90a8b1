/**
 * Goal: a program is taken from the cheapest place that has it, and a failure explains every place.
 * Method: fake ways which work or refuse, and real folders for the look-ups on disk.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory, platformSuffix } from '../../local/cache-directory';
import { firstWorkingWay, type Way } from '../../local/first-working-way';
import { findTemporalBinary, temporalBinaryWays } from '../../local/temporal-binary';
import { timeSkippingServerWays } from '../../local/time-skipping-server';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'payouts-ways-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function program(...path: string[]): string {
  const file = join(folder, ...path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, 0o755);
  return file;
}

const search = (env: NodeJS.ProcessEnv) => ({ env, onProgress: () => undefined });

describe('the first way that works', () => {
  const names = ['a', 'b', 'c'];

  test.each([
    { working: ['a', 'b', 'c'], taken: 'a', asked: ['a'] },
    { working: ['b', 'c'], taken: 'b', asked: ['a', 'b'] },
    { working: ['c'], taken: 'c', asked: ['a', 'b', 'c'] },
  ])('of $working is $taken, and later ones are not asked', async ({ working, taken, asked }) => {
    const calls: string[] = [];
    const ways: Way[] = names.map((name) => ({
      name,
      find: () => {
        calls.push(name);
        return working.includes(name) ? Promise.resolve(name) : Promise.reject(new Error('no'));
      },
    }));
    expect(await firstWorkingWay('a thing', ways)).toBe(taken);
    expect(calls).toEqual(asked);
  });

  test('when none works the error has what each said', async () => {
    const ways = names.map((name) => ({
      name,
      find: () => Promise.reject(new Error(`no ${name} here`)),
    }));
    await expect(firstWorkingWay('a thing', ways)).rejects.toThrow(
      'no way to get a thing; tried 3 ways:\n  a: no a here\n  b: no b here\n  c: no c here',
    );
  });
});

describe('the Temporal CLI', () => {
  const cached = `temporal-stripe-payouts/temporal-cli-v1.5.1-${platformSuffix()}`;

  test('is looked for in five ways, in this order', () => {
    expect(temporalBinaryWays(search({})).map((way) => way.name)).toEqual([
      'TEMPORAL_CLI_PATH',
      'temporal on PATH',
      'cache',
      'download by the Temporal SDK',
      'build from source with Go',
    ]);
  });

  test('of the setting comes before PATH, PATH before the cache', async () => {
    const named = program('named', 'my-temporal');
    const onPath = program('bin', 'temporal');
    const inCache = program('cache', cached);
    const env = { PATH: join(folder, 'bin'), XDG_CACHE_HOME: join(folder, 'cache') };
    expect(await findTemporalBinary(search({ ...env, TEMPORAL_CLI_PATH: named }))).toBe(named);
    expect(await findTemporalBinary(search(env))).toBe(onPath);
    expect(await findTemporalBinary(search({ ...env, PATH: '' }))).toBe(inCache);
  });

  test('named by a setting but not there is passed over', async () => {
    const inCache = program('cache', cached);
    const env = { TEMPORAL_CLI_PATH: '/nowhere/temporal', XDG_CACHE_HOME: join(folder, 'cache') };
    expect(await findTemporalBinary(search(env))).toBe(inCache);
  });
});

test('the time-skipping server is looked for in four ways, in this order', () => {
  expect(timeSkippingServerWays(search({})).map((way) => way.name)).toEqual([
    'TEMPORAL_TEST_SERVER_PATH',
    'cache',
    'download by the Temporal SDK',
    'Java libraries from Maven',
  ]);
});

test('the cache is under XDG_CACHE_HOME, else in the home directory', () => {
  expect(cacheDirectory({ XDG_CACHE_HOME: '/x' })).toBe('/x/temporal-stripe-payouts');
  expect(cacheDirectory({})).toMatch(/\/\.cache\/temporal-stripe-payouts$/);
});
