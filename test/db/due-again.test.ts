/**
 * Goal: waits that double are as long in SQL as in TypeScript, and never an error.
 * Method: both are asked for every step of every kind of wait, and for steps far beyond the longest.
 */
import { sql } from 'drizzle-orm';

import { dueAgainAt } from '../../src/db/due-again';
import { doubledMs } from '../../src/domain/doubling';
import { ASK_WAITS, EVENT_TRY_WAITS, LISTENER_RETRY_WAITS } from '../../src/domain/limits';
import { openDatabaseBed, type DatabaseBed } from '../support/builders';

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed();
  // Both sides of the subtraction below have to read the same moment, however long the server is kept from running.
  await bed.rows(
    'create or replace function payout_now() returns timestamptz language sql stable return now()',
  );
});

afterAll(() => bed.close());

const STEPS = [...Array(25).keys(), 100, 2_000, 2_147_483_647];

test.each([
  ['questions', ASK_WAITS],
  ['events', EVENT_TRY_WAITS],
  ['the listener', LISTENER_RETRY_WAITS],
  ['a longest that is the first', { firstMs: 1_000, longestMs: 1_000 }],
])('the waits of %s', async (_what, waits) => {
  const { rows } = await bed.database.execute<{ wait_ms: number }>(sql`
    select (extract(epoch from due - payout_now()) * 1000)::float as wait_ms
    from (select step, ${dueAgainAt(sql`step`, waits)} as due
      from unnest(${sql.param(STEPS)}::int[]) with ordinality as given (step, place)
      order by place) as waited`);
  expect(rows.map(({ wait_ms: waitMs }) => Math.round(waitMs))).toEqual(
    STEPS.map((step) => doubledMs(step, waits)),
  );
});

test('the first, twice it, and so on to the longest', () => {
  const waits = { firstMs: 15, longestMs: 100 };
  expect([0, 1, 2, 3, 4, 5_000].map((step) => doubledMs(step, waits))).toEqual([
    15, 30, 60, 100, 100, 100,
  ]);
});
