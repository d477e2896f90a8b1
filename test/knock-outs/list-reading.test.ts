/**
 * Goal: reading Stripe's list before a first send (M11) is what a restored database needs; without it somebody is paid twice.
 * Method: a backup is taken, the winner is paid, the backup comes back and hours pass; the rule on, then off.
 */
import { claimTransfer } from '../../src/activities/claim-transfer';
import type * as Limits from '../../src/domain/limits';
import type * as SendGate from '../../src/domain/send-gate';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { givenPayable } from '../activities/activity-bed';
import { bedOfFile } from '../activities/bed-of-file';
import { GuardSwitch } from './guard-switch';
import { postsDuring } from '../activities/made-at-stripe';
import { backUp, FOR_EVER_MS, isNoticedByListReading } from './knock-out-bed';

const rule = new GuardSwitch();
const claimsQuestion = new GuardSwitch();

jest.mock('../../src/domain/limits', () => {
  const actual = jest.requireActual<typeof Limits>('../../src/domain/limits');
  return {
    ...actual,
    get STRIPE_LIST_VALID_MS() {
      return rule.isOff ? FOR_EVER_MS : actual.STRIPE_LIST_VALID_MS;
    },
  };
});

jest.mock('../../src/domain/send-gate', () => {
  const actual = jest.requireActual<typeof SendGate>('../../src/domain/send-gate');
  return {
    ...actual,
    isListFresh: (...asked: Parameters<typeof actual.isListFresh>) =>
      claimsQuestion.isOff || actual.isListFresh(...asked),
  };
});

const bed = bedOfFile();

beforeEach(() => {
  rule.switchOn();
  claimsQuestion.switchOn();
});

/** Paid at Stripe, while the database remembers nothing later than its last reading of the list. */
async function givenPaidAndForgotten(hoursAgo: number): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  const restore = await backUp(bed);
  expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
  await restore();
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'pending', attemptCount: 0 });
  await bed.moveClocks({ hours: hoursAgo });
  return transfer;
}

test('with the rule the list is read first, and the payment in it adopted: paid once', async () => {
  const transfer = await givenPaidAndForgotten(25);
  const posts = await postsDuring(bed, async () => {
    const input = { transferId: transfer.id, runId: 'run-2' };
    expect(await claimTransfer(bed.dependencies, input)).toMatchObject({
      next: 'rest',
      tellJob: true,
    });
    await bed.readList(transfer);
  });
  expect(posts).toBe(0);
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('without the claim’s question the statement before the POST refuses: paid once', async () => {
  const transfer = await givenPaidAndForgotten(25);
  claimsQuestion.switchOff();
  const posts = await postsDuring(bed, async () => {
    const claim = await bed.claimToSend(transfer, 'run-2');
    expect(await bed.send(claim)).toMatchObject({
      type: 'SendRefused',
      reason: 'transient_list_not_read',
    });
    expect(await bed.record(claim)).toMatchObject({ status: 'retryable' });
  });
  expect(posts).toBe(0);
  await bed.readList(transfer);
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('without the rule, within a day, the Stripe key derived from the debt stands behind it: paid once', async () => {
  const transfer = await givenPaidAndForgotten(13);
  rule.switchOff();
  expect(await postsDuring(bed, () => bed.step(transfer, 'run-2'))).toBe(1);
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('without the rule a run that is still open, and has seen the send, distrusts the row: paid once', async () => {
  const transfer = await givenPaidAndForgotten(25);
  rule.switchOff();
  const posts = await postsDuring(bed, async () => {
    const seen = { generation: 1, attemptCount: 1 };
    const input = { transferId: transfer.id, runId: 'run-1', seen };
    expect(await claimTransfer(bed.dependencies, input)).toMatchObject({ next: 'reconcile' });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
  });
  expect(posts).toBe(0);
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('without the rule, a day later and in a new run, nothing stands behind it: PAID TWICE, noticed by the next reading', async () => {
  const transfer = await givenPaidAndForgotten(25);
  rule.switchOff();
  expect(await bed.step(transfer, 'run-2')).toMatchObject({ status: 'completed', generation: 1 });
  expect(await bed.paidTimes(transfer)).toBe(2);
  expect(await isNoticedByListReading(bed, transfer)).toBe(true);
});
