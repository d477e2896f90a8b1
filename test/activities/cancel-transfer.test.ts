/**
 * Goal: who is cancelled is never sent to, nobody is cancelled who may be paid, and a debt is voided once (M5, M6, M8, M13).
 * Method: transfers are brought into each state over the sandbox's answers; races are decided at the row's lock; the
 * sandbox's own count says what was paid.
 */
import {
  cancelTransfer,
  restoreTransfer,
  voidTransfer,
} from '../../src/activities/cancel-transfer';
import type { OperatorOrder } from '../../src/activities/operator-order';
import { checkJob } from '../../src/activities/check-job';
import { pauseSending } from '../../src/activities/pause-sending';
import { resolveUnpaid } from '../../src/activities/resolve-unpaid';
import { settleCreatedTransfer } from '../../src/activities/settle-created-transfer';
import { verifyBooks } from '../../src/client/verify/verify-books';
import { inTransaction } from '../../src/db/database';
import { beginSend } from '../../src/db/payout-attempts';
import { findJobById } from '../../src/db/payout-jobs';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { lockTransfer } from '../../src/db/transfer-moves';
import { givenTransfer, refusalOf, untilSomebodyWaitsForLock } from '../support/builders';
import { givenPayable } from './activity-bed';
import { holdRow } from './hold-row';
import { checkedBedOfFile } from './checked-bed';
import { makeAtStripe } from './made-at-stripe';

const bed = checkedBedOfFile();

const OPERATOR = { actor: 'alex', reason: 'the contest is void' };
const REGION = { kind: 'status', status: 400, code: 'transfers_not_allowed' };
const RATE_LIMITED = { kind: 'status', status: 429, code: 'rate_limit' };

function orderFor(seen: PayoutTransfer): OperatorOrder {
  return {
    ...OPERATOR,
    transferId: seen.id,
    seenStatus: seen.status,
    seenAttemptCount: seen.attemptCount,
    seenReason: seen.failureReason,
    seenUpdatedAtMs: seen.updatedAt.getTime(),
  };
}

type Seen = Pick<PayoutTransfer, 'id'>;

/** Each order is given by somebody who has just looked. */
const cancel = async (seen: Seen) => cancelTransfer(bed.database, orderFor(await bed.rowOf(seen)));
const restore = async (seen: Seen) =>
  restoreTransfer(bed.dependencies, orderFor(await bed.rowOf(seen)));
const voidDebt = async (seen: Seen) => voidTransfer(bed.database, orderFor(await bed.rowOf(seen)));

async function actionsOn({ id }: Seen): Promise<string[]> {
  const actions = await bed.rows<{ said: string }>(
    `select concat_ws(' ', action, actor, reason) as said from operator_actions
     where subject->>'transferId' = $1 order by id`,
    [id],
  );
  return actions.map(({ said }) => said);
}

const check = ({ payoutJobId: jobId }: PayoutTransfer) =>
  checkJob(bed.dependencies, { jobId, sending: [] });

async function pausesOf({ settlementId }: PayoutTransfer): Promise<string[]> {
  const pauses = await bed.rows<{ cause: string }>(
    'select cause from payout_controls where settlement_id = $1 and lifted_at is null',
    [settlementId],
  );
  return pauses.map(({ cause }) => cause);
}

async function payableOf({ settlementId }: PayoutTransfer): Promise<number> {
  const [sum] = await bed.rows<{ payable: string }>(
    `select coalesce(-sum(entry.amount_minor), 0) as payable from ledger_entries as entry
     join ledger_transactions as posting on posting.id = entry.ledger_transaction_id
     where posting.settlement_id = $1 and entry.account = 'prizes_payable'`,
    [settlementId],
  );
  return Number(sum?.payable);
}

/** A send whose answer was lost, and its claim is over. */
async function givenUnknown(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  const claim = await bed.claimToSend(transfer);
  await bed.post(claim);
  await bed.record(claim);
  return bed.rowOf(transfer);
}

/** A send that never reached Stripe, which nobody knows. */
async function givenUnknownUnsent(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  const claim = await bed.claimToSend(transfer);
  await bed.begin(claim);
  await bed.record(claim);
  return bed.rowOf(transfer);
}

