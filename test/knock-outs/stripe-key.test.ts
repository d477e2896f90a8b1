/**
 * Goal: the Stripe key is what makes it safe to send again (M3); where no row and no list knows of a payment, only the key does.
 * Method: every POST gets a random key, or every generation does; an answer is lost, or a backup comes back.
 */
import { randomUUID } from 'node:crypto';

import type * as GenerationModule from '../../src/domain/generation';
import type * as Transfers from '../../src/stripe/transfers';
import { givenPayable } from '../activities/activity-bed';
import { bedOfFile } from '../activities/bed-of-file';
import { GuardSwitch } from './guard-switch';
import { postsDuring } from '../activities/made-at-stripe';
import { backUp, isNoticedByListReading, LOST } from './knock-out-bed';

const keyOfGeneration = new GuardSwitch();
const keyOfDebt = new GuardSwitch();

jest.mock('../../src/stripe/transfers', () => {
  const actual = jest.requireActual<typeof Transfers>('../../src/stripe/transfers');
  return {
    ...actual,
    sendTransfer: (...[stripe, send]: Parameters<typeof actual.sendTransfer>) =>
      actual.sendTransfer(
        stripe,
        keyOfGeneration.isOff ? { ...send, idempotencyKey: randomUUID() } : send,
      ),
  };
});

jest.mock('../../src/domain/generation', () => {
  const actual = jest.requireActual<typeof GenerationModule>('../../src/domain/generation');
  return {
    ...actual,
    stripeIdempotencyKey: (...debt: Parameters<typeof actual.stripeIdempotencyKey>) =>
      keyOfDebt.isOff ? `payout:${randomUUID()}` : actual.stripeIdempotencyKey(...debt),
  };
});

const bed = bedOfFile();

beforeEach(() => {
  keyOfGeneration.switchOn();
  keyOfDebt.switchOn();
});

describe('an answer is lost and Temporal tries again', () => {
  test('with the key of the generation Stripe answers for the first send: paid once', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault(LOST);
    const claim = await bed.claimToSend(transfer);
    expect(await bed.send(claim)).toMatchObject({ isRetried: true });
    expect(await bed.send(claim)).toMatchObject({ stripeTransferId: expect.any(String) });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('with a random key for each POST nothing stands behind it: PAID TWICE, noticed by the next reading of the list', async () => {
    const transfer = await givenPayable(bed);
    keyOfGeneration.switchOff();
    await bed.fault(LOST);
    const claim = await bed.claimToSend(transfer);
    expect(await bed.send(claim)).toMatchObject({ isRetried: true });
    expect(await bed.send(claim)).toMatchObject({ stripeTransferId: expect.any(String) });
    expect(await bed.paidTimes(transfer)).toBe(2);
    expect(await isNoticedByListReading(bed, transfer)).toBe(true);
  });
});

test('with a random key for each POST, once an answer has arrived, the row stands behind it: paid once', async () => {
  const transfer = await givenPayable(bed);
  keyOfGeneration.switchOff();
  const claim = await bed.claimToSend(transfer);
  await bed.send(claim);
  const posts = await postsDuring(bed, async () => {
    expect(await bed.send(claim)).toMatchObject({ type: 'SendRefused' });
    expect(await bed.claim(transfer, 'run-2')).toMatchObject({ next: 'rest' });
  });
  expect(posts).toBe(0);
  expect(await bed.paidTimes(transfer)).toBe(1);
});

describe('a backup from before the payment comes back two hours later', () => {
  const givenPaidAndForgotten = async () => {
    const transfer = await givenPayable(bed);
    const restore = await backUp(bed);
    await bed.step(transfer);
    await restore();
    await bed.moveClocks({ hours: 2 });
    return transfer;
  };

  test('with a key derived from the debt the restored database finds the same one: paid once', async () => {
    const transfer = await givenPaidAndForgotten();
    expect(await bed.step(transfer, 'run-2')).toMatchObject({ status: 'completed' });
    expect(await bed.attemptsOf(transfer)).toMatchObject([{ replayed: true }]);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('with a random key, before a new start of the job reads the list, nothing stands behind it: PAID TWICE', async () => {
    keyOfDebt.switchOff();
    const transfer = await givenPaidAndForgotten();
    expect(await bed.step(transfer, 'run-2')).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(2);
    expect(await isNoticedByListReading(bed, transfer)).toBe(true);
  });

  test('with a random key the list that a new start of the job reads stands behind it: paid once', async () => {
    keyOfDebt.switchOff();
    const transfer = await givenPaidAndForgotten();
    await bed.readList(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});
