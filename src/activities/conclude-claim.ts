import { isPayeeNotReady } from '../domain/claim-rules';
import { nextState, sendsProvenUnpaid, type NextState } from '../domain/next-state';
import type { ReasonCode } from '../domain/reasons';
import type { Executor } from '../db/database';
import type { Installation } from '../db/installation';
import { markAccountNotReady } from '../db/user-stripe-accounts';
import { findAttempts, resolveAttempt } from '../db/payout-attempts';
import { closeGeneration, findGenerations } from '../db/payout-generations';
import type { PayoutTransfer } from '../db/payout-transfers';
import { markBlocked, markFailedTerminal, markRetryable, markUnknown } from '../db/transfer-moves';
import { honourCancelRequest } from './honour-cancel-request';
import { allKnownSends, knownSends, type AttemptedSend } from './known-sends';
import { recordRefusals } from './record-refusals';
import { whyNothingWasSent } from './send-gates';
import { settleCreatedTransfer } from './settle-created-transfer';
import { tripBreaker } from './trip-breaker';

/**
 * Ends the claim that a `processing` row is under: reads what its sends brought, and moves the row and writes the
 * ledger records in the caller's transaction, under the row's lock (M8).
 *
 * It decides from the attempt rows alone and never from what a caller believes, so it may be called by the run that
 * sent, by one that takes over, and again after a crash.
 */
export async function concludeClaim(
  executor: Executor,
  transfer: PayoutTransfer,
  platform: Installation,
): Promise<PayoutTransfer> {
  const attempts = knownSends(await findAttempts(executor, transfer.id), transfer.generation);
  const paid = attempts.find((attempt) => attempt.resolution === 'created');
  if (paid !== undefined && paid.stripeTransferId !== null) {
    return settleCreatedTransfer(executor, transfer, {
      stripeTransferId: paid.stripeTransferId,
      attemptNumber: paid.attemptNumber,
      generation: paid.generation,
    });
  }
  const proven = sendsProvenUnpaid(attempts);
  const sends = [...(await resolveAllUnpaid(executor, proven)), ...attempts.slice(proven.length)];
  await recordRefusals(executor, transfer, sends);
  const claimed = sends.filter((send) => send.claimNumber === transfer.claimNumber);
  const next = nextState(
    sends,
    claimed,
    { countedAttempts: transfer.countedAttemptCount, maxAttempts: transfer.maxAttempts },
    claimed.length > 0
      ? 'transient_not_sent'
      : await whyNothingWasSent(executor, transfer, platform),
  );
  if (next.closeGeneration) {
    const { id: transferId, generation } = transfer;
    await closeGeneration(executor, { transferId, generation }, next.reason);
  }
  await tellOthers(executor, transfer, next.reason);
  return honourCancelRequest(executor, await move(executor, transfer, next));
}

function move(
  executor: Executor,
  transfer: PayoutTransfer,
  { reason, to }: NextState,
): Promise<PayoutTransfer> {
  switch (to) {
    case 'unknown':
      return markUnknown(executor, transfer, reason);
    case 'retryable':
      return markRetryable(executor, transfer, reason);
    case 'blocked':
      return markBlocked(executor, transfer, reason);
    case 'failed_terminal':
      return markFailedTerminal(executor, transfer, reason);
  }
}

/** Every send of a transfer is proven to have paid nothing, by a look at Stripe or by a person: attempts and ledger say so. */
export async function proveUnpaid(executor: Executor, transfer: PayoutTransfer): Promise<void> {
  const attempts = await findAttempts(executor, transfer.id);
  await recordRefusals(
    executor,
    transfer,
    await resolveAllUnpaid(executor, allKnownSends(attempts)),
  );
}

async function resolveAllUnpaid(
  executor: Executor,
  attempts: readonly AttemptedSend[],
): Promise<AttemptedSend[]> {
  const resolved: AttemptedSend[] = [];
  for (const attempt of attempts) {
    if (attempt.resolution === null) {
      await resolveAttempt(executor, attempt, 'not_created');
    }
    resolved.push({ ...attempt, resolution: attempt.resolution ?? 'not_created' });
  }
  return resolved;
}

/** What one refusal means beyond its winner: an account that is asked about, a settlement or everything that pauses. */
async function tellOthers(
  executor: Executor,
  transfer: PayoutTransfer,
  reason: ReasonCode,
): Promise<void> {
  if (isPayeeNotReady(reason)) {
    const [refused] = await findGenerations(executor, transfer.id);
    if (refused !== undefined) {
      await markAccountNotReady(executor, {
        userId: transfer.userId,
        stripeAccountId: refused.destination,
      });
    }
  }
  await tripBreaker(executor, transfer, reason);
}
