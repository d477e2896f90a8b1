/**
 * Goal: the seed's job repository (S1-S6) on real Postgres: one job a settlement, legal moves, derived counts.
 * Method: each operation is called as the product calls it, again, and from two transactions at once.
 */
import {
  awaitStripeList,
  completeJobWhenTerminal,
  findJobById,
  findJobBySettlement,
  findOpenJobs,
  insertPayoutJob,
  updateJobRun,
  movePayoutJob,
  beginListReading,
  recordStripeListRead,
  type BegunListReading,
  type PayoutJob,
  wantStripeList,
} from '../../src/db/payout-jobs';
import { findSettlement, findWinners, insertSettlement } from '../../src/db/settlements';
import { SettlementConflictError } from '../../src/db/settlements';
import {
  givenScheduledSettlement,
  openDatabaseBed,
  refusalOf,
  settlementOf,
  untilSomebodyWaitsForLock,
  type DatabaseBed,
} from '../support/builders';

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed();
});

afterAll(() => bed.close());

async function givenSettlement() {
  const settlement = settlementOf({ winners: 2 });
  await insertSettlement(bed.database, settlement);
  const { settlementId, contestId, currency, totalMinor } = settlement;
  return { settlementId, contestId, currency, totalMinor };
}

test('S1 a job is created once; the same insert again finds it', async () => {
  const wanted = await givenSettlement();
  const first = await insertPayoutJob(bed.database, wanted);
  const second = await insertPayoutJob(bed.database, wanted);
  expect(first).toMatchObject({ created: true, job: { status: 'pending', ...wanted } });
  expect(second).toEqual({ created: false, job: first.job });
});

test('S1 a job needs an accepted settlement', async () => {
  const { settlementId, contestId, currency, totalMinor } = settlementOf();
  const insert = insertPayoutJob(bed.database, { settlementId, contestId, currency, totalMinor });
  expect(await refusalOf(insert)).toBe('payout_jobs_of_accepted_settlement');
});

test('S1 the second of two racing transactions waits and finds the job of the first', async () => {
  const wanted = await givenSettlement();
  const other = bed.connect();
  let second: ReturnType<typeof insertPayoutJob> | undefined;
  const first = await bed.database.transaction(async (transaction) => {
    const inserted = await insertPayoutJob(transaction, wanted);
    second = insertPayoutJob(other.database, wanted);
    await untilSomebodyWaitsForLock(bed);
    return inserted;
  });
  expect(first.created).toBe(true);
  expect(await second).toEqual({ created: false, job: first.job });
});

test('S1 the second of two racing transactions creates the job when the first rolls back', async () => {
  const wanted = await givenSettlement();
  const other = bed.connect();
  let second: ReturnType<typeof insertPayoutJob> | undefined;
  const first = bed.database.transaction(async (transaction) => {
    await insertPayoutJob(transaction, wanted);
    second = insertPayoutJob(other.database, wanted);
    await untilSomebodyWaitsForLock(bed);
    throw new Error('rolled back');
  });
  await expect(first).rejects.toThrow('rolled back');
  expect(await second).toMatchObject({ created: true });
});

test('S2 and S3 a job is found by its settlement and by its id, and nothing else is', async () => {
  const wanted = await givenSettlement();
  const { job } = await insertPayoutJob(bed.database, wanted);
  expect(await findJobBySettlement(bed.database, wanted.settlementId)).toEqual(job);
  expect(await findJobById(bed.database, job.id)).toEqual(job);
  expect(await findJobBySettlement(bed.database, 'nobody')).toBeUndefined();
  expect(await findJobById(bed.database, '00000000-0000-4000-8000-000000000000')).toBeUndefined();
});

test('S4 open jobs come in pages, complete ones do not', async () => {
  const own = await openDatabaseBed();
  try {
    const jobs = [];
    for (let count = 0; count < 5; count += 1) {
      jobs.push((await givenScheduledSettlement(own.database)).job);
    }
    await own.rows(`update payout_transfers set status = 'cancelled' where payout_job_id = $1`, [
      jobs[2]!.id,
    ]);
    await completeJobWhenTerminal(own.database, jobs[2]!.id);
    const open = jobs.filter((_, index) => index !== 2).map((job) => job.id);
    const first = await findOpenJobs(own.database, { jobsMax: 3 });
    const afterJobId = first.at(-1)!.id;
    const second = await findOpenJobs(own.database, { jobsMax: 3, afterJobId });
    expect([...first, ...second].map((job) => job.id)).toEqual(open.sort());
    expect(first).toHaveLength(3);
  } finally {
    await own.close();
  }
});

