import { homedir } from 'node:os';
import { join } from 'node:path';

/** Folder for programs that are fetched or built once and shared by every checkout of this user. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'];
  return join(
    base === undefined || base === '' ? join(homedir(), '.cache') : base,
    'temporal-stripe-payouts',
  );
}

/** File name suffix which keeps programs of different machines apart in a shared home directory. */
export function platformSuffix(): string {
  return `${process.platform}-${process.arch}`;
}
