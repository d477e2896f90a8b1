/**
 * Goal: a run that a person resets in Temporal pays nobody again: its claim belongs to the run before it (M4).
 * Method: the real workflows, activities, Postgres and sandbox on the run's Temporal server; real resets to early tasks.
 */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import Long from 'long';

import { SIGNALS } from '../../src/domain/contracts';
import { transferWorkflowId } from '../../src/domain/ids';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { givenPayable, type ActivityBed } from '../activities/activity-bed';
import { postsDuring } from '../activities/made-at-stripe';
import { givenTransfer, newAccountId } from '../support/builders';
import { brokenInvariants } from '../support/invariants';
import { eventsOf, eventsWith, eventually, startTransfer, type HistoryEvent } from './harness';
import { useRealWorkers } from './worker-bed';

const real = useRealWorkers();
let bed: ActivityBed;
let client: Client;

beforeAll(() => {
  ({ bed, client } = real);
});

afterEach(async () => {
  expect(await brokenInvariants(bed)).toEqual([]);
  await bed.calm();
});

function start(transfer: PayoutTransfer) {
  const { amountMinor, contestId, currency, id: transferId, settlementId } = transfer;
  return startTransfer(client, { transferId, settlementId, contestId, amountMinor, currency });
}

/** The first tasks of a run: before its claim, and with the claim in its history. */
const EARLY_TASKS = [
  ['before its claim', 0],
  ['after its claim', 1],
] as const;

/** Resets the newest run to one of its first workflow tasks. @returns the run that begins there */
async function reset(transfer: PayoutTransfer, task: number) {
  const workflowId = transferWorkflowId(transfer.id);
  const events = await eventsOf(client, workflowId);
  const tasks = events.filter(
    (event) => (event.workflowTaskCompletedEventAttributes ?? null) !== null,
  );
  const { runId } = await client.workflowService.resetWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId, runId: runOf(events) },
    reason: 'a person thought it would help',
    workflowTaskFinishEventId: Long.fromValue(tasks[task]!.eventId!),
    requestId: randomUUID(),
  });
  return { runId, run: client.workflow.getHandle(workflowId, runId) };
}

function runOf([started]: readonly HistoryEvent[]): string {
  return started!.workflowExecutionStartedEventAttributes!.originalExecutionRunId!;
}

/** Whether a run that was reset has been answered its claim. */
async function hasBegun({ id }: PayoutTransfer, runId: string): Promise<boolean> {
  const events = await eventsOf(client, transferWorkflowId(id), runId);
  return eventsWith(events, 'activityTaskCompletedEventAttributes').length > 0;
}

describe.each(EARLY_TASKS)('a run is reset to its task %s', (_when, task) => {
  test('after it has paid: the new run finds it paid and sends nothing', async () => {
    const transfer = await givenPayable(bed);
    await (await start(transfer)).result();
    const posts = await postsDuring(bed, async () => {
      const { run } = await reset(transfer, task);
      await expect(run.result()).resolves.toMatchObject({ transferId: transfer.id });
    });
    expect(posts).toBe(0);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('while Stripe makes the transfer: the new run finds out and sends nothing', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault({ kind: 'delay', afterMs: 1_000 });
    const posts = await postsDuring(bed, async () => {
      await start(transfer);
      await eventually(async () => (await bed.paidTimes(transfer)) === 1);
      const { run } = await reset(transfer, task);
      await expect(run.result()).resolves.toMatchObject({ transferId: transfer.id });
    });
    expect(posts).toBe(1);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('while it waits with an answer lost: the new run sends the same key, paid once', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault({ kind: 'drop_after' }, 100);
    await start(transfer);
    await eventually(async () => (await bed.rowOf(transfer)).status === 'unknown');
    const { run } = await reset(transfer, task);
    await bed.calm();
    await run.signal(SIGNALS.changed);
    await expect(run.result()).resolves.toMatchObject({ transferId: transfer.id });
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

test('a run that waits for an account is reset: nothing is sent until the account is there, then once', async () => {
  const transfer = await givenTransfer(bed.database, {});
  await start(transfer);
  await eventually(async () => (await bed.rowOf(transfer)).status === 'blocked');
  const waiting = await postsDuring(bed, async () => {
    const { runId } = await reset(transfer, 0);
    await eventually(() => hasBegun(transfer, runId));
  });
  expect(waiting).toBe(0);
  await insertUserStripeAccount(bed.database, {
    userId: transfer.userId,
    stripeAccountId: newAccountId(),
  });
  const run = client.workflow.getHandle(transferWorkflowId(transfer.id));
  await run.signal(SIGNALS.changed);
  await expect(run.result()).resolves.toMatchObject({ transferId: transfer.id });
  expect(await bed.paidTimes(transfer)).toBe(1);
});
