/**
 * Goal: an operator's retry sends only what is proven unpaid, once however often it is clicked, with a new allowance.
 * Method: transfers are brought into each state over the sandbox's answers; the sandbox's own count says what was paid.
 */
import { checkJob } from '../../src/activities/check-job';
import { retryTransfer } from '../../src/activities/retry-transfer';
import { pauseSending } from '../../src/activities/pause-sending';
import { inTransaction } from '../../src/db/database';
import { findJobById, lockJob } from '../../src/db/payout-jobs';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { markAccountNotReady } from '../../src/db/user-stripe-accounts';
import type { RetryAnswer } from '../../src/domain/contracts';
import { MAX_ATTEMPTS, givenTransfer, untilSomebodyWaitsForLock } from '../support/builders';
import { givenPayable } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';

const bed = checkedBedOfFile();

const OPERATOR = { actor: 'alex', reason: 'the bank has answered' };

/** Refused for good by Stripe: row 27 of the answer table. */
const REGION = { kind: 'status', status: 400, code: 'transfers_not_allowed' };
const RATE_LIMITED = { kind: 'status', status: 429, code: 'rate_limit' };
const CONFLICT = { kind: 'status', status: 409 };

function retry(seen: PayoutTransfer): Promise<RetryAnswer> {
  return retryTransfer(bed.dependencies, {
    ...OPERATOR,
    transferId: seen.id,
    seenStatus: seen.status,
    seenAttemptCount: seen.attemptCount,
    seenReason: seen.failureReason,
    seenUpdatedAtMs: seen.updatedAt.getTime(),
  });
}

async function actionsOn(transfer: PayoutTransfer): Promise<number> {
  const actions = await bed.rows(
    `select from operator_actions where action = 'retry' and subject->>'transferId' = $1`,
    [transfer.id],
  );
  return actions.length;
}

async function givenFailed(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  await bed.fault(REGION);
  expect(await bed.step(transfer)).toMatchObject({ status: 'failed_terminal' });
  return bed.rowOf(transfer);
}

async function givenBlocked(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  await pauseSending(bed.database, transfer.settlementId, OPERATOR);
  await bed.claim(transfer);
  await bed.calm();
  return bed.rowOf(transfer);
}

const jobStatus = async ({ payoutJobId }: PayoutTransfer) =>
  (await findJobById(bed.database, payoutJobId))?.status;

const check = ({ payoutJobId: jobId }: PayoutTransfer) =>
  checkJob(bed.dependencies, { jobId, sending: [] });

