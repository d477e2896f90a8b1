import { and, asc, desc, eq, gt, notInArray, sql } from 'drizzle-orm';

import { isPartOfApproval, type ApprovedWinner } from '../domain/approval';
import { isHeld } from '../domain/send-gate';
import { isGivenUp } from '../domain/transfer-state';
import { approvalHash } from './approval-hash';
import type { Executor } from './database';
import { readPayoutClock } from './payout-clock';
import type { PayoutJob } from './payout-jobs';
import type { PayoutTransfer, TransferPageQuery } from './payout-transfers';
import { operatorActions, payoutJobs, payoutTransfers, userStripeAccounts } from './schema';
import type { UserStripeAccount } from './user-stripe-accounts';

/** What an approval would name at this moment. */
export interface ApprovalContent {
  readonly hash: string;
  /** Those that wait for an approval and are not given up. */
  readonly waitingCount: number;
  readonly waitingMinor: number;
}

type ApprovalRow = ApprovedWinner & Pick<PayoutTransfer, 'approval' | 'status'>;

const APPROVAL_COLUMNS = {
  userId: payoutTransfers.userId,
  award: payoutTransfers.award,
  amountMinor: payoutTransfers.amountMinor,
  approval: payoutTransfers.approval,
  status: payoutTransfers.status,
};

/** What an approval of this job would name. */
export async function readApprovalContent(
  executor: Executor,
  job: Pick<PayoutJob, 'id' | 'settlementId' | 'currency'>,
): Promise<ApprovalContent> {
  const rows = await executor
    .select(APPROVAL_COLUMNS)
    .from(payoutTransfers)
    .where(eq(payoutTransfers.payoutJobId, job.id));
  return contentOf(job, rows);
}

/**
 * The same, with every transfer of the job locked for the rest of a short transaction, so that nobody is cancelled or
 * restored meanwhile. By id, and before the job: whoever locks a transfer and its job takes them in that order.
 */
export async function lockApprovalContent(
  executor: Executor,
  job: Pick<PayoutJob, 'id' | 'settlementId' | 'currency'>,
): Promise<ApprovalContent> {
  const rows = await executor
    .select(APPROVAL_COLUMNS)
    .from(payoutTransfers)
    .where(eq(payoutTransfers.payoutJobId, job.id))
    .orderBy(asc(payoutTransfers.id))
    .for('no key update');
  return contentOf(job, rows);
}

function contentOf(
  settlement: Pick<PayoutJob, 'settlementId' | 'currency'>,
  rows: readonly ApprovalRow[],
): ApprovalContent {
  const waiting = rows.filter(
    ({ approval, status }) => approval === 'required' && !isGivenUp(status),
  );
  return {
    hash: approvalHash(settlement, rows.filter(isPartOfApproval)),
    waitingCount: waiting.length,
    waitingMinor: waiting.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
  };
}

/**
 * Approves a settlement and every transfer that waits for it and is not given up. Each is approved for the account that
 * its winner has, or for the first one; an account that the approver has put there is left for somebody else to confirm.
 * The wait for a payee did not run while nobody was asked to pay, so it begins anew.
 */
export async function markSettlementApproved(
  executor: Executor,
  jobId: string,
  { approvedBy, hash }: { readonly approvedBy: string; readonly hash: string },
): Promise<void> {
  await executor
    .update(payoutJobs)
    .set({
      approval: 'approved',
      approvedBy,
      approvedHash: hash,
      // A later approval is later, whatever the clock says.
      approvedAt: sql`greatest(payout_now(), ${payoutJobs.approvedAt} + interval '1 millisecond')`,
      updatedAt: sql`payout_now()`,
    })
    .where(eq(payoutJobs.id, jobId));
  await executor
    .update(payoutTransfers)
    .set({
      approval: 'approved',
      approvedAccountVersion: sql`coalesce((
        select account.version - case when (account.user_id, account.stripe_account_id) in (
          select subject ->> 'userId', subject ->> 'to' from operator_actions
          where action = ${REPLACE_ACCOUNT} and actor = ${approvedBy}
        ) then 1 else 0 end
        from user_stripe_accounts as account where account.user_id = ${payoutTransfers.userId}
      ), 1)`,
      payeeWaitSince: sql`case when ${payoutTransfers.payeeWaitSince} is null then null else
        greatest(payout_now(), (select held_until from payout_jobs where id = ${jobId})) end`,
      updatedAt: sql`payout_now()`,
    })
    .where(
      and(
        eq(payoutTransfers.payoutJobId, jobId),
        eq(payoutTransfers.approval, 'required'),
        notInArray(payoutTransfers.status, ['cancelled', 'voided']),
      ),
    );
}

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

/** A transfer and the account that its winner has now. */
export interface PlannedTransfer {
  readonly transfer: PayoutTransfer;
  readonly account: UserStripeAccount | undefined;
}

/** The transfers of a job with their winners' accounts, by id, a page at a time. */
export async function findPlannedPayments(
  executor: Executor,
  jobId: string,
  { afterTransferId, transfersMax }: TransferPageQuery,
): Promise<PlannedTransfer[]> {
  const after = afterTransferId === null ? undefined : gt(payoutTransfers.id, afterTransferId);
  const rows = await executor
    .select({ transfer: payoutTransfers, account: userStripeAccounts })
    .from(payoutTransfers)
    .leftJoin(userStripeAccounts, eq(userStripeAccounts.userId, payoutTransfers.userId))
    .where(and(eq(payoutTransfers.payoutJobId, jobId), after))
    .orderBy(asc(payoutTransfers.id))
    .limit(transfersMax);
  return rows.map(({ account, transfer }) => ({ transfer, account: account ?? undefined }));
}

/** Until when a settlement is held; null where it is not, or no longer. */
export async function findHoldInForce(
  executor: Executor,
  { heldUntil }: Pick<PayoutJob, 'heldUntil'>,
): Promise<Date | null> {
  // Most settlements are not held, and need not know the time for it.
  const isInForce =
    heldUntil !== null && isHeld(heldUntil.getTime(), (await readPayoutClock(executor)).getTime());
  return isInForce ? heldUntil : null;
}
