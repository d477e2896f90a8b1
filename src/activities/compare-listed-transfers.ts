import { TRANSFER_ID_PATTERN } from '../domain/ids';
import { isAlarm } from '../domain/next-state';
import { isAllBack } from '../domain/reconciliation';
import { inTransaction, type Executor } from '../db/database';
import { isAccepted } from '../db/accepted-transfers';
import { findTransferById, type PayoutTransfer } from '../db/payout-transfers';
import { lockTransfer } from '../db/transfer-moves';
import type { ListedTransfer } from '../stripe/list-transfers';
import { adoptMatches } from './adopt-listed-transfer';
import type { ActivityDependencies } from './dependencies';
import { raiseAlarm, settleCreatedTransfer } from './settle-created-transfer';

/** What came of comparing what Stripe has for a debt with its row. */
export type Comparison =
  /** No transfer of this settlement is recorded under the id that Stripe's metadata names; the settlement stops. */
  | 'unexpected_transfer'
  /** It stopped for a person before, who has to look at more than this. */
  | 'stopped_before'
  /** It differs from what was sent, or came back; it stops for a person. */
  | 'stopped'
  /** Nothing is owed, and what is out a person has accepted. */
  | 'accepted_before'
  /** It was known as paid; a second transfer for it is recorded as overpaid, with an alarm. */
  | 'was_paid'
  | 'adopted'
  /** Adopted under the claim of a run that is about to look at its row by itself. */
  | 'adopted_while_sending';

/**
 * Compares Stripe transfers that carry our metadata for one debt with its row: the one equal match is its payment, a
 * second one is recorded, anything else stops for a person (M9, M11). Safe to repeat and to race with sends.
 */
export async function compareListedTransfers(
  { database, platform }: Pick<ActivityDependencies, 'database' | 'platform'>,
  settlementId: string,
  matches: readonly [ListedTransfer, ...ListedTransfer[]],
): Promise<Comparison> {
  const transferId = matches[0].metadata['payout_transfer_id'] ?? '';
  return inTransaction(database, async (executor) => {
    const known = TRANSFER_ID_PATTERN.test(transferId)
      ? await findTransferById(executor, transferId)
      : undefined;
    if (known?.settlementId !== settlementId) {
      await raiseAlarm(executor, settlementId, `unexpected_stripe_transfer:${matches[0].id}`);
      return 'unexpected_transfer';
    }
    const transfer = await lockTransfer(executor, transferId);
    if (transfer.status === 'unknown' && isAlarm(transfer.failureReason)) {
      // A person has to look, at more than these show.
      return 'stopped_before';
    }
    // Claimed and unknown ones too: rows that came back older may have lost the very send that is listed here, and
    // their runs would find no trace of it. A run that is under way finds its row paid.
    if (transfer.status === 'completed') {
      await recordSeconds(executor, transfer, await stillToJudge(executor, transfer, matches));
      return 'was_paid';
    }
    const judged =
      transfer.status === 'voided' ? await stillToJudge(executor, transfer, matches) : matches;
    if (judged.length === 0) {
      return 'accepted_before';
    }
    const { verdict } = await adoptMatches(executor, transfer, judged, platform);
    if (verdict.is === 'alarm') {
      await raiseAlarm(executor, settlementId, `stripe_list_mismatch:${transfer.id}`);
      return 'stopped';
    }
    return transfer.status === 'processing' ? 'adopted_while_sending' : 'adopted';
  });
}

/** Where nothing is owed: what came back whole has done no harm, and what a person has accepted is decided. */
async function stillToJudge(
  executor: Executor,
  { id }: PayoutTransfer,
  matches: readonly ListedTransfer[],
): Promise<ListedTransfer[]> {
  const open: ListedTransfer[] = [];
  for (const match of matches) {
    if (!isAllBack(match) && !(await isAccepted(executor, id, match.id))) {
      open.push(match);
    }
  }
  return open;
}

/** Further transfers for a debt that is paid. */
async function recordSeconds(
  executor: Executor,
  paid: PayoutTransfer,
  matches: readonly ListedTransfer[],
): Promise<void> {
  for (const { amountMinor, id: stripeTransferId } of matches) {
    const created = { stripeTransferId, amountMinor, attemptNumber: 0, generation: 0 };
    await settleCreatedTransfer(executor, paid, created);
  }
}
