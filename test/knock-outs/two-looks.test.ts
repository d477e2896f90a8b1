/**
 * Goal: "not in Stripe's list" proves nothing until two looks apart, the second a day after the send, agree (M5, M11).
 * Method: Stripe answers 500 and completes the payment later; the rule, and each half of it, on and then off.
 */
import type * as Limits from '../../src/domain/limits';
import type * as Reconciliation from '../../src/domain/reconciliation';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { givenPayable } from '../activities/activity-bed';
import { bedOfFile } from '../activities/bed-of-file';
import { GuardSwitch } from './guard-switch';
import { isNoticedByListReading } from './knock-out-bed';

const rule = new GuardSwitch();
const secondLook = new GuardSwitch();
const dayAfterSend = new GuardSwitch();

jest.mock('../../src/domain/reconciliation', () => {
  const actual = jest.requireActual<typeof Reconciliation>('../../src/domain/reconciliation');
  const { EMPTY_LOOKS_APART_MS } = jest.requireActual<typeof Limits>('../../src/domain/limits');
  return {
    ...actual,
    isProvenAbsent: (look: Reconciliation.EmptyLook) =>
      rule.isOff ||
      actual.isProvenAbsent(
        secondLook.isOff
          ? { ...look, notSeenSinceMs: look.beganAtMs - EMPTY_LOOKS_APART_MS }
          : look,
      ),
  };
});

jest.mock('../../src/domain/limits', () => {
  const actual = jest.requireActual<typeof Limits>('../../src/domain/limits');
  return {
    ...actual,
    get EMPTY_LOOK_AFTER_SEND_MS() {
      return dayAfterSend.isOff ? 0 : actual.EMPTY_LOOK_AFTER_SEND_MS;
    },
  };
});

const bed = bedOfFile();

beforeEach(() => {
  for (const guard of [rule, secondLook, dayAfterSend]) {
    guard.switchOn();
  }
});

const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;
const DAY_MINUTES = 24 * HOUR_MINUTES;

/** Unknown: Stripe has answered 500 twice, and will make the transfer so many minutes after the send. */
async function givenPaymentToCome(minutes: number): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  await bed.fault({ kind: 'commit_later', afterMs: minutes * MINUTE_MS });
  const claim = await bed.claimToSend(transfer);
  await bed.send(claim);
  await bed.send(claim);
  expect(await bed.record(claim)).toMatchObject({ status: 'unknown' });
  return transfer;
}

async function lookAfter(minutes: number, transfer: PayoutTransfer): Promise<string> {
  await bed.moveClocks({ ms: minutes * MINUTE_MS });
  expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
  return (await bed.reconcile(transfer)).status;
}

/** What a run does with a payment that is held to be proven absent: the next generation. */
async function sendAnew(transfer: PayoutTransfer): Promise<void> {
  expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
  expect(await bed.paidTimes(transfer)).toBe(1);
}

describe('a look right after the send finds nothing, a minute later Stripe completes it', () => {
  test('with the rule it stays unknown, and is found: paid once', async () => {
    const transfer = await givenPaymentToCome(1);
    expect(await lookAfter(0, transfer)).toBe('unknown');
    expect(await lookAfter(2, transfer)).toBe('completed');
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('without the rule nothing stands behind it: PAID TWICE, noticed by the next reading of the list', async () => {
    const transfer = await givenPaymentToCome(1);
    rule.switchOff();
    expect(await lookAfter(0, transfer)).toBe('retryable');
    await sendAnew(transfer);
    await bed.moveClocks({ ms: 2 * MINUTE_MS });
    expect(await bed.paidTimes(transfer)).toBe(2);
    expect(await isNoticedByListReading(bed, transfer)).toBe(true);
  });
});

describe('Stripe completes it between two looks on the day after', () => {
  const firstLook = DAY_MINUTES + 1;
  const completion = DAY_MINUTES + 6;
  const second = DAY_MINUTES + 12;

  test('with the second look it is found: paid once', async () => {
    const transfer = await givenPaymentToCome(completion);
    expect(await lookAfter(firstLook, transfer)).toBe('unknown');
    expect(await lookAfter(second, transfer)).toBe('completed');
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('when one look is enough nothing stands behind it: PAID TWICE, noticed by the next reading of the list', async () => {
    const transfer = await givenPaymentToCome(completion);
    secondLook.switchOff();
    expect(await lookAfter(firstLook, transfer)).toBe('retryable');
    await sendAnew(transfer);
    await bed.moveClocks({ ms: second * MINUTE_MS });
    expect(await bed.paidTimes(transfer)).toBe(2);
    expect(await isNoticedByListReading(bed, transfer)).toBe(true);
  });
});

describe('two looks of the first hour find nothing, then Stripe completes it', () => {
  test('with the wait of a day the looks prove nothing, and it is found: paid once', async () => {
    const transfer = await givenPaymentToCome(HOUR_MINUTES);
    expect(await lookAfter(1, transfer)).toBe('unknown');
    expect(await lookAfter(12, transfer)).toBe('unknown');
    expect(await lookAfter(HOUR_MINUTES + 1, transfer)).toBe('completed');
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('without the wait of a day nothing stands behind it: PAID TWICE, noticed by the next reading of the list', async () => {
    const transfer = await givenPaymentToCome(HOUR_MINUTES);
    dayAfterSend.switchOff();
    expect(await lookAfter(1, transfer)).toBe('unknown');
    expect(await lookAfter(12, transfer)).toBe('retryable');
    await sendAnew(transfer);
    await bed.moveClocks({ ms: (HOUR_MINUTES + 1) * MINUTE_MS });
    expect(await bed.paidTimes(transfer)).toBe(2);
    expect(await isNoticedByListReading(bed, transfer)).toBe(true);
  });
});
