/**
 * Goal: a job starts every winner's run exactly once, holds nobody up, and ends when Postgres says so.
 * Method: the real workflows on the time-skipping server with its time at rest, over a settlement in memory.
 */
import { transferWorkflowId, jobWorkflowId } from '../../src/domain/ids';
import { JOB_WINDOW_CHILDREN } from '../../src/domain/limits';
import { FakeSettlement } from './fake-settlement';
import {
  eventsOf,
  eventsOfChain,
  eventsWith,
  eventually,
  Gate,
  jobInput,
  startJob,
  startTransfer,
  transferInput,
} from './harness';
import { useTimeSkippingServer } from './servers';

const server = useTimeSkippingServer();
const EVENTS_LIMIT = 4_000;

// Six hundred children on a busy machine; the limit ends a hang and measures nothing.
jest.setTimeout(180_000);

let counter = 0;
function newSettlement(options: ConstructorParameters<typeof FakeSettlement>[1]): FakeSettlement {
  counter += 1;
  return new FakeSettlement(`settlement-${counter}`, options).register(server.activities);
}

async function start(settlement: FakeSettlement) {
  return startJob(server.client, jobInput(settlement.settlementId));
}

/** How often the job asked for each child, over all its runs. */
async function childStarts(settlement: FakeSettlement): Promise<Map<string, number>> {
  const runs = await eventsOfChain(server.client, jobWorkflowId(settlement.settlementId));
  const starts = new Map<string, number>();
  for (const { workflowId } of runs.flatMap((events) =>
    eventsWith(events, 'startChildWorkflowExecutionInitiatedEventAttributes'),
  )) {
    starts.set(workflowId ?? '', (starts.get(workflowId ?? '') ?? 0) + 1);
  }
  return starts;
}

test.each([0, 1, 24, 25, 26, 120])('a settlement of %i winners', async (transfers) => {
  const settlement = newSettlement({ transfers });
  const progress = await (await start(settlement)).result();
  expect(progress).toMatchObject({ status: 'complete', counts: { completed: transfers } });
  expect(settlement.rows.map((row) => [row.runIds.size, row.sends])).toEqual(
    settlement.rows.map(() => [1, 1]),
  );
  const starts = await childStarts(settlement);
  expect([...starts.keys()].sort()).toEqual(
    settlement.rows.map((row) => transferWorkflowId(row.transferId)),
  );
  expect([...starts.values()].every((times) => times === 1)).toBe(true);
  expect(settlement.sendingMax).toBeLessThanOrEqual(JOB_WINDOW_CHILDREN);
});

test('620 winners, over two runs: each started once, and the last is heard of when woken', async () => {
  const transfers = 620;
  const settlement = newSettlement({
    transfers,
    paidAtClaim: true,
    blocked: (index) => index === 300,
  });
  const handle = await start(settlement);
  const last = settlement.rows[300]!;
  await eventually(() => settlement.with('completed').length === transfers - 1);
  await eventually(async () => {
    // The newest run has nothing to start any more and waits for news.
    const events = await eventsOf(server.client, handle.workflowId);
    return (
      settlement.pagesRead &&
      eventsWith(events.slice(-1), 'timerStartedEventAttributes').length === 1
    );
  });
  const waiting = await eventsOf(server.client, handle.workflowId);
  last.payeeReady = true;
  await server.client.workflow.getHandle(transferWorkflowId(last.transferId)).signal('payeeReady');
  await expect(handle.result()).resolves.toMatchObject({
    status: 'complete',
    counts: { completed: transfers },
  });
  // No time is jumped over, and the job's own look is far off: the child's signal has told it, and no timer.
  const told = (await eventsOf(server.client, handle.workflowId)).slice(waiting.length);
  expect(eventsWith(told, 'workflowExecutionSignaledEventAttributes')).not.toEqual([]);
  expect(eventsWith(told, 'timerFiredEventAttributes')).toEqual([]);
  const runs = await eventsOfChain(server.client, handle.workflowId);
  expect(runs.length).toBeGreaterThanOrEqual(2);
  expect(Math.max(...runs.map((events) => events.length))).toBeLessThan(EVENTS_LIMIT);
  const starts = await childStarts(settlement);
  expect(starts.size).toBe(transfers);
  // The blocked one is offered again with the blocked ones, where its open run is found and left alone.
  expect([...starts.values()].filter((times) => times > 1).length).toBeLessThanOrEqual(1);
  expect(settlement.rows.every((row) => row.runIds.size === 1)).toBe(true);
});

