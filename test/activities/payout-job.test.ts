/**
 * Goal: a settlement becomes a job that ends when all are terminal (S30-S35), the rows of S37, S40 and S43.
 * Method: the job's activities are called as its workflow calls them, with winners who are paid, refused and waiting.
 */
import { MockActivityEnvironment } from '@temporalio/testing';

import { checkFunds } from '../../src/activities/check-funds';
import { checkJob } from '../../src/activities/check-job';
import { createPayoutActivities, createStripeActivities } from '../../src/activities/index';
import { readTransferPage } from '../../src/activities/read-transfer-page';
import { scheduleJob } from '../../src/activities/schedule-job';
import { settlementContentHash } from '../../src/db/settlement-content-hash';
import { findJobBySettlement } from '../../src/db/payout-jobs';
import { findTransfersByJob, type PayoutTransfer } from '../../src/db/payout-transfers';
import { insertSettlement } from '../../src/db/settlements';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
import type { TransferCursor } from '../../src/domain/contracts';
import type { Settlement } from '../../src/domain/settlement';
import { settlementOf, type SettlementWish, newAccountId } from '../support/builders';
import { checkedBedOfFile } from './checked-bed';

const bed = checkedBedOfFile();

async function connect(userId: string): Promise<string> {
  const stripeAccountId = newAccountId();
  await insertUserStripeAccount(bed.database, { userId, stripeAccountId });
  return stripeAccountId;
}

/** A recorded settlement, every winner with an account. */
async function givenSettlement(wish: SettlementWish): Promise<Settlement> {
  const settlement = settlementOf(wish);
  await insertSettlement(bed.database, settlement);
  for (const { userId } of settlement.winners) {
    await connect(userId);
  }
  return settlement;
}

/** The job's first steps; the money is there. */
async function schedule(settlement: Settlement, runId = 'run-1') {
  const { settlementId } = settlement;
  const contentHash = settlementContentHash(settlement);
  const scheduled = await scheduleJob(bed.dependencies, {
    settlementId,
    contentHash,
    runId,
    isContinued: true,
  });
  const { jobId } = scheduled;
  const look = { isLastTry: false, onUnreadable: () => undefined };
  const { askAgainInMs, progress } = await checkFunds(bed.dependencies, { jobId }, look);
  expect(askAgainInMs).toBeNull();
  return { ...scheduled, progress };
}

function transfersOf(jobId: string): Promise<PayoutTransfer[]> {
  return findTransfersByJob(bed.database, jobId, { afterTransferId: null, transfersMax: 100 });
}

describe('S37 orchestration', () => {
  test('S37 idempotency: the same settlement again is the same job, with the newest run', async () => {
    const settlement = await givenSettlement({ winners: 2 });
    const first = await schedule(settlement, 'run-1');
    const second = await schedule(settlement, 'run-2');
    expect(first.fundsAreWanted).toBe(true);
    expect(second).toEqual({ ...first, fundsAreWanted: false });
    expect(await transfersOf(first.jobId)).toHaveLength(2);
    expect(await findJobBySettlement(bed.database, settlement.settlementId)).toMatchObject({
      status: 'processing',
      workflowRunId: 'run-2',
    });
  });

  test('S37 winner validation: winners without an account wait, the others are pending', async () => {
    const settlement = settlementOf({ winners: 3 });
    await insertSettlement(bed.database, settlement);
    await connect(settlement.winners[0]!.userId);
    const { progress } = await schedule(settlement);
    expect(progress).toMatchObject({
      status: 'processing',
      outcome: 'unpaid',
      counts: { pending: 1, blocked: 2 },
      sumsMinor: { pending: 1_000, blocked: 2_003 },
    });
  });

  test('S37 input validation: other content, or no settlement, is a conflict that is not retried', async () => {
    const settlement = await givenSettlement({ winners: 1 });
    const changed = { ...settlement, currency: 'eur' };
    const failure = { type: 'SettlementConflict', nonRetryable: true };
    await expect(schedule(changed)).rejects.toMatchObject(failure);
    await expect(schedule(settlementOf())).rejects.toMatchObject(failure);
    expect(await findJobBySettlement(bed.database, settlement.settlementId)).toBeUndefined();
  });

  test('S37 deterministic keys: each winner is sent under payout:<transfer id>', async () => {
    const { jobId } = await schedule(await givenSettlement({ winners: 2 }));
    for (const transfer of await transfersOf(jobId)) {
      await bed.step(transfer);
      expect(await bed.generationsOf(transfer)).toMatchObject([
        { idempotencyKey: `payout:${transfer.id}` },
      ]);
    }
  });
});

