/**
 * Goal: what Stripe shows beside a debt that is paid or voided stops its settlement until a person has decided, and not
 * again after it; what was decided stands in the books.
 * Method: debts are voided or paid, transfers beside them are made at Stripe; the list is read again and again.
 */
import { acceptTransfer } from '../../src/activities/accept-transfer';
import { cancelTransfer, voidTransfer } from '../../src/activities/cancel-transfer';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { givenPayable } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';
import { givenLostSend, makeAtStripe, pausesOf } from './made-at-stripe';

const OPERATOR = { actor: 'alex', reason: 'the winner keeps it' };

const bed = checkedBedOfFile();

async function orderFor({ id }: PayoutTransfer) {
  const seen = await bed.rowOf({ id });
  return {
    ...OPERATOR,
    transferId: id,
    seenStatus: seen.status,
    seenAttemptCount: seen.attemptCount,
    seenReason: seen.failureReason,
    seenUpdatedAtMs: seen.updatedAt.getTime(),
  };
}

async function givenVoided(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  expect(await cancelTransfer(bed.database, await orderFor(transfer))).toBe('cancelled');
  expect(await voidTransfer(bed.database, await orderFor(transfer))).toBe('voided');
  return bed.rowOf(transfer);
}

async function givenPaid(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  return bed.step(transfer);
}

/** The person has looked, lifted the alarm, and the list is read again. @returns what stops the settlement then */
async function resumedAndRead(transfer: PayoutTransfer): Promise<string[]> {
  await bed.liftPauses();
  await bed.readList(transfer);
  return pausesOf(bed, transfer);
}

const accept = async (transfer: PayoutTransfer, stripeTransferId: string) =>
  acceptTransfer(bed.dependencies, await bed.rowOf(transfer), { ...OPERATOR, stripeTransferId });

async function reverse(stripeTransferId: string, amount?: number): Promise<void> {
  await bed.dependencies.stripe.transfers.createReversal(
    stripeTransferId,
    amount === undefined ? {} : { amount },
  );
}

async function acceptedActions({ id }: PayoutTransfer): Promise<number> {
  const rows = await bed.rows(
    `select from operator_actions where action = 'resolve_accepted' and subject->>'transferId' = $1`,
    [id],
  );
  return rows.length;
}

test('a voided debt with a transfer of another amount: the alarm of each reading ends with the decision', async () => {
  const transfer = await givenVoided();
  const other = await makeAtStripe(bed, transfer, { amount: transfer.amountMinor + 7 });
  const alarm = [`settlement stripe_list_mismatch:${transfer.id}`];
  expect(await resumedAndRead(transfer)).toEqual(alarm);
  expect(await resumedAndRead(transfer)).toEqual(alarm);
  expect(await accept(transfer, other)).toBe('accepted');
  expect(await accept(transfer, other)).toBe('accepted');
  expect(await acceptedActions(transfer)).toBe(1);
  expect(await resumedAndRead(transfer)).toEqual([]);
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'voided', stripeTransferId: null });
  expect(await bed.recordsOf(transfer)).toContainEqual(expect.stringMatching(/^overpaid /));
  // Another one is another finding.
  await makeAtStripe(bed, transfer, { amount: transfer.amountMinor + 8 });
  expect(await resumedAndRead(transfer)).toEqual(alarm);
  await bed.liftPauses();
});

test('a voided debt with two payments: with one accepted, the other is what was paid after the void', async () => {
  const transfer = await givenVoided();
  const first = await givenLostSend(bed, transfer);
  const second = await givenLostSend(bed, transfer, `payout:${transfer.id}:g2`);
  expect(await resumedAndRead(transfer)).toContain(
    `settlement stripe_list_mismatch:${transfer.id}`,
  );
  expect(await accept(transfer, second)).toBe('accepted');
  expect(await resumedAndRead(transfer)).toEqual([`settlement paid_after_void:${transfer.id}`]);
  expect(await resumedAndRead(transfer)).toEqual([]);
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', stripeTransferId: first });
});

test('what came back in part is booked with it; what came back whole raises no alarm and is not accepted', async () => {
  const transfer = await givenVoided();
  const made = await givenLostSend(bed, transfer);
  await reverse(made, 100);
  expect(await resumedAndRead(transfer)).toHaveLength(1);
  expect(await accept(transfer, made)).toBe('accepted');
  expect(await resumedAndRead(transfer)).toEqual([]);
  expect((await bed.recordsOf(transfer)).map((record) => record.split(' ')[0]).sort()).toEqual([
    'overpaid',
    'reversal',
    'void',
  ]);

  const whole = await givenVoided();
  const back = await givenLostSend(bed, whole);
  await reverse(back);
  expect(await resumedAndRead(whole)).toEqual([]);
  expect(await accept(whole, back)).toBe('all_back');
});

test('a second transfer of a paid debt: booked by the reading, and no alarm again once it is accepted', async () => {
  const transfer = await givenPaid();
  const second = await givenLostSend(bed, transfer, `payout:${transfer.id}:g2`);
  const alarm = [`settlement duplicate_stripe_transfer:${transfer.id}`];
  expect(await resumedAndRead(transfer)).toEqual(alarm);
  expect(await resumedAndRead(transfer)).toEqual(alarm);
  expect(await accept(transfer, second)).toBe('accepted');
  expect(await resumedAndRead(transfer)).toEqual([]);
});

test('nothing is accepted that Stripe does not have, that is another’s, that pays, or while the debt is owed', async () => {
  const [paid, open] = [await givenPaid(), await givenPayable(bed)];
  const beside = await makeAtStripe(bed, open, { amount: open.amountMinor + 1 });
  expect(await accept(paid, 'tr_none')).toBe('no_such_stripe_transfer');
  expect(await accept(paid, beside)).toBe('of_another_payment');
  expect(await accept(paid, paid.stripeTransferId!)).toBe('is_its_payment');
  expect(await accept(open, beside)).toBe('still_owed');
  expect([await acceptedActions(paid), await acceptedActions(open)]).toEqual([0, 0]);
});
