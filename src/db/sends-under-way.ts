import { and, asc, eq, isNull, sql } from 'drizzle-orm';

import type { Executor } from './database';
import type { PauseScope } from './operator-pauses';
import { payoutAttempts, payoutTransfers } from './schema';

/** An attempt whose row is committed and whose answer is not: its POST is on its way, or its process has died. */
export interface SendUnderWay {
  readonly id: string;
  readonly attemptNumber: number;
  readonly sentAt: Date;
}

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
