/**
 * Goal: the demo shows what it promises, ends by itself with 0, and leaves nothing behind however it ends.
 * Method: the built demo as a process, once to its end and once interrupted while it pays.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { waitUntilGone } from '../../local/process-life';
import { spawnNode } from '../support/processes';
import { until } from './bed';

const DEMO = path.resolve(__dirname, '../../dist/local/demo/main.js');
/** It ends a hang on a busy machine and measures nothing; on one of its own the demo takes a quarter of a minute. */
const DEMO_LIMIT_MS = 150_000;

/** All processes below a process, its children's children too. */
function descendantsOf(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentOf(name) }));
  const below = (parent: number): number[] =>
    parents.filter((one) => one.parent === parent).flatMap((one) => [one.pid, ...below(one.pid)]);
  return below(pid);
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command stands in parentheses and may hold anything; state and parent follow it.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

test(
  'ends with 0 by itself and shows table, balance and where to look',
  async () => {
    const { code, stdout } = await spawnNode(DEMO, ['--exit']).ended;
    expect(stdout).toContain('Every winner is in the state expected of it');
    expect(code).toBe(0);
    expect(stdout.match(/^│ player-\d\d/gm)).toHaveLength(50);
    expect(stdout).toMatch(/player-11 .* blocked .* payee_account_missing/);
    expect(stdout).toMatch(/player-17 .* failed_terminal .* payee_account_closed/);
    expect(stdout).toMatch(/player-02 .* completed +│ +2 │ tr_/);
    expect(stdout).toMatch(/^│ sum +│ 37422400\.00 USD │ 37422400\.00 USD │ +0\.00 USD │$/m);
    expect(stdout).toMatch(/^Temporal Web UI: http:\/\/127\.0\.0\.1:\d+$/m);
  },
  2 * DEMO_LIMIT_MS,
);

test(
  'interrupted while it pays, ends before all are paid and leaves no process',
  async () => {
    const demo = spawnNode(DEMO, ['--exit']);
    await until(
      'the first winners are paid',
      () => /^[1-9]\d*\/50 paid/m.test(demo.stderr()),
      DEMO_LIMIT_MS,
    );
    const processes = descendantsOf(demo.pid);
    // Three parts with their servers, and the worker.
    expect(processes.length).toBeGreaterThanOrEqual(6);
    demo.signal('SIGINT');
    const { code, stdout } = await demo.ended;
    expect(code).toBe(1);
    expect(stdout).not.toContain('Every winner is in the state expected of it');
    const gone = await Promise.all(processes.map((pid) => waitUntilGone(pid, 60_000)));
    expect(gone).toEqual(processes.map(() => true));
  },
  2 * DEMO_LIMIT_MS,
);
