/**
 * The tables of design §5 as drizzle sees them. Functions, triggers and the tables of legal transitions stand beside
 * them in hand-written migrations, since drizzle has no words for them.
 *
 * Amounts are integer minor units; every time is timestamptz and comes from `payout_now()`.
 */
import { sql, type SQL } from 'drizzle-orm';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';
import {
  bigint,
  bigserial,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

import { APPROVALS, type Approval } from '../domain/approval';
import { JOB_STATUSES, type JobStatus } from '../domain/job-state';
import {
  LEDGER_ACCOUNTS,
  LEDGER_TRANSACTION_KINDS,
  type LedgerAccount,
  type LedgerTransactionKind,
} from '../domain/ledger';
import type { RefusalState, StripeAnswer } from '../domain/outcome';
import { DEFAULT_AWARD } from '../domain/ids';
import type { FailureClass, ReasonCode } from '../domain/reasons';
import {
  OPEN_REVERSAL_STATUSES,
  REVERSAL_STATUSES,
  type ReversalStatus,
} from '../domain/reversal-state';
import { SETTLEMENT_STATUSES, type SettlementStatus } from '../domain/settlement';
import { TRANSFER_STATUSES, type TransferStatus } from '../domain/transfer-state';
import { owed } from './owed-transfers';

function minorUnits(name: string) {
  return bigint(name, { mode: 'number' });
}

function instant(name: string) {
  return timestamp(name, { withTimezone: true, mode: 'date' });
}

function createdAt(name: string) {
  return instant(name)
    .notNull()
    .default(sql`payout_now()`);
}

function oneOf(column: AnyPgColumn, values: readonly string[]): SQL {
  const list = values.map((value) => `'${value}'`).join(', ');
  return sql`${column} in (${sql.raw(list)})`;
}

/** Amounts travel as JavaScript numbers, so nothing above 2^53-1 may be stored. */
function safeAmount(column: AnyPgColumn, lowest: number): SQL {
  return sql`${column} between ${sql.raw(lowest.toString())} and 9007199254740991`;
}

/** One row: which installation this database belongs to, and which Stripe account and mode pays for it (M3). */
export const installation = pgTable(
  'installation',
  {
    singleton: boolean('singleton').primaryKey().default(true),
    installationId: text('installation_id').notNull(),
    stripeAccountId: text('stripe_account_id').notNull(),
    livemode: boolean('livemode').notNull(),
    installedAt: createdAt('installed_at'),
  },
  (table) => [check('installation_is_one_row', sql`${table.singleton}`)],
);

/**
 * A settlement that another system writes row by row is `open` until that system says `completed`; the validator then
 * makes it `accepted`, with its job in the same transaction, or `rejected` with the reasons. A rejected one may be
 * mended and completed again; an accepted one is final.
 */
export const settlements = pgTable(
  'settlements',
  {
    settlementId: text('settlement_id').primaryKey(),
    contestId: text('contest_id').notNull(),
    currency: text('currency').notNull(),
    status: text('status').$type<SettlementStatus>().notNull().default('open'),
    /** Where the writer declares a total, the winners have to add up to it. */
    totalMinor: minorUnits('total_minor'),
    winnerCount: integer('winner_count'),
    contentHash: text('content_hash'),
    /** Who handed it in: the name of a gateway token, an operator, or null for whoever writes to the table. */
    recordedBy: text('recorded_by'),
    rejectedReasons: json('rejected_reasons').$type<readonly string[]>(),
    rejectedAt: instant('rejected_at'),
    recordedAt: createdAt('recorded_at'),
  },
  (table) => [
    check('settlements_status', oneOf(table.status, SETTLEMENT_STATUSES)),
    check('settlements_total_is_safe', safeAmount(table.totalMinor, 1)),
    check('settlements_have_winners', sql`${table.winnerCount} > 0`),
    check(
      'settlements_accepted_is_whole',
      sql`${table.status} <> 'accepted' or (${table.currency} ~ '^[a-z]{3}$' and ${table.totalMinor} is not null and ${table.winnerCount} is not null and ${table.contentHash} is not null)`,
    ),
    check(
      'settlements_rejected_says_why',
      sql`${table.status} <> 'rejected' or (${table.rejectedReasons} is not null and ${table.rejectedAt} is not null)`,
    ),
    index('settlements_by_recording').on(table.recordedAt, table.settlementId),
    index('settlements_handed_in')
      .on(table.recordedAt)
      .where(sql`${table.status} in ('completed', 'rejected')`),
  ],
);

export const settlementWinners = pgTable(
  'settlement_winners',
  {
    settlementId: text('settlement_id')
      .notNull()
      .references(() => settlements.settlementId),
    userId: text('user_id').notNull(),
    award: text('award').notNull().default(DEFAULT_AWARD),
    amountMinor: minorUnits('amount_minor').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.settlementId, table.userId, table.award] }),
    check('settlement_winners_amount_is_safe', safeAmount(table.amountMinor, 1)),
  ],
);

