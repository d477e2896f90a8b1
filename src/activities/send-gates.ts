import type { SendRefusal } from '../domain/next-state';
import type { Executor } from '../db/database';
import type { Installation } from '../db/installation';
import { isPaused } from '../db/payout-controls';
import { findOpenGeneration, isKeySendable } from '../db/payout-generations';
import { findJobById } from '../db/payout-jobs';
import type { PayoutTransfer } from '../db/payout-transfers';

/** The gates that an operator closes for a whole settlement (M13). `beginSend` asks them again in its own statement. */
export async function closedOperatorGate(
  executor: Executor,
  transfer: PayoutTransfer,
): Promise<'platform_paused' | 'platform_approval_missing' | undefined> {
  if (await isPaused(executor, transfer.settlementId)) {
    return 'platform_paused';
  }
  const job = await findJobById(executor, transfer.payoutJobId);
  return job?.approval === 'required' ? 'platform_approval_missing' : undefined;
}

/** Which of the gates of `beginSend` is shut, for a claim under which nothing was sent. */
export async function whyNothingWasSent(
  executor: Executor,
  transfer: PayoutTransfer,
  platform: Installation,
): Promise<SendRefusal> {
  const closed = await closedOperatorGate(executor, transfer);
  if (closed !== undefined) {
    return closed;
  }
  if (transfer.countedAttemptCount >= transfer.maxAttempts) {
    return 'attempts_used_up';
  }
  const open = await findOpenGeneration(executor, transfer.id);
  if (open === undefined) {
    return 'transient_not_sent';
  }
  if (open.stripeAccountId !== platform.stripeAccountId || open.livemode !== platform.livemode) {
    return 'platform_mode_mismatch';
  }
  return (await isKeySendable(executor, open)) ? 'transient_not_sent' : 'unknown_key_too_old';
}
