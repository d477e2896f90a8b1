/**
 * Goal: a job begins when Stripe has what it and those before it owe, and begins too when Stripe cannot tell.
 * Method: real Postgres and the sandbox's balance; faults stand at its address; the questions that reach it are counted.
 */
import { MockActivityEnvironment } from '@temporalio/testing';

import { checkFunds } from '../../src/activities/check-funds';
import { createStripeActivities } from '../../src/activities/index';
import { readJobStatus } from '../../src/client/read-status';
import { movePayoutJob, type PayoutJob } from '../../src/db/payout-jobs';
import type { FundsCheck } from '../../src/domain/contracts';
import { FUNDS_TRIES_MAX } from '../../src/domain/limits';
import { givenScheduledSettlement, type WinnerWish } from '../support/builders';
import { checkedBedOfFile } from './checked-bed';

const MINUTE_MS = 60_000;

const bed = checkedBedOfFile();
let unreadable: string[];

beforeEach(() => {
  unreadable = [];
});

afterEach(async () => {
  // What a test leaves open must not count for the next one.
  await bed.rows(`update payout_transfers set status = 'cancelled' where status = 'pending'`);
});

const giveBalance = (available: number, currency = 'usd') =>
  bed.sandbox.control('balance', { currency, available });

async function givenJob(
  winners: readonly WinnerWish[] = [{ amountMinor: 1_000 }],
  currency = 'usd',
): Promise<PayoutJob> {
  return (await givenScheduledSettlement(bed.database, { winners, currency })).job;
}

function check({ id: jobId }: PayoutJob, isLastTry = false): Promise<FundsCheck> {
  const onUnreadable = (why: string) => unreadable.push(why);
  return checkFunds(bed.dependencies, { jobId }, { isLastTry, onUnreadable });
}

async function asksDuring(work: () => Promise<unknown>): Promise<number> {
  const balance = jest.spyOn(bed.dependencies.stripe.balance, 'retrieve');
  await work();
  const { length } = balance.mock.calls;
  balance.mockRestore();
  return length;
}

const breakBalance = (fault: object, times = 1) =>
  bed.sandbox.control('faults', { match: { method: 'GET', path: '/v1/balance' }, fault, times });

test('exactly enough: the job begins, and is never asked about again', async () => {
  await giveBalance(1_000);
  const job = await givenJob();
  expect(await check(job)).toMatchObject({
    askAgainInMs: null,
    progress: { status: 'processing' },
  });
  await giveBalance(0);
  expect(await asksDuring(() => check(job))).toBe(0);
  expect((await check(job)).progress.status).toBe('processing');
});

test('one short: the job waits, and says what is missing', async () => {
  await giveBalance(999);
  const job = await givenJob();
  const missing = { neededMinor: 1_000, availableMinor: 999 };
  expect(await check(job)).toMatchObject({
    askAgainInMs: MINUTE_MS,
    progress: { status: 'awaiting_funds', missing, counts: { pending: 1 } },
  });
  expect(await readJobStatus(bed.database, job.settlementId)).toMatchObject({
    status: 'awaiting_funds',
    fundsNeededMinor: 1_000,
    fundsAvailableMinor: 999,
  });
  await giveBalance(1_000);
  expect((await check(job)).progress).not.toHaveProperty('missing');
  expect(await readJobStatus(bed.database, job.settlementId)).toMatchObject({
    status: 'processing',
    fundsNeededMinor: null,
    fundsAvailableMinor: null,
  });
});

test('the waits double when their time is over, and not when something else woke the job', async () => {
  await giveBalance(0);
  const job = await givenJob();
  const minutes: number[] = [];
  let movedMs = 0;
  for (let asks = 0; asks < 4; asks += 1) {
    const waitMs = (await check(job)).askAgainInMs!;
    expect((await check(job)).askAgainInMs).toBe(waitMs);
    minutes.push(waitMs / MINUTE_MS);
    movedMs += waitMs + 1_000;
    await bed.moveClocks({ ms: movedMs });
  }
  expect(minutes).toEqual([1, 2, 4, 8]);
});

