import { and, eq, isNull, sql } from 'drizzle-orm';
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core';

import { failureClassOf, type ReasonCode } from '../domain/reasons';
import type { TransferStatus } from '../domain/transfer-state';
import type { Executor } from './database';
import { reopenJob } from './payout-jobs';
import type { PayoutTransfer } from './payout-transfers';
import { payoutTransfers, userStripeAccounts } from './schema';

/**
 * Locks one transfer for the rest of a short transaction. Everything that decides about a transfer takes
 * this lock first, so that two deciders never work on the same row.
 */
export async function lockTransfer(
  executor: Executor,
  transferId: string,
): Promise<PayoutTransfer> {
  const [transfer] = await executor
    .select()
    .from(payoutTransfers)
    .where(eq(payoutTransfers.id, transferId))
    .for('update');
  if (transfer === undefined) {
    // Transfers are never deleted, so this database is not the one that the workflow was started for.
    throw new Error(`transfer ${transferId} does not exist in this database`);
  }
  return transfer;
}

async function moveTransfer(
  executor: Executor,
  transfer: PayoutTransfer,
  changes: PgUpdateSetSource<typeof payoutTransfers> & { readonly status: TransferStatus },
): Promise<PayoutTransfer> {
  const [moved] = await executor
    .update(payoutTransfers)
    .set({ ...changes, updatedAt: sql`payout_now()` })
    .where(and(eq(payoutTransfers.id, transfer.id), eq(payoutTransfers.status, transfer.status)))
    .returning();
  if (moved === undefined) {
    // Only possible without the lock of lockTransfer.
    throw new Error(`transfer ${transfer.id} moved away from ${transfer.status} under a decision`);
  }
  return moved;
}

const NO_FAILURE = { failureClass: null, failureReason: null } as const;

function failure(reason: ReasonCode) {
  return { failureClass: failureClassOf(reason), failureReason: reason };
}

/** Gives one run the right to send one generation; the claim number fences off every earlier claim. */
export async function markProcessing(
  executor: Executor,
  transfer: PayoutTransfer,
  claim: { readonly runId: string; readonly generation: number },
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, {
    status: 'processing',
    claimRunId: claim.runId,
    claimNumber: transfer.claimNumber + 1,
    generation: claim.generation,
    ...NO_FAILURE,
  });
}

/** Records the one Stripe transfer that paid this debt. */
export async function markCompleted(
  executor: Executor,
  transfer: PayoutTransfer,
  stripeTransferId: string,
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, {
    status: 'completed',
    stripeTransferId,
    completedAt: sql`payout_now()`,
    payeeWaitSince: null,
    ...NO_FAILURE,
  });
}

/** How much of the payment has come back in all; the ledger has a record of each part. It stays paid. */
export async function recordReversed(
  executor: Executor,
  transfer: PayoutTransfer,
  amountReversedMinor: number,
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, { status: transfer.status, amountReversedMinor });
}

/** Definitely not created, and worth another attempt. */
export async function markRetryable(
  executor: Executor,
  transfer: PayoutTransfer,
  reason: ReasonCode,
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, { status: 'retryable', ...failure(reason) });
}

/**
 * A person's new try, with so many attempts more and a new wait for the payee, should it come to that. What waits is
 * free to be claimed; what failed or backs off says that a person asked.
 */
export async function markRetriedByOperator(
  executor: Executor,
  transfer: PayoutTransfer,
  attemptsMore: number,
): Promise<PayoutTransfer> {
  const freed =
    transfer.status === 'blocked'
      ? await markPending(executor, transfer)
      : await markRetryable(executor, transfer, 'transient_retried_by_operator');
  return moveTransfer(executor, freed, {
    status: freed.status,
    maxAttempts: sql`${payoutTransfers.countedAttemptCount} + ${attemptsMore}`,
    payeeWaitSince: null,
  });
}

/** A person has stated that nothing was paid; the key that ended with it is the row's newest. */
export async function markResolvedUnpaid(
  executor: Executor,
  transfer: PayoutTransfer,
  generation: number,
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, {
    status: 'retryable',
    generation,
    ...failure('transient_resolved_unpaid'),
  });
}

/** Waits for the payee or the platform. The wait for a payee is counted from the first time it blocked. */
export async function markBlocked(
  executor: Executor,
  transfer: PayoutTransfer,
  reason: ReasonCode,
): Promise<PayoutTransfer> {
  const forPayee = failureClassOf(reason) === 'payee';
  return moveTransfer(executor, transfer, {
    status: 'blocked',
    ...(forPayee && {
      payeeWaitSince: sql`coalesce(${payoutTransfers.payeeWaitSince}, payout_now())`,
    }),
    ...failure(reason),
  });
}

/** The cause of a block is gone. The wait for a payee does not run under a pause, so it begins anew after one. */
export async function markPending(
  executor: Executor,
  transfer: PayoutTransfer,
): Promise<PayoutTransfer> {
  const wasPaused = transfer.failureReason === 'platform_paused';
  return moveTransfer(executor, transfer, {
    status: 'pending',
    ...(wasPaused && { payeeWaitSince: null }),
    ...NO_FAILURE,
  });
}

