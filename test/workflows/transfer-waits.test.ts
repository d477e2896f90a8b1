/**
 * Goal: a waiting winner's run stays open cheaply for weeks, wakes at once when told, and loses no wake-up.
 * Method: the real workflow on the time-skipping server; its timers, signals and marks are read from its history.
 */
import { ApplicationFailure } from '@temporalio/activity';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { FAILURE_TYPES, type ClaimAnswer, type TransferInput } from '../../src/domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../../src/domain/ids';
import {
  BACKOFF_FIRST_MS,
  BACKOFF_LONGEST_MS,
  BLOCKED_LOOK_MS,
  PARK_AFTER_MS,
  PAYEE_WAIT_MS,
  TRANSFER_HISTORY_EVENTS_MAX,
} from '../../src/domain/limits';
import type { ReasonCode } from '../../src/domain/reasons';
import { inTurn, sendAnswer, viewWith, type ActivityScript } from '../support/fake-activities';
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
  type HistoryEvent,
} from './harness';
import { useTimeSkippingServer } from './servers';

const server = useTimeSkippingServer();
const SETTLEMENT_WITHOUT_JOB = 'no-such-job';
const JITTER = 0.1;

let counter = 0;
function newTransfer(script: (transferId: string) => ActivityScript): string {
  counter += 1;
  const transferId = `waiting-${counter}`;
  server.activities.script(transferId, script(transferId));
  return transferId;
}

function rest(
  transferId: string,
  status: 'blocked' | 'retryable' | 'completed' | 'failed_terminal',
  options: { readonly reason?: ReasonCode; readonly waitMs?: number } = {},
): ClaimAnswer {
  return { next: 'rest', view: viewWith(transferId, status, options) };
}

/** Rests the given number of times, then is found paid. */
function restsBeforePaid(
  rests: number,
  rested: (transferId: string, call: number) => ClaimAnswer,
): (transferId: string) => ActivityScript {
  return (transferId) => {
    let calls = 0;
    return {
      claimTransfer: () => {
        calls += 1;
        return Promise.resolve(
          calls > rests ? rest(transferId, 'completed') : rested(transferId, calls),
        );
      },
    };
  };
}

/** Runs to the end with time jumping over the waits. */
async function runSkipping(transferId: string, settlementId = SETTLEMENT_WITHOUT_JOB) {
  const handle = await startTransfer(
    server.skippingClient,
    transferInput(transferId, settlementId),
  );
  return handle.result();
}

async function untilItWaits(handle: WorkflowHandle): Promise<void> {
  await eventually(
    async () =>
      eventsWith(await eventsOf(server.client, handle.workflowId), 'timerStartedEventAttributes')
        .length > 0,
  );
}

function msOf(
  time: { seconds?: { toString(): string } | null; nanos?: number | null } | null | undefined,
): number {
  return Number((time?.seconds ?? 0).toString()) * 1_000 + (time?.nanos ?? 0) / 1e6;
}

function timersMs(events: readonly HistoryEvent[]): number[] {
  return eventsWith(events, 'timerStartedEventAttributes').map((timer) =>
    msOf(timer.startToFireTimeout),
  );
}

function signalsSent(events: readonly HistoryEvent[]) {
  return eventsWith(events, 'signalExternalWorkflowExecutionInitiatedEventAttributes').map(
    (signal) => signal.signalName,
  );
}

const oldestFirst = async (transferId: string) =>
  (await eventsOfChain(server.client, transferWorkflowId(transferId))).reverse();

test('a blocked winner waits, and goes on when the payee is ready, without waiting out its timer', async () => {
  const transferId = newTransfer((id) => ({
    claimTransfer: inTurn(
      rest(id, 'blocked', { reason: 'payee_account_missing', waitMs: BLOCKED_LOOK_MS }),
      sendAnswer(id),
    ),
    createStripeTransfer: inTurn({ stripeTransferId: 'tr' }),
    recordOutcome: inTurn(viewWith(id, 'completed')),
  }));
  const handle = await startTransfer(server.client, transferInput(transferId));
  await untilItWaits(handle);
  expect(timersMs(await eventsOf(server.client, handle.workflowId))).toEqual([BLOCKED_LOOK_MS]);
  await handle.signal('payeeReady');
  // Time stands still under this client: only the signal can have ended the wait.
  await expect(handle.result()).resolves.toMatchObject({ transferId });
});

