import { sql } from 'drizzle-orm';

import type { Executor } from './database';
import { refusalCounts } from './schema';

/**
 * Adds to how often each code was refused, for the metrics. Its own statement, after the refusal: a refused order leaves
 * nothing else behind. Not safe to repeat: what is counted twice is two.
 */
export async function countRefusals(
  executor: Executor,
  counts: Readonly<Record<string, number>>,
): Promise<void> {
  // In one order, so that two that count the same codes wait for each other and do not stop each other.
  const rows = Object.entries(counts)
    .map(([code, refusedCount]) => ({ code, refusedCount }))
    .sort((left, right) => (left.code < right.code ? -1 : 1));
  if (rows.length === 0) {
    return;
  }
  await executor
    .insert(refusalCounts)
    .values(rows)
    .onConflictDoUpdate({
      target: refusalCounts.code,
      set: {
        refusedCount: sql`${refusalCounts.refusedCount} + excluded.refused_count`,
        lastRefusedAt: sql`payout_now()`,
      },
    });
}
