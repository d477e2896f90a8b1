import { and, asc, eq, notInArray, sql } from 'drizzle-orm';

import { isPartOfApproval, type ApprovedWinner } from '../domain/approval';
import { isGivenUp } from '../domain/transfer-state';
import { approvalHash } from './approval-hash';
import type { Executor } from './database';
import type { PayoutJob } from './payout-jobs';
import type { PayoutTransfer } from './payout-transfers';
import { countReplacements, lockReplacements, REPLACE_ACCOUNT } from './replaced-accounts';
import { payoutJobs, payoutTransfers } from './schema';

/** What an approval would name at this moment. */
export interface ApprovalContent {
  readonly hash: string;
  /** Those that wait for an approval and are not given up. */
  readonly waitingCount: number;
  readonly waitingMinor: number;
  /** How often accounts of its winners took the place of others: the versions beyond the first, which never go back. */
  readonly accountReplacements: number;
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
  return contentOf(job, rows, await countReplacements(executor, job.id));
}

/**
 * The same, with every transfer of the job and its winner's account locked for the rest of a short transaction, so that
 * nobody is cancelled or restored and no account replaced meanwhile. By id, and before the job: whoever locks a transfer
 * and its job takes them in that order.
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
  return contentOf(job, rows, await lockReplacements(executor, job.id));
}

function contentOf(
  settlement: Pick<PayoutJob, 'settlementId' | 'currency'>,
  rows: readonly ApprovalRow[],
  accountReplacements: number,
): ApprovalContent {
  const waiting = rows.filter(
    ({ approval, status }) => approval === 'required' && !isGivenUp(status),
  );
  return {
    hash: approvalHash(settlement, rows.filter(isPartOfApproval)),
    waitingCount: waiting.length,
    waitingMinor: waiting.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
    accountReplacements,
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
