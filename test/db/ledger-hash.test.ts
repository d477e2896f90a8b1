/**
 * Goal: a completed settlement's ledger cannot be changed unnoticed, not even by the owner of the database.
 * Method: real Postgres; records are changed by SQL with the triggers off; a posting and the sealing are held mid-way.
 */
import { completeJobWhenTerminal, findJobById, movePayoutJob } from '../../src/db/payout-jobs';
import { inTransaction } from '../../src/db/database';
import { postLedger, type LedgerPosting } from '../../src/db/ledger';
import { findBrokenSeals, hashLedger, lockJobForSealing } from '../../src/db/ledger-hash';
import { overpaidPosting } from '../../src/domain/ledger';
import {
  givenScheduledSettlement,
  newId,
  openDatabaseBed,
  untilSomebodyWaitsForLock,
  type DatabaseBed,
  type ScheduledSettlement,
} from '../support/builders';

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed();
});

afterAll(() => bed.close());

function postingOf({ settlement, transfers }: ScheduledSettlement): LedgerPosting {
  const stripeTransferId = newId('tr').replace('-', '_');
  return {
    idempotencyKey: `ledger:overpaid:${stripeTransferId}`,
    kind: 'overpaid',
    settlementId: settlement.settlementId,
    transferId: transfers[0]!.id,
    stripeTransferId,
    entries: overpaidPosting(700, 'usd'),
  };
}

function post(posting: LedgerPosting): Promise<boolean> {
  return inTransaction(bed.database, (transaction) => postLedger(transaction, posting));
}

/** A settlement all of whose transfers are terminal, with this many records; its job is not complete yet. */
async function givenEnded(records = 3): Promise<ScheduledSettlement> {
  const scheduled = await givenScheduledSettlement(bed.database);
  await bed.rows(`update payout_transfers set status = 'cancelled' where payout_job_id = $1`, [
    scheduled.job.id,
  ]);
  for (let record = 1; record < records; record += 1) {
    await post(postingOf(scheduled));
  }
  return scheduled;
}

async function givenSealed(): Promise<ScheduledSettlement> {
  const scheduled = await givenEnded();
  await completeJobWhenTerminal(bed.database, scheduled.job.id);
  return scheduled;
}

async function idsOf({ settlement }: ScheduledSettlement): Promise<number[]> {
  const rows = await bed.rows<{ id: string }>(
    'select id from ledger_transactions where settlement_id = $1 order by id',
    [settlement.settlementId],
  );
  return rows.map(({ id }) => Number(id));
}

/** What only the owner of the tables can do. */
async function behindTheTriggers(...statements: readonly string[]): Promise<void> {
  const tables = ['ledger_transactions', 'ledger_entries'];
  await bed.inTransaction(
    ...tables.map((table) => `alter table ${table} disable trigger all`),
    ...statements,
    ...tables.map((table) => `alter table ${table} enable trigger all`),
  );
}

test('a job is sealed when it completes, not before, and up to its newest record', async () => {
  const scheduled = await givenScheduledSettlement(bed.database);
  expect(await completeJobWhenTerminal(bed.database, scheduled.job.id)).toBe(false);
  expect(await findJobById(bed.database, scheduled.job.id)).toMatchObject({
    sealedLedgerHash: null,
    sealedLedgerId: null,
  });
  const sealed = await givenSealed();
  expect(await findJobById(bed.database, sealed.job.id)).toMatchObject({
    sealedLedgerHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    sealedLedgerId: (await idsOf(sealed)).at(-1),
  });
  expect(await findBrokenSeals(bed.database, sealed.settlement.settlementId)).toEqual([]);
});

test('records after the seal leave it whole; a job that was opened again is sealed anew', async () => {
  const sealed = await givenSealed();
  const before = await findJobById(bed.database, sealed.job.id);
  await post(postingOf(sealed));
  expect(await findBrokenSeals(bed.database, sealed.settlement.settlementId)).toEqual([]);
  expect(await completeJobWhenTerminal(bed.database, sealed.job.id)).toBe(true);
  expect(await findJobById(bed.database, sealed.job.id)).toEqual(before);

  await movePayoutJob(bed.database, sealed.job.id, 'processing');
  expect(await completeJobWhenTerminal(bed.database, sealed.job.id)).toBe(true);
  const again = await findJobById(bed.database, sealed.job.id);
  expect(again?.sealedLedgerId).toBe((await idsOf(sealed)).at(-1));
  expect(again?.sealedLedgerHash).not.toBe(before?.sealedLedgerHash);
  expect(await findBrokenSeals(bed.database, sealed.settlement.settlementId)).toEqual([]);
});

