/**
 * Goal: what depends on the server's own rules holds on a real one: ids, parents' ends, missing jobs, kept memos.
 * Method: the real workflows on the run's Temporal dev server, in a namespace of this file, with fake activities.
 */
import { ApplicationFailure } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { ActivityFailure, defineSearchAttributeKey } from '@temporalio/common';
import { FAILURE_TYPES, SEARCH_ATTRIBUTES } from '../../src/domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../../src/domain/ids';
import { viewWith } from '../support/fake-activities';
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
import { useDevServer } from './servers';

const server = useDevServer();
const settlementIdKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.settlementId.name, 'KEYWORD');
const stateKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.state.name, 'KEYWORD');
const HOUR_MS = 3_600_000;

test('50 simultaneous starts are one run', async () => {
  const gate = new Gate();
  const settlement = new FakeSettlement('started-often', {
    transfers: 2,
    beforePaid: () => gate.pass(),
  }).register(server.activities);
  const handles = await Promise.all(
    Array.from({ length: 50 }, () => startJob(server.client, jobInput(settlement.settlementId))),
  );
  expect(new Set(handles.map((handle) => handle.firstExecutionRunId)).size).toBe(1);
  gate.release();
  await expect(handles[0]!.result()).resolves.toMatchObject({ status: 'complete' });
  const calls = server.activities.callsOf(settlement.settlementId);
  expect(calls.filter((name) => name === 'scheduleJob')).toHaveLength(1);
  // It moves no money itself, so a later start runs again, and finds nothing to do.
  const again = await startJob(server.client, jobInput(settlement.settlementId));
  expect(again.firstExecutionRunId).not.toBe(handles[0]!.firstExecutionRunId);
  await expect(again.result()).resolves.toMatchObject({ status: 'complete' });
  expect(settlement.rows.map((row) => row.sends)).toEqual([1, 1]);
});

test('other content under the same id fails the job, and starts nobody', async () => {
  server.activities.script('conflict', {
    scheduleJob: () =>
      Promise.reject(ApplicationFailure.nonRetryable('other', FAILURE_TYPES.settlementConflict)),
  });
  const handle = await startJob(server.client, jobInput('conflict'));
  const error: unknown = await handle.result().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(WorkflowFailedError);
  const { cause } = error as WorkflowFailedError;
  expect(cause).toBeInstanceOf(ActivityFailure);
  expect(cause?.cause).toMatchObject({ type: FAILURE_TYPES.settlementConflict });
  const events = await eventsOf(server.client, handle.workflowId);
  expect(eventsWith(events, 'startChildWorkflowExecutionInitiatedEventAttributes')).toEqual([]);
});

test.each(['terminated', 'cancelled'])('children outlive a job that is %s', async (end) => {
  const gate = new Gate();
  const settlement = new FakeSettlement(`abandoned-${end}`, {
    transfers: 3,
    beforePaid: () => gate.pass(),
  }).register(server.activities);
  const handle = await startJob(server.client, jobInput(settlement.settlementId));
  await eventually(() => settlement.rows.every((row) => row.sends === 1));
  await (end === 'terminated' ? handle.terminate('a test') : handle.cancel());
  await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
  gate.release();
  for (const { transferId } of settlement.rows) {
    const child = server.client.workflow.getHandle(transferWorkflowId(transferId));
    await expect(child.result()).resolves.toMatchObject({ transferId });
  }
});

test('a job that does not exist, or has ended, fails no transfer that tells it something', async () => {
  server.activities.script('alone', {
    claimTransfer: () =>
      Promise.resolve({
        next: 'rest',
        view:
          server.activities.callsOf('alone').length > 1
            ? viewWith('alone', 'completed')
            : viewWith('alone', 'blocked', { waitMs: HOUR_MS }),
      }),
  });
  const handle = await startTransfer(server.client, transferInput('alone', 'no-such-job'));
  await eventually(async () => {
    const events = await eventsOf(server.client, handle.workflowId);
    return eventsWith(events, 'timerStartedEventAttributes').length > 0;
  });
  await handle.signal('changed');
  await expect(handle.result()).resolves.toMatchObject({ transferId: 'alone' });
  const failed = eventsWith(
    await eventsOf(server.client, handle.workflowId),
    'signalExternalWorkflowExecutionFailedEventAttributes',
  );
  expect(failed.map((event) => event.workflowExecution?.workflowId)).toEqual([
    jobWorkflowId('no-such-job'),
    jobWorkflowId('no-such-job'),
  ]);
});

test('a run that continued as new and ended paid shows no reason of its earlier waits', async () => {
  const runs = new Set<string>();
  server.activities.script('kept', {
    claimTransfer: ({ runId }) => {
      runs.add(runId);
      return Promise.resolve({
        next: 'rest',
        view:
          runs.size > 1
            ? viewWith('kept', 'completed')
            : viewWith('kept', 'blocked', { reason: 'payee_account_missing', waitMs: HOUR_MS }),
      });
    },
  });
  const handle = await startTransfer(server.client, transferInput('kept', 'no-such-job'), {
    typedSearchAttributes: [
      { key: settlementIdKey, value: 'no-such-job' },
      { key: stateKey, value: 'pending' },
    ],
  });
  const looks = () => server.activities.callsOf('kept').length;
  while (runs.size < 2) {
    const before = looks();
    await handle.signal('changed');
    await eventually(() => looks() > before || runs.size > 1);
  }
  await handle.result();
  expect(await eventsOfChain(server.client, handle.workflowId)).toHaveLength(2);
  const description = await server.client.workflow.getHandle(handle.workflowId).describe();
  expect(description.status.name).toBe('COMPLETED');
  expect(description.memo?.['reason'] ?? null).toBeNull();
  // What it was started with is still there for the filters of the Web UI. Its summary is not: the SDK cannot carry it.
  expect(description.typedSearchAttributes.get(settlementIdKey)).toBe('no-such-job');
  expect(description.typedSearchAttributes.get(stateKey)).toBe('completed');
});
