import { reversalStep, sendsProvenRefused, type ReversalStep } from '../domain/reversal-next-state';
import type { ReasonCode } from '../domain/reasons';
import type { Executor } from '../db/database';
import { findReversalAttempts, resolveReversalAttempts } from '../db/payout-reversal-attempts';
import {
  markReversalRefused,
  markReversalUnknown,
  noteReversalReason,
  type PayoutReversal,
} from '../db/payout-reversals';

/** What the sends of a reversal say by now, after a replayed refusal has settled them. Under the row's lock. */
export async function settleReversalSends(
  executor: Executor,
  reversal: PayoutReversal,
): Promise<ReversalStep> {
  const sends = await findReversalAttempts(executor, reversal.id);
  const lastProven = sendsProvenRefused(sends).at(-1);
  if (lastProven === undefined) {
    return reversalStep(sends);
  }
  await resolveReversalAttempts(executor, reversal.id, 'not_created', lastProven.attemptNumber);
  return reversalStep(await findReversalAttempts(executor, reversal.id));
}

/** Stripe has less left than was to come back: what came back there is looked up and booked before the order ends. */
export function isEndedByLook(reason: ReasonCode): boolean {
  return reason === 'reversal_amount_refused';
}

/** Moves an open reversal to where its sends have brought it, from the attempt rows alone. Under the row's lock. */
export async function concludeReversal(
  executor: Executor,
  reversal: PayoutReversal,
): Promise<PayoutReversal> {
  const step = await settleReversalSends(executor, reversal);
  switch (step.is) {
    case 'unknown':
      return reversal.status === 'processing'
        ? markReversalUnknown(executor, reversal, step.reason)
        : noteReversalReason(executor, reversal, step.reason);
    case 'refused':
      return isEndedByLook(step.reason)
        ? noteReversalReason(executor, reversal, step.reason)
        : markReversalRefused(executor, reversal, step.reason);
    case 'sendable':
      return noteReversalReason(executor, reversal, step.reason);
  }
}
