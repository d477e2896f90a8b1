import { attemptLedgerKey, lateAttemptLedgerKey } from '../domain/ids';
import { payoutPosting } from '../domain/ledger';
import type { Executor } from '../db/database';
import { hasLedgerRecord, postLedger } from '../db/ledger';
import { findAttempts, resolveAttempt } from '../db/payout-attempts';
import { pauseSettlementByAlarm } from '../db/payout-controls';
import { closeGeneration } from '../db/payout-generations';
import type { PayoutTransfer } from '../db/payout-transfers';
import { markCompleted } from '../db/transfer-moves';

/** A transfer that Stripe made for a debt, and the send it answers to. */
export interface CreatedTransfer {
  readonly stripeTransferId: string;
  readonly attemptNumber: number;
  readonly generation: number;
}

/**
 * Records that Stripe paid a transfer: state and posting in the caller's transaction, under the row's lock.
 *
 * Money that moved is recorded whenever and by whichever attempt it is learnt, so no claim is asked for (M9). The
 * same news again changes nothing. A second Stripe transfer for the same debt is kept on its attempt and stops the
 * settlement until a person has looked.
 */
export async function settleCreatedTransfer(
  executor: Executor,
  transfer: PayoutTransfer,
  created: CreatedTransfer,
): Promise<PayoutTransfer> {
  const { stripeTransferId, attemptNumber, generation } = created;
  // Every send of one key is one transfer at Stripe, so this answer speaks for the lost ones too.
  const unresolved = (await findAttempts(executor, transfer.id)).filter(
    (attempt) => attempt.resolution === null,
  );
  for (const attempt of unresolved) {
    if (attempt.generation === generation) {
      await resolveAttempt(executor, attempt, { stripeTransferId });
    }
  }
  const isSecond =
    transfer.status === 'completed' && transfer.stripeTransferId !== stripeTransferId;
  // A send of another generation that is still open may have paid this debt again.
  const mayBeFollowed = unresolved.some((attempt) => attempt.generation !== generation);
  if (isSecond || mayBeFollowed) {
    await raiseDuplicateAlarm(executor, transfer);
  }
  if (transfer.status === 'completed') {
    return transfer;
  }
  await closeGeneration(executor, { transferId: transfer.id, generation }, 'paid');
  const refusedKey = attemptLedgerKey(transfer.id, attemptNumber);
  const wasRefused = await hasLedgerRecord(executor, refusedKey, 'refusal');
  await postLedger(executor, {
    // The ledger only grows: the refusal that turns out to have been none stays, and the payment stands beside it.
    idempotencyKey: wasRefused ? lateAttemptLedgerKey(transfer.id, attemptNumber) : refusedKey,
    kind: 'payout',
    settlementId: transfer.settlementId,
    transferId: transfer.id,
    attemptNumber,
    stripeTransferId,
    entries: payoutPosting(transfer.amountMinor, transfer.currency),
  });
  return markCompleted(executor, transfer, stripeTransferId);
}

/** Two Stripe transfers for one debt, or a chance of it: nothing more of the settlement is sent until a person looked. */
export async function raiseDuplicateAlarm(
  executor: Executor,
  transfer: PayoutTransfer,
): Promise<void> {
  await pauseSettlementByAlarm(
    executor,
    transfer.settlementId,
    `duplicate_stripe_transfer:${transfer.id}`,
  );
}
