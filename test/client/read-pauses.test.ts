/**
 * Goal: an operator sees every pause that is in force, whoever set it, and what ends it; and on request those of before.
 * Method: pauses as automation and operators set and lift them, on a real database.
 */
import { readPauses } from '../../src/client/read-pauses';
import { pausesText } from '../../src/client/show-pauses';
import { liftPausesByOperator, pauseByOperator } from '../../src/db/operator-pauses';
import { liftCauseByAutomation, pauseByAutomation } from '../../src/db/payout-controls';
import { PAUSES_SHOWN_MAX } from '../../src/domain/limits';
import { openDatabaseBed, type DatabaseBed } from '../support/builders';

let bed: DatabaseBed;

beforeEach(async () => {
  bed = await openDatabaseBed();
});
afterEach(() => bed.close());

const ALEX = { actor: 'alex', reason: 'a look' };

async function givenPauses(): Promise<void> {
  const cause = 'transient_rate_limited';
  await pauseByAutomation(bed.database, { settlementId: 's-1', cause, isLiftedByItself: true });
  await pauseByAutomation(bed.database, {
    settlementId: 's-2',
    cause: 'duplicate_stripe_transfer:1',
    isLiftedByItself: false,
  });
  await pauseByAutomation(bed.database, { settlementId: 's-3', cause, isLiftedByItself: true });
  await liftCauseByAutomation(bed.database, 's-3', cause);
  await pauseByOperator(bed.database, 's-4', ALEX);
  await liftPausesByOperator(bed.database, 's-4', { actor: 'sam', reason: 'mended' });
  await pauseByOperator(bed.database, null, ALEX);
}

test('nothing is paused', async () => {
  const report = await readPauses(bed.database);
  expect(report).toEqual({ pauses: [] });
  expect(pausesText(report)).toBe('no pause');
});

test('those in force, with who set them, why, since when and what ends each', async () => {
  await givenPauses();
  const report = await readPauses(bed.database);
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;
  const inForce = { setAt: time, liftedAt: null, liftedBy: null, liftReason: null };
  const automatic = { ...inForce, owner: 'automation', actor: null, reason: null };
  expect(report.pauses).toEqual([
    {
      ...automatic,
      scope: 's-1',
      cause: 'transient_rate_limited',
      endedBy: 'automation',
      nextLookAt: time,
    },
    {
      ...automatic,
      scope: 's-2',
      cause: 'duplicate_stripe_transfer:1',
      endedBy: 'person',
      nextLookAt: null,
    },
    {
      ...inForce,
      scope: 'everything',
      cause: 'operator',
      owner: 'operator',
      ...ALEX,
      endedBy: 'person',
      nextLookAt: null,
    },
  ]);
  const lines = pausesText(report).split('\n');
  expect(lines).toHaveLength(6);
  expect(lines[1]).toMatch(/^ {2}lifted by itself .* due \d{4}-/);
  expect(lines[3]).toBe('  lifted by: payouts resume s-2 --reason …');
  expect(lines[4]).toMatch(/^everything, operator, alex: a look, since /);
  expect(lines[5]).toBe('  lifted by: payouts resume --reason …');
});

test('with those that were lifted, newest first, who lifted them and why', async () => {
  await givenPauses();
  const report = await readPauses(bed.database, { withLifted: true });
  expect(
    report.pauses.map(({ endedBy, liftReason, liftedBy, scope }) => [
      scope,
      endedBy,
      liftedBy,
      liftReason,
    ]),
  ).toEqual([
    ['everything', 'person', null, null],
    ['s-4', null, 'sam', 'mended'],
    ['s-3', null, 'automation', null],
    ['s-2', 'person', null, null],
    ['s-1', 'automation', null, null],
  ]);
  expect(pausesText(report)).toMatch(/ {2}lifted \S+Z by sam: mended\n/);
  expect(pausesText(report)).toMatch(/ {2}lifted \S+Z by automation\n/);
});

test('of those that were lifted only so many are read', async () => {
  await bed.rows(
    `insert into payout_controls (settlement_id, cause, owner, lifted_at)
     select 's-' || n, 'operator', 'operator', payout_now() from generate_series(1, $1::int) as n`,
    [PAUSES_SHOWN_MAX + 1],
  );
  const { pauses } = await readPauses(bed.database, { withLifted: true });
  expect(pauses).toHaveLength(PAUSES_SHOWN_MAX);
  expect(pauses[0]?.scope).toBe(`s-${PAUSES_SHOWN_MAX + 1}`);
});