export type AccountReadiness = 'not_asked' | 'ready' | 'not_ready';

export const userStripeAccounts = pgTable(
  'user_stripe_accounts',
  {
    userId: text('user_id').primaryKey(),
    stripeAccountId: text('stripe_account_id').notNull(),
    readiness: text('readiness').$type<AccountReadiness>().notNull().default('not_asked'),
    /** Grows by one with each replacement; it tells a workflow that it looks at another account than before. */
    version: integer('version').notNull().default(1),
    /** When Stripe is asked about this account next, and how often it was: the wait doubles from ask to ask. */
    nextAskAt: instant('next_ask_at'),
    askCount: integer('ask_count').notNull().default(0),
    importedAt: createdAt('imported_at'),
    updatedAt: createdAt('updated_at'),
  },
  (table) => [
    check(
      'user_stripe_accounts_readiness',
      oneOf(table.readiness, ['not_asked', 'ready', 'not_ready']),
    ),
    check(
      'user_stripe_accounts_are_accounts',
      sql`${table.stripeAccountId} ~ '^acct_[A-Za-z0-9_]+$'`,
    ),
    // Stripe's events name the account and not the user.
    index('user_stripe_accounts_by_account').on(table.stripeAccountId),
  ],
);

export const payoutJobs = pgTable(
  'payout_jobs',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    settlementId: text('settlement_id')
      .notNull()
      .unique()
      .references(() => settlements.settlementId),
    contestId: text('contest_id').notNull(),
    currency: text('currency').notNull(),
    totalMinor: minorUnits('total_minor').notNull(),
    status: text('status').$type<JobStatus>().notNull().default('pending'),
    approval: text('approval').$type<Approval>().notNull().default('not_required'),
    /** Who approved last, when, and the hash of what was approved (domain/approval). */
    approvedBy: text('approved_by'),
    approvedAt: instant('approved_at'),
    approvedHash: text('approved_hash'),
    /** Nothing is sent before this, so that a result can be disputed; null where nothing is held. */
    heldUntil: instant('held_until'),
    /** The newest run of the job's workflow; null until one has begun. */
    workflowRunId: text('workflow_run_id'),
    /** When the newest whole reading of Stripe's list of this settlement began: no key is first sent long after it (M11). */
    stripeListReadAt: instant('stripe_list_read_at'),
    /** Since when the list has to be read again; null while nobody needs it. */
    stripeListWantedAt: instant('stripe_list_wanted_at'),
    /** What was missing when Stripe's balance was last asked for (`awaiting_funds`), and when and how often it was. */
    fundsNeededMinor: minorUnits('funds_needed_minor'),
    fundsAvailableMinor: minorUnits('funds_available_minor'),
    fundsAskedAt: instant('funds_asked_at'),
    fundsAskCount: integer('funds_ask_count').notNull().default(0),
    /** Hash over the settlement's ledger up to a record, taken when the job completed. */
    sealedLedgerHash: text('sealed_ledger_hash'),
    sealedLedgerId: bigint('sealed_ledger_id', { mode: 'number' }),
    /** Counts of the moment of completion, kept for reports; the transfers are the truth. */
    completedCount: integer('completed_count').notNull().default(0),
    failedCount: integer('failed_count').notNull().default(0),
    createdAt: createdAt('created_at'),
    updatedAt: createdAt('updated_at'),
    completedAt: instant('completed_at'),
  },
  (table) => [
    check('payout_jobs_status', oneOf(table.status, JOB_STATUSES)),
    check('payout_jobs_approval', oneOf(table.approval, APPROVALS)),
    check(
      'payout_jobs_approved_by_somebody',
      sql`(${table.approval} = 'approved') = (${table.approvedAt} is not null) and (${table.approvedAt} is null) = (${table.approvedBy} is null) and (${table.approvedAt} is null) = (${table.approvedHash} is null)`,
    ),
    check(
      'payout_jobs_seal',
      sql`(${table.sealedLedgerHash} is null) = (${table.sealedLedgerId} is null)`,
    ),
    index('payout_jobs_open')
      .on(table.status)
      .where(sql`${table.status} <> 'complete'`),
  ],
);

