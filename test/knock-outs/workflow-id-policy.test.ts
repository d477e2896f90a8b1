/**
 * Goal: a workflow id keeps a second run of one transfer out; without it what stands in Postgres and at Stripe pays once.
 * Method: the real workflows, activities, Postgres and sandbox on the run's Temporal server; a second run is let in.
 */
import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';

import { TASK_QUEUES, WORKFLOW_TYPES } from '../../src/domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../../src/domain/ids';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import type { TransferWorkflow } from '../../src/workflows/index';
import { givenPayable, type ActivityBed } from '../activities/activity-bed';
import { eventsOf, eventsWith, eventually, startJob } from '../workflows/harness';
import { useRealWorkers } from '../workflows/worker-bed';
import { postsDuring } from '../activities/made-at-stripe';

/** temporal.api.enums.v1.WorkflowIdReusePolicy */
const REJECT_DUPLICATE = 3;

const real = useRealWorkers();
let bed: ActivityBed;
let client: Client;

beforeAll(() => {
  ({ bed, client } = real);
});

afterEach(() => bed.calm());

function startRun(
  { amountMinor, contestId, currency, id: transferId, settlementId }: PayoutTransfer,
  policy: 'REJECT_DUPLICATE' | 'ALLOW_DUPLICATE_FAILED_ONLY' | 'ALLOW_DUPLICATE',
  workflowId = transferWorkflowId(transferId),
) {
  return client.workflow.start<typeof TransferWorkflow>(WORKFLOW_TYPES.transfer, {
    workflowId,
    taskQueue: TASK_QUEUES.payouts,
    workflowIdReusePolicy: policy,
    args: [{ transferId, settlementId, contestId, amountMinor, currency }],
  });
}

/** Paid by its job, as in production; the run of the winner has completed. */
async function givenPaidByJob(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  const { settlementId, contestId } = transfer;
  const [settlement] = await bed.rows<{ content_hash: string }>(
    'select content_hash from settlements where settlement_id = $1',
    [settlementId],
  );
  const contentHash = settlement!.content_hash;
  const job = await startJob(client, { settlementId, contestId, contentHash });
  await expect(job.result()).resolves.toMatchObject({ status: 'complete', outcome: 'paid' });
  return transfer;
}

describe('a second run after the winner was paid', () => {
  test('the job starts a winner’s run with the policy that the next tests put on and off', async () => {
    const { settlementId } = await givenPaidByJob();
    const events = await eventsOf(client, jobWorkflowId(settlementId));
    expect(eventsWith(events, 'startChildWorkflowExecutionInitiatedEventAttributes')).toMatchObject(
      [{ workflowIdReusePolicy: REJECT_DUPLICATE }],
    );
  });

  test.each([
    ['the policy of a first start', 'REJECT_DUPLICATE'],
    ['the policy after a look at the run that was met', 'ALLOW_DUPLICATE_FAILED_ONLY'],
  ] as const)('with %s the server refuses it', async (_which, policy) => {
    const transfer = await givenPaidByJob();
    await expect(startRun(transfer, policy)).rejects.toBeInstanceOf(
      WorkflowExecutionAlreadyStartedError,
    );
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('without it the row stands behind it: the run finds it paid, sends nothing, paid once', async () => {
    const transfer = await givenPaidByJob();
    const posts = await postsDuring(bed, async () => {
      const second = await startRun(transfer, 'ALLOW_DUPLICATE');
      await expect(second.result()).resolves.toMatchObject({ transferId: transfer.id });
    });
    expect(posts).toBe(0);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

describe('a second run while the first is sending', () => {
  /** Stripe has made the transfer, and keeps its answer back for a moment. */
  const givenRunThatSends = async () => {
    const transfer = await givenPayable(bed);
    await bed.fault({ kind: 'delay', afterMs: 1_000 });
    const first = await startRun(transfer, 'ALLOW_DUPLICATE_FAILED_ONLY');
    await eventually(async () => (await bed.paidTimes(transfer)) === 1);
    return { first, transfer };
  };

  test('with one id for a transfer the server refuses it', async () => {
    const { first, transfer } = await givenRunThatSends();
    await expect(startRun(transfer, 'ALLOW_DUPLICATE')).rejects.toBeInstanceOf(
      WorkflowExecutionAlreadyStartedError,
    );
    await expect(first.result()).resolves.toMatchObject({ transferId: transfer.id });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('with another id the claim of the first run stands behind it: the second finds out, paid once', async () => {
    const { first, transfer } = await givenRunThatSends();
    const second = await startRun(transfer, 'ALLOW_DUPLICATE', `transfer-again/${transfer.id}`);
    const ends = await Promise.all([first.result(), second.result()]);
    const { stripeTransferId } = await bed.rowOf(transfer);
    expect(ends.map((end) => end.stripeTransferId)).toEqual([stripeTransferId, stripeTransferId]);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});
