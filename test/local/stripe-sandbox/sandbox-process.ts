import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { transformFile } from '@swc/core';

import { TestSandbox } from './support';

const ROOT = path.resolve(__dirname, '../../..');
const SOURCES = path.join(ROOT, 'local/stripe-sandbox');

/** The real program needs JavaScript files; `dist` may be older than the sources under test. */
export async function compileSandbox(): Promise<string> {
  const target = path.join(await mkdtemp(path.join(tmpdir(), 'stripe-sandbox-')), 'program');
  await mkdir(target);
  const files = (await readdir(SOURCES)).filter((file) => file.endsWith('.ts'));
  for (const file of files) {
    const { code } = await transformFile(path.join(SOURCES, file), {
      swcrc: false,
      module: { type: 'commonjs' },
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    });
    await writeFile(path.join(target, file.replace(/\.ts$/, '.js')), code);
  }
  return path.join(target, 'main.js');
}

export interface RunningSandbox {
  readonly child: ChildProcess;
  readonly sandbox: TestSandbox;
  readonly stdout: () => string;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
}

/** The program lies outside of the project; its packages are those of the project. */
export function programEnv(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_PATH: path.join(ROOT, 'node_modules') };
}

export async function run(program: string, args: readonly string[]): Promise<RunningSandbox> {
  const child = fork(program, args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: programEnv(),
    execArgv: [],
  });
  let text = '';
  child.stdout?.on('data', (chunk) => (text += String(chunk)));
  const exited = once(child, 'exit').then(([code, signal]: unknown[]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  const [ready] = (await Promise.race([
    once(child, 'message'),
    exited.then(() => Promise.reject(new Error('the sandbox ended before it was ready'))),
  ])) as [{ stripeApiBase: string }];
  const sandbox = new TestSandbox(ready.stripeApiBase, async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return { child, sandbox, stdout: () => text, exited };
}
