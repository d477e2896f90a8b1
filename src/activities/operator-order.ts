import type { Operator } from '../domain/operator-reason';
import type { SeenFacts, SeenTransfer } from '../domain/seen-transfer';
import type { Executor } from '../db/database';
import { recordOperatorAction } from '../db/operator-actions';
import { findAttempts } from '../db/payout-attempts';
import type { PayoutTransfer } from '../db/payout-transfers';

/** Which transfer, what the operator saw of it, who and why. */
export interface OperatorOrder extends Operator, SeenTransfer {
  readonly transferId: string;
}

/** A locked transfer as an order finds it. */
export async function readSeenFacts(
  executor: Executor,
  transfer: PayoutTransfer,
): Promise<SeenFacts & { readonly hasUnresolvedSend: boolean }> {
  const attempts = await findAttempts(executor, transfer.id);
  return {
    status: transfer.status,
    attemptCount: transfer.attemptCount,
    failureReason: transfer.failureReason,
    updatedAtMs: transfer.updatedAt.getTime(),
    hasUnresolvedSend: attempts.some(({ resolution }) => resolution === null),
  };
}

/** Keeps who gave the order and why, with the transfer as it was before, in the transaction that carries it out. */
export async function recordOrder(
  executor: Executor,
  transfer: PayoutTransfer,
  { actor, reason }: OperatorOrder,
  action: 'retry' | 'cancel' | 'request_cancel' | 'restore' | 'void',
): Promise<void> {
  await recordOperatorAction(executor, {
    action,
    actor,
    reason,
    subject: {
      transferId: transfer.id,
      settlementId: transfer.settlementId,
      status: transfer.status,
      failureReason: transfer.failureReason,
      attemptCount: transfer.attemptCount,
    },
  });
}
