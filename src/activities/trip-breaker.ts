import { breakerCause, BREAKER_RECORDS } from '../domain/breaker';
import { BREAKER_WINNERS } from '../domain/limits';
import { isAlarm } from '../domain/next-state';
import type { ReasonCode } from '../domain/reasons';
import type { Executor } from '../db/database';
import { findRecordedEnds } from '../db/ledger';
import { pauseByAutomation } from '../db/payout-controls';
import { countTransfersWithReason, type PayoutTransfer } from '../db/payout-transfers';
import { pauseForPlatform } from './pause-for-platform';

/**
 * Pauses the settlement, or everything, where one winner's end says that it is not about this winner: an error of the
 * platform's, or the same refusal again and again (M7). In the transaction that records the end; safe to repeat.
 */
export async function tripBreaker(
  executor: Executor,
  transfer: PayoutTransfer,
  reason: ReasonCode,
): Promise<void> {
  const { amountMinor, currency, settlementId } = transfer;
  const needed = reason === 'platform_balance_insufficient' ? { amountMinor, currency } : undefined;
  if (await pauseForPlatform(executor, settlementId, reason, needed)) {
    return;
  }
  const cause = await repeatedCause(executor, transfer, reason);
  if (cause !== undefined) {
    await pauseByAutomation(executor, {
      settlementId,
      cause,
      isLiftedByItself: cause === 'transient_rate_limited',
    });
  }
}

async function repeatedCause(
  executor: Executor,
  transfer: PayoutTransfer,
  reason: ReasonCode,
): Promise<ReasonCode | undefined> {
  if (isAlarm(reason)) {
    // Unknown outcomes have no record in the ledger yet; this one's row is about to be another of them.
    const others = await countTransfersWithReason(executor, transfer, reason);
    return others + 1 >= BREAKER_WINNERS ? reason : undefined;
  }
  return breakerCause(
    await findRecordedEnds(executor, transfer.settlementId, { recordsMax: BREAKER_RECORDS }),
  );
}