export const payoutTransfers = pgTable(
  'payout_transfers',
  {
    /** UUIDv5 of installation, contest, user and award, so that a restored database finds the same keys (M3). */
    id: uuid('id').primaryKey(),
    payoutJobId: uuid('payout_job_id')
      .notNull()
      .references(() => payoutJobs.id),
    settlementId: text('settlement_id').notNull(),
    contestId: text('contest_id').notNull(),
    userId: text('user_id').notNull(),
    award: text('award').notNull(),
    amountMinor: minorUnits('amount_minor').notNull(),
    currency: text('currency').notNull(),
    status: text('status').$type<TransferStatus>().notNull().default('pending'),
    /** The newest generation; 0 while none was opened. */
    generation: integer('generation').notNull().default(0),
    /** Counts the claims; a write that carries an older number is fenced off (M9). */
    claimNumber: integer('claim_number').notNull().default(0),
    claimRunId: text('claim_run_id'),
    /** POSTs begun; those that use up the allowance are counted apart (M8). */
    attemptCount: integer('attempt_count').notNull().default(0),
    countedAttemptCount: integer('counted_attempt_count').notNull().default(0),
    maxAttempts: integer('max_attempts').notNull(),
    failureClass: text('failure_class').$type<FailureClass>(),
    failureReason: text('failure_reason').$type<ReasonCode>(),
    stripeTransferId: text('stripe_transfer_id').unique(),
    amountReversedMinor: minorUnits('amount_reversed').notNull().default(0),
    /** When the wait for the payee began; kept while it lasts, however often the workflow looks. */
    payeeWaitSince: instant('payee_wait_since'),
    /**
     * When a look at Stripe's list began that found nothing. Of an unknown transfer the first since its last send, since
     * one is no proof; between two keys of a debt the last.
     */
    notSeenSince: instant('not_seen_since'),
    /**
     * Since when an operator wants it cancelled; it takes effect when every send is proven to have paid nothing. Kept
     * until it is restored, so that a payment that was made all the same says so.
     */
    cancelRequestedAt: instant('cancel_requested_at'),
    /** Its own part in the settlement's approval: one that was cancelled then and restored since is not approved. */
    approval: text('approval').$type<Approval>().notNull().default('not_required'),
    /**
     * The version of the winner's account that was approved, 1 where there was none yet: the first account needs no
     * confirmation, another one does. null where no approval is needed.
     */
    approvedAccountVersion: integer('approved_account_version'),
    createdAt: createdAt('created_at'),
    updatedAt: createdAt('updated_at'),
    completedAt: instant('completed_at'),
  },
  (table) => [
    unique('payout_transfers_one_per_award').on(table.contestId, table.userId, table.award),
    index('payout_transfers_by_job').on(table.payoutJobId, table.status, table.id),
    index('payout_transfers_by_waiting_user').on(table.userId).where(owed(table.status)),
    check('payout_transfers_status', oneOf(table.status, TRANSFER_STATUSES)),
    check('payout_transfers_approval', oneOf(table.approval, APPROVALS)),
    check(
      'payout_transfers_approved_account',
      sql`(${table.approval} = 'approved') = (${table.approvedAccountVersion} is not null)`,
    ),
    check('payout_transfers_amount_is_safe', safeAmount(table.amountMinor, 1)),
    check(
      'payout_transfers_paid_means_stripe_id',
      sql`(${table.status} = 'completed') = (${table.stripeTransferId} is not null)`,
    ),
    check(
      'payout_transfers_unpaid_has_reason',
      sql`${table.status} not in ('blocked', 'unknown', 'failed_terminal') or (${table.failureReason} is not null and ${table.failureClass} is not null)`,
    ),
    check(
      'payout_transfers_claim',
      sql`${table.status} <> 'processing' or ${table.claimRunId} is not null`,
    ),
    check(
      'payout_transfers_reversed_is_part',
      sql`${table.amountReversedMinor} between 0 and ${table.amountMinor}`,
    ),
    check(
      'payout_transfers_attempts',
      sql`${table.countedAttemptCount} <= ${table.attemptCount} and ${table.maxAttempts} > 0`,
    ),
  ],
);

