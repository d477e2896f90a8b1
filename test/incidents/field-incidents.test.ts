/**
 * Goal: what went wrong in other payout systems, by their own issues, does not go wrong here; each test names its issue.
 * Method: the incident is played on the product's activities with real Postgres and the sandbox; red where it would happen.
 *
 * | incident                                                        | where it is shown instead                              |
 * | --------------------------------------------------------------- | ------------------------------------------------------ |
 * | open-bank-oss #4182, #4300, #4306 (COMPLETED while not settled) | test/workflows/transfer: "an unpaid winner is never reported as paid"; the activity's half is here |
 * | formance payments #752 (ids and settings read in workflow code) | test/replay, test/workflows/bundle: histories replay, workflows import nothing that reads the world |
 * | openmayhem #8 (charges_enabled stays false on recipients)       | test/stripe/reading-calls: only the transfers capability counts |
 * | hcb #13735, #14989, polar #9612, dub #2524 (attempts and reasons wanted) | test/e2e/faults: status says who is not paid and why |
 * | spree #14606 (nobody triggered the sweep), spree #14500 (no webhook) | test/e2e/sweep: the schedule starts it by itself; test/e2e/webhooks: an account.updated frees who waits, and without one the look by timer does (here) |
 * | formance ledger #445 (reverting a batch)                        | one order a transfer, each once: test/e2e/reverse and here |
 * | hyperswitch #3652, #10072, #13523, polar #6755, #2640, gumroad #1670 (reports) | test/client/report, test/client/export: JSON, CSV and page say the same |
 * | hyperswitch #9278, opencollective #2963, dub #3227, stripe-mirakl-connector #95 (notices) | nobody is written to; `status` and `why` tell at any time: test/e2e/faults, test/domain/explanation |
 * | Home-Chef-App #397, incacook-app #12 (audit of holds)           | test/activities/approval: each approval and confirmation is an operator action with its actor |
 * | polar #11978, #12097 (held until a review, then released or cancelled) | test/activities/approval: "a settlement that is held", "a settlement above the limit"; the retry path is here |
 * | blnk #55 (a balance moves, and no transaction tells of it)      | test/db/ledger: a balance is the sum of entries, and each entry is of a ledger transaction |
 * | d-inference #684 (Stripe refuses to open an account in the payee's country) | accounts are opened elsewhere; who has none waits and is explained: test/e2e/faults |
 * | PayPal Payouts-Java-SDK #7 (one wrong entry, and nothing is known of the rest) | test/client/settlement-file: refused whole, each wrong field named; what Stripe refuses stops its winner only, here |
 * | NativePHP #439 (transfer in the currency of the charge)         | prizes are paid from the balance: no source charge     |
 */
