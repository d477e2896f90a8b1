import { sql } from 'drizzle-orm';

import { endsWithPause } from '../domain/breaker';
import { isPayeeNotReady } from '../domain/claim-rules';
import { REASONS, type ReasonCode } from '../domain/reasons';
import { isAccountApproved, isApprovedAndNotHeld } from './approval-gate';
import type { Executor } from './database';
import { noPauseInForce } from './pause-in-force';
import type { TransferPageQuery } from './payout-transfers';

const REASON_CODES = Object.keys(REASONS) as ReasonCode[];
/** The winner's account could not receive; Stripe is asked about it from time to time. */
const READINESS_REASONS = REASON_CODES.filter(isPayeeNotReady);
const PAUSE_REASONS = REASON_CODES.filter(endsWithPause);

/**
 * The blocked transfers whose cause Postgres can see to be gone: the account came, it can receive or is due to be asked
 * about, it was approved or confirmed, or nothing keeps the settlement from being sent any more. None that are under a pause. By id, a page at a time.
 *
 * @param settlementId null: of all settlements
 */
export async function findTransfersToWake(
  executor: Executor,
  settlementId: string | null,
  { afterTransferId, transfersMax }: TransferPageQuery,
): Promise<string[]> {
  const anyOf = (codes: readonly ReasonCode[]) => sql`any(${sql.param([...codes])}::text[])`;
  const { rows } = await executor.execute<{ id: string }>(sql`
    select transfer.id::text as id
    from payout_transfers as transfer
    join payout_jobs as job on job.id = transfer.payout_job_id
    left join user_stripe_accounts as account on account.user_id = transfer.user_id
    where transfer.status = 'blocked'
      and (${settlementId}::text is null or transfer.settlement_id = ${settlementId})
      and (${afterTransferId}::uuid is null or transfer.id > ${afterTransferId}::uuid)
      and ${noPauseInForce(sql`transfer.settlement_id`)}
      and case
        when transfer.failure_reason = 'payee_account_missing' then account.user_id is not null
        when transfer.failure_reason = ${anyOf(READINESS_REASONS)} then
          account.readiness <> 'not_ready' or coalesce(account.next_ask_at <= payout_now(), true)
        when transfer.failure_reason in ('platform_approval_missing', 'platform_on_hold') then
          ${isApprovedAndNotHeld()}
        when transfer.failure_reason = 'platform_account_unconfirmed' then
          ${isAccountApproved()}
        else transfer.failure_reason = ${anyOf(PAUSE_REASONS)}
      end
    order by transfer.id
    limit ${transfersMax}`);
  return rows.map(({ id }) => id);
}

/**
 * The transfers that have waited for the reading of Stripe's list that is at its end: whoever was freed since the one before
 * it, and whom an operator has freed. Not those that have never been looked at: the job starts them after its first reading.
 */
export async function findTransfersAwaitingList(
  executor: Executor,
  settlementId: string,
  transfersMax: number,
): Promise<string[]> {
  const { rows } = await executor.execute<{ id: string }>(sql`
    select transfer.id::text as id
    from payout_transfers as transfer
    join payout_jobs as job on job.id = transfer.payout_job_id
    where job.settlement_id = ${settlementId}
      and (
        (transfer.status = 'pending' and transfer.updated_at >= job.stripe_list_read_at)
        or (transfer.status = 'retryable'
          and transfer.failure_reason in ('transient_retried_by_operator', 'transient_resolved_unpaid'))
      )
    order by transfer.id
    limit ${transfersMax}`);
  return rows.map(({ id }) => id);
}
