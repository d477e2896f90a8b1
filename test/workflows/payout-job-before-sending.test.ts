/**
 * Goal: nobody is started before Stripe's list is read or while a pause is in force, and nobody's paid run hides a debt.
 * Method: the real workflows on a real server over a settlement in memory; what the job asks for is read in order.
 */
import { ApplicationFailure } from '@temporalio/activity';

import type { ListReading, PauseInForce } from '../../src/domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../../src/domain/ids';
import {
  JOB_HISTORY_EVENTS_MAX,
  PARK_AFTER_MS,
  STRIPE_LIST_AGAIN_MS,
} from '../../src/domain/limits';
import { viewWith, type ActivityScript } from '../support/fake-activities';
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
// Six hundred pages on a busy machine; the limit ends a hang and measures nothing.
jest.setTimeout(300_000);

/** A list of so many pages, with every reading of it in order. */
function listOf(pages: number) {
  const readings: ListReading[] = [];
  const script: ActivityScript = {
    readStripeList: ({ reading }) => {
      readings.push(reading);
      const page = Number(reading.afterStripeTransferId ?? 0) + 1;
      const next = { beganAtMs: 1, afterStripeTransferId: page.toString() };
      return Promise.resolve({ next: page === pages ? null : next });
    },
  };
  return { readings, script };
}

const pagesOf = (readings: readonly ListReading[]) =>
  readings.map(({ afterStripeTransferId }) => afterStripeTransferId ?? '0');

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index.toString());

/** A settlement whose list is wanted until it was read. */
function wantingList(id: string, pages: number, wanted: 'at start' | 'later') {
  const { readings, script } = listOf(pages);
  let isWanted = wanted === 'at start';
  const settlement = new FakeSettlement(id, { transfers: 3 }).register(
    server.activities,
    (usual) => ({
      scheduleJob: async (input) => ({
        ...(await usual.scheduleJob!(input)),
        listIsWanted: isWanted,
      }),
      checkJob: async (input) => ({ ...(await usual.checkJob!(input)), listIsWanted: isWanted }),
      readStripeList: async (input) => {
        const progress = await script.readStripeList!(input);
        isWanted = progress.next !== null;
        return progress;
      },
    }),
  );
  return { readings, settlement, want: () => (isWanted = true) };
}

test('Stripe’s list is read to its end, page by page, before anybody is started', async () => {
  const { readings } = wantingList('listed', 3, 'at start');
  await (await startJob(server.client, jobInput('listed'))).result();
  expect(server.activities.callsOf('listed').slice(0, 5)).toEqual([
    'scheduleJob',
    'readStripeList',
    'readStripeList',
    'readStripeList',
    'readTransferPage',
  ]);
  expect(readings).toEqual([
    {},
    { beganAtMs: 1, afterStripeTransferId: '1' },
    { beganAtMs: 1, afterStripeTransferId: '2' },
  ]);
});

test('a list longer than a run goes on where it was in the next one, and nobody is started before', async () => {
  const pages = 620;
  const { readings } = wantingList('long-list', pages, 'at start');
  await (await startJob(server.client, jobInput('long-list'))).result();
  expect(pagesOf(readings)).toEqual(numbers(pages));
  const runs = (await eventsOfChain(server.client, jobWorkflowId('long-list'))).reverse();
  expect(runs).toHaveLength(2);
  const starts = runs.map(
    (events) => eventsWith(events, 'startChildWorkflowExecutionInitiatedEventAttributes').length,
  );
  expect(starts).toEqual([0, 3]);
});

test('a list that a transfer wants later is read when the job is told', async () => {
  const { readings, settlement, want } = wantingList('later', 2, 'later');
  settlement.heldOpen = true;
  const handle = await startJob(server.client, jobInput('later'));
  await eventually(() => settlement.with('completed').length === 3);
  expect(readings).toEqual([]);
  want();
  await handle.signal('changed');
  await eventually(() => readings.length === 2);
  settlement.heldOpen = false;
  await handle.signal('changed');
  await handle.result();
});

