import { and, desc, eq, sql, type SQL } from 'drizzle-orm';

import type { Executor } from './database';
import { operatorActions, payoutTransfers } from './schema';

/** What `operator_actions` calls it when an account takes the place of another. */
export const REPLACE_ACCOUNT = 'replace_account';

/** Who put this account in place of the winner's earlier one; null where nobody is known to have. */
export async function findReplacer(
  executor: Executor,
  account: { readonly userId: string; readonly stripeAccountId: string },
): Promise<string | null> {
  const [action] = await executor
    .select({ actor: operatorActions.actor })
    .from(operatorActions)
    .where(
      and(
        eq(operatorActions.action, REPLACE_ACCOUNT),
        sql`${operatorActions.subject} ->> 'userId' = ${account.userId}`,
        sql`${operatorActions.subject} ->> 'to' = ${account.stripeAccountId}`,
      ),
    )
    .orderBy(desc(operatorActions.id))
    .limit(1);
  return action?.actor ?? null;
}

/** Money may go to this version of the winner's account. The caller holds the transfer's lock. */
export async function markAccountConfirmed(
  executor: Executor,
  transferId: string,
  version: number,
): Promise<void> {
  await executor
    .update(payoutTransfers)
    .set({ approvedAccountVersion: version, updatedAt: sql`payout_now()` })
    .where(eq(payoutTransfers.id, transferId));
}

/** How often accounts of a job's winners took the place of others: the versions beyond the first. It only grows. */
export async function countReplacements(executor: Executor, jobId: string): Promise<number> {
  return readReplacements(executor, jobId, sql``);
}

/** The same, and none is replaced before the transaction of the caller, who holds the transfers' locks, has ended. */
export async function lockReplacements(executor: Executor, jobId: string): Promise<number> {
  return readReplacements(executor, jobId, sql`for share`);
}

async function readReplacements(executor: Executor, jobId: string, locking: SQL): Promise<number> {
  const { rows } = await executor.execute<{ replacements: number }>(sql`
    select coalesce(sum(version - 1), 0)::int as replacements from (
      select version from user_stripe_accounts
      where user_id in (select user_id from payout_transfers where payout_job_id = ${jobId})
      order by user_id ${locking}
    ) as account`);
  return rows[0]?.replacements ?? 0;
}