const STATES: readonly (readonly [string, () => Promise<PayoutTransfer>])[] = [
  ['pending', () => givenPayable(bed)],
  [
    'retryable',
    async () => {
      const transfer = await givenPayable(bed);
      await bed.fault(RATE_LIMITED);
      return bed.step(transfer);
    },
  ],
  [
    'blocked',
    async () => {
      const transfer = await givenTransfer(bed.database, {});
      await bed.claim(transfer);
      return bed.rowOf(transfer);
    },
  ],
  [
    'failed_terminal',
    async () => {
      const transfer = await givenPayable(bed);
      await bed.fault(REGION);
      return bed.step(transfer);
    },
  ],
];

describe.each(STATES)('a transfer that is %s', (status, given) => {
  test('is cancelled at once: its key has ended, it stays owed, and its job completes', async () => {
    const transfer = await given();
    expect(transfer.status).toBe(status);
    expect(await cancel(transfer)).toBe('cancelled');
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'cancelled', failureReason: null });
    const open = (await bed.generationsOf(transfer)).filter(({ closedAt }) => closedAt === null);
    expect(open).toEqual([]);
    expect(await payableOf(transfer)).toBe(transfer.amountMinor);
    expect(await bed.claim(transfer)).toMatchObject({
      next: 'rest',
      view: { status: 'cancelled' },
    });
    expect(await check(transfer)).toMatchObject({
      progress: { status: 'complete', outcome: 'unpaid', counts: { cancelled: 1 } },
    });
    expect(await bed.paidTimes(transfer)).toBe(0);
    expect(await actionsOn(transfer)).toEqual(['cancel alex the contest is void']);
  });
});

