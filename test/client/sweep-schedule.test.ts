/**
 * Goal: there is one schedule of the sweep whatever `setup` met, it fires, and a pause of an operator's outlasts `setup`.
 * Method: a namespace of this file on the run's dev server, with fake activities; the schedule is triggered, not awaited.
 */
import { randomUUID } from 'node:crypto';
import type { ScheduleDescription } from '@temporalio/client';

import { ensureSweepSchedule } from '../../src/client/sweep-schedule';
import { SWEEP_ID } from '../../src/domain/ids';
import { Gate, eventually } from '../workflows/harness';
import { useDevServer } from '../workflows/servers';
import { scriptSweeps } from '../workflows/fake-sweep';

const server = useDevServer();
const LIMIT_MS = 120_000;

const handle = () => server.client.schedule.getHandle(SWEEP_ID);

/** The newest runs that the schedule has started, newest first. */
async function runs(): Promise<string[]> {
  const { info } = await handle().describe();
  return info.recentActions.map(({ action }) => action.workflow.workflowId).reverse();
}

/** Triggers the schedule as its time would, and returns the run that it starts. */
async function fire(): Promise<string> {
  const before = await runs();
  await handle().trigger('SKIP');
  return eventually(async () => {
    const [newest] = await runs();
    return newest !== before[0] && newest;
  });
}

afterEach(async () => {
  await handle()
    .delete()
    .catch(() => undefined);
});

test('five at once make one; what there is is every 5 minutes, skips, and ends what hangs before the next', async () => {
  const made = await Promise.all(
    Array.from({ length: 5 }, () => ensureSweepSchedule(server.client)),
  );
  expect(made.filter(({ change }) => change === 'created')).toHaveLength(1);
  expect(made.filter(({ change }) => change === 'unchanged')).toHaveLength(4);
  expect(made[0]).toMatchObject({ scheduleId: 'payout-sweep', every: '5 minutes', paused: false });
  expect(await handle().describe()).toMatchObject({
    spec: { intervals: [{ every: 300_000 }] },
    policies: { overlap: 'SKIP', catchupWindow: 600_000, pauseOnFailure: false },
    action: {
      workflowType: 'PayoutSweepWorkflow',
      workflowId: 'payout-sweep',
      taskQueue: 'payouts',
      workflowRunTimeout: 240_000,
    },
  });
  expect(await ensureSweepSchedule(server.client)).toMatchObject({ change: 'unchanged' });
});

type Drift = (found: ScheduleDescription) => object;

test.each<[string, Drift]>([
  ['interval', () => ({ spec: { intervals: [{ every: '1 hour' }] } })],
  ['second interval', ({ spec }) => ({ spec: { ...spec, calendars: [{ hour: 3 }] } })],
  ['overlap', ({ policies }) => ({ policies: { ...policies, overlap: 'BUFFER_ALL' } })],
  ['catch-up', ({ policies }) => ({ policies: { ...policies, catchupWindow: '1 day' } })],
  ['run timeout', ({ action }) => ({ action: { ...action, workflowRunTimeout: '1 hour' } })],
  ['input', ({ action }) => ({ action: { ...action, args: [] } })],
  ['workflow', ({ action }) => ({ action: { ...action, workflowType: 'OldSweepWorkflow' } })],
])('of another version, with another %s, is brought up to date once', async (_what, drift) => {
  await ensureSweepSchedule(server.client);
  const before = await handle().describe();
  await handle().update((found) => ({ ...found, ...drift(found) }));
  expect(await ensureSweepSchedule(server.client)).toMatchObject({ change: 'updated' });
  const { action, policies, spec } = await handle().describe();
  expect({ action, policies, spec }).toEqual({
    action: before.action,
    policies: before.policies,
    spec: before.spec,
  });
  expect(await ensureSweepSchedule(server.client)).toMatchObject({ change: 'unchanged' });
});

test('paused by an operator it stays paused, with the note, also when it is brought up to date', async () => {
  await ensureSweepSchedule(server.client);
  await handle().pause('books are audited');
  expect(await ensureSweepSchedule(server.client)).toMatchObject({
    change: 'unchanged',
    paused: true,
  });
  await handle().update((found) => ({ ...found, spec: { intervals: [{ every: '1 hour' }] } }));
  expect(await ensureSweepSchedule(server.client)).toMatchObject({
    change: 'updated',
    paused: true,
  });
  expect((await handle().describe()).state).toMatchObject({
    paused: true,
    note: 'books are audited',
  });
});

test(
  'it fires: the run has the summary of the sweep, and its counts as a memo',
  async () => {
    scriptSweeps(server.activities);
    await ensureSweepSchedule(server.client);
    const workflowId = await fire();
    expect(workflowId).toMatch(/^payout-sweep-\d{4}-/);
    const run = server.client.workflow.getHandle(workflowId);
    await expect(run.result()).resolves.toMatchObject({ cameToEnd: true });
    const described = await run.describe();
    expect(await described.staticSummary()).toBe('start and wake what is open and does not run');
    expect(described.memo?.['lastResult']).toMatchObject({ started: 0, failed: 0 });
  },
  LIMIT_MS,
);

test(
  'a sweep that hangs is skipped while it hangs, ended in time, and does not stop the next',
  async () => {
    const hanging = new Gate();
    scriptSweeps(server.activities, {
      planSweep: async () => {
        await hanging.pass();
        throw new Error(`too late ${randomUUID()}`);
      },
    });
    await ensureSweepSchedule(server.client);
    await handle().update((found) => ({
      ...found,
      action: { ...found.action, workflowRunTimeout: '4 seconds' },
    }));
    const hung = server.client.workflow.getHandle(await fire());
    await handle().trigger('SKIP');
    await eventually(async () => {
      const { info } = await handle().describe();
      return info.numActionsSkippedOverlap === 1;
    });
    await eventually(async () => (await hung.describe()).status.name === 'TIMED_OUT');
    scriptSweeps(server.activities);
    const next = server.client.workflow.getHandle(await fire());
    await expect(next.result()).resolves.toMatchObject({ cameToEnd: true });
    hanging.release();
  },
  LIMIT_MS,
);
