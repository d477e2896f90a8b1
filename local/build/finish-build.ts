/**
 * Completes what `tsc` leaves undone; `npm run build` runs it from dist.
 *
 * The compiler copies no other files and sets no execute bit. `npx --no-install payouts` needs the
 * latter and no more: npm 10 and 11 find the bin of the package they are called in by themselves.
 */
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../../..');
const DIST = join(ROOT, 'dist');
const COMMAND = join(DIST, 'src/client/cli.js');

/** Files that compiled code reads next to itself, relative to the root and to dist alike. */
const COPIED_FILES = [
  'local/temporal-tool/go.mod',
  'local/temporal-tool/go.sum',
  'docker/temporal/dynamic-config.yaml',
];

function copyToDist(file: string): void {
  const target = join(DIST, file);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(ROOT, file), target);
}

COPIED_FILES.forEach(copyToDist);
chmodSync(COMMAND, 0o755);