test('a run that grows too long goes on in the next one at once where Stripe’s list is awaited', async () => {
  const { readings, settlement, want } = wantingList('awaited', 2, 'later');
  const gate = new Gate();
  const { readStripeList, ...others } = server.activities.scriptOf('awaited');
  server.activities.script('awaited', {
    ...others,
    readStripeList: async (input) => {
      await gate.pass();
      return readStripeList!(input);
    },
  });
  for (const { transferId } of settlement.rows) {
    const usual = server.activities.scriptOf(transferId);
    server.activities.script(transferId, {
      ...usual,
      claimTransfer: async (input) => {
        if (readings.length === 2) {
          return usual.claimTransfer!(input);
        }
        want();
        return { next: 'rest', view: viewWith(transferId, 'pending'), tellJob: true };
      },
    });
  }
  const handle = await startJob(server.client, jobInput('awaited'));
  await eventually(() => server.activities.callsOf('awaited').includes('readStripeList'));
  while ((await handle.describe()).historyLength < JOB_HISTORY_EVENTS_MAX) {
    await Promise.all(Array.from({ length: 100 }, () => handle.signal('changed')));
    // Answered after they were heard: thousands in one task take a busy machine longer than the SDK gives a task.
    await handle.query('progress');
  }
  gate.release();
  await eventually(() => readings.length === 2);
  for (const { transferId } of settlement.rows) {
    await server.client.workflow.getHandle(transferWorkflowId(transferId)).signal('changed');
  }
  await handle.result();
  expect(pagesOf(readings)).toEqual(['0', '1']);
  const runs = (await eventsOfChain(server.client, handle.workflowId)).reverse();
  expect(runs).toHaveLength(2);
  // The first run has waited for room, and not for children who cannot send before the second has read the list.
  const waits = eventsWith(runs[0]!, 'timerStartedEventAttributes').map(({ startToFireTimeout }) =>
    Number(startToFireTimeout?.seconds),
  );
  expect(Math.max(...waits)).toBeLessThanOrEqual(PARK_AFTER_MS / 1_000);
});

describe('a list that cannot be read', () => {
  const UNREADABLE: PauseInForce = { lookInMs: 60_000, causes: ['stripe_list_unreadable'] };

  /** A list whose second page cannot be read so many times. */
  function unreadable(id: string, times: number) {
    const { readings, script } = listOf(2);
    let left = times;
    const settlement = new FakeSettlement(id, { transfers: 3 }).register(
      server.activities,
      (usual) => ({
        scheduleJob: async (input) => ({
          ...(await usual.scheduleJob!(input)),
          listIsWanted: true,
        }),
        readStripeList: async (input) => {
          const progress = await script.readStripeList!(input);
          const isUnreadable = input.reading.afterStripeTransferId === '1' && left > 0;
          left -= isUnreadable ? 1 : 0;
          return isUnreadable ? { next: input.reading, pause: UNREADABLE } : progress;
        },
      }),
    );
    return { readings, settlement };
  }

  test('holds everybody back and shows why; whoever says that something changed has it read again', async () => {
    const { readings, settlement } = unreadable('unreadable', 2);
    const handle = await startJob(server.client, jobInput('unreadable'));
    for (const tries of [2, 3]) {
      await eventually(() => readings.length === tries);
      await eventually(async () =>
        JSON.stringify(await handle.query('__temporal_workflow_metadata')).includes(
          'Paused: **stripe_list_unreadable**',
        ),
      );
      expect(server.activities.callsOf('unreadable')).not.toContain('readTransferPage');
      await handle.signal('resume');
    }
    await expect(handle.result()).resolves.toMatchObject({ counts: { completed: 3 } });
    expect(pagesOf(readings)).toEqual(['0', '1', '1', '1']);
    expect(settlement.rows.map(({ sends }) => sends)).toEqual([1, 1, 1]);
  });

  test('is read again by itself', async () => {
    const { readings } = unreadable('read-again', 1);
    const handle = await startJob(server.client, jobInput('read-again'));
    await eventually(() => readings.length === 2);
    await eventually(
      async () =>
        eventsWith(await eventsOf(server.client, handle.workflowId), 'timerStartedEventAttributes')
          .length > 0,
    );
    const [timer] = eventsWith(
      await eventsOf(server.client, handle.workflowId),
      'timerStartedEventAttributes',
    );
    expect(Number(timer?.startToFireTimeout?.seconds)).toBe(STRIPE_LIST_AGAIN_MS / 1_000);
    await handle.terminate('its test is over');
  });
});

