import { sql } from 'drizzle-orm';

import type { ReasonCode } from '../domain/reasons';
import type { Executor } from './database';

/** The reasons whose causes Postgres can see to be gone. */
export interface WaitReasons {
  /** A pause was in force. */
  readonly pause: readonly ReasonCode[];
  /** The winner's account could not receive; Stripe is asked about it from time to time. */
  readonly readiness: readonly ReasonCode[];
}

/**
 * The blocked transfers of a job whose cause is gone: the account came, it can receive or is due to be asked about, or
 * nothing keeps the settlement from being sent any more. None while a pause is in force. By id.
 */
export async function findTransfersToWake(
  executor: Executor,
  jobId: string,
  { reasons, transfersMax }: { readonly reasons: WaitReasons; readonly transfersMax: number },
): Promise<string[]> {
  const anyOf = (codes: readonly ReasonCode[]) => sql`any(${sql.param([...codes])}::text[])`;
  const { rows } = await executor.execute<{ id: string }>(sql`
    select transfer.id::text as id
    from payout_transfers as transfer
    join payout_jobs as job on job.id = transfer.payout_job_id
    left join user_stripe_accounts as account on account.user_id = transfer.user_id
    where job.id = ${jobId} and transfer.status = 'blocked'
      and not exists (
        select from payout_controls
        where lifted_at is null
          and (settlement_id is null or settlement_id = transfer.settlement_id)
      )
      and case
        when transfer.failure_reason = 'payee_account_missing' then account.user_id is not null
        when transfer.failure_reason = ${anyOf(reasons.readiness)} then
          account.readiness <> 'not_ready' or coalesce(account.next_ask_at <= payout_now(), true)
        when transfer.failure_reason = 'platform_approval_missing' then job.approval <> 'required'
        else transfer.failure_reason = ${anyOf(reasons.pause)}
      end
    order by transfer.id
    limit ${transfersMax}`);
  return rows.map(({ id }) => id);
}