test.each([
  ['parked', 'never more than 50 children send at once, and the window is used to the full'],
  ['changed', 'who changed something is heard while all places are taken'],
  ['resume', 'and so is who resumes'],
])('%s: %s', async (signal) => {
  const gate = new Gate();
  const settlement = newSettlement({ transfers: 120, beforePaid: () => gate.pass() });
  const handle = await start(settlement);
  await eventually(() => settlement.sending >= JOB_WINDOW_CHILDREN);
  // Told to look, the job looks while all places are taken, and starts nobody.
  const checksBefore = settlement.checks.length;
  await handle.signal(signal);
  await eventually(() =>
    settlement.checks.slice(checksBefore).some((asked) => asked.length === JOB_WINDOW_CHILDREN),
  );
  // Time is at rest, and the job's own look is half a minute off: the signal made it look, and no timer.
  const events = await eventsOf(server.client, handle.workflowId);
  const signalled = events.findIndex(
    (event) => event.workflowExecutionSignaledEventAttributes?.signalName === signal,
  );
  const after = events.slice(signalled);
  const looked = after.findIndex(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'checkJob',
  );
  expect([signalled, looked]).not.toContain(-1);
  expect(eventsWith(after.slice(0, looked), 'timerFiredEventAttributes')).toEqual([]);
  expect(settlement.sending).toBe(JOB_WINDOW_CHILDREN);
  gate.release();
  await handle.result();
  expect(settlement.sendingMax).toBe(JOB_WINDOW_CHILDREN);
});

test('200 waiting winners hold nobody up', async () => {
  const waiting = 200;
  const settlement = newSettlement({ transfers: 210, blocked: (index) => index < waiting });
  const handle = await start(settlement);
  // Time stands still, so no timer has freed a place: the children said that they park.
  await eventually(() => settlement.with('completed').length === 10);
  await eventually(() => settlement.with('blocked').length === waiting);
  expect(settlement.progress().status).toBe('processing');
  for (const row of settlement.with('blocked')) {
    row.payeeReady = true;
    await server.client.workflow.getHandle(transferWorkflowId(row.transferId)).signal('payeeReady');
  }
  await expect(handle.result()).resolves.toMatchObject({ counts: { completed: 210 } });
  expect(settlement.rows.every((row) => row.sends === 1)).toBe(true);
});

test('an already running child is left alone, and the job ends after it', async () => {
  const gate = new Gate();
  const settlement = newSettlement({ transfers: 3, beforePaid: () => gate.pass() });
  await Promise.all(
    settlement.rows
      .slice(0, 2)
      .map((row) =>
        startTransfer(server.client, transferInput(row.transferId, settlement.settlementId)),
      ),
  );
  await eventually(() => settlement.sending === 2);
  const handle = await start(settlement);
  await eventually(() => settlement.sending === 3);
  gate.release();
  await eventually(() => settlement.with('completed').length === 3);
  const skipping = server.skippingClient.workflow.getHandle(handle.workflowId);
  await expect(skipping.result()).resolves.toMatchObject({ status: 'complete' });
  expect(settlement.rows.map((row) => [row.runIds.size, row.sends])).toEqual([
    [1, 1],
    [1, 1],
    [1, 1],
  ]);
  // A child of an earlier run tells this one nothing when it ends quickly; the job's own look comes soon.
  const seconds = (await eventsOf(server.client, handle.workflowId)).map((event) =>
    Number((event.eventTime?.seconds ?? 0).toString()),
  );
  expect(seconds.at(-1)! - seconds[0]!).toBeLessThan(5 * 60);
});

test('the job ends when Postgres says that it is complete, and not before', async () => {
  const settlement = newSettlement({ transfers: 2 });
  settlement.heldOpen = true;
  const handle = await start(settlement);
  await eventually(() => settlement.with('completed').length === 2);
  const checks = settlement.checks.length;
  await handle.signal('changed');
  await eventually(() => settlement.checks.length > checks);
  expect((await handle.describe()).status.name).toBe('RUNNING');
  settlement.heldOpen = false;
  await handle.signal('changed');
  await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
});

test('the query tells how the job stands', async () => {
  const gate = new Gate();
  const settlement = newSettlement({ transfers: 2, beforePaid: () => gate.pass() });
  const handle = await start(settlement);
  await eventually(() => settlement.sending === 2);
  await handle.signal('parked');
  await eventually(async () => {
    const { counts } = await handle.query<ReturnType<FakeSettlement['progress']>>('progress');
    return counts.processing === 2;
  });
  gate.release();
  await handle.result();
  await expect(handle.query('progress')).resolves.toEqual(settlement.progress());
});