test('S5 a job moves along legal edges only, and moving it again does nothing', async () => {
  const { job } = await insertPayoutJob(bed.database, await givenSettlement());
  expect(await movePayoutJob(bed.database, job.id, 'awaiting_approval')).toBe(true);
  expect(await movePayoutJob(bed.database, job.id, 'processing')).toBe(true);
  expect(await movePayoutJob(bed.database, job.id, 'processing')).toBe(false);
  expect(await movePayoutJob(bed.database, job.id, 'awaiting_approval')).toBe(false);
  expect(await findJobById(bed.database, job.id)).toMatchObject({ status: 'processing' });
});

test('S6 completing counts the transfers of that moment and waits for the last of them', async () => {
  const { job, transfers } = await givenScheduledSettlement(bed.database, { winners: 4 });
  const [paid, failed, cancelled, open] = transfers.map((transfer) => transfer.id);
  await bed.rows(
    `update payout_transfers set status = 'completed', stripe_transfer_id = 'tr_s6'
    where id = $1`,
    [paid],
  );
  await bed.rows(
    `update payout_transfers set status = 'processing', claim_run_id = 'run'
    where id = $1`,
    [failed],
  );
  await bed.rows(
    `update payout_transfers set status = 'failed_terminal',
    failure_reason = 'request_refused', failure_class = 'request' where id = $1`,
    [failed],
  );
  await bed.rows(`update payout_transfers set status = 'cancelled' where id = $1`, [cancelled]);
  expect(await completeJobWhenTerminal(bed.database, job.id)).toBe(false);
  expect(await findJobById(bed.database, job.id)).toMatchObject({
    status: 'pending',
    completedAt: null,
  });

  await bed.rows(`update payout_transfers set status = 'cancelled' where id = $1`, [open]);
  expect(await completeJobWhenTerminal(bed.database, job.id)).toBe(true);
  const complete = await findJobById(bed.database, job.id);
  expect(complete).toMatchObject({ status: 'complete', completedCount: 1, failedCount: 1 });
  expect(await completeJobWhenTerminal(bed.database, job.id)).toBe(true);
  expect(await findJobById(bed.database, job.id)).toEqual(complete);
});

test('the newest run of the workflow is remembered', async () => {
  const { job } = await insertPayoutJob(bed.database, await givenSettlement());
  await updateJobRun(bed.database, job.id, 'run-1');
  await updateJobRun(bed.database, job.id, 'run-2');
  expect(await findJobById(bed.database, job.id)).toMatchObject({ workflowRunId: 'run-2' });
});

