/**
 * Goal: the age of a key is counted by Postgres's clock, whatever the worker's own clock says (M6).
 * Method: the clock of this process, which plays the worker, is 25 hours fast or slow; Postgres's and Stripe's are not.
 */
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { brokenInvariants } from '../support/invariants';
import { givenPayable, openActivityBed, type ActivityBed } from './activity-bed';
import { postsDuring } from './made-at-stripe';

const HOUR_MS = 60 * 60 * 1_000;
const LOST = { kind: 'drop_after' };

let bed: ActivityBed;

beforeAll(async () => {
  bed = await openActivityBed();
});

afterEach(async () => {
  jest.restoreAllMocks();
  expect(await brokenInvariants(bed)).toEqual([]);
  await bed.calm();
});

afterAll(() => bed.close());

/** The sandbox lives in this process, so its clock is put back to where it was. */
async function moveWorkerClock(hours: number): Promise<void> {
  const stripe = await fetch(`${bed.sandbox.baseUrl}/_sandbox/clock`);
  const { nowMs } = (await stripe.json()) as { nowMs: number };
  const now = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => now() + hours * HOUR_MS);
  await bed.sandbox.control('clock', { nowMs });
}

/** Stripe has paid under the first key, and its answer never arrived. */
async function givenLostAnswer(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  await bed.fault(LOST);
  expect(await bed.step(transfer)).toMatchObject({ status: 'unknown' });
  return transfer;
}

describe.each([25, -25])('a worker whose clock is %p hours off', (hours) => {
  test('sends for the first time, and the send is dated by Postgres', async () => {
    const transfer = await givenPayable(bed);
    const began = Date.now();
    await moveWorkerClock(hours);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
    const [generation] = await bed.generationsOf(transfer);
    const afterMs = generation!.firstSentAt!.getTime() - began;
    expect(Math.abs(afterMs)).toBeLessThan(HOUR_MS);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('sends a young key again, and Stripe answers for the transfer that it made', async () => {
    const transfer = await givenLostAnswer();
    await moveWorkerClock(hours);
    const posts = await postsDuring(bed, async () => {
      expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    });
    expect(posts).toBe(1);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('lets a key of 25 hours be, and asks for Stripe’s list', async () => {
    const transfer = await givenLostAnswer();
    await bed.moveClocks({ hours: 25 });
    await moveWorkerClock(hours);
    const posts = await postsDuring(bed, async () => {
      expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
      expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
    });
    expect(posts).toBe(0);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('is refused before the POST when it holds a claim for a day', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.post(claim);
    await bed.moveClocks({ hours: 25 });
    await moveWorkerClock(hours);
    expect(await postsDuring(bed, () => bed.send(claim))).toBe(0);
    expect(await bed.record(claim)).toMatchObject({ status: 'unknown' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});
