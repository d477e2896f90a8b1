import { sql, type SQL } from 'drizzle-orm';

import type { TransferStatus } from '../domain/transfer-state';
import type { Executor } from './database';
import { everyRow } from './every-page';

/** A transfer as it is compared to its run and to Stripe. */
export interface BookTransfer {
  readonly id: string;
  readonly status: TransferStatus;
  readonly amountMinor: number;
  readonly currency: string;
  readonly stripeTransferId: string | null;
  /** How long ago the row changed, by Postgres's clock. */
  readonly unchangedMs: number;
}

/** A Stripe transfer that the ledger says was made. */
export interface Booking {
  readonly stripeTransferId: string;
  readonly transferId: string;
  readonly amountMinor: number;
  /** What the ledger has as come back of it. */
  readonly reversedMinor: number;
  readonly currency: string;
  /** The account that was frozen for it; null where no attempt row tells (a restored database). */
  readonly destination: string | null;
}

/** A settlement's job as it is compared to its run. */
export interface BookJob {
  readonly settlementId: string;
  readonly isComplete: boolean;
  readonly ageMs: number;
}

/** Jobs by settlement id, all of them or one. */
export async function readBookJobs(executor: Executor, settlementId?: string): Promise<BookJob[]> {
  const { rows } = await executor.execute<{
    settlement_id: string;
    is_complete: boolean;
    age_ms: number;
  }>(sql`
    select settlement_id, status = 'complete' as is_complete, ${msSince(sql`created_at`)} as age_ms
    from payout_jobs
    where ${settlementId === undefined ? sql`true` : sql`settlement_id = ${settlementId}`}
    order by settlement_id`);
  return rows.map((row) => ({
    settlementId: row.settlement_id,
    isComplete: row.is_complete,
    ageMs: row.age_ms,
  }));
}

function msSince(instant: SQL): SQL {
  return sql`floor(extract(epoch from payout_now() - ${instant}) * 1000)::float8`;
}

interface BookTransferRow extends Record<string, unknown> {
  id: string;
  status: TransferStatus;
  amount_minor: string;
  currency: string;
  stripe_transfer_id: string | null;
  unchanged_ms: number;
}

const BEFORE_THE_FIRST = '00000000-0000-0000-0000-000000000000';

/** Every transfer of a settlement, or those of these ids, by id. */
export async function readBookTransfers(
  executor: Executor,
  settlementId: string,
  transferIds?: readonly string[],
): Promise<Map<string, BookTransfer>> {
  const wanted =
    transferIds === undefined
      ? sql`true`
      : sql`id::text = any(${sql.param([...transferIds])}::text[])`;
  const rows = await everyRow<BookTransferRow>(async (last, rowsMax) => {
    const page = await executor.execute<BookTransferRow>(sql`
      select id, status, amount_minor, currency, stripe_transfer_id,
        ${msSince(sql`updated_at`)} as unchanged_ms
      from payout_transfers
      where payout_job_id = (select id from payout_jobs where settlement_id = ${settlementId})
        and id > ${last?.id ?? BEFORE_THE_FIRST} and ${wanted}
      order by id limit ${rowsMax}`);
    return page.rows;
  });
  return new Map(rows.map((row) => [row.id, bookTransferOf(row)]));
}

function bookTransferOf(row: BookTransferRow): BookTransfer {
  return {
    id: row.id,
    status: row.status,
    amountMinor: Number(row.amount_minor),
    currency: row.currency,
    stripeTransferId: row.stripe_transfer_id,
    unchangedMs: row.unchanged_ms,
  };
}

interface BookingRow extends Record<string, unknown> {
  stripe_transfer_id: string;
  transfer_id: string;
  amount_minor: string;
  reversed_minor: string;
  currency: string;
  destination: string | null;
}

/** What the ledger says was paid for a settlement, owed or not, by Stripe's id. */
export async function readBookings(
  executor: Executor,
  settlementId: string,
): Promise<Map<string, Booking>> {
  const { rows } = await executor.execute<BookingRow>(sql`
    with came_back as (
      select reversal.stripe_transfer_id, sum(entry.amount_minor) as reversed_minor
      from ledger_transactions as reversal
      join ledger_entries as entry
        on entry.ledger_transaction_id = reversal.id and entry.account = 'stripe_balance'
      where reversal.settlement_id = ${settlementId} and reversal.kind = 'reversal'
      group by reversal.stripe_transfer_id
    )
    select posting.stripe_transfer_id, posting.transfer_id, -entry.amount_minor as amount_minor, entry.currency,
      coalesce(came_back.reversed_minor, 0)::text as reversed_minor, (
      select generation.destination from payout_attempts as attempt
      join payout_generations as generation
        on generation.transfer_id = attempt.transfer_id and generation.generation = attempt.generation
      where attempt.transfer_id = posting.transfer_id
        and attempt.stripe_transfer_id = posting.stripe_transfer_id limit 1
    ) as destination
    from ledger_transactions as posting
    join ledger_entries as entry
      on entry.ledger_transaction_id = posting.id and entry.account = 'stripe_balance'
    left join came_back on came_back.stripe_transfer_id = posting.stripe_transfer_id
    where posting.settlement_id = ${settlementId} and posting.kind in ('payout', 'overpaid')
    order by posting.id`);
  return new Map(
    rows.map((row) => [
      row.stripe_transfer_id,
      {
        stripeTransferId: row.stripe_transfer_id,
        transferId: row.transfer_id,
        amountMinor: Number(row.amount_minor),
        reversedMinor: Number(row.reversed_minor),
        currency: row.currency,
        destination: row.destination,
      },
    ]),
  );
}
