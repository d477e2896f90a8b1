import type { JsonObject } from './json-object';
import { readCounters } from './settings';
import type { TransferRow } from './rows';
import type { StateStore } from './state-store';

interface Paid {
  count: number;
  amountMinor: number;
  reversedMinor: number;
  ids: string[];
}

/** What really happened, counted from the transfers themselves; the product must not read it. */
export function askOracle(store: StateStore): JsonObject {
  const transfers = store.values('transfers');
  const tagged = transfers.filter((transfer) => transfer.payoutTransferId !== null);
  const untagged = transfers.filter((transfer) => transfer.payoutTransferId === null);
  return {
    ...readCounters(store),
    transfers: transfers.length,
    totalsByCurrency: sumBy(transfers, (transfer) => transfer.currency, total),
    byPayoutTransferId: sumBy(tagged, (transfer) => String(transfer.payoutTransferId), paid),
    withoutPayoutTransferId: untagged.map((transfer) => transfer.id),
  };
}

function sumBy<Sum>(
  transfers: readonly TransferRow[],
  key: (transfer: TransferRow) => string,
  add: (sum: Sum | undefined, transfer: TransferRow) => Sum,
): Record<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const transfer of transfers) {
    sums.set(key(transfer), add(sums.get(key(transfer)), transfer));
  }
  return Object.fromEntries(sums);
}

function total(sum: number | undefined, { amount }: TransferRow): number {
  return (sum ?? 0) + amount;
}

function paid(sum: Paid | undefined, transfer: TransferRow): Paid {
  return {
    count: (sum?.count ?? 0) + 1,
    amountMinor: (sum?.amountMinor ?? 0) + transfer.amount,
    reversedMinor: (sum?.reversedMinor ?? 0) + transfer.amountReversed,
    ids: [...(sum?.ids ?? []), transfer.id],
  };
}
