import { and, asc, eq, isNull, sql, type SQL } from 'drizzle-orm';

import type { TransferClaim } from '../domain/contracts';
import type { FrozenRequest } from '../domain/generation';
import { KEY_SENDABLE_MS, STRIPE_LIST_VALID_MS } from '../domain/limits';
import type { SendOutcome, StripeAnswer } from '../domain/outcome';
import { isAccountApproved, isApprovedAndNotHeld } from './approval-gate';
import type { Executor } from './database';
import type { Installation } from './installation';
import { noPauseInForce } from './pause-in-force';
import { payoutAttempts, payoutTransfers } from './schema';

export type PayoutAttempt = typeof payoutAttempts.$inferSelect;

export interface AttemptId {
  readonly transferId: string;
  readonly attemptNumber: number;
}

/** What may be sent, and the number of the attempt that was written down for it. */
export interface BegunSend {
  readonly attemptNumber: number;
  readonly idempotencyKey: string;
  readonly request: FrozenRequest;
  readonly livemode: boolean;
}

/**
 * The last gate before a POST (M6), one statement: checks everything that could have changed since the claim, stamps
 * the key's first send once by Postgres's clock, counts the attempt and writes its row.
 *
 * The row is committed before the POST (M5). A process that dies right after it leaves an attempt without an answer,
 * which is unknown although nothing was sent: safe, and resolved by sending the same key again.
 * What no statement can close is a process that sleeps between this commit and the socket: up to an hour of sleep the
 * key's age covers (23 h here, 24 h at Stripe), a longer one it does not.
 *
 * @returns undefined when the send is not allowed; the caller must not POST then
 */
export async function beginSend(
  executor: Executor,
  claim: TransferClaim,
  platform: Installation,
): Promise<BegunSend | undefined> {
  const result = await executor.execute<BegunSendRow>(beginSendStatement(claim, platform));
  const [row] = result.rows;
  if (row === undefined) {
    return undefined;
  }
  return {
    attemptNumber: row.attempt_number,
    idempotencyKey: row.idempotency_key,
    livemode: row.livemode,
    request: {
      amountMinor: Number(row.amount_minor),
      currency: row.currency,
      destination: row.destination,
      transferGroup: row.transfer_group,
      metadata: row.metadata,
    },
  };
}

interface BegunSendRow extends Record<string, unknown> {
  attempt_number: number;
  idempotency_key: string;
  amount_minor: string;
  currency: string;
  destination: string;
  transfer_group: string;
  metadata: Record<string, string>;
  livemode: boolean;
}

function beginSendStatement(claim: TransferClaim, platform: Installation): SQL {
  return sql`
    with allowed as (
      select transfer.id, generation.generation, job.stripe_list_read_at
      from payout_transfers as transfer
      join payout_generations as generation
        on generation.transfer_id = transfer.id and generation.generation = transfer.generation
      join payout_jobs as job on job.id = transfer.payout_job_id
      where transfer.id = ${claim.transferId}
        and transfer.status = 'processing'
        and transfer.stripe_transfer_id is null
        -- Also where a send may have paid: what an operator wants cancelled is looked up, never sent again (M13).
        and transfer.cancel_requested_at is null
        and transfer.generation = ${claim.generation}
        and transfer.claim_number = ${claim.claimNumber}
        and transfer.claim_run_id = ${claim.runId}
        -- A send that may have paid is asked about again, whatever came since (M5). Without one this is a new try: the
        -- allowance must not be used up (M8), and the account must still be the winner's, and approved or confirmed.
        and (exists (
          select from payout_attempts as earlier
          where earlier.transfer_id = transfer.id and earlier.generation = generation.generation
            and earlier.resolution is null
        ) or (transfer.counted_attempt_count < transfer.max_attempts and exists (
          select from user_stripe_accounts as account
          where account.user_id = transfer.user_id and account.stripe_account_id = generation.destination
            and ${isAccountApproved()}
        )))
        and generation.closed_at is null
        -- A first send relies on a fresh reading of Stripe's list, and the key's age counts from that reading (M11).
        and case when generation.first_sent_at is null
          then job.stripe_list_wanted_at is null and job.stripe_list_read_at <= payout_now()
            and payout_now() < job.stripe_list_read_at + ${STRIPE_LIST_VALID_MS} * interval '1 millisecond'
          else payout_now() < least(generation.list_read_at, generation.first_sent_at)
            + ${KEY_SENDABLE_MS} * interval '1 millisecond'
          end
        and generation.stripe_account_id = ${platform.stripeAccountId}
        and generation.livemode = ${platform.livemode}
        -- One that was given up when the others were approved, and restored since, is not approved (M13).
        and ${isApprovedAndNotHeld()}
        and ${noPauseInForce(sql`transfer.settlement_id`)}
      for update of transfer, generation
    ), stamped as (
      update payout_generations as generation
      set first_sent_at = coalesce(generation.first_sent_at, payout_now()),
          list_read_at = case when generation.first_sent_at is null
            then allowed.stripe_list_read_at else generation.list_read_at end
      from allowed
      where generation.transfer_id = allowed.id and generation.generation = allowed.generation
      returning generation.*
    ), counted as (
      update payout_transfers as transfer
      set attempt_count = transfer.attempt_count + 1, not_seen_since = null, updated_at = payout_now()
      from allowed
      where transfer.id = allowed.id
      returning transfer.id, transfer.attempt_count
    ), attempt as (
      insert into payout_attempts (transfer_id, attempt_number, generation, claim_number)
      select counted.id, counted.attempt_count, stamped.generation, ${claim.claimNumber}
      from counted join stamped on stamped.transfer_id = counted.id
      returning attempt_number
    )
    select attempt.attempt_number, stamped.idempotency_key, stamped.amount_minor, stamped.currency,
           stamped.destination, stamped.transfer_group, stamped.metadata, stamped.livemode
    from attempt, stamped`;
}