/** One Stripe key with everything that is sent under it, frozen before the first send (M1). */
export const payoutGenerations = pgTable(
  'payout_generations',
  {
    transferId: uuid('transfer_id')
      .notNull()
      .references(() => payoutTransfers.id),
    generation: integer('generation').notNull(),
    idempotencyKey: text('idempotency_key').notNull().unique(),
    amountMinor: minorUnits('amount_minor').notNull(),
    currency: text('currency').notNull(),
    destination: text('destination').notNull(),
    transferGroup: text('transfer_group').notNull(),
    /** `json`, not `jsonb`: it is kept as it was written, so that a look at the row shows what was sent. */
    metadata: json('metadata').$type<Record<string, string>>().notNull(),
    stripeAccountId: text('stripe_account_id').notNull(),
    livemode: boolean('livemode').notNull(),
    openedAt: createdAt('opened_at'),
    /** By Postgres's clock, once; the key is dead 23 hours later (M6). */
    firstSentAt: instant('first_sent_at'),
    /**
     * The reading of Stripe's list that the first send relies on. A send that this database has lost may be as old as
     * this, so the key's age counts from here (M11).
     */
    listReadAt: instant('list_read_at'),
    closedAt: instant('closed_at'),
    closedReason: text('closed_reason'),
  },
  (table) => [
    primaryKey({ columns: [table.transferId, table.generation] }),
    uniqueIndex('payout_generations_one_open')
      .on(table.transferId)
      .where(sql`${table.closedAt} is null`),
    check('payout_generations_amount_is_safe', safeAmount(table.amountMinor, 1)),
    check(
      'payout_generations_closed_has_reason',
      sql`(${table.closedAt} is null) = (${table.closedReason} is null)`,
    ),
  ],
);

export type AttemptOutcome = 'created' | 'not_created' | 'unknown';
export type AttemptResolution = 'created' | 'not_created';

