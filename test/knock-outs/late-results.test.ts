/**
 * Goal: a result that comes late, from a claim that is no longer the row's, changes nothing (M9); and if it did, nobody is paid twice.
 * Method: `run-1` was refused and is overtaken before it records; `recordOutcome` takes it for the claim of today.
 */
import type * as RecordOutcome from '../../src/activities/record-outcome';
import { findTransferById, type PayoutTransfer } from '../../src/db/payout-transfers';
import { givenPayable } from '../activities/activity-bed';
import { bedOfFile } from '../activities/bed-of-file';
import { GuardSwitch } from './guard-switch';
import { postsDuring } from '../activities/made-at-stripe';

const fence = new GuardSwitch();

jest.mock('../../src/activities/record-outcome', () => {
  const actual = jest.requireActual<typeof RecordOutcome>('../../src/activities/record-outcome');
  return {
    ...actual,
    recordOutcome: async (
      ...[dependencies, claim]: Parameters<typeof actual.recordOutcome>
    ): ReturnType<typeof actual.recordOutcome> => {
      const row = await findTransferById(dependencies.database, claim.transferId);
      const claimNumber = fence.isOff && row ? row.claimNumber : claim.claimNumber;
      return actual.recordOutcome(dependencies, { ...claim, claimNumber });
    },
  };
});

const bed = bedOfFile();

beforeEach(() => fence.switchOn());

/** `run-1` has the answer 429 and has not recorded it; `run-2` has ended that claim and holds the next. */
async function givenOvertakenRefusal() {
  const transfer = await givenPayable(bed);
  await bed.fault({ kind: 'status', status: 429, code: 'rate_limit' });
  const late = await bed.claimToSend(transfer, 'run-1');
  await bed.send(late);
  expect(await bed.reconcile(transfer, 'run-2')).toMatchObject({ status: 'retryable' });
  return { transfer, late, young: await bed.claimToSend(transfer, 'run-2') };
}

async function endsPaidOnce(transfer: PayoutTransfer): Promise<void> {
  expect(await bed.step(transfer, 'run-2')).toMatchObject({ status: 'completed', generation: 1 });
  expect(await bed.paidTimes(transfer)).toBe(1);
}

describe('the late result comes before the new claim has sent', () => {
  test('with the fence the new claim sends: paid once', async () => {
    const { late, transfer, young } = await givenOvertakenRefusal();
    expect(await bed.record(late)).toMatchObject({ status: 'processing' });
    expect(await bed.send(young)).toMatchObject({ stripeTransferId: expect.any(String) });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('without it the claim is lost, and the gate before the POST keeps it from sending: paid once', async () => {
    const { late, transfer, young } = await givenOvertakenRefusal();
    fence.switchOff();
    expect(await bed.record(late)).toMatchObject({ status: 'retryable' });
    expect(await postsDuring(bed, () => bed.send(young))).toBe(0);
    await endsPaidOnce(transfer);
  });
});

describe('the late result comes while the new claim’s POST is on its way', () => {
  test('with the fence the row stays under the new claim', async () => {
    const { late, transfer, young } = await givenOvertakenRefusal();
    await bed.post(young);
    expect(await bed.record(late)).toMatchObject({ status: 'processing' });
    expect(await bed.rowOf(transfer)).toMatchObject({ claimNumber: young.claimNumber });
    expect(await bed.record(young)).toMatchObject({ status: 'unknown' });
    await endsPaidOnce(transfer);
  });

  test('without it the sticky rule calls the send unknown, and the same key asks again: paid once', async () => {
    const { late, transfer, young } = await givenOvertakenRefusal();
    await bed.post(young);
    fence.switchOff();
    expect(await bed.record(late)).toMatchObject({ status: 'unknown' });
    await endsPaidOnce(transfer);
  });
});
