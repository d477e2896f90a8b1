/**
 * `npm run check:static`: the scripts of package.json that check without running anything, two at a time, the longest
 * first. What a check says comes in one piece at its end; all are carried through, and one that fails fails them all.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const CHECKS = [
  'lint',
  'typecheck',
  'format:check',
  'lint:deps',
  'lint:unused',
  'check:migrations',
] as const;
const AT_ONCE = 2;

/** @returns whether it passed */
async function run(check: string): Promise<boolean> {
  const child = spawn('npm', ['run', check], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  process.stdout.write(Buffer.concat(said));
  return code === 0;
}

async function main(): Promise<void> {
  const waiting: string[] = [...CHECKS];
  const failed: string[] = [];
  const takeTurns = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      if (!(await run(check))) {
        failed.push(check);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, takeTurns));
  if (failed.length > 0) {
    process.stdout.write(`failed: ${failed.join(', ')}\n`);
    process.exitCode = 1;
  }
}

void main();