describe('a transfer that may be on its way', () => {
  test('unknown is cancelled only once Stripe’s list has shown, a day later, that nothing was paid', async () => {
    const transfer = await givenUnknownUnsent();
    expect(await cancel(transfer)).toBe('requested');
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'unknown' });
    // Its key is young, and is not sent again all the same.
    expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
    await bed.reconcile(transfer);
    await bed.moveClocks({ hours: 25 });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'cancelled' });
    expect(await bed.attemptsOf(transfer)).toHaveLength(1);
    expect(await bed.paidTimes(transfer)).toBe(0);
  });

  test('unknown that was paid completes, and says that it was wanted cancelled', async () => {
    const transfer = await givenUnknown();
    expect(await cancel(transfer)).toBe('requested');
    expect(await bed.reconcile(transfer)).toMatchObject({
      status: 'completed',
      isCancelRequested: true,
    });
    expect(await bed.paidTimes(transfer)).toBe(1);
    expect(await pausesOf(transfer)).toEqual([]);
    expect(await cancel(transfer)).toBe('already_paid');
    expect(await voidDebt(transfer)).toBe('already_paid');
    expect(await restore(transfer)).toBe('already_paid');
  });

  test('by a person’s word it is cancelled, and not sent anew', async () => {
    const transfer = await givenUnknownUnsent();
    await cancel(transfer);
    await bed.moveClocks({ hours: 25 });
    const resolved = await resolveUnpaid(bed.dependencies, await bed.rowOf(transfer), OPERATOR);
    expect(resolved).toEqual({ is: 'cancelled', mayStillBePaid: false });
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'cancelled' });
  });

  test('claimed and not sent: the gate is shut, and the end of the claim cancels', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    expect(await cancel(transfer)).toBe('requested');
    expect(await voidDebt(transfer)).toBe('cancel_not_in_effect');
    expect(await bed.send(claim)).toMatchObject({ reason: 'platform_cancel_requested' });
    expect(await bed.record(claim)).toMatchObject({ status: 'cancelled' });
    expect(await bed.attemptsOf(transfer)).toEqual([]);
  });

  test('claimed by a worker that has died: the next run cancels without sending', async () => {
    const transfer = await givenPayable(bed);
    await bed.claimToSend(transfer, 'run-1');
    expect(await cancel(transfer)).toBe('requested');
    expect(await bed.claim(transfer, 'run-2')).toMatchObject({ next: 'reconcile' });
    expect(await bed.reconcile(transfer, 'run-2')).toMatchObject({ status: 'cancelled' });
    expect(await bed.paidTimes(transfer)).toBe(0);
  });

  test.each([
    ['refused for good', REGION],
    ['refused for now', RATE_LIMITED],
  ])('on the way and %s: cancelled in the transaction that records it', async (_, fault) => {
    const transfer = await givenPayable(bed);
    await bed.fault(fault);
    const claim = await bed.claimToSend(transfer);
    await bed.send(claim);
    expect(await cancel(transfer)).toBe('requested');
    expect(await bed.record(claim)).toMatchObject({ status: 'cancelled' });
  });

  test('stopped by Stripe’s risk controls: neither cancelled nor voided before a person has looked', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault({ kind: 'status', status: 400, code: 'action_blocked', saved: true });
    const claim = await bed.claimToSend(transfer);
    await bed.send(claim);
    expect(await cancel(transfer)).toBe('requested');
    const held = { status: 'blocked', failureReason: 'platform_risk_control' };
    expect(await bed.record(claim)).toMatchObject(held);
    expect(await cancel(transfer)).toBe('risk_control_undecided');
    expect(await voidDebt(transfer)).toBe('cancel_not_in_effect');
    expect(await restore(transfer)).toBe('restored');
    expect(await bed.rowOf(transfer)).toMatchObject({ ...held, cancelRequestedAt: null });
    expect(await bed.claim(transfer)).toMatchObject({ next: 'rest' });
    expect(await bed.attemptsOf(transfer)).toHaveLength(1);
  });

  test('a wish that a worker of an earlier version has passed over takes effect with the next order', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault(RATE_LIMITED);
    await bed.step(transfer);
    await bed.rows('update payout_transfers set cancel_requested_at = payout_now() where id = $1', [
      transfer.id,
    ]);
    expect(await cancel(transfer)).toBe('cancelled');
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'cancelled' });
  });

  test('a request is withdrawn, and the payment goes on under its key', async () => {
    const transfer = await givenUnknownUnsent();
    expect(await cancel(transfer)).toBe('requested');
    expect(await cancel(transfer)).toBe('unchanged');
    expect(await restore(transfer)).toBe('restored');
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'unknown', cancelRequestedAt: null });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.paidTimes(transfer)).toBe(1);
    expect(await actionsOn(transfer)).toEqual([
      'request_cancel alex the contest is void',
      'restore alex the contest is void',
    ]);
  });
});