/**
 * Writes the answer of one attempt, once, and counts it against the allowance if it counts (M8). What the answer
 * proves about this send is its resolution; whether it also resolves earlier sends of the key is decided with the
 * whole key in view (M5).
 *
 * An answer may come when another one has settled its send already: a late refusal or a late silence changes nothing
 * then, and a late success is recorded against everything that was thought to prove the contrary (M9).
 */
export async function recordAnswer(
  executor: Executor,
  attempt: AttemptId,
  answer: StripeAnswer,
  outcome: SendOutcome,
): Promise<void> {
  const refusal = outcome.kind === 'not_created' ? outcome : undefined;
  const written = await executor
    .update(payoutAttempts)
    .set({
      answeredAt: sql`payout_now()`,
      outcome: outcome.kind,
      ...(refusal && { resolution: sql`coalesce(${payoutAttempts.resolution}, 'not_created')` }),
      ...(outcome.kind === 'created' && {
        resolution: 'created' as const,
        stripeTransferId: outcome.stripeTransferId,
      }),
      reason: outcome.kind === 'created' ? null : outcome.reason,
      leadsTo: refusal?.leadsTo ?? null,
      closesGeneration: refusal?.closesGeneration ?? false,
      counted: refusal?.counted ?? false,
      answer,
      httpStatus: answer.httpStatus ?? null,
      requestId: answer.requestId ?? null,
      replayed: answer.replayed,
    })
    .where(and(attemptIs(attempt), isNull(payoutAttempts.answeredAt)))
    .returning({ counted: payoutAttempts.counted });
  if (written[0]?.counted === true) {
    await executor
      .update(payoutTransfers)
      .set({ countedAttemptCount: sql`${payoutTransfers.countedAttemptCount} + 1` })
      .where(eq(payoutTransfers.id, attempt.transferId));
  }
}

/** States for certain what one send did, learnt by another answer of its key or by reconciliation. */
export async function resolveAttempt(
  executor: Executor,
  attempt: AttemptId,
  resolution: { readonly stripeTransferId: string } | 'not_created',
): Promise<void> {
  await executor
    .update(payoutAttempts)
    .set(
      resolution === 'not_created'
        ? { resolution: 'not_created' }
        : { resolution: 'created', stripeTransferId: resolution.stripeTransferId },
    )
    .where(and(attemptIs(attempt), isNull(payoutAttempts.resolution)));
}

function attemptIs(attempt: AttemptId) {
  return and(
    eq(payoutAttempts.transferId, attempt.transferId),
    eq(payoutAttempts.attemptNumber, attempt.attemptNumber),
  );
}

/** Every attempt of a transfer, oldest first. */
export async function findAttempts(
  executor: Executor,
  transferId: string,
): Promise<PayoutAttempt[]> {
  return executor
    .select()
    .from(payoutAttempts)
    .where(eq(payoutAttempts.transferId, transferId))
    .orderBy(asc(payoutAttempts.attemptNumber));
}
