/**
 * Goal: a sweep starts and wakes exactly whom its activities name, once, and nothing that fails stops the rest of it.
 * Method: the real workflows on the run's Temporal dev server, in a namespace of this file, with fake activities.
 */
import { ApplicationFailure } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';

import { runPayoutScheduler, SweepNotDoneError } from '../../src/client/sweep';
import { startSettlementSweep, startSweepNow } from '../../src/client/start-workflows';
import {
  SEARCH_ATTRIBUTES,
  type JobStart,
  type SweepPage,
  type TransferStart,
} from '../../src/domain/contracts';
import { jobWorkflowId, SWEEP_NOW_ID, transferWorkflowId } from '../../src/domain/ids';
import { SWEEP_IDS_SHOWN_MAX, SWEEP_STARTS_MAX } from '../../src/domain/limits';
import { inTurn, viewWith } from '../support/fake-activities';
import { FakeSettlement } from './fake-settlement';
import { NOTHING_TO_DO, scriptSweeps } from './fake-sweep';
import {
  eventsOf,
  eventsWith,
  eventually,
  Gate,
  startJob,
  startTransfer,
  jobInput,
  transferInput,
} from './harness';
import { useDevServer } from './servers';

const server = useDevServer();
const stateKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.state.name, 'KEYWORD');
const failedCountKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.failedCount.name, 'INT');
const HOUR_MS = 3_600_000;

function page(plan: Partial<SweepPage>): SweepPage {
  return { ...NOTHING_TO_DO, ...plan };
}

function jobStart(settlementId: string): JobStart {
  const input = jobInput(settlementId);
  return { ...input, winnerCount: 1, totalMinor: 12_50, currency: 'eur' };
}

function transferStart(transferId: string): TransferStart {
  return transferInput(transferId);
}

/** A transfer whose run waits for long. */
function scriptWaiting(transferId: string): TransferStart {
  const view = viewWith(transferId, 'blocked', {
    reason: 'payee_account_missing',
    waitMs: HOUR_MS,
  });
  server.activities.script(transferId, {
    claimTransfer: () => Promise.resolve({ next: 'rest', view }),
  });
  return transferStart(transferId);
}

/** A transfer whose run ends at its first look, as one that is paid does. */
function scriptPaid(transferId: string): TransferStart {
  server.activities.script(transferId, {
    claimTransfer: () => Promise.resolve({ next: 'rest', view: viewWith(transferId, 'completed') }),
  });
  return transferStart(transferId);
}

const transferRun = (transferId: string) =>
  server.client.workflow.getHandle(transferWorkflowId(transferId));

const sweep = () => runPayoutScheduler(server.client);

test('whoever is named is started, on his own and with what he is found by; who runs already is left alone', async () => {
  new FakeSettlement('swept-job', { transfers: 1 }).register(server.activities);
  const running = scriptWaiting('runs-already');
  await startTransfer(server.client, running);
  const lost = scriptWaiting('lost');
  scriptSweeps(server.activities, {
    planSweep: inTurn(
      page({ startJobs: [jobStart('swept-job')], startTransfers: [running, lost] }),
    ),
  });
  expect(await sweep()).toMatchObject({
    started: ['payout-job/swept-job', 'transfer/lost'],
    counts: { started: 2 },
    cameToEnd: true,
  });
  // The sweep has ended; whom it has started has not.
  const described = await transferRun('lost').describe();
  expect(described.status.name).toBe('RUNNING');
  expect(await described.staticSummary()).toBe('pay 12.50 EUR, settlement no-such-job');
  expect(await described.staticDetails()).toContain('`payouts why lost`');
  const job = await server.client.workflow.getHandle(jobWorkflowId('swept-job')).describe();
  expect(await job.staticDetails()).toContain('| settlement | swept-job |');
  await eventually(async () => {
    const { typedSearchAttributes } = await transferRun('lost').describe();
    return typedSearchAttributes.get(stateKey) === 'blocked';
  });
  await server.client.workflow.getHandle(jobWorkflowId('swept-job')).result();
});

test('settlements that came in are started, rejected ones and webhooks that failed are told', async () => {
  new FakeSettlement('handed-in', { transfers: 1 }).register(server.activities);
  scriptSweeps(server.activities, {
    takeSettlements: inTurn({
      accepted: [jobStart('handed-in')],
      rejected: ['wrong'],
      failed: [{ what: 'settlement locked', reason: 'lock_timeout' }],
    }),
    processStripeEvents: inTurn({ processed: 3, ignored: 1, failed: 2 }),
  });
  expect(await sweep()).toMatchObject({
    started: ['payout-job/handed-in'],
    rejected: ['wrong'],
    failed: [
      { what: 'settlement locked', reason: 'lock_timeout' },
      { what: 'webhooks', reason: '2 to be tried again' },
    ],
    counts: { started: 1, rejected: 1, failed: 2 },
  });
  await server.client.workflow.getHandle(jobWorkflowId('handed-in')).result();
});