/** A settlement under a pause that lasts until it is lifted. */
function paused(id: string, pause: PauseInForce) {
  let inForce: PauseInForce | null = pause;
  let looks = 0;
  const settlement = new FakeSettlement(id, { transfers: 3 }).register(
    server.activities,
    (usual) => ({
      scheduleJob: async (input) => ({ ...(await usual.scheduleJob!(input)), pause: inForce }),
      checkJob: async (input) => ({ ...(await usual.checkJob!(input)), pause: inForce }),
      lookAtPauses: () => {
        looks += 1;
        inForce = looks < 2 ? pause : null;
        return Promise.resolve();
      },
    }),
  );
  return { settlement, lift: () => (inForce = null), looks: () => looks };
}

test('under a pause of a person’s nobody is started, until the job is told that it is over', async () => {
  const { lift, looks, settlement } = paused('stopped', { lookInMs: null });
  const handle = await startJob(server.client, jobInput('stopped'));
  await handle.signal('changed');
  await eventually(() => settlement.checks.length > 0);
  expect(server.activities.callsOf('stopped')).not.toContain('readTransferPage');
  lift();
  await handle.signal('resume');
  await expect(handle.result()).resolves.toMatchObject({ counts: { completed: 3 } });
  expect(looks()).toBe(0);
});

test('a pause of automation’s is looked at when it is due, and nobody is started before it is lifted', async () => {
  const { looks } = paused('breaker', { lookInMs: 200 });
  await (await startJob(server.client, jobInput('breaker'))).result();
  expect(looks()).toBe(2);
  const calls = server.activities.callsOf('breaker');
  expect(calls.indexOf('readTransferPage')).toBeGreaterThan(calls.lastIndexOf('lookAtPauses'));
});

describe('a transfer whose closed run says paid while its row is open', () => {
  async function givenPaidRun(id: string, isReopened: boolean): Promise<FakeSettlement> {
    const settlement = new FakeSettlement(id, { transfers: 1 });
    settlement.register(server.activities);
    const { transferId } = settlement.rows[0]!;
    const usual = server.activities.scriptOf(transferId);
    server.activities.script(transferId, {
      claimTransfer: () =>
        Promise.resolve({ next: 'rest', view: viewWith(transferId, 'completed') }),
    });
    await (await startTransfer(server.client, transferInput(transferId, id))).result();
    server.activities.script(transferId, {
      ...usual,
      compareClosedRuns: () =>
        Promise.resolve({
          paid: isReopened ? [transferInput(transferId, id)] : [],
          startable: [],
          undecided: [],
        }),
    });
    return settlement;
  }

  test('is started anew when the row is found to be older', async () => {
    const settlement = await givenPaidRun('reopened', true);
    const handle = await startJob(server.client, jobInput('reopened'));
    await expect(handle.result()).resolves.toMatchObject({ counts: { completed: 1 } });
    expect(settlement.rows[0]).toMatchObject({ sends: 1 });
  });

  test('is left alone otherwise', async () => {
    const settlement = await givenPaidRun('left-alone', false);
    const handle = await startJob(server.client, jobInput('left-alone'));
    const { transferId } = settlement.rows[0]!;
    await eventually(() => server.activities.callsOf(transferId).includes('compareClosedRuns'));
    await eventually(() => settlement.checks.length > 0);
    expect(settlement.rows[0]).toMatchObject({ sends: 0, status: 'pending' });
    await handle.terminate('its test is over');
    const events = await eventsOf(server.client, transferWorkflowId(transferId));
    expect(eventsWith(events, 'workflowExecutionCompletedEventAttributes')).toHaveLength(1);
  });
});

