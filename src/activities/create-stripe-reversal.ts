import { classifyReversalAnswer, type ReversalOutcome } from '../domain/classify-reversal-answer';
import type { ReversalView } from '../domain/contracts';
import type { StripeAnswer } from '../domain/outcome';
import { isReversalEnded } from '../domain/reversal-state';
import { inTransaction } from '../db/database';
import {
  beginReversal,
  recordReversalAnswer,
  type ReversalAttemptId,
  type ReversalClaim,
} from '../db/payout-reversal-attempts';
import { findReversal, lockReversal } from '../db/payout-reversals';
import { lockTransfer } from '../db/transfer-moves';
import { sendReversal } from '../stripe/reversals';
import { bookCreatedReversal } from './book-reversals';
import { concludeReversal, isEndedByLook } from './conclude-reversal';
import type { ActivityDependencies } from './dependencies';
import { reversalViewOf } from './reversal-view';
import { raiseAlarm } from './settle-created-transfer';

/**
 * Makes one POST to Stripe for a reversal: gate and attempt row, the call, its answer with all that follows from it;
 * three steps and no transaction around the call (M2).
 *
 * A process that dies after the gate leaves an attempt without an answer, which counts as unknown; the next try sends
 * the same key, and Stripe answers for the first. Not retried by Temporal: the workflow claims again, which settles what
 * this left.
 * @returns the row as it is now; where a gate was shut nothing was sent, and the next claim says why
 */
export async function createStripeReversal(
  dependencies: Pick<ActivityDependencies, 'database' | 'platform' | 'stripe'>,
  claim: ReversalClaim,
): Promise<ReversalView> {
  const { database, platform, stripe } = dependencies;
  const begun = await beginReversal(database, claim, platform);
  if (begun === undefined) {
    return viewOfReversal(dependencies, claim);
  }
  const { attemptNumber, idempotencyKey, request } = begun;
  const answer = await sendReversal(stripe, { request, idempotencyKey });
  const outcome = classifyReversalAnswer(answer, request);
  return keepAnswer(dependencies, { ...claim, attemptNumber }, answer, outcome);
}

/** The answer, and in the same transaction what it proves: a success is never left to a later step (M9). */
async function keepAnswer(
  dependencies: Pick<ActivityDependencies, 'database'>,
  attempt: ReversalAttemptId,
  answer: StripeAnswer,
  outcome: ReversalOutcome,
): Promise<ReversalView> {
  const { transferId } = await reversalOf(dependencies, attempt);
  return inTransaction(dependencies.database, async (executor) => {
    const transfer = await lockTransfer(executor, transferId);
    const reversal = await lockReversal(executor, attempt.reversalId);
    await recordReversalAnswer(executor, attempt, answer, outcome);
    if (outcome.kind === 'unknown' && outcome.alarm) {
      await raiseAlarm(executor, reversal.settlementId, `${outcome.reason}:${reversal.id}`);
    }
    const booked =
      outcome.kind === 'created'
        ? await bookCreatedReversal(executor, transfer, reversal, outcome.stripeReversalId)
        : reversal;
    const concluded = isReversalEnded(booked.status)
      ? booked
      : await concludeReversal(executor, booked);
    return reversalViewOf(executor, concluded, waitAfter(outcome));
  });
}

/** What a look at Stripe ends is looked at now; otherwise Stripe's own delay counts, where it gives one. */
function waitAfter(outcome: ReversalOutcome): number | null {
  if (outcome.kind !== 'not_created') {
    return null;
  }
  return isEndedByLook(outcome.reason) ? 0 : (outcome.retryAfterMs ?? null);
}

async function viewOfReversal(
  dependencies: Pick<ActivityDependencies, 'database'>,
  claim: ReversalClaim,
): Promise<ReversalView> {
  return reversalViewOf(dependencies.database, await reversalOf(dependencies, claim));
}

async function reversalOf(
  { database }: Pick<ActivityDependencies, 'database'>,
  { reversalId }: Pick<ReversalClaim, 'reversalId'>,
) {
  const reversal = await findReversal(database, reversalId);
  if (reversal === undefined) {
    throw new Error(`reversal ${reversalId} does not exist in this database`);
  }
  return reversal;
}
