import type { SendRefusal } from '../domain/next-state';
import { isAccountConfirmed } from '../domain/approval';
import type { ClosedGate } from '../domain/claim-rules';
import { sendRefusal } from '../domain/send-gate';
import type { Executor } from '../db/database';
import type { Installation } from '../db/installation';
import { findAttempts } from '../db/payout-attempts';
import { readPayoutClock } from '../db/payout-clock';
import { isPaused } from '../db/payout-controls';
import { findOpenGeneration, keyAgeOf } from '../db/payout-generations';
import { findJobById, listAgeOf, type PayoutJob } from '../db/payout-jobs';
import type { PayoutTransfer } from '../db/payout-transfers';
import { findHoldInForce } from '../db/settlement-hold';
import { findUserStripeAccount } from '../db/user-stripe-accounts';

/**
 * The gates that an operator closes for a whole settlement, and the hold that its terms give it (M13). `beginSend` asks
 * them again in its own statement.
 */
export async function closedOperatorGate(
  executor: Executor,
  transfer: PayoutTransfer,
  job: Pick<PayoutJob, 'approval' | 'heldUntil'> | undefined,
): Promise<ClosedGate | undefined> {
  if (await isPaused(executor, transfer.settlementId)) {
    return 'platform_paused';
  }
  if (job?.approval === 'required' || transfer.approval === 'required') {
    return 'platform_approval_missing';
  }
  const isHeld = job !== undefined && (await findHoldInForce(executor, job)) !== null;
  return isHeld ? 'platform_on_hold' : undefined;
}

/** Which of the gates of `beginSend` is shut, for a claim under which nothing was sent. */
export async function whyNothingWasSent(
  executor: Executor,
  transfer: PayoutTransfer,
  platform: Installation,
): Promise<SendRefusal> {
  const job = await findJobById(executor, transfer.payoutJobId);
  const closed = await closedOperatorGate(executor, transfer, job);
  const open = await findOpenGeneration(executor, transfer.id);
  const attempts = await findAttempts(executor, transfer.id);
  const account = await findUserStripeAccount(executor, transfer.userId);
  const refusal = sendRefusal({
    isClaimValid: open !== undefined,
    isCancelRequested: transfer.cancelRequestedAt !== null,
    isPaused: closed === 'platform_paused',
    isApprovalMissing: closed === 'platform_approval_missing',
    heldUntilMs: job?.heldUntil?.getTime() ?? null,
    isOfThisPlatform:
      open?.stripeAccountId === platform.stripeAccountId && open.livemode === platform.livemode,
    hasUnresolvedSend: attempts.some(
      ({ generation, resolution }) => generation === open?.generation && resolution === null,
    ),
    attemptsAreUsedUp: transfer.countedAttemptCount >= transfer.maxAttempts,
    destinationIsPayee: open?.destination === account?.stripeAccountId,
    accountIsConfirmed: isAccountConfirmed(transfer, account),
    key: open === undefined ? { firstSentAtMs: null, listReadAtMs: null } : keyAgeOf(open),
    list: job === undefined ? { readAtMs: null, isWanted: true } : listAgeOf(job),
    nowMs: (await readPayoutClock(executor)).getTime(),
  });
  // The gate was shut and is open by now: another claim may try.
  return refusal ?? 'transient_not_sent';
}