test('a wake-up that arrives while Postgres is being read ends the wait that follows', async () => {
  const claimed = new Gate();
  const signalled = new Gate();
  const transferId = newTransfer((id) => {
    let calls = 0;
    return {
      claimTransfer: async () => {
        calls += 1;
        if (calls === 1) {
          claimed.release();
          await signalled.pass();
          // Read before the signal's cause was there: the answer is out of date.
          return rest(id, 'blocked', {
            reason: 'payee_account_missing',
            waitMs: BLOCKED_LOOK_MS,
          });
        }
        return rest(id, 'completed');
      },
    };
  });
  const handle = await startTransfer(server.client, transferInput(transferId));
  await claimed.pass();
  await handle.signal('payeeReady');
  signalled.release();
  await expect(handle.result()).resolves.toMatchObject({ transferId });
});

test('a changed signal wakes like payeeReady, as often as it comes', async () => {
  const transferId = newTransfer(
    restsBeforePaid(3, (id) => rest(id, 'blocked', { waitMs: BLOCKED_LOOK_MS })),
  );
  const handle = await startTransfer(server.client, transferInput(transferId));
  for (const looks of [1, 2, 3]) {
    await eventually(() => server.activities.callsOf(transferId).length === looks);
    await handle.signal('changed');
  }
  await expect(handle.result()).resolves.toMatchObject({ transferId });
});

test('the payee wait of thirty days is slept by durable timers and ends as failed', async () => {
  const dayMs = 24 * 3_600_000;
  const days = PAYEE_WAIT_MS / dayMs;
  const transferId = newTransfer((id) => {
    let calls = 0;
    return {
      claimTransfer: () => {
        calls += 1;
        return Promise.resolve(
          calls > days
            ? rest(id, 'failed_terminal', { reason: 'payee_wait_over' })
            : rest(id, 'blocked', { reason: 'payee_account_missing', waitMs: dayMs }),
        );
      },
    };
  });
  // Without the jumps it would run into the test's limit.
  const error: unknown = await runSkipping(transferId).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(WorkflowFailedError);
  expect((error as WorkflowFailedError).cause).toMatchObject({
    type: FAILURE_TYPES.transferFailed,
    message: 'payee_wait_over',
  });
  const runs = await oldestFirst(transferId);
  const first = msOf(runs[0]?.[0]?.eventTime);
  const last = msOf(runs.at(-1)?.at(-1)?.eventTime);
  expect(last - first).toBeGreaterThanOrEqual(PAYEE_WAIT_MS);
});

test('backing off doubles from 15 s to an hour, each wait on a durable timer', async () => {
  const transferId = newTransfer(
    restsBeforePaid(11, (id) => rest(id, 'retryable', { reason: 'transient_rate_limited' })),
  );
  await runSkipping(transferId);
  const timers = (await oldestFirst(transferId)).flatMap(timersMs);
  expect(timers).toHaveLength(11);
  timers.forEach((timer, wait) => {
    const due = Math.min(BACKOFF_FIRST_MS * 2 ** wait, BACKOFF_LONGEST_MS);
    expect(timer).toBeGreaterThanOrEqual(due * (1 - JITTER) - 1);
    expect(timer).toBeLessThanOrEqual(due * (1 + JITTER) + 1);
  });
});

test('a winner who was woken starts backing off anew', async () => {
  const transferId = newTransfer(
    restsBeforePaid(2, (id) => rest(id, 'retryable', { reason: 'transient_rate_limited' })),
  );
  const handle = await startTransfer(server.client, {
    ...transferInput(transferId),
    waits: 20,
  });
  await untilItWaits(handle);
  await handle.signal('changed');
  await eventually(
    async () => timersMs(await eventsOf(server.client, handle.workflowId)).length > 1,
  );
  const [before, after] = timersMs(await eventsOf(server.client, handle.workflowId));
  expect(before).toBeGreaterThan(BACKOFF_LONGEST_MS / 2);
  expect(after).toBeLessThan(2 * PARK_AFTER_MS);
  await server.skippingClient.workflow.getHandle(handle.workflowId).result();
});