describe('races', () => {
  test('a send that waits for the cancel’s lock is refused: nothing is posted', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    const { gate, held } = await holdRow(bed, transfer);
    const cancelling = cancel(transfer);
    await untilSomebodyWaitsForLock(bed);
    const sending = beginSend(bed.database, claim, bed.platform);
    await untilSomebodyWaitsForLock(bed, 2);
    gate.release();
    await held;
    expect(await cancelling).toBe('requested');
    expect(await sending).toBeUndefined();
    expect(await bed.record(claim)).toMatchObject({ status: 'cancelled' });
  });

  test('a cancel that waits for a send’s lock finds it in the table, and asks', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    const { gate, held } = await holdRow(bed, transfer);
    const sending = beginSend(bed.database, claim, bed.platform);
    await untilSomebodyWaitsForLock(bed);
    const { id: transferId } = transfer;
    // As somebody would see it a moment later.
    const order = {
      ...OPERATOR,
      transferId,
      seenStatus: 'processing',
      seenAttemptCount: 1,
      seenReason: null,
    } as const;
    const cancelling = cancelTransfer(bed.database, order);
    await untilSomebodyWaitsForLock(bed, 2);
    gate.release();
    await held;
    expect(await sending).toMatchObject({ attemptNumber: 1 });
    expect(await cancelling).toBe('requested');
    expect(await bed.record(claim)).toMatchObject({ status: 'unknown', isCancelRequested: true });
  });

  test('a claim’s end and a cancel at once: cancelled, whichever is first', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault(RATE_LIMITED);
    const claim = await bed.claimToSend(transfer);
    await bed.send(claim);
    const [, answer] = await Promise.all([bed.record(claim), cancel(transfer)]);
    expect(['requested', 'moved_since', 'cancelled']).toContain(answer);
    await cancel(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'cancelled' });
  });

  test('of ten callers one cancels, and one action says so', async () => {
    const transfer = await givenPayable(bed);
    const order = orderFor(transfer);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => cancelTransfer(bed.database, order)),
    );
    expect(answers.sort()).toEqual(['cancelled', ...Array<string>(9).fill('unchanged')]);
    expect(await actionsOn(transfer)).toHaveLength(1);
  });

  test('restored and voided at once: one of them, and the ledger agrees', async () => {
    for (let round = 0; round < 5; round += 1) {
      const transfer = await givenPayable(bed);
      await cancel(transfer);
      const [restored, voided] = await Promise.all([restore(transfer), voidDebt(transfer)]);
      const isRestored = restored === 'restored';
      expect(isRestored).toBe(voided !== 'voided');
      expect(await bed.rowOf(transfer)).toMatchObject({
        status: isRestored ? 'pending' : 'voided',
      });
      expect(await payableOf(transfer)).toBe(isRestored ? transfer.amountMinor : 0);
    }
  });

  test('what the operator saw is no longer so: nothing changes', async () => {
    const transfer = await givenPayable(bed);
    const old = orderFor(transfer);
    await cancel(transfer);
    await restore(transfer);
    expect(await cancelTransfer(bed.database, old)).toBe('moved_since');
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'pending' });
  });
});

describe('a cancelled transfer', () => {
  test('is restored: Stripe is looked at, and it is paid once under another key', async () => {
    const transfer = await givenPayable(bed);
    await bed.claimToSend(transfer, 'run-1');
    await bed.reconcile(transfer, 'run-2');
    expect(await cancel(transfer)).toBe('cancelled');
    await check(transfer);
    expect(await restore(transfer)).toBe('restored');
    expect(await findJobById(bed.database, transfer.payoutJobId)).toMatchObject({
      status: 'processing',
      stripeListWantedAt: expect.any(Date),
    });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
    expect(await bed.paidTimes(transfer)).toBe(1);
    expect(await restore(transfer)).toBe('already_paid');
  });

  test('whose attempts were used up gets a new allowance with it', async () => {
    const transfer = await givenPayable(bed, 1);
    await bed.fault({ kind: 'status', status: 409 });
    expect(await bed.step(transfer)).toMatchObject({ failureReason: 'attempts_used_up' });
    await cancel(transfer);
    await restore(transfer);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
  });

  test('is voided once: the debt has left prizes_payable, and that is final', async () => {
    const transfer = await givenPayable(bed);
    expect(await voidDebt(transfer)).toBe('not_cancelled');
    await cancel(transfer);
    const order = orderFor(await bed.rowOf(transfer));
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => voidTransfer(bed.database, order)),
    );
    expect(answers.sort()).toEqual([...Array<string>(9).fill('unchanged'), 'voided']);
    expect(await bed.recordsOf(transfer)).toEqual(['void ledger:void:<id>']);
    expect(await payableOf(transfer)).toBe(0);
    expect(await cancel(transfer)).toBe('already_voided');
    expect(await restore(transfer)).toBe('already_voided');
  });

  test('is restored under a pause, and waits for its end', async () => {
    const transfer = await givenPayable(bed);
    await cancel(transfer);
    await pauseSending(bed.database, transfer.settlementId, OPERATOR);
    expect(await restore(transfer)).toBe('restored');
    expect(await bed.claim(transfer)).toMatchObject({ view: { failureReason: 'platform_paused' } });
  });

  test('is not found cancelled while a send has no outcome: Postgres refuses it', async () => {
    const transfer = await givenUnknown();
    const refused = refusalOf(
      bed.rows(`update payout_transfers set status = 'retryable' where id = $1`, [transfer.id]),
    );
    expect(await refused).toBe('payout_transfers_unresolved_send');
    await bed.reconcile(transfer);
  });
});

