import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const SEARCH_BY_OTHERS = 0o001;

/**
 * The outermost folder on the way to a path that other users cannot pass, undefined when none is.
 *
 * Postgres never runs as root, so for root another user must get through to its files.
 */
export function folderClosedToOthers(path: string): string | undefined {
  const folder = resolve(path);
  const parent = dirname(folder);
  const closedAbove = parent === folder ? undefined : folderClosedToOthers(parent);
  return closedAbove ?? ((statSync(folder).mode & SEARCH_BY_OTHERS) === 0 ? folder : undefined);
}