/** One row per POST: committed before it, completed after it (M5). */
export const payoutAttempts = pgTable(
  'payout_attempts',
  {
    transferId: uuid('transfer_id').notNull(),
    attemptNumber: integer('attempt_number').notNull(),
    generation: integer('generation').notNull(),
    claimNumber: integer('claim_number').notNull(),
    sentAt: createdAt('sent_at'),
    answeredAt: instant('answered_at'),
    /** What this answer alone said; null while none has come. */
    outcome: text('outcome').$type<AttemptOutcome>(),
    /** What is known for certain about this send; null while anything is possible. */
    resolution: text('resolution').$type<AttemptResolution>(),
    reason: text('reason').$type<ReasonCode>(),
    /** The state that a refusal leads to, and whether it is burnt into its key (stripe-semantics §3). */
    leadsTo: text('leads_to').$type<RefusalState>(),
    closesGeneration: boolean('closes_generation').notNull().default(false),
    /** Whether it used up one of the allowed attempts (M8). */
    counted: boolean('counted').notNull().default(false),
    answer: json('answer').$type<StripeAnswer>(),
    httpStatus: smallint('http_status'),
    requestId: text('request_id'),
    replayed: boolean('replayed'),
    stripeTransferId: text('stripe_transfer_id'),
  },
  (table) => [
    primaryKey({ columns: [table.transferId, table.attemptNumber] }),
    foreignKey({
      name: 'payout_attempts_generation',
      columns: [table.transferId, table.generation],
      foreignColumns: [payoutGenerations.transferId, payoutGenerations.generation],
    }),
    check(
      'payout_attempts_outcome',
      sql`${table.outcome} in ('created', 'not_created', 'unknown') and ${table.resolution} in ('created', 'not_created')`,
    ),
    check(
      'payout_attempts_created_has_id',
      sql`${table.resolution} is distinct from 'created' or ${table.stripeTransferId} is not null`,
    ),
    index('payout_attempts_unresolved')
      .on(table.transferId, table.generation)
      .where(sql`${table.resolution} is null`),
  ],
);

/** One order to take a payment back, in full or in part: one Stripe key with what is sent under it, frozen (M1). */
export const payoutReversals = pgTable(
  'payout_reversals',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    transferId: uuid('transfer_id')
      .notNull()
      .references(() => payoutTransfers.id),
    settlementId: text('settlement_id').notNull(),
    /** The Stripe transfer that is reversed; a debt that was paid twice has two. */
    stripeTransferId: text('stripe_transfer_id').notNull(),
    idempotencyKey: text('idempotency_key').notNull().unique(),
    /** In the transfer's own currency. */
    amountMinor: minorUnits('amount_minor').notNull(),
    currency: text('currency').notNull(),
    metadata: json('metadata').$type<Record<string, string>>().notNull(),
    stripeAccountId: text('stripe_account_id').notNull(),
    livemode: boolean('livemode').notNull(),
    /** What had come back of the Stripe transfer when this was ordered; after it, this and `amount_minor` have. */
    reversedBeforeMinor: minorUnits('reversed_before_minor').notNull(),
    requestedBy: text('requested_by').notNull(),
    reason: text('reason').notNull(),
    status: text('status').$type<ReversalStatus>().notNull().default('pending'),
    /** The run that may send it; another one reconciles. */
    claimRunId: text('claim_run_id'),
    attemptCount: integer('attempt_count').notNull().default(0),
    failureClass: text('failure_class').$type<FailureClass>(),
    failureReason: text('failure_reason').$type<ReasonCode>(),
    /**
     * When a look at Stripe began that showed exactly `reversed_before_minor` come back: nothing is first sent long
     * after it (M11).
     */
    seenAsExpectedAt: instant('seen_as_expected_at'),
    /** By Postgres's clock, once; the key is dead 23 hours later (M6). */
    firstSentAt: instant('first_sent_at'),
    /** When the first look at Stripe's list since the last send began that found nothing. */
    notSeenSince: instant('not_seen_since'),
    stripeReversalId: text('stripe_reversal_id').unique(),
    /** Where Stripe made it with another amount than was ordered and a person has accepted that: how much it was. */
    cameBackMinor: minorUnits('came_back_minor'),
    /** When a sweep last asked whether it has a run. */
    runAskedAt: instant('run_asked_at'),
    createdAt: createdAt('created_at'),
    updatedAt: createdAt('updated_at'),
    endedAt: instant('ended_at'),
  },
  (table) => [
    uniqueIndex('payout_reversals_one_open')
      .on(table.transferId)
      .where(oneOf(table.status, OPEN_REVERSAL_STATUSES)),
    index('payout_reversals_by_settlement').on(table.settlementId, table.createdAt),
    index('payout_reversals_by_transfer').on(table.transferId, table.createdAt),
    check('payout_reversals_status', oneOf(table.status, REVERSAL_STATUSES)),
    check('payout_reversals_amount_is_safe', safeAmount(table.amountMinor, 1)),
    check('payout_reversals_before_is_safe', safeAmount(table.reversedBeforeMinor, 0)),
    check(
      'payout_reversals_completed_has_id',
      sql`(${table.status} = 'completed') = (${table.stripeReversalId} is not null)`,
    ),
    check(
      'payout_reversals_end',
      sql`(${table.status} in ('completed', 'refused')) = (${table.endedAt} is not null)`,
    ),
    check(
      'payout_reversals_has_reason',
      sql`${table.status} not in ('unknown', 'refused') or (${table.failureReason} is not null and ${table.failureClass} is not null)`,
    ),
    check(
      'payout_reversals_came_back',
      sql`${table.cameBackMinor} is null or (${table.status} = 'completed' and ${safeAmount(table.cameBackMinor, 1)})`,
    ),
  ],
);

