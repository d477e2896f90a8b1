import { sql } from 'drizzle-orm';

import { CANCELLED_RUN } from '../domain/pause-causes';
import type { Executor } from './database';
import type { PayoutTransfer } from './payout-transfers';

/** When a person last decided that a transfer is to be paid although it was cancelled; milliseconds since 1970. */
export type CancelDecisions = ReadonlyMap<string, number>;

/**
 * Of these transfers, those that a person has restored, or whose alarm about a canceled run a person has lifted.
 * Read-only.
 */
export async function findCancelDecisions(
  executor: Executor,
  transferIds: readonly string[],
): Promise<CancelDecisions> {
  if (transferIds.length === 0) {
    return new Map();
  }
  const { rows } = await executor.execute<{ transfer_id: string; decided_ms: number }>(sql`
    select transfer_id, extract(epoch from max(decided_at))::float8 * 1000 as decided_ms
    from (
      select subject ->> 'transferId' as transfer_id, acted_at as decided_at
      from operator_actions where action = 'restore'
      union all
      select split_part(cause, ':', 2), lifted_at
      from payout_controls
      where split_part(cause, ':', 1) = ${CANCELLED_RUN} and lifted_at is not null
    ) as decision
    where transfer_id = any(${sql.param([...transferIds])}::text[])
    group by transfer_id`);
  return new Map(rows.map((row) => [row.transfer_id, row.decided_ms]));
}

/**
 * Whether an open transfer, whose newest run is closed as canceled, was cancelled without this database knowing it: a
 * database from before the cancel has neither the wish nor what a person decided after it.
 * @param closedAtMs when that run closed, by Temporal's clock
 */
export function isForgottenCancel(
  { cancelRequestedAt, id }: Pick<PayoutTransfer, 'id' | 'cancelRequestedAt'>,
  closedAtMs: number | null,
  decisions: CancelDecisions,
): boolean {
  const decidedAtMs = decisions.get(id);
  return (
    cancelRequestedAt === null &&
    (decidedAtMs === undefined || closedAtMs === null || closedAtMs > decidedAtMs)
  );
}
