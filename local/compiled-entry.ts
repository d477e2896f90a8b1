import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * Path of a compiled file of this folder, for `fork`.
 *
 * Under jest this file runs as TypeScript, where there is nothing to fork beside it: the compiled
 * twin in dist is taken, and a missing build is said instead of a puzzling "cannot find module".
 */
export function compiledEntry(relativePath: string): string {
  const folder = __filename.endsWith('.ts') ? resolve(__dirname, '../dist/local') : __dirname;
  const entry = join(folder, relativePath);
  if (!existsSync(entry)) {
    throw new Error(`${entry} does not exist: run "npm run build" first`);
  }
  return entry;
}
