/**
 * Goal: a settlement becomes one job, one set of transfers and one posting, however many callers race (S20-S23).
 * Method: fifty callers on fifty connections are held at a lock and let go together; refused ones leave no row.
 */
import { schedulePayoutJob } from '../../src/db/schedule-payout-job';
import {
  findSettlement,
  insertSettlement,
  SettlementConflictError,
} from '../../src/db/settlements';
import { AwardAlreadySettledError } from '../../src/db/payout-transfers';
import { transferIdOf } from '../../src/db/transfer-id';
import type { Settlement } from '../../src/domain/settlement';
import {
  givenScheduledSettlement,
  newId,
  openDatabaseBed,
  PLATFORM,
  settlementOf,
  untilSomebodyWaitsForLock,
  type DatabaseBed,
  TERMS as NO_GATES,
} from '../support/builders';
import { brokenInvariants } from '../support/invariants';
import type { Database } from '../../src/db/database';

const CALLERS = 50;
const TERMS = { ...NO_GATES, installationId: PLATFORM.installationId };

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed();
});

afterEach(async () => {
  expect(await brokenInvariants(bed)).toEqual([]);
});

afterAll(() => bed.close());

function settle(database: Database, settlement: Settlement) {
  return database.transaction(async (transaction) => {
    await insertSettlement(transaction, settlement);
    return schedulePayoutJob(transaction, settlement.settlementId, TERMS);
  });
}

async function countsOf(settlementId: string): Promise<Record<string, number>> {
  const [row] = await bed.rows<Record<string, number>>(
    `select
       (select count(*)::int from settlements where settlement_id = $1) as settlements,
       (select count(*)::int from settlement_winners where settlement_id = $1) as winners,
       (select count(*)::int from payout_jobs where settlement_id = $1) as jobs,
       (select count(*)::int from payout_transfers where settlement_id = $1) as transfers,
       (select count(*)::int from ledger_transactions where settlement_id = $1) as postings`,
    [settlementId],
  );
  return row!;
}

test('S23 fifty callers at once make one job, one set of transfers and one posting', async () => {
  const connections = Array.from({ length: CALLERS }, () => bed.connect());
  let callers: Promise<Awaited<ReturnType<typeof settle>>[]> | undefined;
  const raced = settlementOf({ winners: 7 });
  // All of them wait for this transaction, which has recorded the settlement and goes back.
  const rolledBack = bed.database.transaction(async (transaction) => {
    await insertSettlement(transaction, raced);
    callers = Promise.all(connections.map(({ database }) => settle(database, raced)));
    callers.catch(() => undefined);
    await untilSomebodyWaitsForLock(bed, CALLERS);
    throw new Error('let them go');
  });
  await expect(rolledBack).rejects.toThrow('let them go');
  const results = (await callers)!;
  expect(results.filter((result) => result.created)).toHaveLength(1);
  expect(new Set(results.map((result) => result.job.id)).size).toBe(1);
  expect(await countsOf(raced.settlementId)).toEqual({
    settlements: 1,
    winners: 7,
    jobs: 1,
    transfers: 7,
    postings: 1,
  });
});

test('S20 scheduling again is a no-op', async () => {
  const settlement = settlementOf({ winners: 2 });
  const first = await settle(bed.database, settlement);
  const second = await settle(bed.database, settlement);
  expect(second).toEqual({ created: false, job: first.job });
  expect(await countsOf(settlement.settlementId)).toMatchObject({ transfers: 2, postings: 1 });
});

test('S29 the ids of transfers depend on the debt alone', async () => {
  const { settlement, transfers } = await givenScheduledSettlement(bed.database, { winners: 2 });
  const { contestId } = settlement;
  const ids = settlement.winners.map((winner) =>
    transferIdOf({ installationId: PLATFORM.installationId, contestId, ...winner }),
  );
  expect(transfers.map((transfer) => transfer.id)).toEqual(ids.sort());
});

test('S21 a settlement that is not recorded is not scheduled', async () => {
  await expect(schedulePayoutJob(bed.database, 'nobody', TERMS)).rejects.toThrow('not recorded');
});

test('other content under the same id is a conflict and leaves no row behind', async () => {
  const settlement = settlementOf({ winners: 2 });
  await settle(bed.database, settlement);
  const changed = { ...settlement, winners: settlement.winners.slice(0, 1), totalMinor: 1_000 };
  await expect(settle(bed.database, changed)).rejects.toThrow(SettlementConflictError);
  expect(await countsOf(settlement.settlementId)).toMatchObject({ winners: 2, transfers: 2 });
});

test('an award of another settlement is refused and the whole settlement rolled back', async () => {
  const contestId = newId('contest');
  const userId = newId('user');
  await settle(bed.database, settlementOf({ contestId, winners: [{ userId }] }));
  const second = settlementOf({ contestId, winners: [{}, { userId }, {}] });
  await expect(settle(bed.database, second)).rejects.toThrow(AwardAlreadySettledError);
  expect(await countsOf(second.settlementId)).toEqual({
    settlements: 0,
    winners: 0,
    jobs: 0,
    transfers: 0,
    postings: 0,
  });
});

test('two settlements racing for one award: one is recorded, nothing of the other', async () => {
  const contestId = newId('contest');
  const userId = newId('user');
  const wishes = [1, 2].map(() => settlementOf({ contestId, winners: [{ userId }, {}] }));
  const [one, two] = [bed.connect(), bed.connect()];
  const results = await Promise.allSettled([
    settle(one.database, wishes[0]!),
    settle(two.database, wishes[1]!),
  ]);
  expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
  const loser = wishes[results.findIndex((result) => result.status === 'rejected')]!;
  expect(await findSettlement(bed.database, loser.settlementId)).toBeUndefined();
  expect(await countsOf(loser.settlementId)).toMatchObject({ jobs: 0, transfers: 0, postings: 0 });
});

test('S22 job and transfers are made whole or not at all', async () => {
  const settlement = settlementOf({ winners: 2 });
  const broken = bed.database.transaction(async (transaction) => {
    await insertSettlement(transaction, settlement);
    await schedulePayoutJob(transaction, settlement.settlementId, TERMS);
    throw new Error('the process dies');
  });
  await expect(broken).rejects.toThrow('the process dies');
  expect(await countsOf(settlement.settlementId)).toMatchObject({ jobs: 0, transfers: 0 });
});