describe('S40 the job', () => {
  test('S40 transitions: pending, processing, complete; scheduling a complete job leaves it so', async () => {
    const settlement = await givenSettlement({ winners: 1 });
    const { jobId, progress } = await schedule(settlement);
    expect(progress.status).toBe('processing');
    const [transfer] = await transfersOf(jobId);
    await bed.step(transfer!);
    expect(await checkJob(bed.dependencies, { jobId, sending: [] })).toMatchObject({
      progress: { status: 'complete', outcome: 'paid' },
    });
    expect((await schedule(settlement)).progress).toMatchObject({ status: 'complete' });
  });

  test('S40 batch: pages hold what can be paid first, then what waits, each once', async () => {
    const settlement = settlementOf({ winners: 7 });
    await insertSettlement(bed.database, settlement);
    for (const { userId } of settlement.winners.slice(0, 4)) {
      await connect(userId);
    }
    const { jobId } = await schedule(settlement);
    const rows = await transfersOf(jobId);
    const seen: string[] = [];
    let cursor: TransferCursor = { phase: 'payable', afterTransferId: null };
    while (cursor.phase !== 'done') {
      const page = await readTransferPage(bed.dependencies, { jobId, cursor, transfersMax: 2 });
      expect(page.transfers.length).toBeLessThanOrEqual(2);
      seen.push(...page.transfers.map(({ transferId }) => transferId));
      cursor = page.cursor;
    }
    const idsIn = (status: string) =>
      rows.filter((row) => row.status === status).map((row) => row.id);
    expect(seen).toEqual([...idsIn('pending'), ...idsIn('blocked')]);
    expect(seen).toHaveLength(7);
    const end = await readTransferPage(bed.dependencies, { jobId, cursor, transfersMax: 2 });
    expect(end).toEqual({ transfers: [], cursor });
  });

  test('S40 mixed results and aggregation: paid, refused and waiting; not complete while one waits', async () => {
    const settlement = await givenSettlement({ winners: 3 });
    const { jobId } = await schedule(settlement);
    const [paid, refused, waiting] = await transfersOf(jobId);
    await bed.step(paid!);
    await bed.fault({ kind: 'status', status: 400, code: 'amount_too_small', saved: true });
    await bed.step(refused!);
    await bed.fault({ kind: 'status', status: 429 });
    await bed.step(waiting!);
    const sending = [paid!.id, refused!.id, waiting!.id];
    expect(await checkJob(bed.dependencies, { jobId, sending })).toMatchObject({
      sending: [],
      progress: {
        status: 'processing',
        outcome: 'partially_paid',
        counts: { completed: 1, failed_terminal: 1, retryable: 1 },
        sumsMinor: { completed: paid!.amountMinor, failed_terminal: refused!.amountMinor },
      },
    });
    await bed.step(waiting!);
    expect(await checkJob(bed.dependencies, { jobId, sending })).toMatchObject({
      progress: { status: 'complete', outcome: 'partially_paid', counts: { completed: 2 } },
    });
    expect(await findJobBySettlement(bed.database, settlement.settlementId)).toMatchObject({
      completedCount: 2,
      failedCount: 1,
    });
  });

  test('S40 limits: who is still on the way is told, and only of those asked about', async () => {
    const { jobId } = await schedule(await givenSettlement({ winners: 2 }));
    const [one, two] = await transfersOf(jobId);
    await bed.claimToSend(one!);
    const check = await checkJob(bed.dependencies, { jobId, sending: [one!.id] });
    expect(check.sending).toEqual([one!.id]);
    expect(check.sending).not.toContain(two!.id);
  });

  test('S40 errors: a job that does not exist is an error', async () => {
    const jobId = '00000000-0000-4000-8000-000000000000';
    await expect(checkJob(bed.dependencies, { jobId, sending: [] })).rejects.toThrow(
      'does not exist',
    );
  });

  test('S40 many jobs do not touch each other', async () => {
    const settlements = [];
    for (let count = 0; count < 3; count += 1) {
      settlements.push(await givenSettlement({ winners: 2 }));
    }
    const jobs = await Promise.all(settlements.map((settlement) => schedule(settlement)));
    for (const transfer of await transfersOf(jobs[0]!.jobId)) {
      await bed.step(transfer);
    }
    const states = [];
    for (const { jobId } of jobs) {
      states.push((await checkJob(bed.dependencies, { jobId, sending: [] })).progress.status);
    }
    expect(states).toEqual(['complete', 'processing', 'processing']);
  });
});