describe('a wish for a reading of Stripe’s list', () => {
  async function givenWish(at: string) {
    const { job } = await givenScheduledSettlement(bed.database);
    await bed.rows(
      `update payout_jobs set stripe_list_wanted_at = payout_now() + $2::interval where id = $1`,
      [job.id, at],
    );
    return job;
  }

  const isWanted = async (jobId: string) =>
    (await findJobById(bed.database, jobId))?.stripeListWantedAt !== null;

  const begin = ({ settlementId }: PayoutJob) => beginListReading(bed.database, settlementId);
  const end = ({ settlementId }: PayoutJob, reading: BegunListReading) =>
    recordStripeListRead(bed.database, settlementId, reading);
  const readAt = async ({ id }: PayoutJob) =>
    (await findJobById(bed.database, id))?.stripeListReadAt?.getTime();

  test('ends with the reading that began after it', async () => {
    const job = await givenWish('-1 minute');
    const reading = await begin(job);
    expect(await end(job, reading)).toBe(true);
    expect(await isWanted(job.id)).toBe(false);
    expect(await readAt(job)).toBe(reading.beganAtMs);
  });

  test('stands when the reading began before it, and ends with the next', async () => {
    const job = await givenWish('-1 minute');
    const before = await readAt(job);
    const reading = await begin(job);
    await wantStripeList(bed.database, job.id);
    expect(await end(job, reading)).toBe(false);
    expect(await isWanted(job.id)).toBe(true);
    expect(await readAt(job)).toBe(before);
    expect(await end(job, await begin(job))).toBe(true);
    expect(await isWanted(job.id)).toBe(false);
  });

  test('is younger with each order, and not with each look of those who wait', async () => {
    const job = await givenWish('-1 minute');
    const reading = await begin(job);
    expect(await awaitStripeList(bed.database, job.id)).toBe(false);
    expect(await end(job, reading)).toBe(true);
    expect(await awaitStripeList(bed.database, job.id)).toBe(true);
  });

  test('is raised by a reading that nobody has wanted, so that it has one to end', async () => {
    const { job } = await givenScheduledSettlement(bed.database);
    const reading = await begin(job);
    expect(await isWanted(job.id)).toBe(true);
    expect(await end(job, reading)).toBe(true);
  });

  test.each<[string, (job: PayoutJob, reading: BegunListReading) => Promise<unknown>]>([
    ['another reading has ended it', (job, reading) => end(job, reading)],
    [
      'a backup knows nothing of it',
      ({ id }) =>
        bed.rows('update payout_jobs set stripe_list_wanted_at = null where id = $1', [id]),
    ],
    [
      'a backup knows an older one',
      ({ id }) =>
        bed.rows(
          `update payout_jobs set stripe_list_wanted_at = stripe_list_wanted_at - interval '1 microsecond'
           where id = $1`,
          [id],
        ),
    ],
  ])('that does not stand any more is ended by no reading: %s', async (_what, happens) => {
    const job = await givenWish('-1 minute');
    const reading = await begin(job);
    await happens(job, reading);
    const before = await findJobById(bed.database, job.id);
    expect(await end(job, { ...reading, beganAtMs: reading.beganAtMs + 1 })).toBe(false);
    expect(await findJobById(bed.database, job.id)).toEqual(before);
  });

  test('ends with the next reading when the clock was set back since', async () => {
    const job = await givenWish('1 day');
    expect(await end(job, await begin(job))).toBe(true);
    expect(await isWanted(job.id)).toBe(false);
  });
});

describe('a recorded settlement', () => {
  test('is kept whole, and the same content again is a no-op whatever the order of winners', async () => {
    const settlement = settlementOf({ winners: 3 });
    const turned = { ...settlement, winners: [...settlement.winners].reverse() };
    expect(await insertSettlement(bed.database, settlement)).toBe(true);
    expect(await insertSettlement(bed.database, turned)).toBe(false);
    expect(await findSettlement(bed.database, settlement.settlementId)).toMatchObject({
      winnerCount: 3,
      totalMinor: settlement.totalMinor,
    });
    expect(await findWinners(bed.database, settlement.settlementId)).toHaveLength(3);
  });

  test('refuses other content under its id and keeps what it was', async () => {
    const settlement = settlementOf({ winners: 2 });
    await insertSettlement(bed.database, settlement);
    const winners = settlement.winners.map((winner) => ({ ...winner, amountMinor: 7 }));
    const changed = insertSettlement(bed.database, { ...settlement, winners, totalMinor: 14 });
    await expect(changed).rejects.toThrow(SettlementConflictError);
    const kept = await findWinners(bed.database, settlement.settlementId);
    expect(kept.map((winner) => winner.amountMinor).sort()).toEqual([1_000, 1_001]);
  });

  test('refuses other content that a racing transaction records first', async () => {
    const settlement = settlementOf({ winners: 2 });
    const changed = { ...settlement, currency: 'eur' };
    const other = bed.connect();
    let second: Promise<unknown> | undefined;
    await bed.database.transaction(async (transaction) => {
      await insertSettlement(transaction, settlement);
      second = insertSettlement(other.database, changed);
      second.catch(() => undefined);
      await untilSomebodyWaitsForLock(bed);
    });
    await expect(second).rejects.toThrow(SettlementConflictError);
  });
});
