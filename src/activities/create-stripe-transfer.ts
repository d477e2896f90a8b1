import { classifyAnswer } from '../domain/classify-answer';
import type { TransferClaim } from '../domain/contracts';
import type { SendOutcome, StripeAnswer } from '../domain/outcome';
import { inTransaction } from '../db/database';
import { beginSend, findAttempts, recordAnswer } from '../db/payout-attempts';
import { lockTransfer } from '../db/transfer-moves';
import { sendTransfer } from '../stripe/transfers';
import type { ActivityDependencies } from './dependencies';
import { failureOfOutcome, failureOfRefusedSend } from './failures';
import { recordRefusals } from './record-refusals';
import { whyNothingWasSent } from './send-gates';
import { settleCreatedTransfer } from './settle-created-transfer';

/**
 * Makes one POST to Stripe for a claim: gate and attempt row, the call, its answer; three steps and no transaction
 * around the call (M2).
 *
 * Each try by Temporal is one POST and one attempt row, all of them under the same key. A process that dies after the
 * gate leaves an attempt without an answer, which counts as unknown; the next try sends the same key, and Stripe
 * answers for the first.
 *
 * @returns Stripe's id of the transfer, which is recorded already
 * @throws ApplicationFailure `SendRefused`, not retried: a gate is shut, nothing was sent
 * @throws ApplicationFailure `StripeTransient` or `StripeOutcomeUnknown`, retried with the same key
 * @throws ApplicationFailure `PayeeProblem`, `PlatformProblem` or `RequestRefused`, not retried
 */
export async function createStripeTransfer(
  dependencies: ActivityDependencies,
  claim: TransferClaim,
): Promise<{ readonly stripeTransferId: string }> {
  const { database, platform, stripe } = dependencies;
  const begun = await beginSend(database, claim, platform);
  if (begun === undefined) {
    throw failureOfRefusedSend(await refusalOf(dependencies, claim));
  }
  const { attemptNumber, idempotencyKey, request, livemode } = begun;
  const answer = await sendTransfer(stripe, { request, idempotencyKey });
  const outcome = classifyAnswer(answer, request, { livemode });
  await keepAnswer(dependencies, { ...claim, attemptNumber }, answer, outcome);
  if (outcome.kind === 'created') {
    return { stripeTransferId: outcome.stripeTransferId };
  }
  throw failureOfOutcome(outcome, answer);
}

/**
 * The answer, and with it the payment if it says so: a success is never left to a later step (M9). Nor is the record of
 * a refusal that comes when its claim is over: nobody would write it (M8).
 */
async function keepAnswer(
  dependencies: ActivityDependencies,
  attempt: TransferClaim & { readonly attemptNumber: number },
  answer: StripeAnswer,
  outcome: SendOutcome,
): Promise<void> {
  await inTransaction(dependencies.database, async (transaction) => {
    const transfer = await lockTransfer(transaction, attempt.transferId);
    await recordAnswer(transaction, attempt, answer, outcome);
    if (outcome.kind === 'created') {
      await settleCreatedTransfer(transaction, transfer, {
        stripeTransferId: outcome.stripeTransferId,
        attemptNumber: attempt.attemptNumber,
        generation: attempt.generation,
      });
    } else if (transfer.status !== 'processing' || transfer.generation !== attempt.generation) {
      await recordRefusals(transaction, transfer, await findAttempts(transaction, transfer.id));
    }
  });
}

async function refusalOf(dependencies: ActivityDependencies, claim: TransferClaim) {
  return inTransaction(dependencies.database, async (transaction) => {
    const transfer = await lockTransfer(transaction, claim.transferId);
    return whyNothingWasSent(transaction, transfer, dependencies.platform);
  });
}
