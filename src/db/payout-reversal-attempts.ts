import { and, asc, eq, isNull, lte, sql, type SQL } from 'drizzle-orm';

import { EMPTY_LOOK_VALID_MS, KEY_SENDABLE_MS } from '../domain/limits';
import type { StripeAnswer } from '../domain/outcome';
import type { ReversalOutcome } from '../domain/classify-reversal-answer';
import type { FrozenReversal } from '../domain/reversal-request';
import type { Executor } from './database';
import type { Installation } from './installation';
import { platformPauseInForce } from './pause-in-force';
import { payoutReversalAttempts } from './schema';

export type ReversalAttempt = typeof payoutReversalAttempts.$inferSelect;

export interface ReversalAttemptId {
  readonly reversalId: string;
  readonly attemptNumber: number;
}

/** The permission of one run to send one reversal. */
export interface ReversalClaim {
  readonly reversalId: string;
  readonly runId: string;
}

/** What may be sent, and the number of the attempt that was written down for it. */
export interface BegunReversal {
  readonly attemptNumber: number;
  readonly idempotencyKey: string;
  readonly request: FrozenReversal;
}

/**
 * The last gate before a POST (M6), one statement: the run's claim, the state, the account and mode that the order was
 * given for, a fresh look at Stripe before the first send, the age of the key by Postgres's clock, and no trouble with
 * the platform's key. It stamps the first send once, counts the attempt and writes its row, committed before the POST.
 *
 * A person's pause does not shut it: it stops paying out, and this is a person's order to take back.
 * @returns undefined when the send is not allowed; the caller must not POST then
 */
export async function beginReversal(
  executor: Executor,
  claim: ReversalClaim,
  platform: Installation,
): Promise<BegunReversal | undefined> {
  const result = await executor.execute<BegunReversalRow>(beginReversalStatement(claim, platform));
  const [row] = result.rows;
  return (
    row && {
      attemptNumber: row.attempt_number,
      idempotencyKey: row.idempotency_key,
      request: {
        stripeTransferId: row.stripe_transfer_id,
        amountMinor: Number(row.amount_minor),
        currency: row.currency,
        metadata: row.metadata,
      },
    }
  );
}

interface BegunReversalRow extends Record<string, unknown> {
  attempt_number: number;
  idempotency_key: string;
  stripe_transfer_id: string;
  amount_minor: string;
  currency: string;
  metadata: Record<string, string>;
}

function beginReversalStatement({ reversalId, runId }: ReversalClaim, platform: Installation): SQL {
  return sql`
    with sent as (
      update payout_reversals as reversal
      set first_sent_at = coalesce(reversal.first_sent_at, payout_now()),
          attempt_count = reversal.attempt_count + 1, not_seen_since = null, updated_at = payout_now()
      where reversal.id = ${reversalId}
        and reversal.status = 'processing'
        and reversal.claim_run_id = ${runId}
        -- A first send relies on a fresh look at Stripe: an order that a restored database knows only by half was
        -- perhaps carried out (M11).
        and case when reversal.first_sent_at is null
          then payout_now() < reversal.seen_as_expected_at + ${EMPTY_LOOK_VALID_MS} * interval '1 millisecond'
          else payout_now() < reversal.first_sent_at + ${KEY_SENDABLE_MS} * interval '1 millisecond'
          end
        and reversal.stripe_account_id = ${platform.stripeAccountId}
        and reversal.livemode = ${platform.livemode}
        and not ${platformPauseInForce()}
      returning reversal.*
    ), attempt as (
      insert into payout_reversal_attempts (reversal_id, attempt_number)
      select sent.id, sent.attempt_count from sent
      returning attempt_number
    )
    select attempt.attempt_number, sent.idempotency_key, sent.stripe_transfer_id, sent.amount_minor,
           sent.currency, sent.metadata
    from attempt, sent`;
}

/** Whether the platform's own key or account is in trouble, so that no reversal is sent either. */
export async function isPlatformInTrouble(executor: Executor): Promise<boolean> {
  const { rows } = await executor.execute<{ paused: boolean }>(
    sql`select ${platformPauseInForce()} as paused`,
  );
  return rows[0]?.paused === true;
}

/**
 * Writes the answer of one attempt, once. A late refusal changes nothing that is known for certain; a late success is
 * recorded against everything that was thought to prove the contrary (M9).
 */
export async function recordReversalAnswer(
  executor: Executor,
  attempt: ReversalAttemptId,
  answer: StripeAnswer,
  outcome: ReversalOutcome,
): Promise<void> {
  await executor
    .update(payoutReversalAttempts)
    .set({
      answeredAt: sql`payout_now()`,
      outcome: outcome.kind,
      ...(outcome.kind === 'not_created' && {
        resolution: sql`coalesce(${payoutReversalAttempts.resolution}, 'not_created')`,
        endsReversal: outcome.endsReversal,
      }),
      ...(outcome.kind === 'created' && {
        resolution: 'created' as const,
        stripeReversalId: outcome.stripeReversalId,
      }),
      reason: outcome.kind === 'created' ? null : outcome.reason,
      answer,
      httpStatus: answer.httpStatus ?? null,
      requestId: answer.requestId ?? null,
      replayed: answer.replayed,
    })
    .where(and(isAttempt(attempt), isNull(payoutReversalAttempts.answeredAt)));
}

/** States for certain what the sends did of which nothing certain is known: all of them, or those up to a number. */
export async function resolveReversalAttempts(
  executor: Executor,
  reversalId: string,
  resolution: { readonly stripeReversalId: string } | 'not_created',
  upToAttemptNumber?: number,
): Promise<void> {
  await executor
    .update(payoutReversalAttempts)
    .set(
      resolution === 'not_created'
        ? { resolution: 'not_created' }
        : { resolution: 'created', stripeReversalId: resolution.stripeReversalId },
    )
    .where(
      and(
        eq(payoutReversalAttempts.reversalId, reversalId),
        isNull(payoutReversalAttempts.resolution),
        upToAttemptNumber === undefined
          ? undefined
          : lte(payoutReversalAttempts.attemptNumber, upToAttemptNumber),
      ),
    );
}

function isAttempt({ attemptNumber, reversalId }: ReversalAttemptId) {
  return and(
    eq(payoutReversalAttempts.reversalId, reversalId),
    eq(payoutReversalAttempts.attemptNumber, attemptNumber),
  );
}

/** Every attempt of a reversal, oldest first. */
export async function findReversalAttempts(
  executor: Executor,
  reversalId: string,
): Promise<ReversalAttempt[]> {
  return executor
    .select()
    .from(payoutReversalAttempts)
    .where(eq(payoutReversalAttempts.reversalId, reversalId))
    .orderBy(asc(payoutReversalAttempts.attemptNumber));
}