/** One row per POST of a reversal: committed before it, completed after it (M5). */
export const payoutReversalAttempts = pgTable(
  'payout_reversal_attempts',
  {
    reversalId: uuid('reversal_id')
      .notNull()
      .references(() => payoutReversals.id),
    attemptNumber: integer('attempt_number').notNull(),
    sentAt: createdAt('sent_at'),
    answeredAt: instant('answered_at'),
    /** What this answer alone said; null while none has come. */
    outcome: text('outcome').$type<AttemptOutcome>(),
    /** What is known for certain about this send; null while anything is possible. */
    resolution: text('resolution').$type<AttemptResolution>(),
    reason: text('reason').$type<ReasonCode>(),
    /** Stripe executed this refusal: it is burnt into the key, and the order ends with it. */
    endsReversal: boolean('ends_reversal').notNull().default(false),
    answer: json('answer').$type<StripeAnswer>(),
    httpStatus: smallint('http_status'),
    requestId: text('request_id'),
    replayed: boolean('replayed'),
    stripeReversalId: text('stripe_reversal_id'),
  },
  (table) => [
    primaryKey({ columns: [table.reversalId, table.attemptNumber] }),
    check(
      'payout_reversal_attempts_outcome',
      sql`${table.outcome} in ('created', 'not_created', 'unknown') and ${table.resolution} in ('created', 'not_created')`,
    ),
    check(
      'payout_reversal_attempts_created_has_id',
      sql`${table.resolution} is distinct from 'created' or ${table.stripeReversalId} is not null`,
    ),
  ],
);