test('who waits for an account does not count; a job of such winners begins without a question', async () => {
  const job = await givenJob([{ amountMinor: 1_000 }, { amountMinor: 5_000 }]);
  await giveBalance(1_000);
  await bed.rows(
    `update payout_transfers set status = 'blocked', failure_class = 'payee',
       failure_reason = 'payee_account_missing', payee_wait_since = payout_now()
     where payout_job_id = $1 and amount_minor = 5000`,
    [job.id],
  );
  expect((await check(job)).askAgainInMs).toBeNull();
  const waiting = await givenJob();
  await bed.rows(
    `update payout_transfers set status = 'blocked', failure_class = 'payee',
       failure_reason = 'payee_account_missing', payee_wait_since = payout_now()
     where payout_job_id = $1`,
    [waiting.id],
  );
  expect(await asksDuring(() => check(waiting))).toBe(0);
  expect((await check(waiting)).progress.status).toBe('processing');
});

test('a cancelled winner lowers what is needed', async () => {
  await giveBalance(1_000);
  const job = await givenJob([{ amountMinor: 1_000 }, { amountMinor: 1 }]);
  expect((await check(job)).askAgainInMs).not.toBeNull();
  await bed.rows(
    `update payout_transfers set status = 'cancelled' where payout_job_id = $1 and amount_minor = 1`,
    [job.id],
  );
  expect((await check(job)).askAgainInMs).toBeNull();
});

test('money for one of two: the first in the queue begins, the second waits for both', async () => {
  await giveBalance(1_500);
  const [first, second] = [await givenJob(), await givenJob()];
  expect((await check(second)).progress).toMatchObject({ missing: { neededMinor: 2_000 } });
  expect((await check(first)).askAgainInMs).toBeNull();
  expect((await check(second)).progress).toMatchObject({ missing: { neededMinor: 2_000 } });
  const other = await givenJob([{ amountMinor: 5 }], 'eur');
  await giveBalance(5, 'eur');
  expect((await check(other)).askAgainInMs).toBeNull();
});

test('a currency that is missing beside others is empty', async () => {
  const spy = jest
    .spyOn(bed.dependencies.stripe.balance, 'retrieve')
    .mockResolvedValueOnce(balanceOf([{ currency: 'eur', amount: 5_000 }]));
  expect((await check(await givenJob())).progress).toMatchObject({
    missing: { neededMinor: 1_000, availableMinor: 0 },
  });
  spy.mockRestore();
});

function balanceOf(available: readonly { readonly currency: string; readonly amount: number }[]) {
  return { object: 'balance', available, lastResponse: { statusCode: 200 } } as never;
}

test('a balance without entries says nothing: the job begins', async () => {
  const spy = jest
    .spyOn(bed.dependencies.stripe.balance, 'retrieve')
    .mockResolvedValueOnce(balanceOf([]));
  expect((await check(await givenJob())).askAgainInMs).toBeNull();
  spy.mockRestore();
  expect(unreadable).toEqual(['NO_ENTRIES']);
});

test.each([
  ['5xx', { kind: 'status', status: 503 }, 'stripe_503'],
  ['no permission', { kind: 'status', status: 403 }, 'stripe_403'],
  ['nothing there', { kind: 'status', status: 404 }, 'stripe_404'],
])('unreadable (%s): a few tries, and then the job begins', async (_what, fault, why) => {
  await giveBalance(0);
  const job = await givenJob();
  await breakBalance(fault, 2);
  await expect(check(job)).rejects.toThrow();
  expect((await readJobStatus(bed.database, job.settlementId)).status).toBe('pending');
  expect((await check(job, true)).progress.status).toBe('processing');
  expect(unreadable).toEqual([why]);
  expect(await bed.rows('select from payout_controls where lifted_at is null')).toEqual([]);
});

test('the activity’s own last try is its fourth', async () => {
  const { checkFunds: activity } = createStripeActivities(bed.dependencies);
  const { id: jobId } = await givenJob();
  const attempt = (number: number) =>
    new MockActivityEnvironment({ attempt: number }).run(activity, { jobId });
  await breakBalance({ kind: 'status', status: 503 }, 2);
  await expect(attempt(FUNDS_TRIES_MAX - 1)).rejects.toThrow();
  await expect(attempt(FUNDS_TRIES_MAX)).resolves.toMatchObject({ askAgainInMs: null });
});

test('a job that completed and is opened again does not wait', async () => {
  await giveBalance(0);
  const job = await givenJob();
  await bed.rows(`update payout_transfers set status = 'cancelled' where payout_job_id = $1`, [
    job.id,
  ]);
  await movePayoutJob(bed.database, job.id, 'complete');
  await bed.rows(`update payout_transfers set status = 'pending' where payout_job_id = $1`, [
    job.id,
  ]);
  await movePayoutJob(bed.database, job.id, 'processing');
  expect(await asksDuring(() => check(job))).toBe(0);
  expect((await check(job)).progress.status).toBe('processing');
});
