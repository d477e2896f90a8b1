import { and, desc, eq, sql } from 'drizzle-orm';

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