test('a run that was terminated is started again, one that is paid is not, and one that says so wrongly is', async () => {
  const [terminated, paid, untrue] = [
    scriptWaiting('terminated'),
    scriptPaid('paid'),
    scriptPaid('untrue'),
  ];
  await (await startTransfer(server.client, terminated)).terminate('a test');
  await (await startTransfer(server.client, paid)).result();
  const first = await startTransfer(server.client, untrue);
  await first.result();
  scriptSweeps(server.activities, {
    planSweep: inTurn(page({ startTransfers: [terminated, paid], paidRuns: [untrue] })),
  });
  expect(await sweep()).toMatchObject({
    started: ['transfer/terminated'],
    reconciling: ['untrue'],
  });
  expect((await transferRun('terminated').describe()).status.name).toBe('RUNNING');
});

test('a job that was terminated, or has come to its end, is started again', async () => {
  const settlement = new FakeSettlement('again', { transfers: 1 }).register(server.activities);
  await (await startJob(server.client, jobInput('again'))).result();
  scriptSweeps(server.activities, { planSweep: inTurn(page({ startJobs: [jobStart('again')] })) });
  expect((await sweep()).started).toEqual(['payout-job/again']);
  await server.client.workflow.getHandle(jobWorkflowId('again')).result();
  expect(settlement.rows.map(({ sends }) => sends)).toEqual([1]);
});

test('two at once, of the schedule and asked for, start everybody once', async () => {
  const lost = Array.from({ length: 20 }, (_, index) => scriptWaiting(`raced-${index}`));
  scriptSweeps(server.activities, {
    planSweep: () => Promise.resolve(page({ startTransfers: lost })),
  });
  const [asked, other] = await Promise.all([
    sweep(),
    server.client.workflow.execute('PayoutSweepWorkflow', {
      workflowId: 'payout-sweep-of-the-schedule',
      taskQueue: 'payouts',
      args: [{ registeredAs: 'payout-sweep' }],
    }) as Promise<{ started: string[] }>,
  ]);
  const ids = lost.map(({ transferId }) => transferWorkflowId(transferId));
  expect([...asked.started, ...other.started].sort()).toEqual([...ids].sort());
});

test('two who ask at once get one run', async () => {
  const gate = new Gate();
  scriptSweeps(server.activities, {
    beginSweep: async () => gate.pass().then(() => ({ afterJobId: null })),
  });
  const handles = await Promise.all([startSweepNow(server.client), startSweepNow(server.client)]);
  gate.release();
  expect(new Set(handles.map((handle) => handle.firstExecutionRunId)).size).toBe(1);
  await handles[0].result();
});

test('a run that takes no signal is named, and the sweep has not looked at everything', async () => {
  const refused = { what: 'transfer/ill', reason: 'signal_refused' };
  const ends = scriptSweeps(server.activities, {
    planSweep: inTurn(page({ wake: ['well', 'ill'] })),
    wakeTransfers: () => Promise.resolve({ woken: ['well'], failed: [refused] }),
  });
  expect(await sweep()).toMatchObject({ resumed: ['well'], failed: [refused] });
  expect(ends).toMatchObject([{ failure: 'not_everything_swept', counts: { failed: 1 } }]);
});

test('pages follow one another; what could not be looked at is named, and the sweep has failed and told all', async () => {
  const lost = scriptWaiting('on-the-second-page');
  const asked: (string | null)[] = [];
  const answers = inTurn(
    page({ nextAfterJobId: 'job-1', failed: [{ what: 'settlement ill', reason: 'X' }] }),
    page({ startTransfers: [lost], wake: ['sleeper'] }),
  );
  const ends = scriptSweeps(server.activities, {
    beginSweep: () => Promise.resolve({ afterJobId: 'job-0' }),
    findJoblessSettlements: () => Promise.reject(ApplicationFailure.nonRetryable('no', 'Ill')),
    planSweep: (input) => {
      asked.push(input.afterJobId);
      return answers();
    },
  });
  const report = await sweep();
  expect(asked).toEqual(['job-0', 'job-1']);
  expect(report).toMatchObject({
    started: ['transfer/on-the-second-page'],
    resumed: ['sleeper'],
    failed: [
      { what: 'settlements without a job', reason: 'Ill' },
      { what: 'settlement ill', reason: 'X' },
    ],
    cameToEnd: true,
  });
  expect(ends).toMatchObject([
    {
      registeredAs: SWEEP_NOW_ID,
      failure: 'not_everything_swept',
      resumeAfter: null,
      counts: { failed: 2 },
    },
  ]);
  const described = await server.client.workflow.getHandle(SWEEP_NOW_ID).describe();
  expect(described.memo?.['lastResult']).toEqual(report.counts);
  expect(described.typedSearchAttributes.get(stateKey)).toBe('failed');
  expect(described.typedSearchAttributes.get(failedCountKey)).toBe(2);
});