/** The answer is missing or proves nothing; only a later answer or reconciliation ends this. */
export async function markUnknown(
  executor: Executor,
  transfer: PayoutTransfer,
  reason: ReasonCode,
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, { status: 'unknown', ...failure(reason) });
}

/**
 * Unknown from any unpaid state, over the legal edges: Stripe, or a run, knows something that the row does not (M11).
 * Where a debt is voided there is nothing to look for: only a payment could change it.
 */
export async function markDistrusted(
  executor: Executor,
  transfer: PayoutTransfer,
  reason: ReasonCode,
): Promise<PayoutTransfer> {
  switch (transfer.status) {
    case 'voided':
    case 'completed':
      return transfer;
    case 'failed_terminal':
      await reopenJob(executor, transfer.payoutJobId);
      return markDistrusted(executor, await markRetryable(executor, transfer, reason), reason);
    case 'retryable':
      return markDistrusted(executor, await markBlocked(executor, transfer, reason), reason);
    case 'cancelled':
      await reopenJob(executor, transfer.payoutJobId);
      return markDistrusted(executor, await markPending(executor, transfer), reason);
    case 'blocked':
      return markDistrusted(executor, await markPending(executor, transfer), reason);
    case 'pending':
    case 'processing':
    case 'unknown':
      // What was looked for before belongs to another past.
      return moveTransfer(executor, transfer, {
        status: 'unknown',
        notSeenSince: null,
        ...failure(reason),
      });
  }
}

/** Remembers a look at Stripe's list that found nothing: the first since the last send, or the last between two keys. */
export async function noteEmptyLook(
  executor: Executor,
  transfer: PayoutTransfer,
  lookBeganAt: Date,
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, {
    status: transfer.status,
    notSeenSince: lookBeganAt,
  });
}

/** Nobody but a person can mend it. Postgres refuses this while any send is unresolved. */
export async function markFailedTerminal(
  executor: Executor,
  transfer: PayoutTransfer,
  reason: ReasonCode,
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, { status: 'failed_terminal', ...failure(reason) });
}

/** An operator wants it cancelled; nothing is sent from here on, and it takes effect when nothing is proven paid. */
export async function markCancelRequested(
  executor: Executor,
  transfer: PayoutTransfer,
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, {
    status: transfer.status,
    cancelRequestedAt: sql`coalesce(${payoutTransfers.cancelRequestedAt}, payout_now())`,
  });
}

/** The request to cancel is withdrawn before it took effect. */
export async function markCancelWithdrawn(
  executor: Executor,
  transfer: PayoutTransfer,
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, { status: transfer.status, cancelRequestedAt: null });
}

/** Nobody is paid, and nobody is sent anything, until it is restored. Postgres refuses this while any send is unresolved. */
export async function markCancelled(
  executor: Executor,
  transfer: PayoutTransfer,
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, {
    status: 'cancelled',
    cancelRequestedAt: sql`coalesce(${payoutTransfers.cancelRequestedAt}, payout_now())`,
    payeeWaitSince: null,
    ...NO_FAILURE,
  });
}

/** Owed and to be sent again, with so many attempts more and a new wait for the payee, should it come to that. */
export async function markRestored(
  executor: Executor,
  transfer: PayoutTransfer,
  attemptsMore: number,
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, {
    status: 'pending',
    cancelRequestedAt: null,
    maxAttempts: sql`${payoutTransfers.countedAttemptCount} + ${attemptsMore}`,
    ...NO_FAILURE,
  });
}

/** The debt of a cancelled transfer has ended; its posting stands in the same transaction. */
export async function markVoided(
  executor: Executor,
  transfer: PayoutTransfer,
): Promise<PayoutTransfer> {
  return moveTransfer(executor, transfer, { status: 'voided' });
}

/** Marks everyone without a connected account as blocked in one statement, before anybody is started (design §6). */
export async function blockTransfersWithoutAccount(
  executor: Executor,
  jobId: string,
): Promise<number> {
  const reason: ReasonCode = 'payee_account_missing';
  const blocked = await executor
    .update(payoutTransfers)
    .set({
      status: 'blocked',
      ...failure(reason),
      // Nobody asks a payee for anything before the hold is over.
      payeeWaitSince: sql`greatest(payout_now(), (select held_until from payout_jobs where id = ${jobId}))`,
      updatedAt: sql`payout_now()`,
    })
    .where(
      and(
        eq(payoutTransfers.payoutJobId, jobId),
        eq(payoutTransfers.status, 'pending'),
        isNull(payoutTransfers.stripeTransferId),
        // `not exists` and not `not in`: with some hundred thousand accounts the latter takes minutes.
        sql`not exists (
          select from ${userStripeAccounts} where ${userStripeAccounts.userId} = ${payoutTransfers.userId}
        )`,
      ),
    )
    .returning({ id: payoutTransfers.id });
  return blocked.length;
}
