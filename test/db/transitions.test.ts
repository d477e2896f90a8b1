/**
 * Goal: Postgres knows exactly the legal transitions of the code, and refuses every other one whoever writes.
 * Method: the tables are compared, then every pair of states is tried on rows that stand in the first of them.
 */
import { JOB_STATUSES, JOB_TRANSITIONS, type JobStatus } from '../../src/domain/job-state';
import {
  TRANSFER_STATUSES,
  TRANSFER_TRANSITIONS,
  type TransferStatus,
} from '../../src/domain/transfer-state';
import { insertSettlement } from '../../src/db/settlements';
import {
  givenScheduledSettlement,
  newId,
  openDatabaseBed,
  refusalOf,
  settlementOf,
  type DatabaseBed,
} from '../support/builders';

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed();
  await bed.rows('alter table payout_transfers disable trigger payout_transfers_begin_pending');
});

afterAll(() => bed.close());

function edgesOf<Status extends string>(
  table: Readonly<Record<Status, readonly Status[]>>,
): string[] {
  return Object.entries<readonly Status[]>(table).flatMap(([from, targets]) =>
    targets.map((to) => `${from} -> ${to}`),
  );
}

async function edgesInSql(table: string): Promise<string[]> {
  const rows = await bed.rows<{ edge: string }>(
    `select from_status || ' -> ' || to_status as edge from ${table}`,
  );
  return rows.map((row) => row.edge);
}

test('the SQL tables are the tables of the code', async () => {
  expect((await edgesInSql('payout_transfer_transitions')).sort()).toEqual(
    edgesOf(TRANSFER_TRANSITIONS).sort(),
  );
  expect((await edgesInSql('payout_job_transitions')).sort()).toEqual(
    edgesOf(JOB_TRANSITIONS).sort(),
  );
});

/** A row that was always in this state; inserting is no transition. */
async function transferIn(status: TransferStatus, jobId: string): Promise<string> {
  const [row] = await bed.rows<{ id: string }>(
    `insert into payout_transfers (id, payout_job_id, settlement_id, contest_id, user_id, award,
       amount_minor, currency, max_attempts, status, claim_run_id, failure_class, failure_reason,
       stripe_transfer_id)
     values (gen_random_uuid(), $1, 's', 'c', $2, 'prize', 1, 'usd', 3, $3, 'run', 'request',
       'request_refused', case when $3 = 'completed' then $2 end)
     returning id`,
    [jobId, newId('user'), status],
  );
  return row!.id;
}

const TRANSFER_PAIRS = TRANSFER_STATUSES.flatMap((from) =>
  TRANSFER_STATUSES.filter((to) => to !== from).map((to) => [from, to] as const),
);

test.each(TRANSFER_PAIRS)('transfer %s -> %s is as the table says', async (from, to) => {
  const { job } = await givenScheduledSettlement(bed.database);
  const id = await transferIn(from, job.id);
  const moved = bed.rows(
    `update payout_transfers set status = $2,
       stripe_transfer_id = case when $2 = 'completed' then coalesce(stripe_transfer_id, id::text)
                                 else stripe_transfer_id end
     where id = $1`,
    [id, to],
  );
  const isLegal = TRANSFER_TRANSITIONS[from].includes(to);
  expect(await refusalOf(moved)).toBe(
    isLegal ? 'nothing was refused' : 'payout_transfers_transition',
  );
});

async function jobIn(status: JobStatus): Promise<string> {
  const settlement = settlementOf();
  await insertSettlement(bed.database, settlement);
  const [row] = await bed.rows<{ id: string }>(
    `insert into payout_jobs (settlement_id, contest_id, currency, total_minor, status)
     values ($1, 'c', 'usd', 1, $2) returning id`,
    [settlement.settlementId, status],
  );
  return row!.id;
}

const JOB_PAIRS = JOB_STATUSES.flatMap((from) =>
  JOB_STATUSES.filter((to) => to !== from).map((to) => [from, to] as const),
);

test.each(JOB_PAIRS)('job %s -> %s is as the table says', async (from, to) => {
  const id = await jobIn(from);
  const moved = bed.rows('update payout_jobs set status = $2 where id = $1', [id, to]);
  expect(await refusalOf(moved)).toBe(
    JOB_TRANSITIONS[from].includes(to) ? 'nothing was refused' : 'payout_jobs_transition',
  );
});

test('a state that does not exist is refused', async () => {
  const { job, transfers } = await givenScheduledSettlement(bed.database);
  const insert = bed.rows(
    `insert into payout_transfers (id, payout_job_id, settlement_id, contest_id, user_id, award,
       amount_minor, currency, max_attempts, status)
     values (gen_random_uuid(), $1, 's', 'c', 'u', 'prize', 1, 'usd', 3, 'paid')`,
    [job.id],
  );
  expect(await refusalOf(insert)).toBe('payout_transfers_status');
  const move = bed.rows(`update payout_transfers set status = 'paid' where id = $1`, [
    transfers[0]!.id,
  ]);
  expect(await refusalOf(move)).toBe('payout_transfers_transition');
});
