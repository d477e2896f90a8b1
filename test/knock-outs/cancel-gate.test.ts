/**
 * Goal: the question of `beginSend` whether a payment is wanted cancelled (M6, M13): what happens without it.
 * Method: the statement is asked as if nobody had cancelled; the rest of the gate stays as it is.
 */
import { cancelTransfer } from '../../src/activities/cancel-transfer';
import type * as Attempts from '../../src/db/payout-attempts';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { givenPayable } from '../activities/activity-bed';
import { bedOfFile } from '../activities/bed-of-file';
import { GuardSwitch } from './guard-switch';
import { postsDuring } from '../activities/made-at-stripe';

const gate = new GuardSwitch();

/** The wish is hidden from the statement and written back after it. */
jest.mock('../../src/db/payout-attempts', () => {
  const actual = jest.requireActual<typeof Attempts>('../../src/db/payout-attempts');
  return {
    ...actual,
    beginSend: async (
      ...[executor, claim, platform]: Parameters<typeof actual.beginSend>
    ): ReturnType<typeof actual.beginSend> => {
      if (!gate.isOff) {
        return actual.beginSend(executor, claim, platform);
      }
      await setWish(claim.transferId, 'null');
      const begun = await actual.beginSend(executor, claim, platform);
      await setWish(claim.transferId, 'payout_now()');
      return begun;
    },
  };
});

const bed = bedOfFile();

beforeEach(() => gate.switchOn());

function setWish(transferId: string, value: 'null' | 'payout_now()'): Promise<unknown> {
  return bed.rows(`update payout_transfers set cancel_requested_at = ${value} where id = $1`, [
    transferId,
  ]);
}

/** Cancelled between claim and send: a request, since a send could have begun. */
async function givenCancelledClaim() {
  const transfer = await givenPayable(bed);
  const claim = await bed.claimToSend(transfer);
  expect(await cancel(await bed.rowOf(transfer))).toBe('requested');
  return { transfer, claim };
}

function cancel(seen: PayoutTransfer) {
  return cancelTransfer(bed.database, {
    actor: 'alex',
    reason: 'the contest is void',
    transferId: seen.id,
    seenStatus: seen.status,
    seenAttemptCount: seen.attemptCount,
    seenReason: seen.failureReason,
  });
}

test('with the gate nothing is sent, and the claim ends as cancelled', async () => {
  const { claim, transfer } = await givenCancelledClaim();
  expect(await postsDuring(bed, () => bed.send(claim))).toBe(0);
  expect(await bed.record(claim)).toMatchObject({ status: 'cancelled' });
  expect(await bed.paidTimes(transfer)).toBe(0);
});

test('without it nothing stands behind it: A CANCELLED WINNER IS PAID, once, and the row says so', async () => {
  const { claim, transfer } = await givenCancelledClaim();
  gate.switchOff();
  expect(await postsDuring(bed, () => bed.send(claim))).toBe(1);
  expect(await bed.paidTimes(transfer)).toBe(1);
  expect(await bed.record(claim)).toMatchObject({ status: 'completed', isCancelRequested: true });
});

test('without it a cancel that took effect still keeps the send out: its claim and its key are over', async () => {
  const { claim, transfer } = await givenCancelledClaim();
  await bed.record(claim);
  gate.switchOff();
  expect(await postsDuring(bed, () => bed.send(claim))).toBe(0);
  expect(await bed.paidTimes(transfer)).toBe(0);
});
