/**
 * Goal: what a run cannot know is found out from the attempt rows and Stripe's list, and nothing is guessed or sent.
 * Method: claims are left by a run that dies at each step, and Stripe's list is made to match, differ and double.
 */
import { pauseByAutomation } from '../../src/db/payout-controls';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { SENDS_BEFORE_LOOK } from '../../src/domain/limits';
import { givenPayable } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';
import { makeAtStripe, postsDuring } from './made-at-stripe';

const bed = checkedBedOfFile();

/** Unknown, with a key too old to be sent: only Stripe's list can tell. */
async function givenLostAnswer(fault: 'drop_after' | 'drop_before'): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  await bed.fault({ kind: fault });
  const unknown = await bed.step(transfer);
  expect(unknown).toMatchObject({ status: 'unknown' });
  await bed.moveClocks({ hours: 23 });
  return unknown;
}

describe('the claim of another run', () => {
  test('without sends it goes back to retryable', async () => {
    const transfer = await givenPayable(bed);
    await bed.claimToSend(transfer, 'run-1');
    expect(await bed.claim(transfer, 'run-2')).toMatchObject({ next: 'reconcile' });
    expect(await bed.reconcile(transfer, 'run-2')).toMatchObject({
      status: 'retryable',
      waitMs: 0,
    });
    expect(await bed.step(transfer, 'run-2')).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('with an unanswered send it is unknown, whatever Stripe’s list does not show', async () => {
    const transfer = await givenPayable(bed);
    await bed.begin(await bed.claimToSend(transfer, 'run-1'));
    expect(await bed.reconcile(transfer, 'run-2')).toMatchObject({
      status: 'unknown',
      failureReason: 'unknown_no_answer',
    });
  });

  test('with an answered refusal it ends as that refusal says', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault({ kind: 'status', status: 400, code: 'amount_too_small', saved: true });
    await bed.send(await bed.claimToSend(transfer, 'run-1'));
    expect(await bed.reconcile(transfer, 'run-2')).toMatchObject({
      status: 'failed_terminal',
      failureReason: 'request_amount_refused',
    });
    expect(await bed.recordsOf(transfer)).toHaveLength(1);
  });

  test('its own claim a run does not end', async () => {
    const transfer = await givenPayable(bed);
    await bed.claimToSend(transfer, 'run-1');
    expect(await bed.reconcile(transfer, 'run-1')).toMatchObject({ status: 'processing' });
  });
});

describe('sends whose answers never come', () => {
  async function givenLostSends(fault: 'drop_after' | 'drop_before'): Promise<PayoutTransfer> {
    const transfer = await givenPayable(bed);
    await bed.fault({ kind: fault }, SENDS_BEFORE_LOOK);
    for (let sent = 0; sent < SENDS_BEFORE_LOOK; sent += 1) {
      expect(await bed.step(transfer)).toMatchObject({ status: 'unknown' });
    }
    return transfer;
  }

  test('the payment is found in Stripe’s list while its key is young', async () => {
    const transfer = await givenLostSends('drop_after');
    expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('a look that finds nothing holds the same key up for no time', async () => {
    const transfer = await givenLostSends('drop_before');
    expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'unknown', waitMs: 0 });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('each further claim looks again', async () => {
    const transfer = await givenLostSends('drop_before');
    await bed.reconcile(transfer);
    await bed.fault({ kind: 'drop_after' });
    expect(await bed.step(transfer)).toMatchObject({ status: 'unknown' });
    expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
  });

  test('a look under a pause waits', async () => {
    const transfer = await givenLostSends('drop_before');
    const { settlementId } = transfer;
    const pause = { settlementId, cause: 'a test', isLiftedByItself: false };
    await pauseByAutomation(bed.database, pause);
    expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'unknown', waitMs: null });
  });
});

describe('Stripe’s list', () => {
  test('one equal entry is the payment', async () => {
    const transfer = await givenLostAnswer('drop_after');
    const posts = await postsDuring(bed, async () => {
      expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
    });
    expect(posts).toBe(0);
    const { byPayoutTransferId } = await bed.sandbox.oracle();
    const paid = await bed.rowOf(transfer);
    expect(byPayoutTransferId[transfer.id]!.ids).toEqual([paid.stripeTransferId]);
    expect(await bed.attemptsOf(transfer)).toMatchObject([
      { resolution: 'created', stripeTransferId: paid.stripeTransferId },
    ]);
    expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:1']);
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
  });

  test('a payment found after a later refusal of the same key is adopted too', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault({ kind: 'drop_after' });
    await bed.step(transfer);
    await bed.fault({ kind: 'status', status: 429 });
    await bed.step(transfer);
    await bed.moveClocks({ hours: 23 });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.recordsOf(transfer)).toEqual([
      'refusal ledger:payout:<id>:2 transient_rate_limited',
      'payout ledger:payout:<id>:1',
    ]);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('no entry is only not seen: unknown, and looked for again', async () => {
    const transfer = await givenLostAnswer('drop_before');
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'unknown', waitMs: null });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'unknown' });
    expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
    expect(await bed.generationsOf(transfer)).toMatchObject([{ generation: 1, closedAt: null }]);
  });

  test('an entry of another installation is none of ours', async () => {
    const transfer = await givenLostAnswer('drop_before');
    await makeAtStripe(bed, transfer, { metadata: { installation_id: 'another' } });
    expect(await bed.reconcile(transfer)).toMatchObject({
      status: 'unknown',
      failureReason: 'unknown_key_too_old',
    });
  });

  test.each<[string, string, (transfer: PayoutTransfer) => Promise<unknown>]>([
    [
      'another amount',
      'unknown_other_transfer',
      (transfer) => makeAtStripe(bed, transfer, { amount: transfer.amountMinor + 1 }),
    ],
    [
      'two matches',
      'unknown_second_transfer',
      async (transfer) => {
        await makeAtStripe(bed, transfer);
        await makeAtStripe(bed, transfer);
      },
    ],
    [
      'a reversal',
      'unknown_reversed_transfer',
      async (transfer) => {
        const id = await makeAtStripe(bed, transfer);
        await bed.dependencies.stripe.transfers.createReversal(id, { amount: 1 });
      },
    ],
  ])('%s: nothing is adopted, it stays unknown for a person', async (_what, reason, make) => {
    const transfer = await givenLostAnswer('drop_before');
    await make(transfer);
    expect(await bed.reconcile(transfer)).toMatchObject({
      status: 'unknown',
      failureReason: reason,
    });
    expect(await bed.recordsOf(transfer)).toEqual([]);
    expect((await bed.attemptsOf(transfer))[0]).toMatchObject({ resolution: null });
  });

  test('what was stopped for a person is not sent again while the key is young', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault({ kind: 'drop_before' });
    const unknown = await bed.step(transfer);
    await makeAtStripe(bed, unknown);
    await makeAtStripe(bed, unknown);
    await bed.reconcile(transfer);
    const posts = await postsDuring(bed, async () => {
      expect(await bed.claim(transfer)).toMatchObject({
        next: 'reconcile',
        view: { failureReason: 'unknown_second_transfer' },
      });
    });
    expect(posts).toBe(0);
  });

  test('a list of more than one page is read to its end', async () => {
    const transfer = await givenLostAnswer('drop_after');
    const [generation] = await bed.generationsOf(transfer);
    for (let count = 0; count < 101; count += 1) {
      await bed.dependencies.stripe.transfers.create({
        amount: 1,
        currency: 'usd',
        destination: generation!.destination,
        transfer_group: generation!.transferGroup,
        metadata: { payout_transfer_id: `other-${count.toString()}`, installation_id: 'test' },
      });
    }
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
  });

  test('a list that breaks off is an error that is tried again, not an empty list', async () => {
    const transfer = await givenLostAnswer('drop_after');
    await bed.sandbox.control('faults', {
      match: { method: 'GET', path: '/v1/transfers' },
      fault: { kind: 'status', status: 503 },
    });
    await expect(bed.reconcile(transfer)).rejects.toThrow('Stripe refused the request');
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'unknown' });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
  });
});

