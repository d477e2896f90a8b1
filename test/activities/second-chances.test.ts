/**
 * Goal: restored rows, a person's word and a long pause lead neither to a second payment nor to somebody forgotten.
 * Method: the sends that a restore has lost are made at Stripe by hand; every step is the activity that a run would call.
 */
import { claimTransfer } from '../../src/activities/claim-transfer';
import { reopenPaidRuns } from '../../src/activities/reopen-paid-runs';
import { resolveUnpaid } from '../../src/activities/resolve-unpaid';
import type { WorkflowRuns } from '../../src/activities/workflow-runs';
import { inTransaction } from '../../src/db/database';
import { pauseByOperator } from '../../src/db/operator-pauses';
import { findPausesInForce } from '../../src/db/payout-controls';
import {
  beginListReading,
  completeJobWhenTerminal,
  findJobById,
  wantStripeList,
} from '../../src/db/payout-jobs';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { jobIdOf } from '../../src/db/transfer-id';
import { lockTransfer, markBlocked, markFailedTerminal } from '../../src/db/transfer-moves';
import { givenTransfer } from '../support/builders';
import { givenPayable } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';
import { givenLostSend } from './made-at-stripe';

const bed = checkedBedOfFile();

const OPERATOR = { actor: 'alex', reason: 'it came back' };

/** What a run does with a transfer until it ends or waits. */
async function drive(transfer: PayoutTransfer): Promise<PayoutTransfer> {
  for (let looks = 0; looks < 6; looks += 1) {
    const answer = await bed.claim(transfer, 'run-after');
    if (answer.next === 'send') {
      await bed.send(answer.claim);
      await bed.record(answer.claim);
    } else if (answer.next === 'reconcile') {
      await bed.reconcile(transfer, 'run-after');
    }
  }
  return bed.rowOf(transfer);
}

/** Stripe has paid by a key that the rows do not know, and a person has taken it back. */
async function givenLostAndReversed(transfer: PayoutTransfer, key?: string): Promise<string> {
  const stripeTransferId = await givenLostSend(bed, transfer, key);
  await bed.dependencies.stripe.transfers.createReversal(stripeTransferId);
  return stripeTransferId;
}

test('resolve --unpaid ends the key of a lost send too: it is not replayed as a payment that was taken back', async () => {
  const transfer = await givenPayable(bed);
  const reversed = await givenLostAndReversed(transfer);
  await bed.readList(transfer);
  expect(await bed.rowOf(transfer)).toMatchObject({ failureReason: 'unknown_reversed_transfer' });
  expect(await resolveUnpaid(bed.dependencies, await bed.rowOf(transfer), OPERATOR)).toMatchObject({
    is: 'retryable',
  });
  await bed.liftPauses();
  await bed.moveClocks({ hours: 1 });
  const paid = await drive(transfer);
  expect(paid).toMatchObject({ status: 'completed', generation: 2 });
  expect(paid.stripeTransferId).not.toBe(reversed);
});

test('resolve --unpaid is remembered between two keys: the same reversed transfer is no second alarm', async () => {
  const transfer = await givenPayable(bed);
  await bed.fault({ kind: 'status', status: 400, code: 'balance_insufficient', saved: true });
  expect(await bed.step(transfer)).toMatchObject({ status: 'blocked' });
  await givenLostAndReversed(transfer, 'payout:lost');
  await bed.liftPauses();
  expect(await drive(transfer)).toMatchObject({ failureReason: 'unknown_reversed_transfer' });
  await resolveUnpaid(bed.dependencies, await bed.rowOf(transfer), OPERATOR);
  await bed.liftPauses();
  await bed.moveClocks({ hours: 1 });
  expect(await drive(transfer)).toMatchObject({ status: 'completed', generation: 3 });
});

