import { createHash } from 'node:crypto';

import { sql } from 'drizzle-orm';

import type { Executor } from './database';
import { everyPage } from './every-page';

/** A settlement's ledger up to and with one record, in one hash. */
export interface LedgerSeal {
  /** SHA-256 in hex. */
  readonly hash: string;
  /** The newest record that the hash covers. */
  readonly ledgerId: number;
}

/** What the first record is chained to. */
const BEFORE_THE_FIRST = '0'.repeat(64);

/**
 * The hash chain over a settlement's ledger in the order of its ids: h(n) = SHA-256(h(n-1), record n). Equal hashes mean
 * that no record or entry was changed, added, taken out or moved up to the sealed id.
 *
 * Which records there are is only certain while no posting is under way: see `lockJobForSealing`.
 * @param upToLedgerId where a seal ends; without it the newest record of the moment
 * @returns undefined where the settlement has no record
 */
export async function hashLedger(
  executor: Executor,
  settlementId: string,
  upToLedgerId: number = Number.MAX_SAFE_INTEGER,
): Promise<LedgerSeal | undefined> {
  let seal: LedgerSeal | undefined;
  const read = (last: LedgerRecord | undefined, rowsMax: number) =>
    readPage(executor, settlementId, {
      rowsMax,
      afterLedgerId: last === undefined ? Number.MIN_SAFE_INTEGER : Number(last.id),
      upToLedgerId,
    });
  for await (const page of everyPage(read)) {
    for (const { id, record } of page) {
      const chained = `${seal?.hash ?? BEFORE_THE_FIRST}\n${JSON.stringify(record)}`;
      const hash = createHash('sha256').update(chained, 'utf8').digest('hex');
      seal = { hash, ledgerId: Number(id) };
    }
  }
  return seal;
}

interface LedgerRecord extends Record<string, unknown> {
  readonly id: string;
  /** Its columns and entries, as arrays of texts. */
  readonly record: readonly unknown[];
}

/**
 * Records as one array each: every column, then the entries in the order of their ids; its JSON is the canonical text.
 * Amounts and ids are texts, which JavaScript does not round; times are UTC to the microsecond, whatever the session's
 * time zone. Changing a letter of it breaks every seal that was ever taken.
 */
async function readPage(
  executor: Executor,
  settlementId: string,
  range: {
    readonly afterLedgerId: number;
    readonly upToLedgerId: number;
    readonly rowsMax: number;
  },
): Promise<LedgerRecord[]> {
  const { rows } = await executor.execute<LedgerRecord>(sql`
    with page as materialized (
      select * from ledger_transactions
      where settlement_id = ${settlementId} and id > ${range.afterLedgerId} and id <= ${range.upToLedgerId}
      order by id limit ${range.rowsMax}
    ), entries as (
      select ledger_transaction_id, json_agg(
        json_build_array(id::text, account, amount_minor::text, currency) order by id
      ) as list
      from ledger_entries where ledger_transaction_id in (select id from page)
      group by ledger_transaction_id
    )
    select page.id::text as id, json_build_array(
      page.id::text, idempotency_key, kind, settlement_id, transfer_id, attempt_number, reason, stripe_transfer_id,
      to_char(posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), coalesce(entries.list, '[]'::json)
    ) as record
    from page left join entries on entries.ledger_transaction_id = page.id
    order by page.id`);
  return rows;
}

/**
 * Locks a job's row so that its settlement's ledger stands still for the rest of the transaction: a posting under way
 * holds the row in key share mode, so this waits for it, and a later one waits for this. Hence no record with a smaller
 * id than the sealed one can be committed after the seal.
 *
 * It waits only for this one row and takes no other lock after it, so it can be part of no deadlock, as long as nobody
 * locks a transfer after the job's row.
 */
export async function lockJobForSealing(executor: Executor, jobId: string): Promise<void> {
  await executor.execute(sql`select from payout_jobs where id = ${jobId} for update`);
}

/**
 * Keeps the settlement's ledger from being sealed until the transaction ends. To be called before a record gets its id:
 * the foreign key's own lock, the same one, comes after it, and a seal in between would not know of the smaller id.
 */
export async function lockJobForPosting(executor: Executor, settlementId: string): Promise<void> {
  await executor.execute(
    sql`select from payout_jobs where settlement_id = ${settlementId} for key share`,
  );
}

interface SealedJob extends Record<string, unknown> {
  readonly settlement_id: string;
  readonly sealed_ledger_hash: string;
  readonly sealed_ledger_id: string;
}

/** Settlements whose ledger is no longer what was sealed, of one settlement or of all. */
export async function findBrokenSeals(
  executor: Executor,
  settlementId?: string,
): Promise<string[]> {
  const broken: string[] = [];
  const { rows } = await executor.execute<SealedJob>(sql`
    select settlement_id, sealed_ledger_hash, sealed_ledger_id::text as sealed_ledger_id from payout_jobs
    where sealed_ledger_hash is not null
      and (${settlementId ?? null}::text is null or settlement_id = ${settlementId ?? null})
    order by settlement_id`);
  for (const job of rows) {
    const found = await hashLedger(executor, job.settlement_id, Number(job.sealed_ledger_id));
    const isWhole =
      found?.hash === job.sealed_ledger_hash && found.ledgerId.toString() === job.sealed_ledger_id;
    if (!isWhole) {
      broken.push(job.settlement_id);
    }
  }
  return broken;
}
