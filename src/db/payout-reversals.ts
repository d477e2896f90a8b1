import { and, asc, desc, eq, inArray, sql } from 'drizzle-orm';
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core';

import { failureClassOf, type ReasonCode } from '../domain/reasons';
import { reversalIdempotencyKey, reversalMetadata } from '../domain/reversal-request';
import { OPEN_REVERSAL_STATUSES, type ReversalStatus } from '../domain/reversal-state';
import type { Operator } from '../domain/operator-reason';
import type { Executor } from './database';
import type { Installation } from './installation';
import { payoutReversals } from './schema';

export type PayoutReversal = typeof payoutReversals.$inferSelect;

export interface NewReversal {
  readonly transferId: string;
  readonly settlementId: string;
  readonly stripeTransferId: string;
  readonly amountMinor: number;
  readonly currency: string;
  /** What had come back of the Stripe transfer when it was ordered. */
  readonly reversedBeforeMinor: number;
}

/**
 * Writes an order down, with everything that is sent for it (M1). The id, and with it the key, is made by Postgres: a
 * database that has forgotten an order never makes its key again.
 *
 * The one-open index refuses a second open one of the transfer, should the caller not hold the transfer's lock.
 */
export async function insertReversal(
  executor: Executor,
  order: NewReversal,
  { actor, reason }: Operator,
  { installationId, livemode, stripeAccountId }: Installation,
): Promise<PayoutReversal> {
  const made = await executor.execute<{ id: string }>(sql`select gen_random_uuid() as id`);
  const reversalId = made.rows[0]?.id ?? '';
  const [reversal] = await executor
    .insert(payoutReversals)
    .values({
      id: reversalId,
      ...order,
      idempotencyKey: reversalIdempotencyKey(reversalId),
      metadata: { ...reversalMetadata({ ...order, reversalId, installationId }) },
      stripeAccountId,
      livemode,
      requestedBy: actor,
      reason,
    })
    .returning();
  if (reversal === undefined) {
    throw new Error('Postgres did not return the reversal that it wrote');
  }
  return reversal;
}

export async function findReversal(
  executor: Executor,
  reversalId: string,
): Promise<PayoutReversal | undefined> {
  const [reversal] = await executor
    .select()
    .from(payoutReversals)
    .where(eq(payoutReversals.id, reversalId));
  return reversal;
}

/** Locks a reversal; whoever also needs its transfer locks that one first. */
export async function lockReversal(
  executor: Executor,
  reversalId: string,
): Promise<PayoutReversal> {
  const [reversal] = await executor
    .select()
    .from(payoutReversals)
    .where(eq(payoutReversals.id, reversalId))
    .for('update');
  if (reversal === undefined) {
    // Reversals are never deleted, so this database is not the one that the workflow was started for.
    throw new Error(`reversal ${reversalId} does not exist in this database`);
  }
  return reversal;
}

/** The reversals of a Stripe transfer that these ids name, locked; ids of other databases are none. */
export async function lockReversalsOf(
  executor: Executor,
  stripeTransferId: string,
  reversalIds: readonly string[],
): Promise<PayoutReversal[]> {
  if (reversalIds.length === 0) {
    return [];
  }
  return executor
    .select()
    .from(payoutReversals)
    .where(
      and(
        eq(payoutReversals.stripeTransferId, stripeTransferId),
        inArray(sql`${payoutReversals.id}::text`, [...reversalIds]),
      ),
    )
    .orderBy(payoutReversals.id)
    .for('update');
}

/** Every order about one transfer, newest first. */
export async function findReversalsOfTransfer(
  executor: Executor,
  transferId: string,
): Promise<PayoutReversal[]> {
  return executor
    .select()
    .from(payoutReversals)
    .where(eq(payoutReversals.transferId, transferId))
    .orderBy(desc(payoutReversals.createdAt));
}

const isOpen = inArray(payoutReversals.status, [...OPEN_REVERSAL_STATUSES]);

export async function findOpenReversal(
  executor: Executor,
  transferId: string,
): Promise<PayoutReversal | undefined> {
  const [open] = await executor
    .select()
    .from(payoutReversals)
    .where(and(eq(payoutReversals.transferId, transferId), isOpen));
  return open;
}

/** Whether a part of this amount has come back of a Stripe transfer, ordered for this reason. */
export async function hasCompletedPart(
  executor: Executor,
  stripeTransferId: string,
  part: { readonly amountMinor: number; readonly reason: string },
): Promise<boolean> {
  const same = await executor
    .select({ id: payoutReversals.id })
    .from(payoutReversals)
    .where(
      and(
        eq(payoutReversals.stripeTransferId, stripeTransferId),
        eq(payoutReversals.status, 'completed'),
        eq(payoutReversals.amountMinor, part.amountMinor),
        eq(payoutReversals.reason, part.reason),
      ),
    )
    .limit(1);
  return same.length > 0;
}

