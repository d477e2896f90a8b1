/**
 * Goal: while a send may have paid, nothing else is believed or sent but its own key (M5), and late news is kept (M9).
 * Method: an answer is lost before or after Stripe carried it out, then other answers come; the oracle counts payments.
 */
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { markRetryable } from '../../src/db/transfer-moves';
import { recordAnswer, resolveAttempt } from '../../src/db/payout-attempts';
import { isPaused } from '../../src/db/payout-controls';
import { settleCreatedTransfer } from '../../src/activities/settle-created-transfer';
import { lockTransfer } from '../../src/db/transfer-moves';
import { replaceUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { createStripeTransfer } from '../../src/activities/create-stripe-transfer';
import { givenTransfer, newId, refusalOf } from '../support/builders';
import { givenPayable } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';

const bed = checkedBedOfFile();

function payable(maxAttempts?: number): Promise<PayoutTransfer> {
  return givenPayable(bed, maxAttempts);
}

const LOST = { kind: 'drop_after' };
const NEVER_ARRIVED = { kind: 'drop_before' };

/** Answers that Stripe gives without having looked at the earlier send. */
const PROVES_NOTHING: readonly (readonly [string, Record<string, unknown>])[] = [
  ['401', { kind: 'status', status: 401 }],
  ['403', { kind: 'status', status: 403 }],
  ['409 key in use', { kind: 'status', status: 409, code: 'idempotency_key_in_use' }],
  ['409', { kind: 'status', status: 409 }],
  ['429', { kind: 'status', status: 429, code: 'rate_limit' }],
  ['a validation error', { kind: 'status', status: 400, code: 'parameter_invalid_integer' }],
  ['an unlisted refusal', { kind: 'status', status: 418, code: 'teapot' }],
];

describe('the sticky rule', () => {
  test.each(PROVES_NOTHING)(
    'a lost answer, then %s: unknown, and never a new key',
    async (_what, fault) => {
      const transfer = await payable();
      await bed.fault(LOST);
      expect(await bed.step(transfer)).toMatchObject({ status: 'unknown' });
      await bed.fault(fault);
      expect(await bed.step(transfer)).toMatchObject({ status: 'unknown', generation: 1 });
      expect(await bed.generationsOf(transfer)).toMatchObject([{ generation: 1, closedAt: null }]);
      expect((await bed.attemptsOf(transfer))[0]).toMatchObject({ resolution: null });
      expect(await bed.paidTimes(transfer)).toBe(1);
    },
  );

  test.each(PROVES_NOTHING.slice(0, -1))(
    'a lost answer, %s, then the same key again: paid once',
    async (_what, fault) => {
      const transfer = await payable();
      await bed.fault(LOST);
      await bed.step(transfer);
      await bed.fault(fault);
      await bed.step(transfer);
      expect(await bed.step(transfer)).toMatchObject({ status: 'completed', attemptCount: 3 });
      expect(await bed.attemptsOf(transfer)).toMatchObject([
        { resolution: 'created' },
        { resolution: 'not_created' },
        { resolution: 'created', replayed: true },
      ]);
      expect(await bed.paidTimes(transfer)).toBe(1);
    },
  );

  test.each<[string, Record<string, unknown>]>([
    ['the connection is cut', LOST],
    ['half the answer comes', { kind: 'truncate_after' }],
    ['no answer comes in time', { kind: 'hang', executed: true }],
    ['a proxy answers', { kind: 'html', executed: true }],
    ['503', { kind: 'status', status: 503, executed: true }],
    ['424', { kind: 'status', status: 424, executed: true }],
  ])('%s after Stripe paid: unknown, tried again by Temporal, paid once', async (_what, fault) => {
    const transfer = await payable();
    await bed.fault(fault);
    const claim = await bed.claimToSend(transfer);
    expect(await bed.send(claim)).toMatchObject({ type: 'StripeOutcomeUnknown', isRetried: true });
    expect(await bed.send(claim)).toMatchObject({ stripeTransferId: expect.any(String) });
    expect(await bed.record(claim)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('a send that never arrived is paid by the same key', async () => {
    const transfer = await payable();
    await bed.fault(NEVER_ARRIVED);
    expect(await bed.step(transfer)).toMatchObject({ status: 'unknown' });
    expect(await bed.paidTimes(transfer)).toBe(0);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('a replayed refusal resolves the earlier unknown sends, and only then opens a new key', async () => {
    const account = newId('acct_inactive').replace('-', '_');
    await bed.account(account, 'inactive');
    const transfer = await givenTransfer(bed.database, { account });
    await bed.fault(NEVER_ARRIVED);
    await bed.step(transfer);
    // A fresh refusal does not say what became of the first send.
    expect(await bed.step(transfer)).toMatchObject({ status: 'unknown', generation: 1 });
    expect(await bed.step(transfer)).toMatchObject({
      status: 'blocked',
      failureReason: 'payee_capability_inactive',
    });
    expect(await bed.attemptsOf(transfer)).toMatchObject([
      { outcome: 'unknown', resolution: 'not_created' },
      { outcome: 'not_created', replayed: false },
      { outcome: 'not_created', replayed: true },
    ]);
    expect(await bed.recordsOf(transfer)).toHaveLength(3);
    await bed.account(account, 'active');
    await bed.moveClocks({ hours: 1 });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('a saved 500 is replayed for ever: one more try tells, then Stripe’s list is asked', async () => {
    const transfer = await payable();
    await bed.fault({ kind: 'commit_later', afterMs: 60_000 });
    const claim = await bed.claimToSend(transfer);
    expect(await bed.send(claim)).toMatchObject({
      reason: 'unknown_server_error',
      isRetried: true,
    });
    expect(await bed.send(claim)).toMatchObject({ isRetried: false });
    await bed.record(claim);
    expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'unknown' });
    await bed.moveClocks({ ms: 61_000 });
    expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('with the allowance used up a lost answer is still asked about', async () => {
    const transfer = await payable(1);
    await bed.fault(LOST);
    const claim = await bed.claimToSend(transfer);
    await bed.send(claim);
    await bed.fault({ kind: 'status', status: 409, code: 'lock_conflict' });
    await bed.send(claim);
    await bed.record(claim);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'unknown', countedAttemptCount: 1 });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

describe('recordOutcome is fenced', () => {
  test('an old claim changes nothing', async () => {
    const transfer = await payable();
    const old = await bed.claimToSend(transfer);
    await bed.fault({ kind: 'status', status: 429 });
    await bed.send(old);
    await bed.record(old);
    await bed.claimToSend(transfer);
    const before = await bed.rowOf(transfer);
    const records = await bed.recordsOf(transfer);
    expect(await bed.record(old)).toMatchObject({ status: 'processing' });
    expect(await bed.rowOf(transfer)).toEqual(before);
    expect(await bed.recordsOf(transfer)).toEqual(records);
  });

  test('the same call again changes nothing', async () => {
    const transfer = await payable();
    await bed.fault({ kind: 'status', status: 429 });
    const claim = await bed.claimToSend(transfer);
    await bed.send(claim);
    await bed.record(claim);
    const before = await bed.rowOf(transfer);
    expect(await bed.record(claim)).toMatchObject({ status: 'retryable' });
    expect(await bed.rowOf(transfer)).toEqual(before);
  });

  test('a claim that sent nothing goes back to retryable without an attempt', async () => {
    const transfer = await payable();
    const claim = await bed.claimToSend(transfer);
    expect(await bed.record(claim)).toMatchObject({ status: 'retryable', attemptCount: 0 });
    expect(await bed.send(claim)).toMatchObject({ type: 'SendRefused' });
    expect(await bed.attemptsOf(transfer)).toEqual([]);
  });

  test('another Stripe account than the frozen one blocks and sends nothing', async () => {
    const transfer = await payable();
    const claim = await bed.claimToSend(transfer);
    const platform = { ...bed.platform, stripeAccountId: 'acct_other' };
    const send = createStripeTransfer({ ...bed.dependencies, platform }, claim);
    await expect(send).rejects.toMatchObject({ message: 'platform_mode_mismatch' });
    expect(await bed.paidTimes(transfer)).toBe(0);
  });
});

describe('late news', () => {
  async function settle(
    { id }: PayoutTransfer,
    news: { stripeTransferId: string; attemptNumber: number; generation: number },
  ) {
    return bed.database.transaction(async (transaction) => {
      const locked = await lockTransfer(transaction, id);
      return settleCreatedTransfer(transaction, locked, news);
    });
  }

  test.each(['retryable', 'blocked'])(
    'a success of an older claim is recorded although the row has moved on to %s',
    async (status) => {
      const transfer = await payable();
      const claim = await bed.claimToSend(transfer);
      const { attemptNumber } = await bed.begin(claim);
      await resolveAttempt(bed.database, { ...claim, attemptNumber }, 'not_created');
      await bed.rows(
        `update payout_transfers set status = $2, failure_class = 'platform',
           failure_reason = 'platform_paused' where id = $1`,
        [transfer.id, status],
      );
      const stripeTransferId = `tr_late_${status}`;
      await bed.database.transaction(async (transaction) => {
        const locked = await lockTransfer(transaction, transfer.id);
        const created = { kind: 'created', stripeTransferId } as const;
        const answer = { httpStatus: 200, replayed: false };
        await recordAnswer(transaction, { ...claim, attemptNumber }, answer, created);
        await settleCreatedTransfer(transaction, locked, {
          ...claim,
          attemptNumber,
          stripeTransferId,
        });
      });
      expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', stripeTransferId });
    },
  );

  test('a success after its refusal was booked is booked beside it', async () => {
    const transfer = await payable();
    await bed.fault({ kind: 'status', status: 429 });
    const claim = await bed.claimToSend(transfer);
    await bed.send(claim);
    await bed.record(claim);
    const paid = await settle(transfer, {
      stripeTransferId: 'tr_after_refusal',
      attemptNumber: 1,
      generation: 1,
    });
    expect(paid).toMatchObject({ status: 'completed', stripeTransferId: 'tr_after_refusal' });
    expect(await bed.recordsOf(transfer)).toEqual([
      'refusal ledger:payout:<id>:1 transient_rate_limited',
      'payout ledger:payout:<id>:1:late',
    ]);
  });

  test('a process frozen beyond the key’s life pays a second time: both are kept, the settlement stops', async () => {
    const transfer = await payable();
    const claim = await bed.claimToSend(transfer);
    const frozen = await bed.begin(claim);
    // Another try under the same key pays meanwhile.
    await bed.send(claim);
    const paid = await bed.rowOf(transfer);
    const second = 'tr_second';
    await bed.database.transaction(async (transaction) => {
      const locked = await lockTransfer(transaction, transfer.id);
      const attempt = { ...claim, attemptNumber: frozen.attemptNumber };
      const created = { kind: 'created', stripeTransferId: second } as const;
      await recordAnswer(transaction, attempt, { httpStatus: 200, replayed: false }, created);
      await settleCreatedTransfer(transaction, locked, { ...attempt, stripeTransferId: second });
    });
    expect(await bed.rowOf(transfer)).toEqual(paid);
    expect((await bed.attemptsOf(transfer)).map((attempt) => attempt.stripeTransferId)).toEqual([
      second,
      paid.stripeTransferId,
    ]);
    expect(await isPaused(bed.database, transfer.settlementId)).toBe(true);
    await settle(transfer, { stripeTransferId: second, attemptNumber: 1, generation: 1 });
    expect(
      await bed.rows('select cause, owner from payout_controls where settlement_id = $1', [
        transfer.settlementId,
      ]),
    ).toEqual([{ cause: `duplicate_stripe_transfer:${transfer.id}`, owner: 'automation' }]);
  });

  test('the same success again changes nothing', async () => {
    const transfer = await payable();
    const paid = await bed.step(transfer);
    const news = { stripeTransferId: paid.stripeTransferId!, attemptNumber: 1, generation: 1 };
    expect(await settle(transfer, news)).toEqual(paid);
    expect(await isPaused(bed.database, transfer.settlementId)).toBe(false);
    expect(await bed.recordsOf(transfer)).toHaveLength(1);
  });

  test('a late refusal changes neither the row nor what is certain', async () => {
    const transfer = await payable();
    const claim = await bed.claimToSend(transfer);
    const { attemptNumber } = await bed.begin(claim);
    await bed.send(claim);
    const paid = await bed.rowOf(transfer);
    const answer = { httpStatus: 400, replayed: false };
    await recordAnswer(bed.database, { ...claim, attemptNumber }, answer, {
      kind: 'not_created',
      reason: 'payee_capability_inactive',
      leadsTo: 'blocked',
      closesGeneration: true,
      counted: false,
    });
    expect(await bed.rowOf(transfer)).toEqual(paid);
    expect((await bed.attemptsOf(transfer))[0]).toMatchObject({
      outcome: 'not_created',
      resolution: 'created',
      stripeTransferId: paid.stripeTransferId,
    });
  });
});

test('no code can move a transfer with an unresolved send to retryable: Postgres refuses', async () => {
  const transfer = await payable();
  const claim = await bed.claimToSend(transfer);
  await bed.begin(claim);
  const row = await bed.rowOf(transfer);
  const move = markRetryable(bed.database, row, 'transient_not_sent');
  expect(await refusalOf(move)).toBe('payout_transfers_unresolved_send');
});

const SHORT_OF_FUNDS = { kind: 'status', status: 400, code: 'balance_insufficient', saved: true };

describe('what the first review found', () => {
  test('an account that was replaced between two tries of one claim gets the money', async () => {
    const transfer = await payable();
    await bed.fault({ kind: 'status', status: 429, code: 'rate_limit' });
    const claim = await bed.claimToSend(transfer);
    await bed.send(claim);
    await replaceUserStripeAccount(bed.database, {
      userId: transfer.userId,
      stripeAccountId: 'acct_replaced',
    });
    expect(await bed.send(claim)).toMatchObject({ type: 'SendRefused' });
    expect(await bed.record(claim)).toMatchObject({ status: 'retryable' });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
    const [newest] = await bed.generationsOf(transfer);
    expect(newest).toMatchObject({ generation: 2, destination: 'acct_replaced' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('a used-up allowance ends a transfer that was blocked meanwhile, and says so', async () => {
    const transfer = await payable(1);
    await bed.fault(NEVER_ARRIVED);
    await bed.fault({ kind: 'status', status: 409, code: 'lock_conflict' });
    await bed.step(transfer);
    expect(await bed.step(transfer)).toMatchObject({ status: 'unknown', countedAttemptCount: 1 });
    await bed.fault(SHORT_OF_FUNDS);
    await bed.step(transfer);
    await bed.step(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'blocked' });
    await bed.liftPauses();
    expect(await bed.step(transfer)).toMatchObject({
      status: 'failed_terminal',
      failureReason: 'attempts_used_up',
    });
    expect(await bed.paidTimes(transfer)).toBe(0);
  });

  test('what Stripe’s risk controls stopped is not sent again by itself', async () => {
    const transfer = await payable();
    await bed.fault({ kind: 'status', status: 403, code: 'approval_required', saved: true });
    expect(await bed.step(transfer)).toMatchObject({
      status: 'blocked',
      failureReason: 'platform_risk_control',
    });
    expect(await bed.claim(transfer)).toMatchObject({ next: 'rest', view: { status: 'blocked' } });
    expect(await bed.generationsOf(transfer)).toHaveLength(1);
  });
});
