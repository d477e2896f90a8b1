import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Way } from './first-working-way';

/** The program that an environment variable names. */
export function fromEnvironment(env: NodeJS.ProcessEnv, variable: string): Way {
  return {
    name: variable,
    find: () => {
      const path = env[variable];
      if (path === undefined || path === '') {
        return Promise.reject(new Error('not set'));
      }
      return executableAt(path);
    },
  };
}

/** The first program of that name in a folder of PATH. */
export function fromPath(env: NodeJS.ProcessEnv, program: string): Way {
  return {
    name: `${program} on PATH`,
    find: () => {
      const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
      const found = folders.map((folder) => join(folder, program)).find(isExecutable);
      return found === undefined
        ? Promise.reject(new Error(`in none of its ${String(folders.length)} folders`))
        : Promise.resolve(found);
    },
  };
}

/** What an earlier run put into the cache. */
export function fromCache(path: string): Way {
  return { name: 'cache', find: () => executableAt(path) };
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function executableAt(path: string): Promise<string> {
  return isExecutable(path)
    ? Promise.resolve(path)
    : Promise.reject(new Error(`${path} is not an executable file`));
}
