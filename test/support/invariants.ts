/**
 * Goal: the statements about money that hold at every moment, whatever was done before.
 * Method: one query each, which answers with what breaks it; all of them are asked after each test of an activity.
 */
import type { DatabaseBed } from './builders';

const BREAKS: Readonly<Record<string, string>> = {
  'every ledger transaction sums to zero in each currency': `
    select ledger_transaction_id::text as broken from ledger_entries
    group by ledger_transaction_id, currency having sum(amount_minor) <> 0`,
  'paid transfers have exactly the payout posting of their Stripe id and amount': `
    select transfer.id::text as broken from payout_transfers as transfer
    left join ledger_transactions as posting
      on posting.transfer_id = transfer.id and posting.kind = 'payout'
    left join ledger_entries as entry
      on entry.ledger_transaction_id = posting.id and entry.account = 'stripe_balance'
    where (transfer.status = 'completed') <> (posting.id is not null)
      or (transfer.status = 'completed') <> (transfer.stripe_transfer_id is not null)
      or posting.stripe_transfer_id is distinct from transfer.stripe_transfer_id
      or (posting.id is not null and entry.amount_minor is distinct from -transfer.amount_minor)`,
  'prizes_payable is the sum of the transfers that are neither paid nor voided': `
    select job.settlement_id as broken from payout_jobs as job
    where (
      select coalesce(sum(amount_minor), 0) from payout_transfers
      where payout_job_id = job.id and status not in ('completed', 'voided')
    ) <> (
      select coalesce(-sum(entry.amount_minor), 0) from ledger_entries as entry
      join ledger_transactions as posting on posting.id = entry.ledger_transaction_id
      where posting.settlement_id = job.settlement_id and entry.account = 'prizes_payable'
    )`,
  'every POST has its attempt row and is counted once': `
    select transfer.id::text as broken from payout_transfers as transfer
    where attempt_count <> (select count(*) from payout_attempts where transfer_id = transfer.id)
      or attempt_count <> (
        select coalesce(max(attempt_number), 0) from payout_attempts where transfer_id = transfer.id)`,
  'nobody with an unresolved send is failed, cancelled, blocked or to be sent anew': `
    select transfer.id::text as broken from payout_transfers as transfer
    where status in ('pending', 'retryable', 'blocked', 'failed_terminal', 'cancelled')
      and exists (
        select from payout_attempts where transfer_id = transfer.id and resolution is null)`,
  'a closed generation has no unresolved send': `
    select generation.idempotency_key as broken from payout_generations as generation
    join payout_attempts as attempt using (transfer_id, generation)
    where generation.closed_at is not null and attempt.resolution is null`,
};

/** The statements that do not hold, with what breaks them; empty when all hold. */
export async function brokenInvariants(bed: Pick<DatabaseBed, 'rows'>): Promise<string[]> {
  const broken: string[] = [];
  for (const [statement, query] of Object.entries(BREAKS)) {
    const rows = await bed.rows<{ broken: string }>(query);
    broken.push(...rows.map((row) => `${statement}: ${row.broken}`));
  }
  return broken;
}
