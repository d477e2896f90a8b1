/**
 * Where the tests' Chromium is. Without one they are skipped, and say so.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const CHROMIUM_SETTING = 'PAYOUT_TEST_CHROMIUM';
const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * The program of the setting, else the first one on PATH.
 *
 * @throws when the setting names something that cannot be run: whoever names a browser wants these tests
 */
export function findChromium(env: NodeJS.ProcessEnv): string | undefined {
  const named = env[CHROMIUM_SETTING]?.trim() ?? '';
  if (named !== '') {
    if (!isProgram(named)) {
      throw new Error(`${CHROMIUM_SETTING}: ${named} is not a program that can be run`);
    }
    return named;
  }
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return PROGRAMS.flatMap((program) => folders.map((folder) => join(folder, program))).find(
    isProgram,
  );
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
