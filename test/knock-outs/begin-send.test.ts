/**
 * Goal: the last gate before a POST (M6) as a whole: what it alone keeps out, and what others would catch behind it.
 * Method: `beginSend` is replaced by an insert of the attempt that asks nothing; claims grow old, are paused, are overtaken.
 */
import { sql } from 'drizzle-orm';

import type * as Attempts from '../../src/db/payout-attempts';
import { findGenerations } from '../../src/db/payout-generations';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { replaceUserStripeAccount } from '../../src/db/user-stripe-accounts';
import type { TransferClaim } from '../../src/domain/contracts';
import { givenPayable } from '../activities/activity-bed';
import { bedOfFile } from '../activities/bed-of-file';
import { newAccountId } from '../support/builders';
import { GuardSwitch } from './guard-switch';
import { postsDuring } from '../activities/made-at-stripe';
import { hasDuplicateAlarm, isNoticedByListReading } from './knock-out-bed';

const gate = new GuardSwitch();

jest.mock('../../src/db/payout-attempts', () => {
  const actual = jest.requireActual<typeof Attempts>('../../src/db/payout-attempts');
  return {
    ...actual,
    beginSend: (...[executor, claim, platform]: Parameters<typeof actual.beginSend>) =>
      gate.isOff ? insertAttempt(executor, claim) : actual.beginSend(executor, claim, platform),
  };
});

/** What is left of `beginSend` without its questions: the first send is stamped, the attempt is counted and written. */
async function insertAttempt(
  executor: Parameters<typeof Attempts.beginSend>[0],
  { claimNumber, generation, transferId }: TransferClaim,
): Promise<Attempts.BegunSend> {
  await executor.execute(sql`
    update payout_generations set first_sent_at = coalesce(first_sent_at, payout_now())
    where transfer_id = ${transferId} and generation = ${generation}`);
  const counted = await executor.execute<{ attempt_count: number }>(sql`
    update payout_transfers set attempt_count = attempt_count + 1 where id = ${transferId}
    returning attempt_count`);
  const attemptNumber = counted.rows[0]!.attempt_count;
  await executor.execute(sql`
    insert into payout_attempts (transfer_id, attempt_number, generation, claim_number)
    values (${transferId}, ${attemptNumber}, ${generation}, ${claimNumber})`);
  const generations = await findGenerations(executor, transferId);
  const sent = generations.find((candidate) => candidate.generation === generation)!;
  const { idempotencyKey, livemode, ...request } = sent;
  return { attemptNumber, idempotencyKey, livemode, request };
}

const bed = bedOfFile();

beforeEach(() => gate.switchOn());

describe('a pause is set between claim and send', () => {
  const givenPausedClaim = async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.rows(
      `insert into payout_controls (settlement_id, cause, owner) values (null, 'test', 'operator')`,
    );
    return { transfer, claim };
  };

  test('with the gate nothing is sent', async () => {
    const { claim, transfer } = await givenPausedClaim();
    expect(await postsDuring(bed, () => bed.send(claim))).toBe(0);
    expect(await bed.paidTimes(transfer)).toBe(0);
  });

  test('without it nothing else asks: paid in spite of the pause, but once', async () => {
    const { claim, transfer } = await givenPausedClaim();
    gate.switchOff();
    expect(await postsDuring(bed, () => bed.send(claim))).toBe(1);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

/** `run-1` has claimed and sleeps; `run-2` ends its claim and pays. */
async function givenOvertakenClaim(meanwhile?: (transfer: PayoutTransfer) => Promise<unknown>) {
  const transfer = await givenPayable(bed);
  const old = await bed.claimToSend(transfer, 'run-1');
  await meanwhile?.(transfer);
  expect(await bed.reconcile(transfer, 'run-2')).toMatchObject({ status: 'retryable' });
  expect(await bed.step(transfer, 'run-2')).toMatchObject({ status: 'completed' });
  return { transfer, old };
}

describe('a run that was overtaken wakes up and sends', () => {
  test('with the gate nothing is sent: paid once', async () => {
    const { old, transfer } = await givenOvertakenClaim();
    expect(await postsDuring(bed, () => bed.send(old))).toBe(0);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('without it the Stripe key stands behind it: paid once', async () => {
    const { old, transfer } = await givenOvertakenClaim();
    gate.switchOff();
    expect(await postsDuring(bed, () => bed.send(old))).toBe(1);
    expect(await bed.attemptsOf(transfer)).toMatchObject([{}, { replayed: true }]);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

describe('the same, and the winner’s account was replaced meanwhile, so that the next generation paid', () => {
  const replaceAccount = ({ userId }: PayoutTransfer) =>
    replaceUserStripeAccount(bed.database, { userId, stripeAccountId: newAccountId() });

  test('with the gate nothing is sent under the old key: paid once', async () => {
    const { old, transfer } = await givenOvertakenClaim(replaceAccount);
    expect(await bed.rowOf(transfer)).toMatchObject({ generation: 2 });
    expect(await postsDuring(bed, () => bed.send(old))).toBe(0);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('without it nothing stands behind it: PAID TWICE, both are kept and the settlement stops', async () => {
    const { old, transfer } = await givenOvertakenClaim(replaceAccount);
    gate.switchOff();
    expect(await postsDuring(bed, () => bed.send(old))).toBe(1);
    expect(await bed.paidTimes(transfer)).toBe(2);
    expect(await hasDuplicateAlarm(bed, transfer)).toBe(true);
  });
});

describe('a worker that was down for a day repeats a send whose answer was lost', () => {
  const givenDayOldSend = async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.post(claim);
    await bed.moveClocks({ hours: 25 });
    return { transfer, claim };
  };

  test('with the gate nothing is sent: paid once', async () => {
    const { claim, transfer } = await givenDayOldSend();
    expect(await postsDuring(bed, () => bed.send(claim))).toBe(0);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('without it nothing stands behind it: PAID TWICE, noticed by the next reading of the list', async () => {
    const { claim, transfer } = await givenDayOldSend();
    gate.switchOff();
    expect(await postsDuring(bed, () => bed.send(claim))).toBe(1);
    expect(await bed.paidTimes(transfer)).toBe(2);
    expect(await isNoticedByListReading(bed, transfer)).toBe(true);
  });
});
