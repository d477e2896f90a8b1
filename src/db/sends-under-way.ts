import { and, asc, eq, isNotNull, isNull, or, sql } from 'drizzle-orm';

import type { ReasonCode } from '../domain/reasons';
import type { Executor } from './database';
import type { PauseScope } from './operator-pauses';
import { payoutAttempts, payoutTransfers } from './schema';

/** An attempt whose row is committed and whose answer is not: its POST is on its way, or its process has died. */
export interface SendUnderWay {
  readonly id: string;
  readonly attemptNumber: number;
  readonly sentAt: Date;
  /** How long ago it was sent, by Postgres's clock. */
  readonly ageMs: number;
}

/** What the answer of a send says; `unknown` where an answer, or the lack of one, proves nothing. */
export type SendEnd = 'paid' | 'refused' | 'unknown';

/**
 * Waits for every `beginSend` statement that began before, and holds later ones back until the transaction ends.
 *
 * `beginSend` has its lock on the table of attempts before it reads anything, so one that comes later reads what was
 * committed before this call: after a committed pause, whatever was let through is in the table.
 */
export async function waitForBegunSends(executor: Executor): Promise<void> {
  await executor.execute(sql`lock table ${payoutAttempts} in share mode`);
}

/** The sends of a scope that have no answer yet, oldest first. */
export async function findSendsUnderWay(
  executor: Executor,
  scope: PauseScope,
): Promise<SendUnderWay[]> {
  return executor
    .select({
      id: payoutAttempts.transferId,
      attemptNumber: payoutAttempts.attemptNumber,
      sentAt: payoutAttempts.sentAt,
      ageMs: sql<number>`floor(extract(epoch from payout_now() - ${payoutAttempts.sentAt}) * 1000)::float8`,
    })
    .from(payoutAttempts)
    .innerJoin(payoutTransfers, eq(payoutTransfers.id, payoutAttempts.transferId))
    .where(
      and(
        isNull(payoutAttempts.answeredAt),
        isNull(payoutAttempts.resolution),
        scope === null ? undefined : eq(payoutTransfers.settlementId, scope),
      ),
    )
    .orderBy(asc(payoutAttempts.sentAt), asc(payoutAttempts.transferId));
}

export interface EndedSend {
  readonly id: string;
  readonly attemptNumber: number;
  readonly end: SendEnd;
  readonly stripeTransferId: string | null;
  readonly reason: ReasonCode | null;
}

/** Of these sends, those that have their answer, or of which another answer of their key has told. */
export async function findEndedSends(
  executor: Executor,
  sends: readonly Pick<SendUnderWay, 'id' | 'attemptNumber'>[],
): Promise<EndedSend[]> {
  const attempts = await executor
    .select()
    .from(payoutAttempts)
    .where(
      and(
        sql`(${payoutAttempts.transferId}, ${payoutAttempts.attemptNumber}) in (
          select * from unnest(
            ${sql.param(sends.map(({ id }) => id))}::uuid[],
            ${sql.param(sends.map(({ attemptNumber }) => attemptNumber))}::int[]
          ))`,
        or(isNotNull(payoutAttempts.answeredAt), isNotNull(payoutAttempts.resolution)),
      ),
    );
  return attempts.map(
    ({ attemptNumber, reason, resolution, stripeTransferId, transferId: id }) => ({
      id,
      attemptNumber,
      end: resolution === null ? 'unknown' : ENDS[resolution],
      stripeTransferId,
      reason,
    }),
  );
}

const ENDS = { created: 'paid', not_created: 'refused' } as const;
