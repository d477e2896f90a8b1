/**
 * Goal: each program of the server of production is looked for cheap before dear, and every refusal says why.
 * Method: the ways are asked with an environment of their own; the last, a build, only by its name.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SERVER_PROGRAMS, serverProgramWays } from '../../local/temporal-on-postgres/programs';

const empty = mkdtempSync(join(tmpdir(), 'payouts-programs-'));

afterAll(() => {
  rmSync(empty, { recursive: true, force: true });
});

const waysOf = (program: (typeof SERVER_PROGRAMS)[number], env: NodeJS.ProcessEnv) =>
  serverProgramWays(program, { env, onProgress: () => undefined });

test.each(SERVER_PROGRAMS)('$name has four ways', async (program) => {
  const { setting, commandOnPath, version } = program;
  const ways = waysOf(program, { PATH: empty, XDG_CACHE_HOME: empty });
  expect(ways.map(({ name }) => name)).toEqual([
    setting,
    `${commandOnPath} on PATH`,
    'cache',
    'build from source with Go',
  ]);
  const [fromSetting, fromPath, fromCache] = ways;
  await expect(fromSetting?.find()).rejects.toThrow('not set');
  await expect(fromPath?.find()).rejects.toThrow('in none of its 1 folders');
  await expect(fromCache?.find()).rejects.toThrow(`${commandOnPath}-${version}-`);
});

test.each(SERVER_PROGRAMS)('$name may be named by $setting', async (program) => {
  const [fromSetting] = waysOf(program, { [program.setting]: process.execPath });
  expect(await fromSetting?.find()).toBe(process.execPath);
});