test('S43 settlement to job on a real database: transfers, ledger, states; a second run pays nobody', async () => {
  const settlement = await givenSettlement({ winners: 5 });
  const payouts = createPayoutActivities(bed.dependencies);
  const stripe = createStripeActivities(bed.dependencies);
  const run = async (runId: string): Promise<void> => {
    const { settlementId } = settlement;
    const contentHash = settlementContentHash(settlement);
    const { jobId } = await payouts.scheduleJob({
      settlementId,
      contentHash,
      runId,
      isContinued: false,
    });
    await new MockActivityEnvironment().run(stripe.readStripeList, { settlementId, reading: {} });
    for (const { id: transferId } of await transfersOf(jobId)) {
      const answer = await payouts.claimTransfer({ transferId, runId });
      if (answer.next === 'send') {
        const { runId: holder } = answer.claim;
        const activity = new MockActivityEnvironment({
          workflowExecution: { workflowId: `transfer/${transferId}`, runId: holder },
        });
        await activity.run(stripe.createStripeTransfer, answer.claim);
        await payouts.recordOutcome(answer.claim);
      }
    }
    const { progress } = await payouts.checkJob({ jobId, sending: [] });
    expect(progress).toMatchObject({
      status: 'complete',
      outcome: 'paid',
      counts: { completed: 5 },
    });
  };
  await run('run-1');
  const before = await bed.sandbox.oracle();
  await run('run-2');
  const after = await bed.sandbox.oracle();
  expect(after.posts).toBe(before.posts);
  const job = await findJobBySettlement(bed.database, settlement.settlementId);
  for (const transfer of await transfersOf(job!.id)) {
    expect(transfer).toMatchObject({ status: 'completed', attemptCount: 1 });
    expect(after.byPayoutTransferId[transfer.id]).toMatchObject({
      count: 1,
      amountMinor: transfer.amountMinor,
    });
    expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:1']);
  }
});

test('a reset run that replays the claim of the run before it sends nothing', async () => {
  const settlement = await givenSettlement({ winners: 1 });
  const payouts = createPayoutActivities(bed.dependencies);
  const stripe = createStripeActivities(bed.dependencies);
  const { settlementId } = settlement;
  const contentHash = settlementContentHash(settlement);
  const { jobId } = await payouts.scheduleJob({
    settlementId,
    contentHash,
    runId: 'job',
    isContinued: false,
  });
  await new MockActivityEnvironment().run(stripe.readStripeList, { settlementId, reading: {} });
  const [transfer] = await transfersOf(jobId);
  const answer = await payouts.claimTransfer({ transferId: transfer!.id, runId: 'run-1' });
  const claim = answer.next === 'send' ? answer.claim : undefined;
  const reset = new MockActivityEnvironment({
    workflowExecution: { workflowId: `transfer/${transfer!.id}`, runId: 'run-2' },
  });
  await expect(reset.run(stripe.createStripeTransfer, claim!)).rejects.toMatchObject({
    type: 'SendRefused',
  });
  expect(await bed.paidTimes(transfer!)).toBe(0);
});