describe('a success that is learnt late', () => {
  async function learnLate(transfer: PayoutTransfer, stripeTransferId: string): Promise<void> {
    await inTransaction(bed.database, async (executor) => {
      const row = await lockTransfer(executor, transfer.id);
      const created = { stripeTransferId, attemptNumber: 1, generation: 1 };
      await settleCreatedTransfer(executor, row, created);
    });
  }

  async function givenRefusedAndCancelled(): Promise<PayoutTransfer> {
    const transfer = await givenPayable(bed);
    await bed.fault(REGION);
    await bed.step(transfer);
    expect(await cancel(transfer)).toBe('cancelled');
    return bed.rowOf(transfer);
  }

  test('after a cancel is a payment of what was owed, and an alarm', async () => {
    const transfer = await givenRefusedAndCancelled();
    await learnLate(transfer, 'tr_late_after_cancel');
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.recordsOf(transfer)).toContain('payout ledger:payout:<id>:1:late');
    expect(await payableOf(transfer)).toBe(0);
    expect(await pausesOf(transfer)).toEqual([`paid_after_cancel:${transfer.id}`]);
  });

  test('after a void is overpaid, and an alarm', async () => {
    const transfer = await givenRefusedAndCancelled();
    await voidDebt(transfer);
    await learnLate(transfer, 'tr_late_after_void');
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.recordsOf(transfer)).toContain('overpaid ledger:overpaid:tr_late_after_void');
    expect(await payableOf(transfer)).toBe(0);
    expect(await pausesOf(transfer)).toEqual([`paid_after_void:${transfer.id}`]);
  });

  test('by Stripe’s list, of a send that was on its way when it was cancelled, is its payment', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.post(claim);
    const oracle = await bed.sandbox.oracle();
    const [made] = oracle.byPayoutTransferId[transfer.id]?.ids ?? [];
    expect(made).toEqual(expect.any(String));
    await cancel(transfer);
    expect(await bed.record(claim)).toMatchObject({ status: 'unknown', isCancelRequested: true });
    await bed.readList(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({
      status: 'completed',
      stripeTransferId: made,
    });
  });
});

test('what a person is called to and states unpaid is cancelled again, and not sent', async () => {
  const transfer = await givenPayable(bed);
  await cancel(transfer);
  // Of another amount: Stripe has something for this debt that nobody here sent.
  const made = await makeAtStripe(bed, transfer, { amount: 1 });
  await bed.readList(transfer);
  expect(await bed.rowOf(transfer)).toMatchObject({
    status: 'unknown',
    failureReason: 'unknown_other_transfer',
    cancelRequestedAt: expect.any(Date),
  });
  await bed.dependencies.stripe.transfers.createReversal(made);
  const resolved = await resolveUnpaid(bed.dependencies, await bed.rowOf(transfer), OPERATOR);
  expect(resolved).toMatchObject({ is: 'cancelled' });
  expect(await bed.attemptsOf(transfer)).toEqual([]);
});

test('the books of a complete job stay whole when a debt is voided after its ledger was sealed', async () => {
  const transfer = await givenPayable(bed);
  await cancel(transfer);
  await check(transfer);
  const sealed = await findJobById(bed.database, transfer.payoutJobId);
  expect(sealed).toMatchObject({ status: 'complete', sealedLedgerHash: expect.any(String) });
  await voidDebt(transfer);
  const broken = async () =>
    (await verifyBooks(bed.database, transfer.settlementId)).checks.filter(({ ok }) => !ok);
  expect(await broken()).toEqual([]);
  expect(await findJobById(bed.database, transfer.payoutJobId)).toEqual(sealed);
  // What was sealed is still guarded.
  const change = (by: string) =>
    bed.inTransaction(
      'set local session_replication_role = replica',
      `update ledger_transactions set posted_at = posted_at ${by} interval '1 s'
       where settlement_id = '${transfer.settlementId}' and kind = 'settlement'`,
    );
  await change('+');
  expect(await broken()).toMatchObject([{ breaks: [{ kind: 'seal' }] }]);
  await change('-');
});