export const ledgerTransactions = pgTable(
  'ledger_transactions',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    /** Unique; the same key with other content is refused (M8). */
    idempotencyKey: text('idempotency_key').notNull().unique(),
    kind: text('kind').$type<LedgerTransactionKind>().notNull(),
    settlementId: text('settlement_id').notNull(),
    transferId: uuid('transfer_id'),
    attemptNumber: integer('attempt_number'),
    reason: text('reason').$type<ReasonCode>(),
    stripeTransferId: text('stripe_transfer_id'),
    postedAt: createdAt('posted_at'),
  },
  (table) => [
    // Also what makes sealing wait for a posting that is under way: the check of this key locks the job's row.
    foreignKey({
      name: 'ledger_transactions_job',
      columns: [table.settlementId],
      foreignColumns: [payoutJobs.settlementId],
    }),
    uniqueIndex('ledger_transactions_one_payout')
      .on(table.transferId)
      .where(sql`${table.kind} = 'payout'`),
    uniqueIndex('ledger_transactions_one_of_stripe_transfer')
      .on(table.stripeTransferId)
      .where(sql`${table.kind} in ('payout', 'overpaid')`),
    index('ledger_transactions_by_settlement').on(table.settlementId, table.id),
    // Each sweep looks for payments that were learnt of late.
    index('ledger_transactions_of_payments')
      .on(table.postedAt)
      .where(sql`${table.kind} in ('payout', 'overpaid')`),
    check('ledger_transactions_kind', oneOf(table.kind, LEDGER_TRANSACTION_KINDS)),
    check(
      'ledger_transactions_payout_is_whose',
      sql`${table.kind} not in ('payout', 'overpaid') or (${table.transferId} is not null and ${table.stripeTransferId} is not null)`,
    ),
  ],
);

export const ledgerEntries = pgTable(
  'ledger_entries',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    ledgerTransactionId: bigint('ledger_transaction_id', { mode: 'number' })
      .notNull()
      .references(() => ledgerTransactions.id),
    account: text('account').$type<LedgerAccount>().notNull(),
    /** Signed: debits positive, credits negative; the entries of a transaction sum to zero per currency. */
    amountMinor: minorUnits('amount_minor').notNull(),
    currency: text('currency').notNull(),
  },
  (table) => [
    index('ledger_entries_by_transaction').on(table.ledgerTransactionId),
    check('ledger_entries_account', oneOf(table.account, LEDGER_ACCOUNTS)),
    check(
      'ledger_entries_amount_is_safe',
      sql`${table.amountMinor} <> 0 and ${table.amountMinor} between -9007199254740991 and 9007199254740991`,
    ),
  ],
);

/** Pauses: each its own row; sending needs none in force, and each is lifted by whoever set it (M13). */
export const payoutControls = pgTable(
  'payout_controls',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    /** null: everything. */
    settlementId: text('settlement_id'),
    cause: text('cause').notNull(),
    owner: text('owner').$type<'operator' | 'automation'>().notNull(),
    /** Who set it and why, where a person did. */
    actor: text('actor'),
    reason: text('reason'),
    setAt: createdAt('set_at'),
    liftedAt: instant('lifted_at'),
    liftedBy: text('lifted_by'),
    liftReason: text('lift_reason'),
    /** When automation looks next whether the cause is gone; null where only a person may lift it. */
    nextLookAt: instant('next_look_at'),
    lookCount: integer('look_count').notNull().default(0),
    /** What was missing where funds were: the pause ends when this much is available. */
    neededMinor: minorUnits('needed_minor'),
    currency: text('currency'),
  },
  (table) => [
    check('payout_controls_owner', oneOf(table.owner, ['operator', 'automation'])),
    check(
      'payout_controls_lifted_by_somebody',
      sql`${table.liftedBy} is null or ${table.liftedAt} is not null`,
    ),
    uniqueIndex('payout_controls_one_in_force')
      .on(sql`coalesce(${table.settlementId}, '')`, table.cause)
      .where(sql`${table.liftedAt} is null`),
    index('payout_controls_in_force')
      .on(table.settlementId)
      .where(sql`${table.liftedAt} is null`),
  ],
);

/** Who did what, and why. */
export const operatorActions = pgTable('operator_actions', {
  id: bigserial('id', { mode: 'number' }).primaryKey(),
  action: text('action').notNull(),
  actor: text('actor').notNull(),
  reason: text('reason').notNull(),
  /** Ids of what was acted on, and what was seen before and after. */
  subject: json('subject').$type<Record<string, string | number | null>>().notNull(),
  actedAt: createdAt('acted_at'),
});