test('a debt that is doubted after its job has completed opens the job again', async () => {
  const transfer = await givenPayable(bed);
  await bed.rows(`update payout_jobs set status = 'processing' where id = $1`, [
    transfer.payoutJobId,
  ]);
  await inTransaction(bed.database, async (executor) => {
    const row = await lockTransfer(executor, transfer.id);
    const blocked = await markBlocked(executor, row, 'payee_account_missing');
    await markFailedTerminal(executor, blocked, 'payee_wait_over');
  });
  expect(await completeJobWhenTerminal(bed.database, transfer.payoutJobId)).toBe(true);
  const paidRun: WorkflowRuns = {
    ofSettlement: () => {
      throw new Error('nobody lists runs here');
    },
    newestOf: () => Promise.resolve({ state: 'COMPLETED', closedAtMs: Date.now() }),
    cursorOf: () => Promise.resolve(undefined),
  };
  await reopenPaidRuns(bed.dependencies, paidRun, { transferIds: [transfer.id] });
  expect(await bed.rowOf(transfer)).toMatchObject({ failureReason: 'unknown_paid_run' });
  expect(await findJobById(bed.database, transfer.payoutJobId)).toMatchObject({
    status: 'processing',
  });
});

test('a reading that was asked for comes before any first send, however fresh the one of the backup is', async () => {
  const transfer = await givenPayable(bed);
  await bed.readList(transfer);
  // Lost: the first key was refused without being saved, and the second has paid.
  await givenLostSend(bed, transfer, `payout:${transfer.id}:g2`);
  await wantStripeList(bed.database, transfer.payoutJobId);
  expect(
    await claimTransfer(bed.dependencies, { transferId: transfer.id, runId: 'run-beside-the-job' }),
  ).toMatchObject({ next: 'rest', view: { status: 'pending' } });
  await bed.readList(transfer);
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('an order that comes while the list is read makes the job read it once more, and nobody is sent before', async () => {
  const transfer = await givenPayable(bed);
  await wantStripeList(bed.database, transfer.payoutJobId);
  const { settlementId } = transfer;
  const reading = await beginListReading(bed.database, settlementId);
  await wantStripeList(bed.database, transfer.payoutJobId);
  // The wish is younger than the reading that ends now.
  const { next } = await bed.readListPage({ settlementId, reading });
  expect(next).toEqual({});
  expect(
    await claimTransfer(bed.dependencies, { transferId: transfer.id, runId: 'run-1' }),
  ).toMatchObject({ next: 'rest', tellJob: false });
  expect(await bed.readListPage({ settlementId, reading: next! })).toEqual({ next: null });
  expect(
    await claimTransfer(bed.dependencies, { transferId: transfer.id, runId: 'run-1' }),
  ).toMatchObject({ next: 'send' });
});

test('a job keeps its id in every database, so that a run that outlives a restore finds it again', async () => {
  const { payoutJobId, settlementId } = await givenPayable(bed);
  expect(payoutJobId).toBe(jobIdOf(settlementId));
});

test('the wait for a payee does not run under a pause', async () => {
  const transfer = await givenTransfer(bed.database, {});
  await bed.claim(transfer);
  await pauseByOperator(bed.database, transfer.settlementId, OPERATOR);
  expect(await bed.claim(transfer)).toMatchObject({ view: { failureReason: 'platform_paused' } });
  await bed.moveClocks({ days: 31 });
  await bed.liftPauses();
  for (let looks = 0; looks < 2; looks += 1) {
    expect(await bed.claim(transfer)).toMatchObject({
      view: { status: 'blocked', failureReason: 'payee_account_missing' },
    });
  }
});

test('a key that is rejected while a payment is looked for pauses everything, so that everybody is explained', async () => {
  const transfer = await givenPayable(bed);
  await bed.fault({ kind: 'drop_before' });
  expect(await bed.step(transfer)).toMatchObject({ status: 'unknown' });
  await bed.sandbox.control('keys', { key: 'sk_test_sandbox', state: 'invalid' });
  await expect(bed.reconcile(transfer)).rejects.toThrow('HTTP 401');
  await bed.sandbox.control('keys', { key: 'sk_test_sandbox', state: 'active' });
  expect(await findPausesInForce(bed.database, 'another')).toMatchObject([
    { cause: 'platform_key_rejected', settlementId: null },
  ]);
});
