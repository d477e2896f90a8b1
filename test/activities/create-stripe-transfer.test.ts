/**
 * Goal: the seed's tests of execution and adapter (S38, S39) row by row: one POST, one attempt, its outcome, its record.
 * Method: the sandbox answers as Stripe does or as a fault says; rows, ledger and the oracle are compared after each.
 */
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { givenTransfer, newId, refusalOf } from '../support/builders';
import { createStripeTransfer } from '../../src/activities/create-stripe-transfer';
import { createStripeClient } from '../../src/stripe/client';
import { freePort } from '../../local/free-port';
import { givenPayable } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';

const bed = checkedBedOfFile();

function payable(maxAttempts?: number): Promise<PayoutTransfer> {
  return givenPayable(bed, maxAttempts);
}

const RATE_LIMITED = { kind: 'status', status: 429, code: 'rate_limit' };
const CONFLICT = { kind: 'status', status: 409, code: 'lock_conflict' };
const REFUSED = { kind: 'status', status: 400, code: 'amount_too_small', saved: true };

describe('success', () => {
  test('S38 a created transfer answers with Stripe’s id', async () => {
    const transfer = await payable();
    const { stripeTransferId } = await bed.send(await bed.claimToSend(transfer));
    expect(stripeTransferId).toMatch(/^tr_/);
    const { byPayoutTransferId } = await bed.sandbox.oracle();
    expect(byPayoutTransferId[transfer.id]).toMatchObject({
      count: 1,
      amountMinor: transfer.amountMinor,
      ids: [stripeTransferId],
    });
  });

  test('S39 the flow ends completed with a balanced payout posting', async () => {
    const transfer = await payable();
    const paid = await bed.step(transfer);
    expect(paid).toMatchObject({
      status: 'completed',
      attemptCount: 1,
      countedAttemptCount: 0,
      failureReason: null,
    });
    expect(paid.stripeTransferId).toMatch(/^tr_/);
    expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:1']);
    expect(await bed.generationsOf(transfer)).toMatchObject([{ closedReason: 'paid' }]);
    expect(await bed.attemptsOf(transfer)).toMatchObject([
      {
        outcome: 'created',
        resolution: 'created',
        httpStatus: 200,
        replayed: false,
        stripeTransferId: paid.stripeTransferId,
      },
    ]);
  });

  test('S39 a success is recorded by the send itself, not left to a later step', async () => {
    const transfer = await payable();
    await bed.send(await bed.claimToSend(transfer));
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
  });

  test('S38 and S39 the key used is payout:<id>, and what is sent says whose payment it is', async () => {
    const transfer = await payable();
    await bed.sandbox.control('faults', {
      match: { idempotencyKey: `payout:${transfer.id}` },
      fault: { kind: 'status', status: 429 },
    });
    const claim = await bed.claimToSend(transfer);
    expect(await bed.send(claim)).toMatchObject({ reason: 'transient_rate_limited' });
    expect(await bed.send(claim)).toMatchObject({ stripeTransferId: expect.any(String) });
    const [sent] = await bed.dependencies.stripe.transfers
      .list({ transfer_group: `settlement:${transfer.settlementId}` })
      .then((page) => page.data);
    expect(sent).toMatchObject({
      amount: transfer.amountMinor,
      currency: 'usd',
      metadata: {
        payout_transfer_id: transfer.id,
        settlement_id: transfer.settlementId,
        contest_id: transfer.contestId,
        user_id: transfer.userId,
        installation_id: 'test',
      },
    });
  });
});

describe('S38 and S39 transient refusals', () => {
  test('S39 a transient refusal leads to retryable, with a record without entries', async () => {
    const transfer = await payable();
    await bed.fault(RATE_LIMITED);
    expect(await bed.step(transfer)).toMatchObject({
      status: 'retryable',
      failureClass: 'transient',
      failureReason: 'transient_rate_limited',
      attemptCount: 1,
      countedAttemptCount: 0,
    });
    expect(await bed.recordsOf(transfer)).toEqual([
      'refusal ledger:payout:<id>:1 transient_rate_limited',
    ]);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', attemptCount: 2 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['429', RATE_LIMITED, 'transient_rate_limited'],
    ['lock timeout', { ...RATE_LIMITED, code: 'lock_timeout' }, 'transient_lock_timeout'],
    ['key in use', { ...CONFLICT, code: 'idempotency_key_in_use' }, 'transient_key_in_use'],
  ])('S38 %s is tried again by Temporal with the same key', async (_what, fault, reason) => {
    const transfer = await payable();
    await bed.fault(fault);
    const claim = await bed.claimToSend(transfer);
    expect(await bed.send(claim)).toEqual({ type: 'StripeTransient', reason, isRetried: true });
    expect(await bed.send(claim)).toMatchObject({ stripeTransferId: expect.any(String) });
    expect(await bed.generationsOf(transfer)).toHaveLength(1);
  });

  test('S38 a refusal that counts is tried again by the workflow, minutes apart', async () => {
    const transfer = await payable();
    await bed.fault(CONFLICT);
    const claim = await bed.claimToSend(transfer);
    expect(await bed.send(claim)).toEqual({
      type: 'StripeTransient',
      reason: 'transient_conflict',
      isRetried: false,
    });
    expect(await bed.record(claim)).toMatchObject({ status: 'retryable' });
  });

  test('S38 a long delay of Stripe’s is waited for by the workflow, outside the window', async () => {
    const transfer = await payable();
    await bed.fault({ ...RATE_LIMITED, headers: { 'Retry-After': '120' } });
    const claim = await bed.claimToSend(transfer);
    expect(await bed.send(claim)).toMatchObject({ isRetried: false });
    expect(await bed.record(claim)).toMatchObject({ status: 'retryable', waitMs: 120_000 });
  });

  test('S38 Stripe’s own delay is handed to Temporal', async () => {
    const transfer = await payable();
    await bed.fault({ ...RATE_LIMITED, headers: { 'Retry-After': '7' } });
    const claim = await bed.claimToSend(transfer);
    expect(await bed.send(claim)).toMatchObject({ isRetried: true, retryDelay: 7_000 });
  });
});