export type StripeEventStatus = 'received' | 'processed' | 'ignored';

/**
 * Webhooks of Stripe, each stored once before it is answered. Ids only: an event of an account carries personal data,
 * and whatever matters is asked from Stripe again.
 */
export const stripeEvents = pgTable(
  'stripe_events',
  {
    eventId: text('event_id').primaryKey(),
    type: text('type').notNull(),
    objectId: text('object_id').notNull(),
    /** The connected account it happened on; null for the platform's own. */
    accountId: text('account_id'),
    /** Of a transfer's metadata, whoever wrote it; whose it is stands beside it. */
    payoutTransferId: text('payout_transfer_id'),
    installationId: text('installation_id'),
    livemode: boolean('livemode').notNull(),
    /** Stripe's time of the event. */
    createdAt: instant('created_at').notNull(),
    receivedAt: createdAt('received_at'),
    deliveryCount: integer('delivery_count').notNull().default(1),
    status: text('status').$type<StripeEventStatus>().notNull().default('received'),
    /** What came of it, as a code; while it is `received`, why its last try failed. */
    result: text('result'),
    processedAt: instant('processed_at'),
    /**
     * Tries begun, and when the next may: set as a try begins, each time further off, so that one that dies or fails
     * needs no note.
     */
    tryCount: integer('try_count').notNull().default(0),
    nextTryAt: instant('next_try_at'),
  },
  (table) => [
    check('stripe_events_status', oneOf(table.status, ['received', 'processed', 'ignored'])),
    check(
      'stripe_events_end',
      sql`(${table.status} = 'received') = (${table.processedAt} is null) and (${table.processedAt} is null or ${table.result} is not null)`,
    ),
    index('stripe_events_waiting')
      .on(table.receivedAt)
      .where(sql`${table.status} = 'received'`),
    index('stripe_events_ended')
      .on(table.processedAt)
      .where(sql`${table.processedAt} is not null`),
    index('stripe_events_of_transfer')
      .on(table.payoutTransferId)
      .where(sql`${table.payoutTransferId} is not null`),
  ],
);

export type AdminJobStatus = 'registered' | 'running' | 'succeeded' | 'failed';

/** The registry of recurring work: what is registered, whether it runs, and how its last run ended. */
export const adminJobs = pgTable(
  'admin_jobs',
  {
    name: text('name').primaryKey(),
    /** For people, such as `every 5 minutes`. */
    schedule: text('schedule').notNull(),
    status: text('status').$type<AdminJobStatus>().notNull().default('registered'),
    /** The workflow run that is running, or was the last one. */
    runId: text('run_id'),
    registeredAt: createdAt('registered_at'),
    startedAt: instant('started_at'),
    finishedAt: instant('finished_at'),
    /** When the last run that succeeded ended: work that runs and never succeeds is seen by its age. */
    succeededAt: instant('succeeded_at'),
    /** How many of each the last finished run started, woke, rejected …; its ids are in Temporal. */
    counts: json('counts').$type<Readonly<Record<string, number>>>(),
    /** A code, never a text of somebody else's. */
    failure: text('failure'),
    /** Where the next run goes on, in the job's own words; null: at the beginning. */
    resumeAfter: text('resume_after'),
    runCount: integer('run_count').notNull().default(0),
    failedRunCount: integer('failed_run_count').notNull().default(0),
  },
  (table) => [
    check(
      'admin_jobs_status',
      oneOf(table.status, ['registered', 'running', 'succeeded', 'failed']),
    ),
  ],
);

/** How often each kind of order was refused, for the metrics; what was refused by a guard is counted beside it. */
export const refusalCounts = pgTable('refusal_counts', {
  code: text('code').primaryKey(),
  refusedCount: bigint('refused_count', { mode: 'number' }).notNull().default(0),
  lastRefusedAt: createdAt('last_refused_at'),
});