describe('the process dies', () => {
  const takeOver = async (transfer: PayoutTransfer): Promise<void> => {
    for (let look = 0; look < 5; look += 1) {
      const answer = await bed.claim(transfer, 'run-2');
      if (answer.next === 'rest') {
        return;
      }
      if (answer.next === 'reconcile') {
        await bed.reconcile(transfer, 'run-2');
      } else if (answer.next === 'send') {
        await bed.send(answer.claim);
        await bed.record(answer.claim);
      }
    }
  };

  test.each<[string, (transfer: PayoutTransfer) => Promise<unknown>]>([
    ['after the claim', (transfer) => bed.claimToSend(transfer)],
    [
      'after beginSend, before the POST',
      async (transfer) => bed.begin(await bed.claimToSend(transfer)),
    ],
    [
      'after the POST, before its answer is kept',
      async (transfer) => bed.post(await bed.claimToSend(transfer)),
    ],
    [
      'after the answer, before recordOutcome',
      async (transfer) => bed.send(await bed.claimToSend(transfer)),
    ],
    [
      'after a refusal, before recordOutcome',
      async (transfer) => {
        await bed.fault({ kind: 'status', status: 429 });
        await bed.send(await bed.claimToSend(transfer));
      },
    ],
    [
      'twice in the same place',
      async (transfer) => {
        const claim = await bed.claimToSend(transfer);
        await bed.post(claim);
        await bed.post(claim);
      },
    ],
  ])('%s: the next run ends paid, once', async (_where, die) => {
    const transfer = await givenPayable(bed);
    await die(transfer);
    await takeOver(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
    const attempts = await bed.attemptsOf(transfer);
    expect(attempts.filter((attempt) => attempt.resolution === null)).toEqual([]);
  });

  test('the same activity is simply tried again: same claim, same key, paid once', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.post(claim);
    expect(await bed.send(claim)).toMatchObject({ stripeTransferId: expect.any(String) });
    expect(await bed.send(claim)).toMatchObject({ type: 'SendRefused' });
    expect(await bed.record(claim)).toMatchObject({ status: 'completed', attemptCount: 2 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});
