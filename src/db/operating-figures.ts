import { sql } from 'drizzle-orm';

import { METRICS_STATEMENT_TIMEOUT_MS } from '../domain/limits';
import { OPEN_STATUSES } from '../domain/transfer-state';
import { inSnapshot, type Database } from './database';
import { owed } from './owed-transfers';

/** What is open, waiting and stopped in an installation at one moment; ages in seconds. */
export interface OperatingFigures {
  readonly settlements: readonly { readonly status: string; readonly count: number }[];
  /** Jobs that are not complete. */
  readonly openJobs: readonly { readonly status: string; readonly count: number }[];
  readonly openTransfers: readonly { readonly status: string; readonly count: number }[];
  /** Transfers that were given up: only a person goes on with them. */
  readonly failedTransfers: number;
  /** Since the first send without a certain outcome, of the oldest; null while nothing is unknown. */
  readonly oldestUnknownSeconds: number | null;
  readonly pausesInForce: readonly { readonly scope: string; readonly count: number }[];
  /** Webhooks by what came of them; `waiting` until they have ended, also after tries that failed. */
  readonly stripeEvents: readonly { readonly result: string; readonly count: number }[];
  /** Orders of operators that were refused since the installation began, by code. */
  readonly refusedOrders: readonly { readonly code: string; readonly count: number }[];
  /** Changes that a guard of Postgres has refused since then; after a crash of Postgres up to 32 too many. */
  readonly refusedChanges: number;
  /** Since recurring work last succeeded, by its name; since it was registered where it never has. */
  readonly recurringWork: readonly { readonly name: string; readonly seconds: number }[];
}

/** One snapshot; each statement is ended by Postgres after METRICS_STATEMENT_TIMEOUT_MS. Safe to repeat. */
export async function readOperatingFigures(database: Database): Promise<OperatingFigures> {
  return inSnapshot(database, async (transaction) => {
    await transaction.execute(
      sql`set local statement_timeout = ${sql.raw(METRICS_STATEMENT_TIMEOUT_MS.toString())}`,
    );
    const { rows } = await transaction.execute<{ figures: OperatingFigures }>(FIGURES);
    const [row] = rows;
    if (row === undefined) {
      throw new Error('a statement without a from clause gave no row');
    }
    return row.figures;
  });
}

/** Open and failed transfers by the partial index of those that are neither paid nor voided, open jobs by theirs. */
const FIGURES = sql`select json_build_object(
  'settlements', (
    select coalesce(json_agg(json_build_object('status', status, 'count', n)), '[]')
    from (select status, count(*) as n from settlements group by status) as by_status),
  'openJobs', (
    select coalesce(json_agg(json_build_object('status', status, 'count', n)), '[]')
    from (
      select status, count(*) as n from payout_jobs where status <> 'complete' group by status
    ) as by_status),
  'openTransfers', (
    select coalesce(json_agg(json_build_object('status', status, 'count', n)), '[]')
    from (
      select status, count(*) as n from payout_transfers
      where ${owed(sql`status`)} group by status
    ) as by_status where status in ${OPEN_STATUSES}),
  'failedTransfers', (
    select count(*) from payout_transfers
    where ${owed(sql`status`)} and status = 'failed_terminal'),
  'oldestUnknownSeconds', (
    select extract(epoch from payout_now() - min(coalesce((
      select min(sent_at) from payout_attempts
      where transfer_id = payout_transfers.id and resolution is null), updated_at)))::float
    from payout_transfers where ${owed(sql`status`)} and status = 'unknown'),
  'pausesInForce', (
    select coalesce(json_agg(json_build_object('scope', scope, 'count', n)), '[]')
    from (
      select case when settlement_id is null then 'everything' else 'settlement' end as scope,
        count(*) as n
      from payout_controls where lifted_at is null group by scope
    ) as by_scope),
  'stripeEvents', (
    select coalesce(json_agg(json_build_object('result', result, 'count', n)), '[]')
    from (
      select case when status = 'received' then 'waiting' else result end as result, count(*) as n
      from stripe_events group by 1
    ) as by_result),
  'refusedOrders', (
    select coalesce(json_agg(json_build_object('code', code, 'count', refused_count)), '[]') from refusal_counts),
  'refusedChanges', (select case when is_called then last_value else 0 end from refused_changes),
  'recurringWork', (
    select coalesce(json_agg(json_build_object(
      'name', name, 'seconds', extract(epoch from payout_now() - coalesce(succeeded_at, registered_at))::float)), '[]')
    from admin_jobs)
) as figures`;
