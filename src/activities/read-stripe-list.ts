import type { ListProgress, ListReading } from '../domain/contracts';
import { transferGroup } from '../domain/ids';
import { readPayoutClock } from '../db/payout-clock';
import { recordStripeListRead } from '../db/payout-jobs';
import { listTransfersPage, type ListedTransfer } from '../stripe/list-transfers';
import { isPaymentOf } from './adopt-listed-transfer';
import { compareListedTransfers } from './compare-listed-transfers';
import type { ActivityDependencies } from './dependencies';
import { pausingWhenRefused } from './refused-read';

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
    await compareListedTransfers(dependencies, settlementId, matches);
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
