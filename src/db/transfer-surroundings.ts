import { sql } from 'drizzle-orm';

import type { ReasonCode } from '../domain/reasons';
import type { Executor } from './database';
import { OPEN_REVERSAL_STATUSES, type ReversalStatus } from '../domain/reversal-state';
import type { AttemptOutcome } from './schema';

/** What stands beside a transfer's row and says why it is as it is. Times are milliseconds since 1970. */
export interface TransferSurroundings {
  readonly lastAttempt: {
    readonly sentAtMs: number;
    readonly outcome: AttemptOutcome | null;
    readonly reason: ReasonCode | null;
    readonly httpStatus: number | null;
    readonly requestId: string | null;
  } | null;
  /** When the open key's sends began; null where none is open or nothing was sent under it. */
  readonly keySentAtMs: number | null;
  /** The reading of Stripe's list that the first of them relied on. */
  readonly keyListReadAtMs: number | null;
  /** When Stripe is asked next about an account that is not ready. */
  readonly accountAskedAtMs: number | null;
  /** The open order to take it back, else the newest. */
  readonly lastReversal: {
    readonly amountMinor: number;
    readonly requestedBy: string;
    readonly status: ReversalStatus;
    readonly failureReason: ReasonCode | null;
  } | null;
}

interface SurroundingsRow extends Record<string, unknown> {
  readonly id: string;
  readonly sent_at_ms: number | null;
  readonly outcome: AttemptOutcome | null;
  readonly reason: ReasonCode | null;
  readonly http_status: number | null;
  readonly request_id: string | null;
  readonly key_sent_at_ms: number | null;
  readonly key_list_read_at_ms: number | null;
  readonly account_asked_at_ms: number | null;
  readonly reversal_amount_minor: string | null;
  readonly reversal_requested_by: string;
  readonly reversal_status: ReversalStatus;
  readonly reversal_reason: ReasonCode | null;
}

function msOf(column: string) {
  return sql`floor(extract(epoch from ${sql.raw(column)}) * 1000)::float8`;
}

/** For a page of transfers in one statement; each of these ids has an entry. */
export async function readSurroundings(
  executor: Executor,
  transferIds: readonly string[],
): Promise<Map<string, TransferSurroundings>> {
  const { rows } = await executor.execute<SurroundingsRow>(sql`
    select transfer.id, ${msOf('attempt.sent_at')} as sent_at_ms, attempt.outcome, attempt.reason,
      attempt.http_status, attempt.request_id,
      ${msOf('generation.first_sent_at')} as key_sent_at_ms,
      ${msOf('generation.list_read_at')} as key_list_read_at_ms,
      ${msOf('account.next_ask_at')} as account_asked_at_ms,
      reversal.amount_minor as reversal_amount_minor, reversal.requested_by as reversal_requested_by,
      reversal.status as reversal_status, reversal.failure_reason as reversal_reason
    from payout_transfers as transfer
    left join lateral (
      select * from payout_attempts where transfer_id = transfer.id order by attempt_number desc limit 1
    ) as attempt on true
    left join payout_generations as generation
      on generation.transfer_id = transfer.id and generation.closed_at is null
    left join user_stripe_accounts as account
      on account.user_id = transfer.user_id and account.readiness = 'not_ready'
    left join lateral (
      select * from payout_reversals where transfer_id = transfer.id
      order by status not in ${OPEN_REVERSAL_STATUSES}, created_at desc limit 1
    ) as reversal on true
    where transfer.id = any(${sql.param([...transferIds])}::uuid[])`);
  return new Map(rows.map((row) => [row.id, surroundingsOf(row)]));
}

function surroundingsOf(row: SurroundingsRow): TransferSurroundings {
  return {
    lastAttempt:
      row.sent_at_ms === null
        ? null
        : {
            sentAtMs: row.sent_at_ms,
            outcome: row.outcome,
            reason: row.reason,
            httpStatus: row.http_status,
            requestId: row.request_id,
          },
    keySentAtMs: row.key_sent_at_ms,
    keyListReadAtMs: row.key_list_read_at_ms,
    accountAskedAtMs: row.account_asked_at_ms,
    lastReversal:
      row.reversal_amount_minor === null
        ? null
        : {
            amountMinor: Number(row.reversal_amount_minor),
            requestedBy: row.reversal_requested_by,
            status: row.reversal_status,
            failureReason: row.reversal_reason,
          },
  };
}
