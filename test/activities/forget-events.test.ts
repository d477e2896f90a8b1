/**
 * Goal: events of Stripe that ended long ago are deleted with the end of each sweep, a bounded number; what waits, or is
 * younger, stays.
 * Method: rows as the product leaves them, by the clock that tests move; the sweep's own activity, as a worker has it.
 */
import { MockActivityEnvironment } from '@temporalio/testing';

import { createPayoutActivities } from '../../src/activities/index';
import { registerSweeps } from '../../src/activities/sweep-registry';
import { findAdminJob, markJobRunning } from '../../src/db/admin-jobs';
import { forgetEndedEvents } from '../../src/db/stripe-events';
import { SWEEP_ID } from '../../src/domain/ids';
import { STRIPE_EVENTS_FORGOTTEN_AT_ONCE } from '../../src/domain/limits';
import { openActivityBed, type ActivityBed } from './activity-bed';

let bed: ActivityBed;

beforeAll(async () => {
  bed = await openActivityBed();
});

afterEach(async () => {
  await bed.rows('delete from stripe_events');
});

afterAll(() => bed.close());

/** Events `<name>-1`, …, that ended, or are waiting, since then. */
function given(name: string, status: string, daysAgo: number, count = 1) {
  return bed.rows(
    `insert into stripe_events
       (event_id, type, object_id, livemode, created_at, received_at, status, result, processed_at)
     select $1 || '-' || n, 'transfer.created', 'tr_1', false, at, at, $2::text, 'known',
       case when $2::text = 'received' then null else at end
     from generate_series(1, $4::int) as n, (select payout_now() - $3::int * interval '1 day' as at) as ended`,
    [name, status, daysAgo, count],
  );
}

async function kept(): Promise<string[]> {
  const rows = await bed.rows<{ id: string }>(
    'select event_id as id from stripe_events order by event_id',
  );
  return rows.map(({ id }) => id);
}

async function givenRunningSweep(runId: string) {
  await registerSweeps(bed.database);
  await markJobRunning(bed.database, SWEEP_ID, runId);
  const counts = { started: 0, resumed: 0, reconciling: 0, rejected: 0, failed: 0 };
  return { registeredAs: SWEEP_ID, runId, failure: null, counts, resumeAfter: null };
}

const endSweep = (end: Awaited<ReturnType<typeof givenRunningSweep>>) =>
  new MockActivityEnvironment().run(createPayoutActivities(bed.dependencies).endSweep, end);

test('the end of a sweep deletes what ended more than 90 days ago, and nothing that waits', async () => {
  await given('old-processed', 'processed', 91);
  await given('old-ignored', 'ignored', 91);
  await given('old-waiting', 'received', 400);
  await given('young', 'processed', 89);
  await endSweep(await givenRunningSweep('run-1'));
  expect(await kept()).toEqual(['old-waiting-1', 'young-1']);
});

test('one call deletes a bounded number, the next ones go on', async () => {
  await given('old', 'processed', 91, STRIPE_EVENTS_FORGOTTEN_AT_ONCE + 2);
  await forgetEndedEvents(bed.database);
  expect(await kept()).toHaveLength(2);
  await forgetEndedEvents(bed.database);
  expect(await kept()).toEqual([]);
});

test('what cannot be deleted does not keep a sweep from ending', async () => {
  const end = await givenRunningSweep('run-2');
  await bed.rows('alter table stripe_events rename to hidden');
  await endSweep(end).finally(() => bed.rows('alter table hidden rename to stripe_events'));
  expect(await findAdminJob(bed.database, SWEEP_ID)).toMatchObject({
    runId: 'run-2',
    status: 'succeeded',
  });
});