/**
 * Reversals that are not at their end, of one settlement or of all: those first that no sweep has asked about yet, or
 * not for longest, so that everyone's turn comes however many there are; then the oldest.
 */
export async function findOpenReversals(
  executor: Executor,
  {
    reversalsMax,
    settlementId,
  }: { readonly reversalsMax: number; readonly settlementId?: string | undefined },
): Promise<PayoutReversal[]> {
  return executor
    .select()
    .from(payoutReversals)
    .where(
      and(
        isOpen,
        settlementId === undefined ? undefined : eq(payoutReversals.settlementId, settlementId),
      ),
    )
    .orderBy(
      sql`${payoutReversals.runAskedAt} nulls first`,
      asc(payoutReversals.createdAt),
      asc(payoutReversals.id),
    )
    .limit(reversalsMax);
}

/** A sweep asks about the runs of these; the others come first the next time. */
export async function noteRunsAsked(
  executor: Executor,
  reversals: readonly PayoutReversal[],
): Promise<void> {
  const ids = reversals.map(({ id }) => id);
  await executor
    .update(payoutReversals)
    .set({ runAskedAt: sql`payout_now()` })
    .where(inArray(payoutReversals.id, ids));
}

async function moveReversal(
  executor: Executor,
  reversal: PayoutReversal,
  changes: PgUpdateSetSource<typeof payoutReversals> & { readonly status: ReversalStatus },
): Promise<PayoutReversal> {
  const [moved] = await executor
    .update(payoutReversals)
    .set({ ...changes, updatedAt: sql`payout_now()` })
    .where(and(eq(payoutReversals.id, reversal.id), eq(payoutReversals.status, reversal.status)))
    .returning();
  if (moved === undefined) {
    // Only possible without the lock of lockReversal.
    throw new Error(`reversal ${reversal.id} moved away from ${reversal.status} under a decision`);
  }
  return moved;
}

function failure(reason: ReasonCode | null) {
  return {
    failureClass: reason === null ? null : failureClassOf(reason),
    failureReason: reason,
  };
}

/** Gives one run the right to send; whatever another run still has under way does not pass the gate any more. */
export async function claimReversalRow(
  executor: Executor,
  reversal: PayoutReversal,
  runId: string,
): Promise<PayoutReversal> {
  return moveReversal(executor, reversal, { status: 'processing', claimRunId: runId });
}

/** Why an open reversal is not further: what Stripe said last, or what it waits for. */
export async function noteReversalReason(
  executor: Executor,
  reversal: PayoutReversal,
  reason: ReasonCode | null,
): Promise<PayoutReversal> {
  return moveReversal(executor, reversal, { status: reversal.status, ...failure(reason) });
}

/** Stripe shows what was expected when it was ordered: it may be sent for some minutes. */
export async function noteSeenAsExpected(
  executor: Executor,
  reversal: PayoutReversal,
  lookBeganAt: Date,
): Promise<PayoutReversal> {
  return moveReversal(executor, reversal, {
    status: reversal.status,
    seenAsExpectedAt: lookBeganAt,
  });
}

/** The answer is missing or proves nothing; only a later answer or a look at Stripe ends this. */
export async function markReversalUnknown(
  executor: Executor,
  reversal: PayoutReversal,
  reason: ReasonCode,
): Promise<PayoutReversal> {
  return moveReversal(executor, reversal, { status: 'unknown', ...failure(reason) });
}

/** Remembers when a look at Stripe's list began that found nothing; which one counts as the first the caller decides. */
export async function noteEmptyLookOfReversal(
  executor: Executor,
  reversal: PayoutReversal,
  lookBeganAt: Date,
): Promise<PayoutReversal> {
  return moveReversal(executor, reversal, {
    status: reversal.status,
    notSeenSince: lookBeganAt,
  });
}

/** Proven not made. Postgres refuses this while any send is unresolved. */
export async function markReversalRefused(
  executor: Executor,
  reversal: PayoutReversal,
  reason: ReasonCode,
): Promise<PayoutReversal> {
  return moveReversal(executor, reversal, {
    status: 'refused',
    endedAt: sql`payout_now()`,
    ...failure(reason),
  });
}

/**
 * The money came back; its posting stands in the same transaction.
 * @param cameBackMinor what came back where it was not what was ordered
 */
export async function markReversalCompleted(
  executor: Executor,
  reversal: PayoutReversal,
  stripeReversalId: string,
  cameBackMinor: number | null = null,
): Promise<PayoutReversal> {
  return moveReversal(executor, reversal, {
    status: 'completed',
    stripeReversalId,
    cameBackMinor,
    endedAt: sql`payout_now()`,
    ...failure(null),
  });
}
