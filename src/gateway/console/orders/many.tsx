import {
  seenPagesOf,
  type Meant,
  type Ordering,
  type SeenPages,
} from '../../../client/operator-orders';
import type { TransferStatus } from '../../../domain/transfer-state';
import type { Database } from '../../../db/database';
import type { PayoutJob } from '../../../db/payout-jobs';
import type { ConsoleContext } from '../console-context';
import { Amount, countOf, State } from '../pages/parts';
import type { GivenOrder, OrderPreview } from './console-order';

/** One settlement, as an order finds it. */
export interface SettlementTarget {
  readonly job: PayoutJob;
}

type Tally = ReadonlyMap<TransferStatus, { readonly count: number; readonly sumMinor: number }>;

/** Who is meant at this moment, counted by state. */
async function tallyOf(database: Database, jobId: string, meant: Meant): Promise<Tally> {
  const tally = new Map<TransferStatus, { count: number; sumMinor: number }>();
  for await (const page of seenPagesOf(database, jobId, meant)) {
    for (const { amountMinor, status } of page) {
      const { count, sumMinor } = tally.get(status) ?? { count: 0, sumMinor: 0 };
      tally.set(status, { count: count + 1, sumMinor: sumMinor + amountMinor });
    }
  }
  return tally;
}

/** In one order, whatever order they were found in. */
function seenText(tally: Tally): string {
  return [...tally]
    .map(([status, { count, sumMinor }]) => `${status}=${count.toString()}/${sumMinor.toString()}`)
    .sort()
    .join(' ');
}

/** How many are meant and how much they are owed, with what becomes of those of each state. */
export async function manyPreview(
  { database }: ConsoleContext,
  { job: { currency, id } }: SettlementTarget,
  meant: Meant,
  becomes: (status: TransferStatus) => string,
): Promise<OrderPreview> {
  const tally = await tallyOf(database, id, meant);
  const sum = [...tally.values()].reduce((total, { sumMinor }) => total + sumMinor, 0);
  const total = [...tally.values()].reduce((number, { count }) => number + count, 0);
  return {
    seen: seenText(tally),
    facts: [
      [
        'who',
        <>
          {countOf(total, 'winner')}, <Amount minor={sum} currency={currency} />
        </>,
      ],
      ...[...tally].map(
        ([status, { count, sumMinor }]) =>
          [
            'of them',
            <>
              {count} <State status={status} />, <Amount minor={sumMinor} currency={currency} />:{' '}
              {becomes(status)}
            </>,
          ] as const,
      ),
    ],
  };
}

/**
 * Those who are meant, where they are as many and as much as the page said; undefined where that has changed. Each one
 * is compared again under its own lock.
 */
export async function manyAsSeen(
  { database }: ConsoleContext,
  { job: { id } }: SettlementTarget,
  meant: Meant,
  { onProgress, operator, seen, signal }: GivenOrder,
): Promise<{ readonly ordering: Ordering; readonly pages: SeenPages } | undefined> {
  const tally = await tallyOf(database, id, meant);
  return seenText(tally) === seen
    ? {
        ordering: { database, onProgress, operator, signal },
        pages: seenPagesOf(database, id, meant),
      }
    : undefined;
}
