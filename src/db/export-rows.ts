import { sql, type SQL } from 'drizzle-orm';

import {
  EXPORT_FIRST_PAGE_MAX_MS,
  EXPORT_READER_PAUSE_MAX_MS,
  ROWS_PER_PAGE,
} from '../domain/limits';
import { inSnapshot, type Database, type Executor } from './database';
import type { AttemptOutcome, AttemptResolution } from './schema';

/** Which records are wanted; a time that is not given has no bound. */
export interface ExportFilter {
  readonly settlementId?: string | undefined;
  /** From this moment on, … */
  readonly since?: Date | undefined;
  /** … and before this one. */
  readonly until?: Date | undefined;
}

/** Runs reading work on one snapshot that may last as long as its reader takes. */
export async function inLongSnapshot<Result>(
  database: Database,
  work: (executor: Executor) => Promise<Result>,
): Promise<Result> {
  return inSnapshot(database, async (executor) => {
    await executor.execute(
      sql.raw(`set local idle_in_transaction_session_timeout = ${EXPORT_READER_PAUSE_MAX_MS}`),
    );
    await executor.execute(sql.raw(`set local statement_timeout = ${EXPORT_FIRST_PAGE_MAX_MS}`));
    return work(executor);
  });
}

/** The rows of a query, a page at a time, by a cursor of Postgres's: no more than a page is in memory. */
async function* pagesOf<Row>(executor: Executor, query: SQL): AsyncGenerator<Row[]> {
  await executor.execute(sql`declare exported no scroll cursor for ${query}`);
  for (;;) {
    const { rows } = await executor.execute(
      sql.raw(`fetch forward ${ROWS_PER_PAGE} from exported`),
    );
    if (rows.length === 0) {
      await executor.execute(sql`close exported`);
      return;
    }
    yield rows as Row[];
  }
}

function within(instant: string, { since, until }: ExportFilter): SQL {
  const column = sql.raw(instant);
  const from =
    since === undefined ? sql`true` : sql`${column} >= ${since.toISOString()}::timestamptz`;
  const to = until === undefined ? sql`true` : sql`${column} < ${until.toISOString()}::timestamptz`;
  return sql`${from} and ${to}`;
}

function ofSettlement(column: string, { settlementId }: ExportFilter): SQL {
  return settlementId === undefined ? sql`true` : sql`${sql.raw(column)} = ${settlementId}`;
}

