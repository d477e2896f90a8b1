import { and, asc, eq } from 'drizzle-orm';

import type { Executor } from './database';
import { afterId, type PayoutTransfer, type TransferPageQuery } from './payout-transfers';
import { payoutTransfers, userStripeAccounts } from './schema';
import type { UserStripeAccount } from './user-stripe-accounts';

/** A transfer and the account that its winner has now. */
export interface PlannedTransfer {
  readonly transfer: PayoutTransfer;
  readonly account: UserStripeAccount | undefined;
}

/** The transfers of a job with their winners' accounts, by id, a page at a time. */
export async function findPlannedTransfers(
  executor: Executor,
  jobId: string,
  page: TransferPageQuery,
): Promise<PlannedTransfer[]> {
  const rows = await executor
    .select({ transfer: payoutTransfers, account: userStripeAccounts })
    .from(payoutTransfers)
    .leftJoin(userStripeAccounts, eq(userStripeAccounts.userId, payoutTransfers.userId))
    .where(and(eq(payoutTransfers.payoutJobId, jobId), afterId(page)))
    .orderBy(asc(payoutTransfers.id))
    .limit(page.transfersMax);
  return rows.map(({ account, transfer }) => ({ transfer, account: account ?? undefined }));
}
