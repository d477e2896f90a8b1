import { attemptLedgerKey, lateAttemptLedgerKey, overpaidLedgerKey } from '../domain/ids';
import { overpaidPosting, payoutPosting } from '../domain/ledger';
import type { Executor } from '../db/database';
import { findBookedTransfer, hasLedgerRecord, postLedger } from '../db/ledger';
import { findAttempts, resolveAttempt } from '../db/payout-attempts';
import { pauseByAutomation } from '../db/payout-controls';
import { closeGeneration } from '../db/payout-generations';
import type { PayoutTransfer } from '../db/payout-transfers';
import { markCompleted } from '../db/transfer-moves';
import { recordRefusals } from './record-refusals';

/** A transfer that Stripe made for a debt, and the send it answers to. */
export interface CreatedTransfer {
  readonly stripeTransferId: string;
  readonly attemptNumber: number;
  readonly generation: number;
  /** What Stripe moved, where that is not what was frozen: only a second transfer for the debt may differ. */
  readonly amountMinor?: number;
}

/**
 * Records that Stripe paid a transfer: state and posting in the caller's transaction, under the row's lock.
 *
 * Money that moved is recorded whenever and by whichever attempt it is learnt, so no claim is asked for (M9). The
 * same news again changes nothing. A second Stripe transfer for the same debt is kept on its attempt and in the ledger
 * and stops the settlement until a person has looked.
 */
export async function settleCreatedTransfer(
  executor: Executor,
  transfer: PayoutTransfer,
  created: CreatedTransfer,
): Promise<PayoutTransfer> {
  const { stripeTransferId, generation } = created;
  // Every send of one key is one transfer at Stripe, so this answer speaks for the lost ones too.
  const attempts = await findAttempts(executor, transfer.id);
  const unresolved = attempts.filter((attempt) => attempt.resolution === null);
  for (const attempt of unresolved) {
    if (attempt.generation === generation) {
      await resolveAttempt(executor, attempt, { stripeTransferId });
    }
  }
  if (transfer.stripeTransferId === stripeTransferId) {
    return transfer;
  }
  // The claim ends here, so those of its sends that were refused before this one paid have their records now (M8).
  await recordRefusals(executor, transfer, attempts);
  // A send of another generation that is still open may have paid this debt again.
  if (unresolved.some((attempt) => attempt.generation !== generation)) {
    await raiseDuplicateAlarm(executor, transfer);
  }
  if (transfer.status === 'completed') {
    return recordSecondTransfer(executor, transfer, created);
  }
  await closeGeneration(executor, { transferId: transfer.id, generation }, 'paid');
  if (transfer.status === 'voided') {
    await recordOverpaid(executor, transfer, created);
    await raiseAlarm(executor, transfer.settlementId, `paid_after_void:${transfer.id}`);
  } else {
    await recordPayout(executor, transfer, created);
  }
  if (transfer.status === 'cancelled') {
    // It was owed, and proven unpaid all the same: the operator who cancelled may have paid it by another way.
    await raiseAlarm(executor, transfer.settlementId, `paid_after_cancel:${transfer.id}`);
  }
  return markCompleted(executor, transfer, stripeTransferId);
}

async function recordPayout(
  executor: Executor,
  transfer: PayoutTransfer,
  { attemptNumber, stripeTransferId }: CreatedTransfer,
): Promise<void> {
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
}

/**
 * The second transfer for a debt, or one for a debt that was voided: money that left and was not owed. One that is
 * booked already stays as it is, whichever attempt it was booked for.
 */
export async function recordOverpaid(
  executor: Executor,
  transfer: PayoutTransfer,
  { amountMinor, attemptNumber, stripeTransferId }: CreatedTransfer,
): Promise<void> {
  if ((await findBookedTransfer(executor, stripeTransferId)) !== undefined) {
    return;
  }
  await postLedger(executor, {
    idempotencyKey: overpaidLedgerKey(stripeTransferId),
    kind: 'overpaid',
    settlementId: transfer.settlementId,
    transferId: transfer.id,
    attemptNumber,
    stripeTransferId,
    entries: overpaidPosting(amountMinor ?? transfer.amountMinor, transfer.currency),
  });
}

async function recordSecondTransfer(
  executor: Executor,
  transfer: PayoutTransfer,
  created: CreatedTransfer,
): Promise<PayoutTransfer> {
  await recordOverpaid(executor, transfer, created);
  await raiseDuplicateAlarm(executor, transfer);
  return transfer;
}

/** Two Stripe transfers for one debt, or a chance of it: nothing more of the settlement is sent until a person looked. */
export async function raiseDuplicateAlarm(
  executor: Executor,
  { id, settlementId }: Pick<PayoutTransfer, 'id' | 'settlementId'>,
): Promise<void> {
  await raiseAlarm(executor, settlementId, `duplicate_stripe_transfer:${id}`);
}

/** Stops a settlement for a person; only a person lifts it. Raised once a cause, however often it is seen. */
export async function raiseAlarm(
  executor: Executor,
  settlementId: string,
  cause: string,
): Promise<void> {
  await pauseByAutomation(executor, { settlementId, cause, isLiftedByItself: false });
}