test('a page that cannot be read ends the sweep there; the next one begins with it', async () => {
  const ends = scriptSweeps(server.activities, {
    planSweep: inTurn(page({ nextAfterJobId: 'job-1' })),
  });
  expect(await sweep()).toMatchObject({
    failed: [{ what: 'open settlements', reason: 'NotScripted' }],
    cameToEnd: false,
  });
  expect(ends).toMatchObject([{ resumeAfter: 'job-1' }]);
});

test('a sweep that has started many leaves the rest to the next, which goes on there', async () => {
  const many = Array.from({ length: SWEEP_STARTS_MAX }, (_, index) => scriptPaid(`many-${index}`));
  const ends = scriptSweeps(server.activities, {
    planSweep: inTurn(
      page({ startTransfers: many, nextAfterJobId: 'job-1' }),
      page({ wake: ['of-the-next-page'] }),
    ),
  });
  const report = await (await startSweepNow(server.client)).result();
  expect(report).toMatchObject({
    resumed: [],
    counts: { started: SWEEP_STARTS_MAX },
    cameToEnd: false,
  });
  expect(ends).toMatchObject([{ resumeAfter: 'job-1', failure: null }]);
}, 240_000);

test('the report shows so many ids of a kind, and counts all', async () => {
  const wake = Array.from({ length: SWEEP_IDS_SHOWN_MAX + 1 }, (_, index) => `sleeper-${index}`);
  scriptSweeps(server.activities, { planSweep: inTurn(page({ wake })) });
  const { counts, resumed } = await sweep();
  expect(resumed).toEqual(wake.slice(0, SWEEP_IDS_SHOWN_MAX));
  expect(counts.resumed).toBe(SWEEP_IDS_SHOWN_MAX + 1);
});

test('cancelled, it says so, and those it has started go on', async () => {
  const gate = new Gate();
  const lost = scriptWaiting('outlives-the-sweep');
  const pages = inTurn(page({ startTransfers: [lost], nextAfterJobId: 'job-1' }));
  const ends = scriptSweeps(server.activities, {
    planSweep: ({ afterJobId }) =>
      afterJobId === null ? pages() : gate.pass().then(() => NOTHING_TO_DO),
  });
  const handle = await startSweepNow(server.client);
  await eventually(async () => {
    const events = await eventsOf(server.client, SWEEP_NOW_ID, handle.firstExecutionRunId);
    return eventsWith(events, 'childWorkflowExecutionStartedEventAttributes').length === 1;
  });
  await handle.cancel();
  await eventually(async () => {
    const events = await eventsOf(server.client, SWEEP_NOW_ID, handle.firstExecutionRunId);
    return eventsWith(events, 'workflowExecutionCancelRequestedEventAttributes').length === 1;
  });
  gate.release();
  await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
  expect(ends).toMatchObject([{ failure: 'cancelled', resumeAfter: null, counts: { started: 1 } }]);
  expect((await transferRun('outlives-the-sweep').describe()).status.name).toBe('RUNNING');
});

test('of one settlement: its own plan, and nothing in the registry', async () => {
  const ends = scriptSweeps(server.activities);
  const lost = scriptWaiting('of-one-settlement');
  server.activities.script('one', {
    planSettlementSweep: () => Promise.resolve(page({ startTransfers: [lost] })),
  });
  const handle = await startSettlementSweep(server.client, 'one');
  expect(handle.workflowId).toBe('payout-sweep/settlement/one');
  expect(await handle.result()).toMatchObject({ started: ['transfer/of-one-settlement'] });
  expect(ends).toEqual([]);
});

describe('whoever asks does not wait for ever', () => {
  test('a sweep that goes on is named with its id', async () => {
    const gate = new Gate();
    scriptSweeps(server.activities, { planSweep: () => gate.pass().then(() => NOTHING_TO_DO) });
    const error: unknown = await runPayoutScheduler(server.client, 2_000).catch(
      (thrown: unknown) => thrown,
    );
    gate.release();
    expect(error).toBeInstanceOf(SweepNotDoneError);
    expect((error as Error).message).toMatch(
      /^the sweep is not done within 2 s; it goes on in Temporal as payout-sweep\/now, run [0-9a-f-]{36}$/,
    );
    await server.client.workflow.getHandle(SWEEP_NOW_ID).result();
  });

  test('one that was terminated meanwhile is no success', async () => {
    const gate = new Gate();
    scriptSweeps(server.activities, { planSweep: () => gate.pass().then(() => NOTHING_TO_DO) });
    const asked = sweep().catch((thrown: unknown) => thrown);
    const run = server.client.workflow.getHandle(SWEEP_NOW_ID);
    await eventually(async () => (await run.describe()).status.name === 'RUNNING');
    await run.terminate('a test');
    gate.release();
    expect(await asked).toBeInstanceOf(SweepNotDoneError);
  });
});
