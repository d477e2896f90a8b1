/**
 * Goal: no key is first sent on the word of a database that may have come back older, and none outlives its list (M11).
 * Method: the hours between a reading of Stripe's list, a first send and a later one pass on both clocks at once.
 */
import { claimTransfer } from '../../src/activities/claim-transfer';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { replaceUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { newAccountId } from '../support/builders';
import { givenPayable, givenPayableSettlement } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';
import { givenLostSend, pausesOf, postsDuring } from './made-at-stripe';

const bed = checkedBedOfFile();

const MINUTE_MS = 60_000;
const RATE_LIMITED = { kind: 'status', status: 429 };

/** The claim alone: no list is read for it. */
function claimOnly({ id: transferId }: Pick<PayoutTransfer, 'id'>, runId = 'run-1') {
  return claimTransfer(bed.dependencies, { transferId, runId });
}

describe('the first send of a key', () => {
  test('relies on a list of the last 12 hours', async () => {
    const transfer = await givenPayable(bed);
    await bed.moveClocks({ hours: 12, ms: -MINUTE_MS });
    expect(await claimOnly(transfer)).toMatchObject({ next: 'send' });
  });

  test('waits for a list that is older, and the job is told once', async () => {
    const [one, two] = await givenPayableSettlement(bed, { winners: 2 });
    await bed.moveClocks({ hours: 12 });
    const view = { status: 'pending', waitMs: null };
    expect(await claimOnly(one!)).toMatchObject({ next: 'rest', tellJob: true, view });
    expect(await claimOnly(one!)).toMatchObject({ next: 'rest', tellJob: false, view });
    expect(await claimOnly(two!)).toMatchObject({ next: 'rest', tellJob: false, view });
    await bed.readList(one!);
    expect(await claimOnly(one!)).toMatchObject({ next: 'send' });
    expect(await claimOnly(two!)).toMatchObject({ next: 'send' });
  });

  test('waits for it at the gate too, when the list grew old after the claim', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.moveClocks({ hours: 12 });
    expect(await bed.send(claim)).toEqual({
      type: 'SendRefused',
      reason: 'transient_list_not_read',
      isRetried: false,
    });
    expect(await bed.record(claim)).toMatchObject({
      status: 'retryable',
      failureReason: 'transient_list_not_read',
      attemptCount: 0,
    });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('of the next generation needs a fresh list as well', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault({ ...RATE_LIMITED, status: 400, code: 'amount_too_small', saved: true });
    await bed.step(transfer);
    await bed.rows(`update payout_transfers set status = 'retryable' where id = $1`, [transfer.id]);
    await bed.moveClocks({ hours: 12 });
    // Between two keys Stripe is looked at for this debt; the first send of the next one needs the whole list besides.
    expect(await claimOnly(transfer)).toMatchObject({ next: 'reconcile' });
    await bed.reconcile(transfer);
    expect(await claimOnly(transfer)).toMatchObject({ next: 'rest', tellJob: true });
    expect(await bed.generationsOf(transfer)).toHaveLength(1);
  });

  test('a reading that is still under way lets nothing through', async () => {
    const transfer = await givenPayable(bed);
    await bed.moveClocks({ hours: 12 });
    await claimOnly(transfer);
    for (let count = 0; count <= 100; count += 1) {
      await bed.sandbox.pay(`under-way-${count.toString()}`, {
        transfer_group: `settlement:${transfer.settlementId}`,
      });
    }
    const { settlementId } = transfer;
    const { next } = await bed.readListPage({ settlementId, reading: {} });
    expect(next).not.toBeNull();
    expect(await claimOnly(transfer)).toMatchObject({ next: 'rest' });
  });
});

test('a list of a time that has not come, since the clock was set back, is read again; the key counts from then', async () => {
  await bed.moveClocks({ hours: 36 });
  const transfer = await givenPayable(bed);
  await bed.moveClocks({ ms: 0 });
  expect(await claimOnly(transfer)).toMatchObject({ next: 'rest', tellJob: true });
  await bed.readList(transfer);
  await bed.fault({ kind: 'drop_after' });
  expect(await bed.step(transfer)).toMatchObject({ status: 'unknown' });
  await bed.moveClocks({ hours: 24, ms: MINUTE_MS });
  expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
  expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed', generation: 1 });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

describe('a key whose first send relied on a list of 11 hours before', () => {
  async function givenOldList(fault: Readonly<Record<string, unknown>>): Promise<PayoutTransfer> {
    const transfer = await givenPayable(bed);
    await bed.moveClocks({ hours: 11 });
    await bed.fault(fault);
    return bed.step(transfer);
  }

  test('is sent until 23 hours after that list', async () => {
    const unknown = await givenOldList({ kind: 'drop_before' });
    await bed.moveClocks({ hours: 23, ms: -MINUTE_MS });
    expect(await bed.step(unknown)).toMatchObject({ status: 'completed', generation: 1 });
  });

  test('is dead then, 12 hours after its first send: an unknown outcome is looked up', async () => {
    const unknown = await givenOldList({ kind: 'drop_before' });
    await bed.moveClocks({ hours: 23 });
    expect(await claimOnly(unknown)).toMatchObject({ next: 'reconcile' });
    await bed.reconcile(unknown);
    expect(await bed.rowOf(unknown)).toMatchObject({ failureReason: 'unknown_key_too_old' });
  });

  test('is dead then for a claim that is still held, too', async () => {
    const transfer = await givenPayable(bed);
    await bed.moveClocks({ hours: 11 });
    const claim = await bed.claimToSend(transfer);
    await bed.fault(RATE_LIMITED);
    await bed.send(claim);
    await bed.moveClocks({ hours: 23 });
    expect(await postsDuring(bed, () => bed.send(claim))).toBe(0);
    expect(await bed.send(claim)).toMatchObject({ reason: 'unknown_key_too_old' });
  });

  test('is left behind then, when it only met refusals', async () => {
    const refused = await givenOldList(RATE_LIMITED);
    await bed.moveClocks({ hours: 23 });
    expect(await bed.step(refused)).toMatchObject({ status: 'completed', generation: 2 });
    expect(await bed.generationsOf(refused)).toMatchObject([{}, { closedReason: 'key_too_old' }]);
  });
});

describe('a database that came back older', () => {
  /** The row as the backup had it; Stripe has paid it since. */
  const BACKUPS: Readonly<Record<string, () => Promise<PayoutTransfer>>> = {
    'not claimed': () => givenPayable(bed),
    'claimed and not sent': async () => {
      const transfer = await givenPayable(bed);
      await bed.claimToSend(transfer, 'run-before');
      return transfer;
    },
    'refused with 429': async () => {
      const transfer = await givenPayable(bed);
      await bed.fault(RATE_LIMITED);
      return bed.step(transfer, 'run-before');
    },
    unknown: async () => {
      const transfer = await givenPayable(bed);
      await bed.fault({ kind: 'drop_before' });
      return bed.step(transfer, 'run-before');
    },
  };

  /** What the workflows do until nothing more is to be done now. */
  async function goOn(transfer: PayoutTransfer): Promise<void> {
    for (let look = 0; look < 5; look += 1) {
      const answer = await bed.claim(transfer, 'run-after');
      if (answer.next === 'rest') {
        return;
      }
      if (answer.next === 'reconcile') {
        await bed.reconcile(transfer, 'run-after');
      } else if (answer.next === 'send') {
        await bed.send(answer.claim);
        await bed.record(answer.claim);
      }
    }
  }

  test.each(Object.keys(BACKUPS))(
    'row %s, paid at Stripe 25 hours ago: adopted by the reading, never sent',
    async (backup) => {
      const transfer = await BACKUPS[backup]!();
      const stripeTransferId = await givenLostSend(bed, transfer, `payout:${transfer.id}:lost`);
      await bed.moveClocks({ hours: 25 });
      const posts = await postsDuring(bed, async () => {
        await bed.readList(transfer);
        await goOn(transfer);
      });
      expect(posts).toBe(0);
      expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', stripeTransferId });
      expect(await pausesOf(bed, transfer)).toEqual([]);
      expect(await bed.paidTimes(transfer)).toBe(1);
    },
  );

  test('row unknown, paid since to the next account: adopted, and the first send is doubted aloud', async () => {
    const transfer = await BACKUPS['unknown']!();
    const stripeAccountId = newAccountId();
    await replaceUserStripeAccount(bed.database, { ...transfer, stripeAccountId });
    const stripeTransferId = await givenLostSend(bed, transfer, `payout:${transfer.id}:g2`);
    await bed.moveClocks({ hours: 25 });
    await bed.readList(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', stripeTransferId });
    expect(await pausesOf(bed, transfer)).toEqual([
      `settlement duplicate_stripe_transfer:${transfer.id}`,
    ]);
  });

  async function goOnAfterFiveHours(backup: string): Promise<PayoutTransfer> {
    const transfer = await BACKUPS[backup]!();
    await bed.moveClocks({ hours: 1 });
    const stripeTransferId = await givenLostSend(bed, transfer);
    await bed.moveClocks({ hours: 6 });
    await goOn(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', stripeTransferId });
    expect(await bed.paidTimes(transfer)).toBe(1);
    return transfer;
  }

  test.each(['not claimed', 'refused with 429', 'unknown'])(
    'row %s, paid at Stripe 5 hours ago, the backup’s list of 6 hours ago: the same key, Stripe replays',
    async (backup) => {
      const transfer = await goOnAfterFiveHours(backup);
      expect((await bed.attemptsOf(transfer)).at(-1)).toMatchObject({ replayed: true });
    },
  );

  test('row claimed by a run before, paid at Stripe 5 hours ago: found by the look that ends the claim', async () => {
    const transfer = await goOnAfterFiveHours('claimed and not sent');
    expect(await bed.attemptsOf(transfer)).toEqual([]);
  });

  test('a payment that Stripe’s list does not show yet is young: the same key, Stripe replays', async () => {
    const transfer = await givenPayable(bed);
    const stripeTransferId = await givenLostSend(bed, transfer);
    await bed.sandbox.control('list-lag', { transfersMs: 5 * MINUTE_MS });
    await bed.readList(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'pending' });
    await goOn(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', stripeTransferId });
    expect(await bed.paidTimes(transfer)).toBe(1);
    await bed.sandbox.control('list-lag', { transfersMs: 0 });
  });
});