describe('a transfer that failed', () => {
  test('is paid once under a new key, and its job is open again', async () => {
    const failed = await givenFailed();
    await check(failed);
    expect(await jobStatus(failed)).toBe('complete');
    expect(await retry(failed)).toBe('retried');
    expect(await jobStatus(failed)).toBe('processing');
    expect(await bed.rowOf(failed)).toMatchObject({
      status: 'retryable',
      failureReason: 'transient_retried_by_operator',
      maxAttempts: failed.countedAttemptCount + MAX_ATTEMPTS,
    });
    // Between two keys Stripe is looked at.
    await bed.reconcile(failed);
    expect(await bed.step(failed)).toMatchObject({ status: 'completed', generation: 2 });
    expect(await bed.paidTimes(failed)).toBe(1);
    await check(failed);
    expect(await jobStatus(failed)).toBe('complete');
  });

  test('of twenty clicks at once one retries, and one action says so', async () => {
    const failed = await givenFailed();
    const answers = await Promise.all(Array.from({ length: 20 }, () => retry(failed)));
    expect(answers.filter((answer) => answer === 'retried')).toHaveLength(1);
    expect(new Set(answers)).toEqual(new Set(['retried', 'moved_since']));
    expect(await retry(await bed.rowOf(failed))).toBe('waits_for_its_turn');
    expect(await actionsOn(failed)).toBe(1);
  });

  test('by used up attempts keeps its key, which is proven unpaid and not burnt', async () => {
    const transfer = await givenPayable(bed, 1);
    await bed.fault(CONFLICT);
    expect(await bed.step(transfer)).toMatchObject({ failureReason: 'attempts_used_up' });
    expect(await retry(await bed.rowOf(transfer))).toBe('retried');
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('by used up attempts, when the key is dead, gets another', async () => {
    const transfer = await givenPayable(bed, 1);
    await bed.fault(CONFLICT);
    await bed.step(transfer);
    await bed.moveClocks({ hours: 30 });
    expect(await retry(await bed.rowOf(transfer))).toBe('retried');
    await bed.claim(transfer);
    await bed.reconcile(transfer);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('by the end of the wait for its payee waits thirty days more', async () => {
    const transfer = await givenTransfer(bed.database, {});
    await bed.claim(transfer);
    await bed.moveClocks({ days: 31 });
    await bed.claim(transfer);
    const failed = await bed.rowOf(transfer);
    expect(failed).toMatchObject({ failureReason: 'payee_wait_over' });
    expect(await retry(failed)).toBe('retried');
    await bed.claim(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ failureReason: 'payee_account_missing' });
    await bed.moveClocks({ days: 60 });
    expect(await bed.claim(transfer)).toMatchObject({ view: { status: 'blocked' } });
    await bed.moveClocks({ days: 62 });
    expect(await bed.claim(transfer)).toMatchObject({ view: { status: 'failed_terminal' } });
  });
});

describe('a transfer that waits', () => {
  test('blocked goes on at once, and its account is asked about at once', async () => {
    const blocked = await givenBlocked();
    const { userId } = blocked;
    const [account] = await bed.rows<{ stripe_account_id: string }>(
      'select stripe_account_id from user_stripe_accounts where user_id = $1',
      [userId],
    );
    const stripeAccountId = account!.stripe_account_id;
    await markAccountNotReady(bed.database, { userId, stripeAccountId });
    expect(await retry(blocked)).toBe('retried');
    expect(await bed.rowOf(blocked)).toMatchObject({ status: 'pending', failureReason: null });
    expect(
      await bed.rows(
        'select next_ask_at <= payout_now() as due from user_stripe_accounts where user_id = $1',
        [userId],
      ),
    ).toEqual([{ due: true }]);
    expect(await bed.step(blocked)).toMatchObject({ status: 'completed' });
  });

  test('blocked again for the same reason, an old click is refused', async () => {
    const blocked = await givenBlocked();
    expect(await retry(blocked)).toBe('retried');
    await pauseSending(bed.database, blocked.settlementId, OPERATOR);
    await bed.claim(blocked);
    await bed.calm();
    const again = await bed.rowOf(blocked);
    expect(again).toMatchObject({
      status: blocked.status,
      failureReason: blocked.failureReason,
      attemptCount: blocked.attemptCount,
    });
    expect(await retry(blocked)).toBe('moved_since');
    expect(await actionsOn(blocked)).toBe(1);
    expect(await retry(again)).toBe('retried');
  });

  test('backing off goes on under the same key', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault(RATE_LIMITED);
    await bed.step(transfer);
    const retryable = await bed.rowOf(transfer);
    const answers = await Promise.all([retry(retryable), retry(retryable)]);
    expect(answers.sort()).toEqual(['moved_since', 'retried']);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
  });
});

describe('is refused, and nothing changes:', () => {
  async function expectRefused(transfer: PayoutTransfer, refusal: RetryAnswer): Promise<void> {
    const before = await bed.rowOf(transfer);
    expect(await retry(before)).toBe(refusal);
    expect(await bed.rowOf(transfer)).toEqual(before);
    expect(await actionsOn(transfer)).toBe(0);
  }

  test('a paid transfer', async () => {
    const transfer = await givenPayable(bed);
    await bed.step(transfer);
    await expectRefused(transfer, 'already_paid');
  });

  test('one whose outcome is not known', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.post(claim);
    await bed.record(claim);
    await expectRefused(transfer, 'outcome_unknown');
  });

  test('one that is being sent', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await expectRefused(transfer, 'being_sent');
    await bed.send(claim);
    await bed.record(claim);
  });

  test('one that was never tried', async () => {
    await expectRefused(await givenPayable(bed), 'waits_for_its_turn');
  });

  test('one under a pause', async () => {
    const failed = await givenFailed();
    await pauseSending(bed.database, null, OPERATOR);
    await expectRefused(failed, 'paused');
  });

  test('one whose winner has no account', async () => {
    const transfer = await givenTransfer(bed.database, {});
    await bed.claim(transfer);
    await expectRefused(transfer, 'payee_account_missing');
  });
});

test('a job that is completing while its last transfer is retried does not end without it', async () => {
  const failed = await givenFailed();
  let retried: Promise<RetryAnswer> | undefined;
  await inTransaction(bed.database, async (executor) => {
    await lockJob(executor, failed.payoutJobId);
    retried = retry(failed);
    await untilSomebodyWaitsForLock(bed);
    // As the job's own check does, which came first.
    await executor.execute(
      `update payout_jobs set status = 'processing' where id = '${failed.payoutJobId}'`,
    );
    await executor.execute(
      `update payout_jobs set status = 'complete' where id = '${failed.payoutJobId}'`,
    );
  });
  expect(await retried).toBe('retried');
  expect(await jobStatus(failed)).toBe('processing');
});
