import type { ListProgress, ListReading } from '../domain/contracts';
import { transferGroup, TRANSFER_ID_PATTERN } from '../domain/ids';
import { isAlarm } from '../domain/next-state';
import { isAllBack } from '../domain/reconciliation';
import { inTransaction, type Executor } from '../db/database';
import { readPayoutClock } from '../db/payout-clock';
import { recordStripeListRead } from '../db/payout-jobs';
import { findTransferById, type PayoutTransfer } from '../db/payout-transfers';
import { lockTransfer } from '../db/transfer-moves';
import { listTransfersPage, type ListedTransfer } from '../stripe/list-transfers';
import { adoptMatches, isPaymentOf } from './adopt-listed-transfer';
import type { ActivityDependencies } from './dependencies';
import { pausingWhenRefused } from './refused-read';
import { raiseAlarm, settleCreatedTransfer } from './settle-created-transfer';

export interface ReadStripeListInput {
  readonly settlementId: string;
  readonly reading: ListReading;
}

/**
 * Reads one page of what Stripe has for a settlement, before its first send: what Stripe paid and the rows do not know
 * is adopted, or stops the settlement for a person (M11). After the last page keys may be sent first again.
 *
 * One request a call, so that the queue's rate is the fleet's. Safe to repeat; nothing is sent.
 */
export async function readStripeList(
  dependencies: ActivityDependencies,
  { settlementId, reading }: ReadStripeListInput,
): Promise<ListProgress> {
  const { database, stripe } = dependencies;
  const beganAtMs = reading.beganAtMs ?? (await readPayoutClock(database)).getTime();
  const page = await pausingWhenRefused(dependencies, settlementId, () =>
    listTransfersPage(
      stripe,
      { transferGroup: transferGroup(settlementId) },
      reading.afterStripeTransferId,
    ),
  );
  for (const matches of matchesByTransfer(page.transfers, dependencies)) {
    await compare(dependencies, settlementId, matches);
  }
  if (page.nextAfter !== null) {
    return { next: { beganAtMs, afterStripeTransferId: page.nextAfter } };
  }
  await recordStripeListRead(database, settlementId, new Date(beganAtMs));
  return { next: null };
}

/** Our own transfers of the page, those for one debt together; other installations' are none of ours. */
function matchesByTransfer(
  listed: readonly ListedTransfer[],
  { platform }: ActivityDependencies,
): Iterable<readonly [ListedTransfer, ...ListedTransfer[]]> {
  const byTransfer = new Map<string, [ListedTransfer, ...ListedTransfer[]]>();
  for (const transfer of listed) {
    const transferId = transfer.metadata['payout_transfer_id'];
    if (transferId === undefined || !isPaymentOf(transfer, transferId, platform)) {
      continue;
    }
    const known = byTransfer.get(transferId);
    if (known === undefined) {
      byTransfer.set(transferId, [transfer]);
    } else {
      known.push(transfer);
    }
  }
  return byTransfer.values();
}

async function compare(
  dependencies: ActivityDependencies,
  settlementId: string,
  matches: readonly [ListedTransfer, ...ListedTransfer[]],
): Promise<void> {
  const transferId = matches[0].metadata['payout_transfer_id'] ?? '';
  await inTransaction(dependencies.database, async (executor) => {
    const known = TRANSFER_ID_PATTERN.test(transferId)
      ? await findTransferById(executor, transferId)
      : undefined;
    if (known?.settlementId !== settlementId) {
      await raiseAlarm(executor, settlementId, `unexpected_stripe_transfer:${matches[0].id}`);
      return;
    }
    const transfer = await lockTransfer(executor, transferId);
    if (transfer.status === 'unknown' && isAlarm(transfer.failureReason)) {
      // A person has to look, at more than this page shows.
      return;
    }
    // Claimed and unknown ones too: rows that came back older may have lost the very send that is listed here, and
    // their runs would find no trace of it. A run that is under way finds its row paid.
    if (transfer.status === 'completed') {
      await recordSeconds(executor, transfer, matches);
      return;
    }
    const { verdict } = await adoptMatches(executor, transfer, matches, dependencies.platform);
    if (verdict.is === 'alarm') {
      await raiseAlarm(executor, settlementId, `stripe_list_mismatch:${transfer.id}`);
    }
  });
}

/** Further transfers for a debt that is paid; one that came back whole has done no harm. */
async function recordSeconds(
  executor: Executor,
  paid: PayoutTransfer,
  matches: readonly ListedTransfer[],
): Promise<void> {
  for (const match of matches) {
    if (!isAllBack(match)) {
      const { amountMinor, id: stripeTransferId } = match;
      const created = { stripeTransferId, amountMinor, attemptNumber: 0, generation: 0 };
      await settleCreatedTransfer(executor, paid, created);
    }
  }
}