describe('S38 and S39 refusals that time does not mend', () => {
  test('S39 a permanent refusal leads to failed_terminal and ends its key', async () => {
    const transfer = await payable();
    await bed.fault(REFUSED);
    const claim = await bed.claimToSend(transfer);
    expect(await bed.send(claim)).toEqual({
      type: 'RequestRefused',
      reason: 'request_amount_refused',
      isRetried: false,
    });
    expect(await bed.record(claim)).toMatchObject({
      status: 'failed_terminal',
      failureReason: 'request_amount_refused',
    });
    expect(await bed.recordsOf(transfer)).toEqual([
      'refusal ledger:payout:<id>:1 request_amount_refused',
    ]);
    expect(await bed.generationsOf(transfer)).toMatchObject([
      { closedReason: 'request_amount_refused' },
    ]);
  });

  test.each([
    ['missing', 'failed_terminal', 'payee_account_not_found'],
    ['closed', 'failed_terminal', 'payee_account_closed'],
    ['other_region', 'failed_terminal', 'payee_region_not_allowed'],
    ['deauthorised', 'blocked', 'payee_account_disconnected'],
    ['inactive', 'blocked', 'payee_capability_inactive'],
  ])('S38 an account that is %s: %s, %s', async (state, status, reason) => {
    const account = newId(`acct_${state}`).replace('-', '_');
    await bed.account(account, state);
    const transfer = await givenTransfer(bed.database, { account });
    expect(await bed.step(transfer)).toMatchObject({ status, failureReason: reason });
    expect(await bed.paidTimes(transfer)).toBe(0);
  });

  test('a payee who becomes ready is paid by the next generation', async () => {
    const account = newId('acct_late').replace('-', '_');
    await bed.account(account, 'inactive');
    const transfer = await givenTransfer(bed.database, { account });
    await bed.step(transfer);
    await bed.account(account, 'active');
    expect(await bed.claim(transfer)).toMatchObject({ next: 'rest' });
    await bed.moveClocks({ hours: 1 });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('an empty balance blocks, uses up nobody’s attempts, and a top-up pays', async () => {
    const transfer = await payable(1);
    const purse = { currency: 'usd' };
    await bed.sandbox.control('balance', { ...purse, available: 0 });
    for (let look = 1; look <= 3; look += 1) {
      expect(await bed.step(transfer)).toMatchObject({
        status: 'blocked',
        failureReason: 'platform_balance_insufficient',
        attemptCount: look,
        countedAttemptCount: 0,
      });
      expect(await bed.claim(transfer)).toMatchObject({
        next: 'rest',
        view: { failureReason: 'platform_paused' },
      });
      await bed.liftPauses();
    }
    await bed.sandbox.control('balance', { ...purse, available: 1_000_000_000 });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 4 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

describe('S39 attempts', () => {
  test('S39 attempt count increments exactly once a POST, whatever came back', async () => {
    const transfer = await payable();
    const claim = await bed.claimToSend(transfer);
    const faults = [RATE_LIMITED, CONFLICT, { kind: 'drop_before' }];
    for (const [index, fault] of faults.entries()) {
      await bed.fault(fault);
      await bed.send(claim);
      expect(await bed.rowOf(transfer)).toMatchObject({ attemptCount: index + 1 });
    }
    await bed.record(claim);
    await bed.record(claim);
    expect(await bed.rowOf(transfer)).toMatchObject({ attemptCount: 3, countedAttemptCount: 1 });
    expect(await bed.attemptsOf(transfer)).toHaveLength(3);
  });

  test('S39 exhaustion: the last allowed attempt leads to failed_terminal', async () => {
    const transfer = await payable(2);
    await bed.fault(CONFLICT, 2);
    expect(await bed.step(transfer)).toMatchObject({ status: 'retryable', countedAttemptCount: 1 });
    expect(await bed.step(transfer)).toMatchObject({
      status: 'failed_terminal',
      failureReason: 'attempts_used_up',
      countedAttemptCount: 2,
    });
    expect(await bed.recordsOf(transfer)).toHaveLength(2);
    expect(await bed.paidTimes(transfer)).toBe(0);
  });

  test('S39 what is not counted does not exhaust: 429s beyond the allowance, then paid', async () => {
    const transfer = await payable(1);
    await bed.fault(RATE_LIMITED, 3);
    for (let look = 0; look < 3; look += 1) {
      expect(await bed.step(transfer)).toMatchObject({ status: 'retryable' });
    }
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', attemptCount: 4 });
  });

  test('an unreachable Stripe fails nobody however often it is tried, and the winner is paid when it is back', async () => {
    const transfer = await payable(2);
    const stripe = createStripeClient({
      apiKey: 'sk_test_sandbox',
      apiBase: `http://127.0.0.1:${(await freePort()).toString()}`,
    });
    for (let look = 0; look < 2; look += 1) {
      const claim = await bed.claimToSend(transfer);
      await createStripeTransfer({ ...bed.dependencies, stripe }, claim).catch(() => undefined);
      await bed.record(claim);
    }
    expect(await bed.rowOf(transfer)).toMatchObject({
      status: 'retryable',
      failureReason: 'transient_not_connected',
    });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('S39 ledger entry for every outcome: refused, refused, paid', async () => {
    const transfer = await payable();
    await bed.fault(RATE_LIMITED);
    await bed.fault(CONFLICT);
    await bed.step(transfer);
    await bed.step(transfer);
    await bed.step(transfer);
    expect(await bed.recordsOf(transfer)).toEqual([
      'refusal ledger:payout:<id>:1 transient_rate_limited',
      'refusal ledger:payout:<id>:2 transient_conflict',
      'payout ledger:payout:<id>:3',
    ]);
  });

  test('S39 an unknown outcome has no record until it is final', async () => {
    const transfer = await payable();
    await bed.fault({ kind: 'drop_after' });
    expect(await bed.step(transfer)).toMatchObject({ status: 'unknown' });
    expect(await bed.recordsOf(transfer)).toEqual([]);
    await bed.step(transfer);
    expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:2']);
  });

  test('a refusal before the payment of the same claim has its record', async () => {
    const transfer = await payable();
    await bed.fault(RATE_LIMITED);
    const claim = await bed.claimToSend(transfer);
    await bed.send(claim);
    await bed.send(claim);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', attemptCount: 2 });
    expect(await bed.recordsOf(transfer)).toEqual([
      'refusal ledger:payout:<id>:1 transient_rate_limited',
      'payout ledger:payout:<id>:2',
    ]);
  });

  test('S39 rollback: when the record cannot be written the state is not either, and the attempt stays', async () => {
    const transfer = await payable();
    await bed.fault(RATE_LIMITED);
    const claim = await bed.claimToSend(transfer);
    await bed.send(claim);
    await bed.rows(
      `create function refuse_record() returns trigger language plpgsql as
       $$ begin raise exception 'the record cannot be written'; end $$`,
    );
    await bed.rows(
      `create trigger refuse_record before insert on ledger_transactions for each row
       when (new.idempotency_key = 'ledger:payout:${transfer.id}:1') execute function refuse_record()`,
    );
    expect(await refusalOf(bed.record(claim))).toBe('the record cannot be written');
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'processing', attemptCount: 1 });
    expect(await bed.attemptsOf(transfer)).toMatchObject([{ resolution: 'not_created' }]);
    await bed.rows('drop function refuse_record() cascade');
  });
});

describe('a 2xx that is not what was frozen', () => {
  test.each<[string, Record<string, unknown>]>([
    ['amount', { amount: 1 }],
    ['currency', { currency: 'eur' }],
    ['destination', { destination: 'acct_stranger' }],
  ])('another %s: unknown with an alarm, no new key, nothing adopted', async (_what, altered) => {
    const transfer = await payable();
    await bed.fault({ kind: 'altered', ...altered });
    const claim = await bed.claimToSend(transfer);
    expect(await bed.send(claim)).toEqual({
      type: 'StripeOutcomeUnknown',
      reason: 'unknown_other_transfer',
      isRetried: false,
    });
    expect(await bed.record(claim)).toMatchObject({ status: 'unknown' });
    expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
    expect(await bed.reconcile(transfer)).toMatchObject({
      status: 'unknown',
      failureReason: 'unknown_other_transfer',
    });
    expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
    expect(await bed.generationsOf(transfer)).toMatchObject([{ generation: 1, closedAt: null }]);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});