const CHANGES: readonly [string, (ids: readonly number[], settlementId: string) => string[]][] = [
  [
    'an amount',
    ([id = 0]) => [
      `update ledger_entries set amount_minor = amount_minor * 2 where ledger_transaction_id = ${id.toString()}`,
    ],
  ],
  [
    'a reason',
    ([id = 0]) => [
      `update ledger_transactions set reason = 'request_refused' where id = ${id.toString()}`,
    ],
  ],
  [
    'a time',
    ([id = 0]) => [
      `update ledger_transactions set posted_at = posted_at + interval '1 microsecond' where id = ${id.toString()}`,
    ],
  ],
  [
    'the last record taken out',
    (ids) =>
      ['ledger_entries where ledger_transaction_id', 'ledger_transactions where id'].map(
        (where) => `delete from ${where} = ${(ids.at(-1) ?? 0).toString()}`,
      ),
  ],
  [
    'a record in the middle taken out',
    ([, id = 0]) =>
      ['ledger_entries where ledger_transaction_id', 'ledger_transactions where id'].map(
        (where) => `delete from ${where} = ${id.toString()}`,
      ),
  ],
  [
    'a further pair of entries',
    ([id = 0]) => [
      `insert into ledger_entries (ledger_transaction_id, account, amount_minor, currency) values
       (${id.toString()}, 'overpaid', 5, 'usd'), (${id.toString()}, 'stripe_balance', -5, 'usd')`,
    ],
  ],
  [
    'a record put in before the end',
    (ids, settlementId) => [
      `insert into ledger_transactions (id, idempotency_key, kind, settlement_id)
       values (-${(ids[0] ?? 0).toString()} + 1, 'put-in-${settlementId}', 'refusal', '${settlementId}')`,
    ],
  ],
];

test.each(CHANGES)(
  '%s breaks the seal of its settlement and of no other',
  async (_what, change) => {
    const [sealed, other] = [await givenSealed(), await givenSealed()];
    await behindTheTriggers(...change(await idsOf(sealed), sealed.settlement.settlementId));
    const broken = await findBrokenSeals(bed.database);
    expect(broken).toContain(sealed.settlement.settlementId);
    expect(broken).not.toContain(other.settlement.settlementId);
  },
);

test('the hash is the same in every time zone', async () => {
  const { settlement } = await givenSealed();
  const here = await hashLedger(bed.database, settlement.settlementId);
  const there = await inTransaction(bed.database, async (transaction) => {
    await transaction.execute(`set local time zone 'Asia/Kathmandu'`);
    return hashLedger(transaction, settlement.settlementId);
  });
  expect(there).toEqual(here);
  expect(await hashLedger(bed.database, 'nobody')).toBeUndefined();
});

test('a ledger of several pages is hashed whole', async () => {
  const scheduled = await givenEnded(1);
  const { settlementId } = scheduled.settlement;
  await bed.rows(
    `insert into ledger_transactions (idempotency_key, kind, settlement_id)
     select 'page-' || n, 'refusal', $1 from generate_series(1, 4500) as n`,
    [settlementId],
  );
  await completeJobWhenTerminal(bed.database, scheduled.job.id);
  const ids = await idsOf(scheduled);
  expect((await findJobById(bed.database, scheduled.job.id))?.sealedLedgerId).toBe(ids.at(-1));
  for (const place of [0, 2_000, 4_500]) {
    const id = ids[place]!.toString();
    const setReason = (reason: string) =>
      behindTheTriggers(`update ledger_transactions set reason = ${reason} where id = ${id}`);
    await setReason(`'request_refused'`);
    expect(await findBrokenSeals(bed.database, settlementId)).toEqual([settlementId]);
    await setReason('null');
    expect(await findBrokenSeals(bed.database, settlementId)).toEqual([]);
  }
});

test('a seal waits for a posting that is under way, and covers it', async () => {
  const scheduled = await givenEnded();
  const other = bed.connect();
  let completing: Promise<boolean> | undefined;
  await inTransaction(other.database, async (transaction) => {
    await postLedger(transaction, postingOf(scheduled));
    // A larger id that is committed first.
    await post(postingOf(scheduled));
    completing = completeJobWhenTerminal(bed.database, scheduled.job.id);
    await untilSomebodyWaitsForLock(bed);
  });
  expect(await completing).toBe(true);
  const job = await findJobById(bed.database, scheduled.job.id);
  expect(job?.sealedLedgerId).toBe((await idsOf(scheduled)).at(-1));
  expect(await findBrokenSeals(bed.database, scheduled.settlement.settlementId)).toEqual([]);
});

test('a posting that comes during the sealing waits, and gets a larger id', async () => {
  const scheduled = await givenEnded();
  let posting: Promise<boolean> | undefined;
  const drawn = await inTransaction(bed.database, async (transaction) => {
    await lockJobForSealing(transaction, scheduled.job.id);
    posting = post(postingOf(scheduled));
    await untilSomebodyWaitsForLock(bed);
    const [row] = await bed.rows<{ id: string }>(
      `select nextval('ledger_transactions_id_seq') as id`,
    );
    return Number(row!.id);
  });
  expect(await posting).toBe(true);
  expect((await idsOf(scheduled)).at(-1)).toBeGreaterThan(drawn);
});