/** ISO 8601 in UTC; of a fraction of a second as much as an answer of the API shows. */
function isoOf(column: string): SQL {
  return sql`to_char(${sql.raw(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** One POST to Stripe: a payment's, or a reversal's. Amounts are minor units as text, which JavaScript does not round. */
export interface AttemptRecord {
  readonly kind: 'payment' | 'reversal';
  readonly settlement_id: string;
  readonly transfer_id: string;
  readonly reversal_id: string | null;
  readonly user_id: string;
  readonly award: string;
  readonly attempt_number: number;
  readonly generation: number | null;
  readonly idempotency_key: string;
  readonly destination: string | null;
  readonly amount_minor: string;
  readonly currency: string;
  readonly sent_at: string;
  readonly answered_at: string | null;
  readonly outcome: AttemptOutcome | null;
  readonly resolution: AttemptResolution | null;
  readonly reason: string | null;
  readonly counted: boolean | null;
  readonly http_status: number | null;
  readonly request_id: string | null;
  readonly replayed: boolean | null;
  readonly stripe_id: string | null;
}

/** Every POST, payments' before reversals', each in the order of its ids. */
export async function* exportAttempts(
  executor: Executor,
  filter: ExportFilter,
): AsyncGenerator<AttemptRecord[]> {
  yield* pagesOf<AttemptRecord>(
    executor,
    sql`
    select 'payment' as kind, transfer.settlement_id, transfer.id as transfer_id, null as reversal_id,
      transfer.user_id, transfer.award, attempt.attempt_number, attempt.generation, generation.idempotency_key,
      generation.destination, generation.amount_minor::text as amount_minor, generation.currency,
      ${isoOf('attempt.sent_at')} as sent_at, ${isoOf('attempt.answered_at')} as answered_at,
      attempt.outcome, attempt.resolution, attempt.reason, attempt.counted, attempt.http_status,
      attempt.request_id, attempt.replayed, attempt.stripe_transfer_id as stripe_id
    from payout_attempts as attempt
    join payout_transfers as transfer on transfer.id = attempt.transfer_id
    join payout_generations as generation
      on generation.transfer_id = attempt.transfer_id and generation.generation = attempt.generation
    where ${ofSettlement('transfer.settlement_id', filter)} and ${within('attempt.sent_at', filter)}
    order by attempt.transfer_id, attempt.attempt_number`,
  );
  yield* pagesOf<AttemptRecord>(
    executor,
    sql`
    select 'reversal' as kind, reversal.settlement_id, reversal.transfer_id, reversal.id as reversal_id,
      transfer.user_id, transfer.award, attempt.attempt_number, null as generation, reversal.idempotency_key,
      null as destination, reversal.amount_minor::text as amount_minor, reversal.currency,
      ${isoOf('attempt.sent_at')} as sent_at, ${isoOf('attempt.answered_at')} as answered_at,
      attempt.outcome, attempt.resolution, attempt.reason, null as counted, attempt.http_status,
      attempt.request_id, attempt.replayed, attempt.stripe_reversal_id as stripe_id
    from payout_reversal_attempts as attempt
    join payout_reversals as reversal on reversal.id = attempt.reversal_id
    join payout_transfers as transfer on transfer.id = reversal.transfer_id
    where ${ofSettlement('reversal.settlement_id', filter)} and ${within('attempt.sent_at', filter)}
    order by attempt.reversal_id, attempt.attempt_number`,
  );
}

/** One entry of the ledger. */
export interface PostingRecord {
  readonly transaction_id: string;
  readonly entry_id: string;
  readonly posted_at: string;
  readonly kind: string;
  readonly idempotency_key: string;
  readonly settlement_id: string;
  readonly transfer_id: string | null;
  readonly attempt_number: number | null;
  readonly stripe_transfer_id: string | null;
  readonly account: string;
  readonly amount_minor: string;
  readonly currency: string;
}

/** Every entry, in the order of its records and then its own: the two sides of a posting stand together. */
export async function* exportPostings(
  executor: Executor,
  filter: ExportFilter,
): AsyncGenerator<PostingRecord[]> {
  yield* pagesOf<PostingRecord>(
    executor,
    sql`
    select posting.id::text as transaction_id, entry.id::text as entry_id, ${isoOf('posting.posted_at')} as posted_at,
      posting.kind, posting.idempotency_key, posting.settlement_id, posting.transfer_id, posting.attempt_number,
      posting.stripe_transfer_id, entry.account, entry.amount_minor::text as amount_minor, entry.currency
    from ledger_transactions as posting
    join ledger_entries as entry on entry.ledger_transaction_id = posting.id
    where ${ofSettlement('posting.settlement_id', filter)} and ${within('posting.posted_at', filter)}
    order by posting.id, entry.id`,
  );
}

/** What somebody did, and why. */
export interface ActionRecord {
  readonly id: string;
  readonly acted_at: string;
  readonly action: string;
  readonly actor: string;
  readonly reason: string;
  /** JSON as it was written. */
  readonly subject: string;
}

/** Every action in the order of its id; of a settlement those that name it, or one of its transfers. */
export async function* exportActions(
  executor: Executor,
  filter: ExportFilter,
): AsyncGenerator<ActionRecord[]> {
  const { settlementId } = filter;
  // `->>` cannot read a text with an escaped NUL, which only a hand could have written: such a row names no settlement.
  const named =
    settlementId === undefined
      ? sql`true`
      : sql`case when position('\\u0000' in action.subject::text) > 0 then false else
          action.subject ->> 'settlementId' = ${settlementId} or exists (
            select from payout_transfers as transfer
            where transfer.id::text = action.subject ->> 'transferId'
              and transfer.settlement_id = ${settlementId}
          ) end`;
  yield* pagesOf<ActionRecord>(
    executor,
    sql`
    select action.id::text as id, ${isoOf('action.acted_at')} as acted_at, action.action, action.actor, action.reason,
      action.subject::text as subject
    from operator_actions as action
    where ${named} and ${within('action.acted_at', filter)}
    order by action.id`,
  );
}
