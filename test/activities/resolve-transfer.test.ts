/**
 * Goal: a person's statement about an unknown outcome is taken only where Stripe does not contradict it.
 * Method: sends are cut at each side of Stripe's commit; statements are made right and wrong; the sandbox counts.
 */
import { resolvePaid } from '../../src/activities/resolve-paid';
import { resolveUnpaid } from '../../src/activities/resolve-unpaid';
import { beginSend } from '../../src/db/payout-attempts';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { givenPayable } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';

const OPERATOR = { actor: 'alex', reason: 'seen in the dashboard' };

const bed = checkedBedOfFile();

/** Stripe made it, and the answer was lost. */
async function givenUnknownPaid(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  const claim = await bed.claimToSend(transfer);
  await bed.post(claim);
  await bed.record(claim);
  return bed.rowOf(transfer);
}

/** The process died between the gate and the POST. */
async function givenUnknownUnpaid(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  const claim = await bed.claimToSend(transfer);
  await bed.begin(claim);
  await bed.record(claim);
  return bed.rowOf(transfer);
}

async function stripeIdOf(transfer: PayoutTransfer): Promise<string> {
  const { data } = await bed.dependencies.stripe.transfers.list({
    transfer_group: `settlement:${transfer.settlementId}`,
  });
  return data[0]!.id;
}

const paidBy = (transfer: PayoutTransfer, stripeTransferId: string) =>
  resolvePaid(bed.dependencies, transfer, { ...OPERATOR, stripeTransferId });
const unpaid = (transfer: PayoutTransfer) => resolveUnpaid(bed.dependencies, transfer, OPERATOR);

async function actionsOn({ id }: PayoutTransfer): Promise<string[]> {
  const rows = await bed.rows<{ action: string }>(
    `select action from operator_actions where subject->>'transferId' = $1`,
    [id],
  );
  return rows.map(({ action }) => action);
}

/** A transfer that somebody else made at Stripe, with our metadata for this debt. */
async function madeAtStripe(
  transfer: PayoutTransfer,
  wish: { readonly amount?: number; readonly destination?: string; readonly installation?: string },
): Promise<string> {
  const [generation] = await bed.generationsOf(transfer);
  const made = await bed.dependencies.stripe.transfers.create({
    amount: wish.amount ?? transfer.amountMinor,
    currency: transfer.currency,
    destination: wish.destination ?? generation!.destination,
    transfer_group: `settlement:${transfer.settlementId}`,
    metadata: {
      payout_transfer_id: transfer.id,
      installation_id: wish.installation ?? 'test',
    },
  });
  return made.id;
}

describe('--paid', () => {
  test('completes the transfer with one payout posting, once however often it is said', async () => {
    const transfer = await givenUnknownPaid();
    const stripeTransferId = await stripeIdOf(transfer);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => paidBy(transfer, stripeTransferId)),
    );
    expect(answers.filter((answer) => answer === 'completed')).toHaveLength(1);
    expect(new Set(answers)).toEqual(new Set(['completed', 'already_paid']));
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', stripeTransferId });
    expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:1']);
    expect(await actionsOn(transfer)).toEqual(['resolve_paid']);
    expect(await paidBy(await bed.rowOf(transfer), stripeTransferId)).toBe('already_paid');
  });

  async function expectRefused(transfer: PayoutTransfer, id: string, why: string): Promise<void> {
    const before = await bed.rowOf(transfer);
    expect(await paidBy(transfer, id)).toBe(why);
    expect(await bed.rowOf(transfer)).toEqual(before);
    expect(await actionsOn(transfer)).toEqual([]);
  }

  test('is refused for one that Stripe does not have', async () => {
    await expectRefused(await givenUnknownUnpaid(), 'tr_none', 'no_such_stripe_transfer');
  });

  test('is refused for another payment’s, and another installation’s', async () => {
    const [transfer, other] = [await givenUnknownUnpaid(), await givenUnknownPaid()];
    await expectRefused(transfer, await stripeIdOf(other), 'of_another_payment');
    const foreign = await madeAtStripe(transfer, { installation: 'other' });
    await expectRefused(transfer, foreign, 'of_another_payment');
  });

  test('is refused for another amount, another account, and one that was reversed in part', async () => {
    const transfer = await givenUnknownUnpaid();
    const { amountMinor } = transfer;
    const more = await madeAtStripe(transfer, { amount: amountMinor + 1 });
    await expectRefused(transfer, more, 'other_amount_or_mode');
    const elsewhere = await madeAtStripe(transfer, { destination: 'acct_somebody_else' });
    await expectRefused(transfer, elsewhere, 'other_destination');
    const reversed = await madeAtStripe(transfer, {});
    await bed.dependencies.stripe.transfers.createReversal(reversed, { amount: 1 });
    await expectRefused(transfer, reversed, 'reversed');
  });

  test('is refused for a transfer whose outcome is known', async () => {
    await expectRefused(await givenPayable(bed), 'tr_any', 'not_unknown');
  });
});

