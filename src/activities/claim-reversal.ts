import type { ReversalClaimAnswer } from '../domain/contracts';
import { EMPTY_LOOK_VALID_MS, KEY_SENDABLE_MS } from '../domain/limits';
import { isReversalEnded } from '../domain/reversal-state';
import { inTransaction, type Executor } from '../db/database';
import { readPayoutClock } from '../db/payout-clock';
import { isPlatformInTrouble, type ReversalClaim } from '../db/payout-reversal-attempts';
import {
  claimReversalRow,
  lockReversal,
  markReversalRefused,
  markReversalUnknown,
  noteReversalReason,
  type PayoutReversal,
} from '../db/payout-reversals';
import { isEndedByLook, settleReversalSends } from './conclude-reversal';
import type { ActivityDependencies } from './dependencies';
import { reversalViewOf } from './reversal-view';

/**
 * Says what a run does next with its reversal: send the one key that the order has, look at Stripe, or rest. What an
 * earlier run or a dead process left is settled from the attempt rows first. Safe to repeat.
 */
export async function claimReversal(
  dependencies: Pick<ActivityDependencies, 'database' | 'platform'>,
  claim: ReversalClaim,
): Promise<ReversalClaimAnswer> {
  return inTransaction(dependencies.database, async (executor) => {
    const found = await lockReversal(executor, claim.reversalId);
    const { next, reversal } = isReversalEnded(found.status)
      ? { next: 'rest' as const, reversal: found }
      : await nextStep(executor, dependencies, claim, found);
    return { next, view: await reversalViewOf(executor, reversal) };
  });
}

interface NextStep {
  readonly next: ReversalClaimAnswer['next'];
  readonly reversal: PayoutReversal;
}

async function nextStep(
  executor: Executor,
  dependencies: Pick<ActivityDependencies, 'platform'>,
  claim: ReversalClaim,
  reversal: PayoutReversal,
): Promise<NextStep> {
  const step = await settleReversalSends(executor, reversal);
  const nowMs = (await readPayoutClock(executor)).getTime();
  const { firstSentAt, seenAsExpectedAt } = reversal;
  const isKeyDead = firstSentAt !== null && nowMs >= firstSentAt.getTime() + KEY_SENDABLE_MS;
  if (step.is === 'unknown' && (isKeyDead || !step.mayResend)) {
    const unknown =
      reversal.status === 'processing'
        ? await markReversalUnknown(executor, reversal, step.reason)
        : reversal;
    return { next: 'look', reversal: unknown };
  }
  if (step.is === 'refused') {
    return isEndedByLook(step.reason)
      ? { next: 'look', reversal }
      : { next: 'rest', reversal: await markReversalRefused(executor, reversal, step.reason) };
  }
  const isSeenFresh =
    seenAsExpectedAt !== null && nowMs < seenAsExpectedAt.getTime() + EMPTY_LOOK_VALID_MS;
  // An older database may have lost the very send that brought it back, under a key that cannot tell any more (M11).
  if ((firstSentAt === null || isKeyDead) && !isSeenFresh) {
    return { next: 'look', reversal };
  }
  if (isKeyDead) {
    // Nothing that was sent is unresolved, and the key may not be sent any more.
    const ended = await markReversalRefused(executor, reversal, 'reversal_key_too_old');
    return { next: 'rest', reversal: ended };
  }
  return sendOrWait(executor, dependencies, claim, reversal);
}

async function sendOrWait(
  executor: Executor,
  { platform }: Pick<ActivityDependencies, 'platform'>,
  { runId }: ReversalClaim,
  reversal: PayoutReversal,
): Promise<NextStep> {
  const isOurs =
    reversal.stripeAccountId === platform.stripeAccountId &&
    reversal.livemode === platform.livemode;
  if (!isOurs || (await isPlatformInTrouble(executor))) {
    const reason = isOurs ? 'platform_paused' : 'platform_mode_mismatch';
    // An unknown outcome stays one, whatever it waits for.
    const waiting =
      reversal.status === 'unknown'
        ? reversal
        : await noteReversalReason(executor, reversal, reason);
    return { next: 'rest', reversal: waiting };
  }
  return { next: 'send', reversal: await claimReversalRow(executor, reversal, runId) };
}
