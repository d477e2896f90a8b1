/**
 * Goal: the 23-hour rule (M6) is what keeps a forgotten key from paying again; without it the double payment is real.
 * Method: Stripe pays, its answer is lost, both clocks move 25 h, so that Stripe has forgotten the key; rule on, then off.
 */
import type * as Limits from '../../src/domain/limits';
import type * as SendGate from '../../src/domain/send-gate';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { givenPayable } from '../activities/activity-bed';
import { bedOfFile } from '../activities/bed-of-file';
import { GuardSwitch } from './guard-switch';
import { postsDuring } from '../activities/made-at-stripe';
import { FOR_EVER_MS, isNoticedByListReading, LOST } from './knock-out-bed';

const rule = new GuardSwitch();
const claimsQuestion = new GuardSwitch();

jest.mock('../../src/domain/limits', () => {
  const actual = jest.requireActual<typeof Limits>('../../src/domain/limits');
  return {
    ...actual,
    get KEY_SENDABLE_MS() {
      return rule.isOff ? FOR_EVER_MS : actual.KEY_SENDABLE_MS;
    },
  };
});

jest.mock('../../src/domain/send-gate', () => {
  const actual = jest.requireActual<typeof SendGate>('../../src/domain/send-gate');
  return {
    ...actual,
    isKeySendable: (...asked: Parameters<typeof actual.isKeySendable>) =>
      claimsQuestion.isOff || actual.isKeySendable(...asked),
  };
});

const bed = bedOfFile();

beforeEach(() => {
  rule.switchOn();
  claimsQuestion.switchOn();
});

async function givenAnswerLostADayAgo(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  await bed.fault(LOST);
  expect(await bed.step(transfer)).toMatchObject({ status: 'unknown' });
  expect(await bed.paidTimes(transfer)).toBe(1);
  await bed.moveClocks({ hours: 25 });
  return transfer;
}

describe('the winner’s run looks again the day after', () => {
  test('with the rule Stripe’s list is asked instead of the dead key: paid once', async () => {
    const transfer = await givenAnswerLostADayAgo();
    const posts = await postsDuring(bed, async () => {
      expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
      expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
    });
    expect(posts).toBe(0);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('without the claim’s question the statement before the POST refuses: paid once', async () => {
    const transfer = await givenAnswerLostADayAgo();
    claimsQuestion.switchOff();
    const posts = await postsDuring(bed, async () => {
      const claim = await bed.claimToSend(transfer);
      expect(await bed.send(claim)).toMatchObject({
        type: 'SendRefused',
        reason: 'unknown_key_too_old',
      });
      expect(await bed.record(claim)).toMatchObject({ status: 'unknown' });
    });
    expect(posts).toBe(0);
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('without the rule nothing stands behind it: PAID TWICE, noticed by the next reading of the list', async () => {
    const transfer = await givenAnswerLostADayAgo();
    rule.switchOff();
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.paidTimes(transfer)).toBe(2);
    expect(await isNoticedByListReading(bed, transfer)).toBe(true);
  });
});

describe('a worker that was down for a day repeats the send of a claim that it holds', () => {
  test('with the rule the statement before the POST refuses: paid once', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.post(claim);
    await bed.moveClocks({ hours: 25 });
    expect(await postsDuring(bed, () => bed.send(claim))).toBe(0);
    expect(await bed.record(claim)).toMatchObject({ status: 'unknown' });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('without the rule nothing stands behind it: PAID TWICE, noticed by the next reading of the list', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.post(claim);
    await bed.moveClocks({ hours: 25 });
    rule.switchOff();
    expect(await bed.send(claim)).toMatchObject({ stripeTransferId: expect.any(String) });
    expect(await bed.paidTimes(transfer)).toBe(2);
    expect(await isNoticedByListReading(bed, transfer)).toBe(true);
  });
});