describe('--unpaid', () => {
  test('closes the old key and sends once under a new one', async () => {
    const transfer = await givenUnknownUnpaid();
    await bed.moveClocks({ hours: 1 });
    expect(await unpaid(transfer)).toEqual({ is: 'retryable', mayStillBePaid: true });
    expect(await bed.generationsOf(transfer)).toMatchObject([{ closedReason: 'resolved_unpaid' }]);
    expect(await bed.attemptsOf(transfer)).toMatchObject([{ resolution: 'not_created' }]);
    await bed.reconcile(transfer);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
    expect(await bed.paidTimes(transfer)).toBe(1);
    expect(await actionsOn(transfer)).toEqual(['resolve_unpaid']);
    expect(await unpaid(transfer)).toMatchObject({ is: 'refused', why: 'paid_at_stripe' });
    expect(await unpaid(await bed.rowOf(transfer))).toEqual({ is: 'refused', why: 'already_paid' });
  });

  test('a sender that slept through it sends nothing under the old key', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.begin(claim);
    await bed.record(claim);
    await bed.moveClocks({ hours: 1 });
    await unpaid(await bed.rowOf(transfer));
    expect(await beginSend(bed.database, claim, bed.platform)).toBeUndefined();
  });

  test('a day later no second payment has to be feared', async () => {
    const transfer = await givenUnknownUnpaid();
    await bed.moveClocks({ hours: 25 });
    expect(await unpaid(transfer)).toEqual({ is: 'retryable', mayStillBePaid: false });
  });

  test('is refused where Stripe has it, by its id', async () => {
    const transfer = await givenUnknownPaid();
    await bed.moveClocks({ hours: 1 });
    const stripeTransferId = await stripeIdOf(transfer);
    expect(await unpaid(transfer)).toEqual({
      is: 'refused',
      why: 'paid_at_stripe',
      stripeTransferId,
    });
    expect(await bed.rowOf(transfer)).toEqual(transfer);
  });

  test('is refused while a send may be under way', async () => {
    const transfer = await givenUnknownUnpaid();
    expect(await unpaid(transfer)).toEqual({ is: 'refused', why: 'still_under_way' });
    await bed.moveClocks({ ms: 61_000 });
    expect(await unpaid(transfer)).toMatchObject({ is: 'retryable' });
  });

  test('is refused when the row moved while Stripe’s list was read', async () => {
    const transfer = await givenUnknownPaid();
    const stale = { ...transfer, attemptCount: 0 };
    await bed.dependencies.stripe.transfers.createReversal(await stripeIdOf(transfer));
    await bed.moveClocks({ hours: 1 });
    expect(await unpaid(stale)).toEqual({ is: 'refused', why: 'moved_since' });
  });

  test('stands for a payment that came back whole, also when the list is read again', async () => {
    const transfer = await givenUnknownPaid();
    await bed.dependencies.stripe.transfers.createReversal(await stripeIdOf(transfer));
    await bed.moveClocks({ hours: 1 });
    await bed.reconcile(transfer);
    const stopped = await bed.rowOf(transfer);
    expect(stopped).toMatchObject({ failureReason: 'unknown_reversed_transfer' });
    expect(await unpaid(stopped)).toMatchObject({ is: 'retryable' });
    await bed.readList(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'retryable' });
    await bed.reconcile(transfer);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
  });

  test('a payment that is learnt after it stops the settlement once the other is made', async () => {
    const transfer = await givenUnknownUnpaid();
    await bed.moveClocks({ hours: 1 });
    await unpaid(transfer);
    await bed.reconcile(transfer);
    await bed.step(transfer);
    // Stripe completes the first send after all.
    await madeAtStripe(transfer, {});
    await bed.readList(transfer);
    const pauses = await bed.rows<{ cause: string }>(
      'select cause from payout_controls where settlement_id = $1 and lifted_at is null',
      [transfer.settlementId],
    );
    expect(pauses).toEqual([{ cause: `duplicate_stripe_transfer:${transfer.id}` }]);
  });

  test('of ten at a time one is taken', async () => {
    const transfer = await givenUnknownUnpaid();
    await bed.moveClocks({ hours: 1 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => unpaid(transfer)));
    expect(answers.filter(({ is }) => is === 'retryable')).toHaveLength(1);
    expect(await actionsOn(transfer)).toEqual(['resolve_unpaid']);
  });
});
