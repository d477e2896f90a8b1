import { sql } from 'drizzle-orm';

import type { Executor } from './database';

/**
 * Transfers of complete jobs whose payment was booked after the job's ledger was sealed, at most so long ago: a payment
 * that was learnt late. Newest first. One look into an index for each job; read-only.
 */
export async function findLatePayments(
  executor: Executor,
  { sinceMs, transfersMax }: { readonly sinceMs: number; readonly transfersMax: number },
): Promise<string[]> {
  const { rows } = await executor.execute<{ id: string }>(sql`
    select distinct late.transfer_id::text as id, max(late.id) as booked
    from payout_jobs as job
    join ledger_transactions as late
      on late.settlement_id = job.settlement_id and late.id > job.sealed_ledger_id
    where job.status = 'complete' and late.kind in ('payout', 'overpaid')
      and late.posted_at > payout_now() - ${sinceMs} * interval '1 millisecond'
    group by late.transfer_id
    order by booked desc
    limit ${transfersMax}`);
  return rows.map(({ id }) => id);
}
