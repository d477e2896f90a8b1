import { sql, type SQL, type SQLWrapper } from 'drizzle-orm';

import { isOwed, TRANSFER_STATUSES } from '../domain/transfer-state';

const ENDED = sql.raw(
  TRANSFER_STATUSES.filter((status) => !isOwed(status))
    .map((status) => `'${status}'`)
    .join(', '),
);

/**
 * Of a transfer's status: neither paid nor voided (`isOwed`). In the words of the partial index
 * `payout_transfers_by_waiting_user`, by which Postgres knows that the index has all of them.
 */
export function owed(status: SQLWrapper): SQL {
  return sql`${status} not in (${ENDED})`;
}