test('a closed run whose cancel nobody knows of: its page waits for a person, then it is started', async () => {
  const id = 'undecided';
  const settlement = new FakeSettlement(id, { transfers: 2 });
  let isPaused = false;
  settlement.register(server.activities, ({ checkJob }) => ({
    checkJob: async (input) => ({
      ...(await checkJob!(input)),
      pause: isPaused ? { lookInMs: null } : null,
    }),
  }));
  const [cancelled, other] = settlement.rows;
  const { transferId } = cancelled!;
  const usual = server.activities.scriptOf(transferId);
  server.activities.script(transferId, {
    claimTransfer: () => Promise.resolve({ next: 'rest', view: viewWith(transferId, 'completed') }),
  });
  await (await startTransfer(server.client, transferInput(transferId, id))).result();
  let isDecided = false;
  server.activities.script(transferId, {
    ...usual,
    compareClosedRuns: () => {
      isPaused = !isDecided;
      return Promise.resolve(
        isDecided
          ? { paid: [], startable: [transferInput(transferId, id)], undecided: [] }
          : { paid: [], startable: [], undecided: [transferId] },
      );
    },
  });
  const handle = await startJob(server.client, jobInput(id));
  await eventually(() => settlement.with('completed').some((row) => row === other));
  const looks = settlement.checks.length;
  await handle.signal('changed');
  await eventually(() => settlement.checks.length > looks);
  expect(cancelled).toMatchObject({ status: 'pending', sends: 0 });
  expect(settlement.pagesRead).toBe(false);
  isDecided = true;
  isPaused = false;
  await handle.signal('resume');
  await expect(handle.result()).resolves.toMatchObject({ counts: { completed: 2 } });
  expect([cancelled!.sends, other!.sends]).toEqual([1, 1]);
});

describe('a transfer', () => {
  test('that has to wait for Stripe’s list tells the job once', async () => {
    const id = 'tells';
    const { settlement } = wantingList('told', 1, 'later');
    settlement.heldOpen = true;
    const job = await startJob(server.client, jobInput('told'));
    await eventually(() => settlement.with('completed').length === 3);
    let looks = 0;
    server.activities.script(id, {
      claimTransfer: () => {
        looks += 1;
        const view = viewWith(id, looks < 3 ? 'pending' : 'completed', { waitMs: 10 });
        return Promise.resolve({ next: 'rest', view, tellJob: looks === 1 });
      },
    });
    const handle = await startTransfer(server.client, transferInput(id, 'told'));
    await handle.result();
    const sent = eventsWith(
      await eventsOf(server.client, handle.workflowId),
      'signalExternalWorkflowExecutionInitiatedEventAttributes',
    );
    // The second tells of its end.
    expect(sent.map(({ signalName }) => signalName)).toEqual(['changed', 'changed']);
    await job.terminate('its test is over');
  });

  test('asks about the payee’s account when its claim says so, and claims again', async () => {
    const id = 'asks';
    let claims = 0;
    server.activities.script(id, {
      claimTransfer: () => {
        claims += 1;
        return Promise.resolve(
          claims === 1
            ? { next: 'ask', view: viewWith(id, 'blocked') }
            : { next: 'rest', view: viewWith(id, 'completed') },
        );
      },
      askPayeeReadiness: ({ transferId }) =>
        Promise.resolve(viewWith(transferId, 'blocked', { waitMs: 0 })),
    });
    await (await startTransfer(server.client, transferInput(id))).result();
    expect(server.activities.callsOf(id)).toEqual([
      'claimTransfer',
      'askPayeeReadiness',
      'claimTransfer',
    ]);
  });

  test('tells each claim what its run has seen, also after it was continued', async () => {
    const id = 'remembers';
    const seen: unknown[] = [];
    const runs = new Set<string>();
    const send = { transferId: id, generation: 1, claimNumber: 7, runId: 'run' };
    server.activities.script(id, {
      claimTransfer: (input) => {
        seen.push(input.seen);
        runs.add(input.runId);
        const view = { ...viewWith(id, runs.size > 1 ? 'completed' : 'retryable', { waitMs: 1 }) };
        const looked = { ...view, attemptCount: seen.length };
        return Promise.resolve(
          seen.length === 1
            ? { next: 'send', claim: send, view: looked }
            : { next: 'rest', view: looked },
        );
      },
      createStripeTransfer: () => Promise.reject(ApplicationFailure.nonRetryable('no answer')),
      // A row that came back older than the send, in the middle of it, tells nothing of it.
      recordOutcome: () => Promise.resolve(viewWith(id, 'pending', { waitMs: 1 })),
    });
    await (await startTransfer(server.client, transferInput(id))).result();
    expect(runs.size).toBe(2);
    expect(seen[0]).toBeUndefined();
    expect(seen.slice(1)).toEqual(
      seen.slice(1).map((_, index) => ({
        generation: 1,
        attemptCount: index + 1,
        // Of the one claim that was sent with; no row has told of it since.
        claimNumber: 7,
      })),
    );
  });
});
