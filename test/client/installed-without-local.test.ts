/**
 * Goal: an installation without development dependencies, as in the image, says what `local up` needs.
 * Method: the built sources alone in another folder, as the Dockerfile copies them.
 */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnNode } from '../support/processes';

const ROOT = resolve(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'payouts-installed-'));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('local up ends with 2 and names the development dependencies', async () => {
  cpSync(join(ROOT, 'dist/src'), join(folder, 'dist/src'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const command = join(folder, 'dist/src/client/cli.js');
  const { code, stderr } = await spawnNode(command, ['local', 'up']).ended;
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining('it needs the development dependencies (npm ci)') as string,
  });
});