describe('the job is told', () => {
  async function withJob(use: (settlementId: string) => Promise<void>): Promise<string[]> {
    counter += 1;
    const settlementId = `settlement-${counter}`;
    const gate = new Gate();
    server.activities.script(settlementId, {
      // The job itself stays at its first step: only what it is sent matters here.
      scheduleJob: async () => {
        await gate.pass();
        throw ApplicationFailure.nonRetryable('the test is over');
      },
    });
    const job = await startJob(server.client, jobInput(settlementId));
    await use(settlementId);
    // Terminating it with an activity under way would keep the server's time from jumping ever after.
    gate.release();
    await expect(job.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    const events = await eventsOf(server.client, jobWorkflowId(settlementId));
    return eventsWith(events, 'workflowExecutionSignaledEventAttributes').map(
      (signal) => signal.signalName ?? '',
    );
  }

  test('that a winner parks, when the wait is longer than 30 s, and that it ended', async () => {
    const transferId = newTransfer(
      restsBeforePaid(1, (id) => rest(id, 'retryable', { waitMs: PARK_AFTER_MS + 1 })),
    );
    const signals = await withJob(async (settlementId) => {
      const handle = await startTransfer(server.client, transferInput(transferId, settlementId));
      await untilItWaits(handle);
      await handle.signal('changed');
      await handle.result();
    });
    expect(signals).toEqual(['parked', 'changed']);
  });

  test('only of the end, when the wait was short', async () => {
    const transferId = newTransfer(
      restsBeforePaid(1, (id) => rest(id, 'retryable', { waitMs: PARK_AFTER_MS })),
    );
    const signals = await withJob(async (settlementId) => {
      const handle = await startTransfer(server.client, transferInput(transferId, settlementId));
      await untilItWaits(handle);
      await handle.signal('changed');
      await handle.result();
    });
    expect(signals).toEqual(['changed']);
  });

  test('and a job that does not exist changes nothing', async () => {
    const transferId = newTransfer(
      restsBeforePaid(1, (id) => rest(id, 'blocked', { waitMs: BLOCKED_LOOK_MS })),
    );
    await expect(runSkipping(transferId)).resolves.toMatchObject({ transferId });
    const events = await eventsOf(server.client, transferWorkflowId(transferId));
    expect(signalsSent(events)).toEqual(['parked', 'changed']);
    expect(eventsWith(events, 'signalExternalWorkflowExecutionFailedEventAttributes')).toHaveLength(
      2,
    );
  });
});

describe('continue-as-new', () => {
  const LOOKS = 25;

  test('comes when the history is long, and the next run backs off where this one was', async () => {
    const transferId = newTransfer(
      restsBeforePaid(LOOKS, (id) => rest(id, 'retryable', { reason: 'transient_conflict' })),
    );
    await runSkipping(transferId);
    const runs = await oldestFirst(transferId);
    expect(runs).toHaveLength(2);
    expect(runs[0]!.length).toBeLessThan(TRANSFER_HISTORY_EVENTS_MAX + 25);
    const [payload] = runs[1]![0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    const input = defaultPayloadConverter.fromPayload<TransferInput>(payload!);
    expect(input.waits).toBe(timersMs(runs[0]!).length);
    expect(timersMs(runs[1]!)[0]).toBeGreaterThan(BACKOFF_LONGEST_MS / 2);
    // Looked once more after the last wait of each run, and no wait was skipped or doubled.
    expect(server.activities.callsOf(transferId)).toHaveLength(LOOKS + 1);
  });

  test('keeps no reason on a run that ended paid', async () => {
    // Continued at exactly the look that finds it paid, whatever the number of looks of a run is.
    const transferId = newTransfer((id) => {
      const runs = new Set<string>();
      return {
        claimTransfer: ({ runId }) => {
          runs.add(runId);
          return Promise.resolve(
            runs.size > 1
              ? rest(id, 'completed')
              : rest(id, 'blocked', { reason: 'payee_account_missing', waitMs: BLOCKED_LOOK_MS }),
          );
        },
      };
    });
    await runSkipping(transferId);
    const description = await server.client.workflow
      .getHandle(transferWorkflowId(transferId))
      .describe();
    expect(description.status.name).toBe('COMPLETED');
    expect(description.memo?.['reason'] ?? null).toBeNull();
  });
});

test('search attributes and memo are written when they change, and not at every look', async () => {
  const transferId = newTransfer(
    restsBeforePaid(8, (id, call) =>
      rest(id, 'blocked', {
        reason: call < 5 ? 'payee_account_missing' : 'payee_capability_inactive',
        waitMs: BLOCKED_LOOK_MS,
      }),
    ),
  );
  await runSkipping(transferId);
  const events = await eventsOf(server.client, transferWorkflowId(transferId));
  const upserts = eventsWith(events, 'upsertWorkflowSearchAttributesEventAttributes').map(
    ({ searchAttributes }) =>
      Object.fromEntries(
        Object.entries(searchAttributes?.indexedFields ?? {}).map(([name, payload]) => [
          name,
          JSON.parse(Buffer.from(payload.data ?? []).toString()) as unknown,
        ]),
      ),
  );
  expect(upserts.at(0)).toEqual({ PayoutState: 'blocked', PayoutFailureClass: 'payee' });
  expect(upserts.at(-1)).toEqual({ PayoutState: 'completed', PayoutFailureClass: null });
  // The reason in between is of the same class: at most its memo is news.
  expect(upserts.length).toBeLessThanOrEqual(3);
  const memos = eventsWith(events, 'workflowPropertiesModifiedEventAttributes').map(
    (event) =>
      defaultPayloadConverter.fromPayload<string | undefined>(
        event.upsertedMemo!.fields!['reason']!,
      ) ?? null,
  );
  expect(memos).toEqual(['payee_account_missing', 'payee_capability_inactive', null]);
});
