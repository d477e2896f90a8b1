import { sql, type SQL, type SQLWrapper } from 'drizzle-orm';

import type { DoublingWaits } from '../domain/doubling';

/** Now and `doubledMs` of the step, which is a number or an expression of one. */
export function dueAgainAt(
  step: SQLWrapper | number,
  { firstMs, longestMs }: DoublingWaits,
): SQL<Date> {
  // No more change anything, and Postgres refuses a power beyond its numbers.
  const doublingsMax = Math.ceil(Math.log2(longestMs / firstMs));
  return sql`payout_now() + least(
    ${firstMs} * power(2, least(${step}::int, ${doublingsMax}::int)), ${longestMs}
  ) * interval '1 millisecond'`;
}