import {
  cancelTransfer,
  restoreTransfer,
  voidTransfer,
} from '../../src/activities/cancel-transfer';
import { lookAtPauses } from '../../src/activities/look-at-pauses';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { replaceUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { jobWorkflowId, transferWorkflowId } from '../../src/domain/ids';
import { REASONS } from '../../src/domain/reasons';
import { createStripeClient } from '../../src/stripe/client';
import { sendTransfer } from '../../src/stripe/transfers';
import { givenPayable, givenPayableSettlement } from '../activities/activity-bed';
import { checkedBedOfFile } from '../activities/checked-bed';
import { givenLostSend, pausesOf, postsDuring } from '../activities/made-at-stripe';
import { givenPaid, reversalBed } from '../activities/reversal-bed';
import { givenTransfer, newAccountId, newId, refusalOf } from '../support/builders';
import {
  AMBIGUOUS,
  breakLedgerRecord,
  CONFLICT,
  LOST_ANSWER,
  NEVER_ARRIVED,
  pause,
  RATE_LIMITED,
  retryByHand,
  stepUnder,
  takeOver,
  TOO_SMALL,
} from './fates';

const bed = checkedBedOfFile();

async function giveBalance(
  currency: string,
  available: number,
  more: Readonly<Record<string, number | string>> = {},
): Promise<void> {
  await bed.sandbox.control('balance', { currency, available, ...more });
}

describe('paying twice', () => {
  test('spree #14500: a timed-out payout is not sent again under a key that has expired', async () => {
    const transfer = await givenPayable(bed);
    await stepUnder(bed, AMBIGUOUS['a timeout']!, transfer);
    await bed.moveClocks({ hours: 25 });
    expect(await postsDuring(bed, () => takeOver(bed, transfer))).toBe(0);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test.each(Object.entries(AMBIGUOUS))(
    'Truxify #8978, #12568, rustchain-bounties #10638, wompi-node #33: a retry after %s pays once',
    async (_what, fate) => {
      const transfer = await givenPayable(bed);
      await stepUnder(bed, fate, transfer);
      expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed', generation: 1 });
      expect(await bed.paidTimes(transfer)).toBe(1);
    },
  );

  test('gumroad #6620: two processes that send one payment send one key, not one made up by each SDK', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    const send = await bed.begin(claim);
    const another = createStripeClient({
      apiKey: 'sk_test_sandbox',
      apiBase: bed.sandbox.baseUrl,
    });
    const answers = [
      await sendTransfer(bed.dependencies.stripe, send),
      await sendTransfer(another, send),
    ];
    expect(answers.map(({ replayed }) => replayed)).toEqual([false, true]);
    expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('formance payments #745: retries without end carry one key and pay once', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault(LOST_ANSWER, 10);
    const claim = await bed.claimToSend(transfer);
    for (let attempt = 0; attempt < 11; attempt += 1) {
      await bed.send(claim);
    }
    await bed.record(claim);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', attemptCount: 11 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('liberapay #1533: a key that was used with another amount is looked into, and no new key is made', async () => {
    const transfer = await givenPayable(bed);
    await bed.sandbox.pay(`payout:${transfer.id}`, { amount: '1' });
    expect(await bed.step(transfer)).toMatchObject({
      status: 'unknown',
      failureReason: 'unknown_key_mismatch',
    });
    expect(await postsDuring(bed, () => takeOver(bed, transfer))).toBe(0);
    expect(await bed.generationsOf(transfer)).toHaveLength(1);
    expect(await retryByHand(bed, transfer)).toBe('outcome_unknown');
  });

  test('liberapay #1533: the amount of a debt does not change under its key', async () => {
    const transfer = await givenPayable(bed);
    await stepUnder(bed, NEVER_ARRIVED, transfer);
    const amend = (table: string, id: string) =>
      refusalOf(
        bed.rows(`update ${table} set amount_minor = amount_minor + 1 where ${id} = $1`, [
          transfer.id,
        ]),
      );
    expect(await amend('payout_transfers', 'id')).not.toBe('nothing was refused');
    expect(await amend('payout_generations', 'transfer_id')).not.toBe('nothing was refused');
    expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
  });

  test('omi #7184: a key does not change at midnight while its outcome is unknown', async () => {
    const transfer = await givenPayable(bed);
    await stepUnder(bed, LOST_ANSWER, transfer);
    // Whatever the hour of this test, one of these steps is another day.
    for (const hours of [8, 16, 22]) {
      await bed.moveClocks({ hours });
      await stepUnder(bed, RATE_LIMITED, transfer);
    }
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('eyra/mono #1639: a look-up finds the payment of a later attempt, and its attempt', async () => {
    const transfer = await givenPayable(bed);
    const noFunds = { kind: 'status', status: 400, code: 'balance_insufficient', saved: true };
    await stepUnder(bed, noFunds, transfer);
    await bed.liftPauses();
    expect(await stepUnder(bed, LOST_ANSWER, transfer)).toMatchObject({ generation: 2 });
    await bed.moveClocks({ hours: 23 });
    expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed', generation: 2 });
    expect(await bed.recordsOf(transfer)).toEqual([
      'refusal ledger:payout:<id>:1 platform_balance_insufficient',
      'payout ledger:payout:<id>:2',
    ]);
    expect(await bed.attemptsOf(transfer)).toMatchObject([
      { generation: 1, resolution: 'not_created' },
      { generation: 2, resolution: 'created' },
    ]);
  });

  test('mojaloop #3300: a look-up that itself times out is not "not found"', async () => {
    const transfer = await givenPayable(bed);
    await stepUnder(bed, LOST_ANSWER, transfer);
    await bed.moveClocks({ hours: 25 });
    await bed.sandbox.control('faults', {
      match: { method: 'GET', path: '/v1/transfers' },
      fault: { kind: 'hang' },
    });
    await expect(bed.reconcile(transfer)).rejects.toMatchObject({ name: 'StripeUnreachableError' });
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'unknown', notSeenSince: null });
    expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
  });

  test('elizaOS #11022, #11035, #10327: what was refused and is retried is booked once, and the debt falls once', async () => {
    const transfer = await givenPayable(bed);
    const payable = async () => {
      const [sum] = await bed.rows<{ minor: number }>(
        `select coalesce(-sum(amount_minor), 0)::int as minor from ledger_entries
         join ledger_transactions as record on record.id = ledger_transaction_id
         where settlement_id = $1 and account = 'prizes_payable'`,
        [transfer.settlementId],
      );
      return sum!.minor;
    };
    await stepUnder(bed, CONFLICT, transfer);
    expect(await payable()).toBe(transfer.amountMinor);
    await bed.step(transfer);
    expect(await payable()).toBe(0);
    expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
    expect(await payable()).toBe(0);
  });

  test('rafiki #223, tigerbeetle #2335: a key that failed stays failed; the retry has one of its own', async () => {
    const transfer = await givenPayable(bed);
    const noFunds = { kind: 'status', status: 400, code: 'balance_insufficient', saved: true };
    const claim = await bed.claimToSend(transfer);
    await bed.fault(noFunds);
    await bed.send(claim);
    await bed.record(claim);
    await bed.liftPauses();
    const reopened = bed.rows(
      'update payout_generations set closed_at = null, closed_reason = null where transfer_id = $1',
      [transfer.id],
    );
    expect(await refusalOf(reopened)).not.toBe('nothing was refused');
    expect(await bed.send(claim)).toMatchObject({ type: 'SendRefused' });
    await bed.step(transfer);
    const keys = (await bed.generationsOf(transfer)).map(({ idempotencyKey }) => idempotencyKey);
    expect(keys).toEqual([`payout:${transfer.id}:g2`, `payout:${transfer.id}`]);
  });

  test('formance payments #750: an activity that runs again moves no amount again', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    for (let run = 0; run < 3; run += 1) {
      await bed.send(claim);
      await bed.record(claim);
      await bed.readList(transfer);
      await bed.reconcile(transfer);
    }
    expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:1']);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('commcare-hq #36741: what may have been sent cannot be withdrawn', async () => {
    const transfer = await givenPayable(bed);
    await stepUnder(bed, LOST_ANSWER, transfer);
    const withdraw = () =>
      refusalOf(
        bed.rows(`update payout_transfers set status = 'cancelled' where id = $1`, [transfer.id]),
      );
    expect(await withdraw()).not.toBe('nothing was refused');
    await bed.claimToSend(transfer);
    expect(await withdraw()).not.toBe('nothing was refused');
    expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
  });
});

describe('left unpaid', () => {
  test.each([
    ['before the POST', false],
    ['after it', true],
  ])(
    'elizaOS #10571, #10553, stripe-mirakl-connector #146: a row left "processing" %s is taken over and paid once',
    async (_where, wasSent) => {
      const transfer = await givenPayable(bed);
      const claim = await bed.claimToSend(transfer, 'run-that-dies');
      if (wasSent) {
        await bed.post(claim);
      }
      expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
      expect(await bed.paidTimes(transfer)).toBe(1);
    },
  );

  test('omi #7184: a saved "balance_insufficient" is not replayed once there is money', async () => {
    await giveBalance('gbp', 0);
    const [transfer] = await givenPayableSettlement(bed, { currency: 'gbp' });
    expect(await bed.step(transfer!)).toMatchObject({
      status: 'blocked',
      failureClass: 'platform',
    });
    await giveBalance('gbp', 1_000_000);
    await bed.liftPauses();
    expect(await bed.step(transfer!)).toMatchObject({ status: 'completed', generation: 2 });
    expect((await bed.attemptsOf(transfer!)).at(-1)).toMatchObject({ replayed: false });
  });

  test('gumroad #5150, gumroad-cli #161: what is below Stripe’s minimum ends with a reason, not in silence, and support can have it sent again', async () => {
    const transfer = await givenPayable(bed);
    expect(await stepUnder(bed, TOO_SMALL, transfer)).toMatchObject({
      status: 'failed_terminal',
      failureClass: 'request',
      failureReason: 'request_amount_refused',
    });
    expect(await bed.recordsOf(transfer)).toHaveLength(1);
    expect(await retryByHand(bed, transfer)).toBe('retried');
    expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed', generation: 2 });
  });

  test('tiny.place #274: money that left without a trace in the database gets its ledger record', async () => {
    const transfer = await givenPayable(bed);
    const stripeTransferId = await givenLostSend(bed, transfer);
    await bed.readList(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', stripeTransferId });
    expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:0']);
  });

  test('open-bank-oss #4182: an error of the record is not swallowed, and nobody is called paid', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    const ledger = await breakLedgerRecord(bed, transfer, 1);
    // Stripe has paid; what cannot be recorded is not called paid.
    expect(await refusalOf(bed.send(claim))).toBe('the record cannot be written');
    expect(await bed.rowOf(transfer)).toMatchObject({
      status: 'processing',
      stripeTransferId: null,
    });
    await ledger.mend();
    expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

describe('the platform’s money', () => {
  async function lookNow(transfer: PayoutTransfer): Promise<string[]> {
    await lookAtPauses(bed.dependencies, transfer, () => Promise.resolve());
    return pausesOf(bed, transfer);
  }

  test('gumroad #5432, opencollective #2968: a drained balance stops the rest before they are refused, and goes on by itself', async () => {
    await giveBalance('gbp', 1_500);
    const winners = [{ amountMinor: 1_000 }, { amountMinor: 1_000 }, { amountMinor: 1_000 }];
    const [one, two, three] = await givenPayableSettlement(bed, { currency: 'gbp', winners });
    expect(await bed.step(one!)).toMatchObject({ status: 'completed' });
    expect(await bed.step(two!)).toMatchObject({ failureReason: 'platform_balance_insufficient' });
    const posts = await postsDuring(bed, async () => {
      expect(await bed.claim(three!)).toMatchObject({
        view: { status: 'blocked', failureReason: 'platform_paused' },
      });
    });
    expect(posts).toBe(0);
    await giveBalance('gbp', 2_000);
    await bed.moveClocks({ ms: 61_000 });
    expect(await lookNow(one!)).toEqual([]);
    for (const transfer of [two!, three!]) {
      expect(await takeOver(bed, transfer)).toMatchObject({
        status: 'completed',
        countedAttemptCount: 0,
      });
      expect(await bed.paidTimes(transfer)).toBe(1);
    }
  });

  test('gumroad #5538: money that is only pending is not counted as there', async () => {
    await giveBalance('gbp', 0, { pending: 1_000_000 });
    const [transfer] = await givenPayableSettlement(bed, { currency: 'gbp' });
    await bed.step(transfer!);
    await bed.moveClocks({ ms: 61_000 });
    const stillPaused = ['settlement platform_balance_insufficient'];
    expect(await lookNow(transfer!)).toEqual(stillPaused);
    await giveBalance('gbp', transfer!.amountMinor, { pending: 0 });
    await bed.moveClocks({ hours: 1 });
    expect(await lookNow(transfer!)).toEqual([]);
  });

  test('opencollective #7012: a currency without cents is sent in whole units', async () => {
    await giveBalance('jpy', 1_000_000);
    const [transfer] = await givenPayableSettlement(bed, {
      currency: 'jpy',
      winners: [{ amountMinor: 1_050 }],
    });
    expect(await bed.step(transfer!)).toMatchObject({ status: 'completed' });
    const page = await bed.dependencies.stripe.transfers.list({
      transfer_group: `settlement:${transfer!.settlementId}`,
    });
    expect(page.data).toMatchObject([{ amount: 1_050, currency: 'jpy' }]);
  });
});

describe('the payee', () => {
  test('polar #13293, gumroad #4035, #5482, dub #3166, frantic-board #312: who is not ready is told why, waits, and is paid without starting over', async () => {
    const account = newAccountId();
    await bed.account(account, 'inactive');
    const transfer = await givenTransfer(bed.database, { account });
    const waiting = await bed.step(transfer);
    expect(waiting).toMatchObject({
      status: 'blocked',
      failureClass: 'payee',
      failureReason: 'payee_capability_inactive',
      countedAttemptCount: 0,
    });
    expect(REASONS[waiting.failureReason!].operatorText).toContain('onboarding is unfinished');
    await bed.moveClocks({ days: 20 });
    await bed.account(account, 'active');
    expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('NativePHP #525, d-inference #521, matters-server #1736: a country that makes every transfer fail stops the settlement at the third', async () => {
    const transfers = await givenPayableSettlement(bed, { winners: 5 });
    const fate = { kind: 'status', status: 400, code: 'transfers_not_allowed', saved: true };
    for (const transfer of transfers.slice(0, 3)) {
      expect(await stepUnder(bed, fate, transfer)).toMatchObject({
        status: 'failed_terminal',
        failureReason: 'payee_region_not_allowed',
      });
    }
    expect(await pausesOf(bed, transfers[0]!)).toEqual(['settlement payee_region_not_allowed']);
    for (const spared of transfers.slice(3)) {
      expect(await takeOver(bed, spared)).toMatchObject({ status: 'blocked', attemptCount: 0 });
    }
  });

  test('d-inference #498, gumroad #650: a payee whose account is gone is paid to the next one', async () => {
    const gone = newAccountId();
    await bed.account(gone, 'deauthorised');
    const transfer = await givenTransfer(bed.database, { account: gone });
    expect(await bed.step(transfer)).toMatchObject({ failureReason: 'payee_account_disconnected' });
    const stripeAccountId = newAccountId();
    await replaceUserStripeAccount(bed.database, { ...transfer, stripeAccountId });
    expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
    expect((await bed.generationsOf(transfer))[0]).toMatchObject({ destination: stripeAccountId });
  });

  test('d-inference #498: an account that changes while a payment is in doubt does not become a second payment', async () => {
    const transfer = await givenPayable(bed);
    await stepUnder(bed, LOST_ANSWER, transfer);
    const stripeAccountId = newAccountId();
    await replaceUserStripeAccount(bed.database, { ...transfer, stripeAccountId });
    await bed.moveClocks({ hours: 25 });
    expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

describe('holds and retries', () => {
  test('polar #12869, #12129: a held payout does not leak through the retry, and shows that it is held', async () => {
    const failed = await stepUnder(bed, TOO_SMALL, await givenPayable(bed));
    await pause(bed, failed.settlementId);
    expect(await retryByHand(bed, failed)).toBe('paused');
    // Even a retry that did not ask meets the gate in SQL.
    await bed.rows(`update payout_transfers set status = 'retryable' where id = $1`, [failed.id]);
    const posts = await postsDuring(bed, () => takeOver(bed, failed));
    expect(posts).toBe(0);
    expect(await bed.rowOf(failed)).toMatchObject({ failureReason: 'platform_paused' });
  });

  test('gumroad #6620: the kill switch stops also what was claimed before it', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await pause(bed, null);
    expect(await postsDuring(bed, () => bed.send(claim))).toBe(0);
    expect(await bed.record(claim)).toMatchObject({ status: 'blocked', attemptCount: 0 });
  });

  test('mojaloop #1541, formance stack #1596, payment-hub #10: a half-failed batch goes on, and only what is proven unpaid is retried', async () => {
    const [paid, refused, lost] = await givenPayableSettlement(bed, { winners: 3 });
    const rows = [
      await bed.step(paid!),
      await stepUnder(bed, TOO_SMALL, refused!),
      await stepUnder(bed, LOST_ANSWER, lost!),
    ];
    const answers = [];
    for (const row of rows) {
      answers.push(await retryByHand(bed, row));
    }
    expect(answers).toEqual(['already_paid', 'retried', 'outcome_unknown']);
    expect(await takeOver(bed, refused!)).toMatchObject({ status: 'completed', generation: 2 });
    expect(await takeOver(bed, lost!)).toMatchObject({ status: 'completed' });
    expect(await bed.rowOf(paid!)).toEqual(rows[0]);
    for (const { id } of rows) {
      expect(await bed.paidTimes({ id })).toBe(1);
    }
  });
});

describe('what comes back, and what is given up', () => {
  const reversals = () => reversalBed(bed);

  test('gumroad #717, hcb #14583: a reversal that is ordered twice, and whose answer is lost, brings the money back once', async () => {
    const paid = await givenPaid(bed);
    const orders = await Promise.all([1, 2].map(() => reversals().order({ transferId: paid.id })));
    expect(orders.map(({ is }) => is).sort()).toEqual(['ordered', 'refused']);
    const taken = orders.find((answer) => answer.is !== 'refused');
    await reversals().fault(LOST_ANSWER);
    await reversals().drive(taken!.reversal);
    expect(await reversals().order({ transferId: paid.id })).toMatchObject({ is: 'refused' });
    expect(await reversals().reversedAtStripe(paid)).toBe(paid.amountMinor);
    expect(await reversals().postingsOf(paid)).toEqual([paid.amountMinor]);
    expect(await bed.rowOf(paid)).toMatchObject({ status: 'completed' });
  });

  test('gumroad #6464, #5175: a reversal has the currency of its payment, and leaves no residue', async () => {
    await giveBalance('jpy', 1_000_000);
    const [transfer] = await givenPayableSettlement(bed, {
      currency: 'jpy',
      winners: [{ amountMinor: 1_051 }],
    });
    const paid = await bed.step(transfer!);
    for (const amountMinor of [350, 701]) {
      const part = await reversals().ordered({ transferId: paid.id, amountMinor });
      expect(part.currency).toBe('jpy');
      await reversals().drive(part);
    }
    expect(
      await bed.rows(
        `select currency, account, sum(amount_minor)::int as left from ledger_entries
         join ledger_transactions as record on record.id = ledger_transaction_id
         where record.transfer_id = $1 and account = 'stripe_balance' group by 1, 2`,
        [paid.id],
      ),
    ).toEqual([{ currency: 'jpy', account: 'stripe_balance', left: 0 }]);
  });

  test('gumroad #3943, #6848, stripe-mirakl-connector #78, lms-front #521: nothing is taken that the payee no longer has, and nothing is booked for it', async () => {
    const paid = await givenPaid(bed);
    const [generation] = await bed.generationsOf(paid);
    await giveBalance('usd', 400, { account: generation!.destination });
    const order = await reversals().ordered({ transferId: paid.id });
    expect(await reversals().drive(order)).toMatchObject({
      status: 'refused',
      failureReason: 'reversal_balance_insufficient',
    });
    expect(await reversals().postingsOf(paid)).toEqual([]);
    expect(await bed.rowOf(paid)).toMatchObject({ status: 'completed', amountReversedMinor: 0 });
  });

  test('blnk #41, #182, #62, #42, #293: a debt is voided once, never while it may be paid, and stays void', async () => {
    const { database } = bed;
    const transfer = await givenPayable(bed);
    const order = async () => {
      const { attemptCount, failureReason, id, status, updatedAt } = await bed.rowOf(transfer);
      return {
        actor: 'alex',
        reason: 'the entry was withdrawn',
        transferId: id,
        seenStatus: status,
        seenAttemptCount: attemptCount,
        seenReason: failureReason,
        seenUpdatedAtMs: updatedAt.getTime(),
      };
    };
    expect(await voidTransfer(database, await order())).toBe('not_cancelled');
    await cancelTransfer(database, await order());
    const seen = await order();
    expect(await voidTransfer(database, seen)).toBe('voided');
    expect(await voidTransfer(database, seen)).toBe('unchanged');
    expect(await restoreTransfer(bed.dependencies, await order())).toBe('already_voided');
    expect(await postsDuring(bed, () => bed.claim(transfer))).toBe(0);
    expect(await bed.recordsOf(transfer)).toEqual(['void ledger:void:<id>']);
  });
});

test('formance payments #776: the longest ids fit into every key, id and label', async () => {
  const long = (what: string) => newId(what).padEnd(100, 'x');
  const [transfer] = await givenPayableSettlement(bed, {
    settlementId: long('settlement'),
    contestId: long('contest'),
    winners: [{ userId: long('user'), award: long('award') }],
  });
  expect(await bed.step(transfer!)).toMatchObject({ status: 'completed' });
  const ids = [jobWorkflowId(transfer!.settlementId), transferWorkflowId(transfer!.id)];
  for (const id of ids) {
    // The limit of the server's SQL sample settings; docs.temporal.io has 1,000.
    expect(id.length).toBeLessThanOrEqual(255);
  }
});
