import { sql } from 'drizzle-orm';

import type { Executor } from './database';

/**
 * Transfers of complete jobs whose payment was booked after the job's ledger was sealed, at most so long ago: a payment
 * that was learnt late. Newest first. One look into an index for each recent payment, however many jobs there have ever
 * been; read-only.
 */
export async function findLatePayments(
  executor: Executor,
  { sinceMs, transfersMax }: { readonly sinceMs: number; readonly transfersMax: number },
): Promise<string[]> {
  // The clock is asked once, by a subquery: asked for each row, it could use no index.
  const { rows } = await executor.execute<{ id: string }>(sql`
    select late.transfer_id::text as id, max(late.id) as booked
    from ledger_transactions as late
    where late.kind in ('payout', 'overpaid')
      and late.posted_at > (select payout_now() - ${sinceMs} * interval '1 millisecond')
      and late.id > (
        select job.sealed_ledger_id from payout_jobs as job
        where job.settlement_id = late.settlement_id and job.status = 'complete')
    group by late.transfer_id
    order by booked desc
    limit ${transfersMax}`);
  return rows.map(({ id }) => id);
}
