/**
 * The statements about money that hold at every moment, whatever crashed before. Each has one query for what breaks it.
 *
 * Of the list that they come from (Stripe's two measures, the double entry of ledgers, this product's money rules) these
 * are not here: what Stripe did with a key and whether it was claimed before (`payouts verify` compares Stripe's list);
 * who has a live workflow (`payouts verify` asks Temporal); transitions over time, of which no history is kept (a trigger
 * refuses illegal ones, and the guards below say that it stands); the sealed hash, which is no SQL (`ledger-hash.ts`);
 * webhooks, which are hints and never the truth; privileges, since the product owns its tables and triggers guard them instead.
 */
import { sql, type SQL } from 'drizzle-orm';

import { CURRENCIES, currencyRule } from '../domain/currencies';
import { REVERSAL_LEDGER_PREFIX } from '../domain/ids';
import {
  overpaidPosting,
  payoutPosting,
  reversalPosting,
  settlementPosting,
  voidPosting,
} from '../domain/ledger';
import { KEY_SENDABLE_MS, STATEMENT_TIMEOUT_MS } from '../domain/limits';
import { isAlarm } from '../domain/next-state';
import { failureClassOf, REASONS, type ReasonCode } from '../domain/reasons';
import { OPEN_REVERSAL_STATUSES } from '../domain/reversal-state';
import { OPEN_STATUSES, TRANSFER_STATUSES } from '../domain/transfer-state';
import type { Executor } from './database';

/** Breaks of one statement that are looked up and told; more of them say nothing more. */
const BREAKS_MAX = 1_000;

export interface CheckedInvariant {
  /** The statement. */
  readonly name: string;
  /** Ids of what breaks it: a transfer, a ledger record, a key or a settlement. */
  readonly breaks: readonly string[];
}

/** Asks what holds at every moment, of one settlement or of all. Reads only; each statement sees one moment. */
export async function checkInvariants(
  executor: Executor,
  settlementId?: string,
): Promise<CheckedInvariant[]> {
  return check(executor, INVARIANTS, settlementId);
}

/** Asks what holds as long as workers run. */
export async function checkDiligence(
  executor: Executor,
  settlementId?: string,
): Promise<CheckedInvariant[]> {
  return check(executor, DILIGENCE, settlementId);
}

async function check(
  executor: Executor,
  statements: Readonly<Record<string, SQL>>,
  settlementId: string | undefined,
): Promise<CheckedInvariant[]> {
  const scope =
    settlementId === undefined
      ? sql`true`
      : sql`(settlement_id = ${settlementId} or settlement_id is null)`;
  const checked: CheckedInvariant[] = [];
  for (const [name, query] of Object.entries(statements)) {
    const { rows } = await executor.execute<{ broken: string }>(sql`
      select distinct broken from (${query}) as found (settlement_id, broken)
      where ${scope} order by broken limit ${BREAKS_MAX}`);
    checked.push({ name, breaks: rows.map(({ broken }) => broken) });
  }
  return checked;
}

function listed(values: readonly string[]): SQL {
  return sql.join(
    values.map((value) => sql`${value}::text`),
    sql`, `,
  );
}

const OPEN = listed(OPEN_STATUSES);

const REASON_CODES = Object.keys(REASONS) as ReasonCode[];

const ALARMS = listed(REASON_CODES.filter(isAlarm));

const CLASSES_OF_REASONS = sql.join(
  REASON_CODES.map((reason) => sql`(${reason}::text, ${failureClassOf(reason)}::text)`),
  sql`, `,
);

const MULTIPLES_OF_CURRENCIES = sql.join(
  CURRENCIES.map(
    (currency) => sql`(${currency}::text, ${currencyRule(currency)?.multipleOf ?? 1}::int)`,
  ),
  sql`, `,
);

/** Which accounts each kind of record debits and credits. */
const ACCOUNTS_OF_KINDS = sql.join(
  Object.entries({
    settlement: settlementPosting(1, 'usd'),
    payout: payoutPosting(1, 'usd'),
    refusal: [],
    void: voidPosting(1, 'usd'),
    overpaid: overpaidPosting(1, 'usd'),
    reversal: reversalPosting(1, 'usd'),
  }).map(([kind, [debit, credit]]) => {
    const entries = debit === undefined ? 0 : 2;
    return sql`(${kind}::text, ${entries}::bigint, ${debit?.account ?? null}::text, ${credit?.account ?? null}::text)`;
  }),
  sql`, `,
);

/** A gate asks the clock, then the row is stamped: in between the statement may have waited for a lock. */
const SENDABLE = sql`${KEY_SENDABLE_MS + STATEMENT_TIMEOUT_MS} * interval '1 millisecond'`;

/** A dead key is looked up within the hour; a second one is for workers that were away. */
const UNLOOKED = sql`${KEY_SENDABLE_MS} * interval '1 millisecond' + interval '2 hours'`;

/** The triggers that refuse what must never be written, by table (migrations 0002, 0004, 0006, 0008 and 0009). */
const GUARDS = {
  installation: ['final'],
  settlements: ['final', 'completed'],
  settlement_winners: ['frozen', 'not_truncated'],
  user_stripe_accounts: ['versioned', 'kept', 'not_truncated'],
  payout_jobs: ['transition', 'of_accepted_settlement', 'approval_given'],
  payout_transfers: [
    'begin_pending',
    'transition',
    'identity',
    'paid_stays_paid',
    'kept',
    'not_truncated',
    'approval_begins',
    'approval_given',
  ],
  payout_generations: ['frozen', 'list_read_once', 'close', 'kept', 'not_truncated'],
  payout_attempts: ['facts', 'kept', 'not_truncated'],
  payout_controls: ['frozen', 'kept', 'not_truncated'],
  ledger_transactions: ['append_only', 'balance', 'not_truncated'],
  ledger_entries: ['append_only', 'balance', 'not_truncated'],
  operator_actions: ['append_only', 'not_truncated'],
  payout_reversals: ['begin_pending', 'transition', 'frozen', 'kept', 'not_truncated'],
  payout_reversal_attempts: ['facts', 'kept', 'not_truncated'],
} as const;

const GUARD_TRIGGERS = sql.join(
  Object.entries(GUARDS).flatMap(([table, names]) =>
    names.map((name) => sql`(${table}::text, ${`${table}_${name}`}::text)`),
  ),
  sql`, `,
);

/** Each query gives a settlement and what is broken in it; no settlement: it concerns all. */
const INVARIANTS: Readonly<Record<string, SQL>> = {
  'every ledger record sums to zero in each currency': sql`
    select posting.settlement_id, posting.id::text from ledger_entries as entry
    join ledger_transactions as posting on posting.id = entry.ledger_transaction_id
    group by posting.settlement_id, posting.id, entry.currency having sum(entry.amount_minor) <> 0`,

  'every ledger record has the entries of its kind, in the currency of its settlement': sql`
    select posting.settlement_id, posting.id::text from ledger_transactions as posting
    join payout_jobs as job on job.settlement_id = posting.settlement_id
    left join ledger_entries as entry on entry.ledger_transaction_id = posting.id
    left join (values ${ACCOUNTS_OF_KINDS}) as legal (kind, entries, debit, credit) on legal.kind = posting.kind
    group by posting.settlement_id, posting.id, job.currency, legal.entries, legal.debit, legal.credit
    having legal.entries is distinct from count(entry.id)
      or max(entry.account) filter (where entry.amount_minor > 0) is distinct from legal.debit
      or max(entry.account) filter (where entry.amount_minor < 0) is distinct from legal.credit
      or count(entry.id) filter (where entry.currency <> job.currency) > 0`,

  'every ledger record but a debt names a transfer of its settlement': sql`
    select posting.settlement_id, posting.id::text from ledger_transactions as posting
    left join payout_transfers as transfer on transfer.id = posting.transfer_id
    where (posting.kind = 'settlement' and posting.transfer_id is not null)
      or (posting.kind <> 'settlement' and transfer.settlement_id is distinct from posting.settlement_id)`,

  'the debt of every job is booked once, with its total': sql`
    select job.settlement_id, job.settlement_id from payout_jobs as job
    left join ledger_transactions as posting
      on posting.settlement_id = job.settlement_id and posting.kind = 'settlement'
    left join ledger_entries as entry
      on entry.ledger_transaction_id = posting.id and entry.account = 'prizes_payable'
    group by job.settlement_id, job.total_minor
    having count(posting.id) <> 1 or sum(entry.amount_minor) is distinct from -job.total_minor`,

  'prizes_payable is the sum of the transfers that are neither paid nor voided': sql`
    select job.settlement_id, job.settlement_id from payout_jobs as job
    where (
      select coalesce(sum(amount_minor), 0) from payout_transfers
      where payout_job_id = job.id and status not in ('completed', 'voided')
    ) <> (
      select coalesce(-sum(entry.amount_minor), 0) from ledger_entries as entry
      join ledger_transactions as posting on posting.id = entry.ledger_transaction_id
      where posting.settlement_id = job.settlement_id and entry.account = 'prizes_payable'
    )`,

  // A debt that was voided and then paid has an overpaid record instead: nothing was owed any more.
  'every paid transfer has one booking of its Stripe transfer, with its amount': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    left join ledger_transactions as posting on posting.transfer_id = transfer.id
      and posting.stripe_transfer_id = transfer.stripe_transfer_id and posting.kind in ('payout', 'overpaid')
    left join ledger_entries as entry
      on entry.ledger_transaction_id = posting.id and entry.account = 'stripe_balance'
    where transfer.status = 'completed'
    group by transfer.settlement_id, transfer.id
    having count(posting.id) <> 1 or sum(entry.amount_minor) is distinct from -transfer.amount_minor
      or (min(posting.kind) = 'overpaid' and not exists (
        select from ledger_transactions as voided where voided.transfer_id = transfer.id and voided.kind = 'void'))`,

  // What a person has accepted beside a voided debt is overpaid and pays nothing.
  'nobody who is not paid has a payment in the ledger': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    join ledger_transactions as posting on posting.transfer_id = transfer.id
    where (transfer.status <> 'completed' and posting.kind = 'payout')
      or (transfer.status not in ('completed', 'voided') and posting.kind = 'overpaid')`,

  'no transfer has a second payout record': sql`
    select settlement_id, transfer_id::text from ledger_transactions
    where kind = 'payout' group by settlement_id, transfer_id having count(*) > 1`,

  'no Stripe transfer is booked twice': sql`
    select min(settlement_id), stripe_transfer_id from ledger_transactions
    where kind in ('payout', 'overpaid') group by stripe_transfer_id having count(*) > 1`,

  'what came back of a payment is what the ledger says': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    where transfer.amount_reversed <> (
      select coalesce(sum(entry.amount_minor), 0) from ledger_transactions as posting
      join ledger_entries as entry
        on entry.ledger_transaction_id = posting.id and entry.account = 'stripe_balance'
      where posting.transfer_id = transfer.id and posting.kind = 'reversal'
        and coalesce(posting.stripe_transfer_id, transfer.stripe_transfer_id) = transfer.stripe_transfer_id
    )`,

  'of no Stripe transfer came more back than was paid with it': sql`
    select reversal.settlement_id, coalesce(reversal.stripe_transfer_id, min(reversal.id)::text)
    from ledger_transactions as reversal
    join ledger_entries as entry
      on entry.ledger_transaction_id = reversal.id and entry.account = 'stripe_balance'
    where reversal.kind = 'reversal'
    group by reversal.settlement_id, reversal.stripe_transfer_id
    having sum(entry.amount_minor) > coalesce((
      select -sum(paid.amount_minor) from ledger_transactions as posting
      join ledger_entries as paid
        on paid.ledger_transaction_id = posting.id and paid.account = 'stripe_balance'
      where posting.stripe_transfer_id = reversal.stripe_transfer_id and posting.kind in ('payout', 'overpaid')
    ), 0)`,

  'the winners of every job are its transfers, one to one': sql`
    select settlement_id, coalesce(transfer.id::text, settlement_id || ' ' || user_id || ' ' || award)
    from (
      select winner.* from settlement_winners as winner join payout_jobs using (settlement_id)
    ) as winner
    full join payout_transfers as transfer using (settlement_id, user_id, award)
    where winner.amount_minor is distinct from transfer.amount_minor`,

  'settlement, winners, transfers and job agree on contest, currency, count and total': sql`
    select job.settlement_id, job.settlement_id from payout_jobs as job
    join settlements as settlement using (settlement_id)
    where (job.contest_id, job.currency, job.total_minor)
        is distinct from (settlement.contest_id, settlement.currency, settlement.total_minor)
      or (select (count(*), coalesce(sum(amount_minor), 0)) from settlement_winners as winner
        where winner.settlement_id = job.settlement_id)
        is distinct from (settlement.winner_count::bigint, settlement.total_minor::numeric)
      or exists (select from payout_transfers as transfer where transfer.payout_job_id = job.id
        and (transfer.settlement_id, transfer.contest_id, transfer.currency)
          is distinct from (job.settlement_id, job.contest_id, job.currency))`,

  'every amount is whole units of a currency that Stripe pays in': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    left join (values ${MULTIPLES_OF_CURRENCIES}) as legal (currency, multiple_of)
      on legal.currency = transfer.currency
    where transfer.amount_minor <= 0 or legal.currency is null or transfer.amount_minor % legal.multiple_of <> 0`,

  'every key is that of its transfer and generation': sql`
    select transfer.settlement_id, generation.idempotency_key from payout_generations as generation
    join payout_transfers as transfer on transfer.id = generation.transfer_id
    where generation.idempotency_key <> 'payout:' || transfer.id
      || case when generation.generation = 1 then '' else ':g' || generation.generation end`,

  'what is frozen under a key is the debt, for the account that pays': sql`
    select transfer.settlement_id, generation.idempotency_key from payout_generations as generation
    join payout_transfers as transfer on transfer.id = generation.transfer_id
    left join installation on true
    where (generation.amount_minor, generation.currency, generation.transfer_group,
        generation.metadata ->> 'payout_transfer_id', generation.metadata ->> 'settlement_id',
        generation.metadata ->> 'contest_id', generation.metadata ->> 'user_id')
      is distinct from (transfer.amount_minor, transfer.currency, 'settlement:' || transfer.settlement_id,
        transfer.id::text, transfer.settlement_id, transfer.contest_id, transfer.user_id)
      or (installation.installation_id, installation.stripe_account_id, installation.livemode) is distinct from
        (generation.metadata ->> 'installation_id', generation.stripe_account_id, generation.livemode)
        and installation.singleton`,

  'the generations of every transfer are numbered through, and none but its newest is open': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    left join payout_generations as generation on generation.transfer_id = transfer.id
    group by transfer.settlement_id, transfer.id
    having transfer.generation <> coalesce(max(generation.generation), 0)
      or transfer.generation <> count(generation.generation)
      or coalesce(min(generation.generation) filter (where generation.closed_at is null), transfer.generation)
        <> transfer.generation`,

  'a closed generation has no unresolved send': sql`
    select transfer.settlement_id, generation.idempotency_key from payout_generations as generation
    join payout_transfers as transfer on transfer.id = generation.transfer_id
    join payout_attempts as attempt
      on attempt.transfer_id = generation.transfer_id and attempt.generation = generation.generation
    where generation.closed_at is not null and attempt.resolution is null`,

  'every send was made while its generation was open, under a claim that was given': sql`
    select transfer.settlement_id, transfer.id || ' attempt ' || attempt.attempt_number
    from payout_attempts as attempt
    join payout_transfers as transfer on transfer.id = attempt.transfer_id
    join payout_generations as generation
      on generation.transfer_id = attempt.transfer_id and generation.generation = attempt.generation
    where attempt.claim_number not between 1 and transfer.claim_number
      or attempt.sent_at < generation.opened_at or attempt.sent_at > generation.closed_at`,

  'no key was sent when Stripe may have forgotten it': sql`
    select transfer.settlement_id, transfer.id || ' attempt ' || attempt.attempt_number
    from payout_attempts as attempt
    join payout_transfers as transfer on transfer.id = attempt.transfer_id
    join payout_generations as generation
      on generation.transfer_id = attempt.transfer_id and generation.generation = attempt.generation
    where generation.first_sent_at is null
      or attempt.sent_at > least(generation.list_read_at, generation.first_sent_at) + ${SENDABLE}`,

  'every send has its attempt row and is counted once': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    left join payout_attempts as attempt on attempt.transfer_id = transfer.id
    group by transfer.settlement_id, transfer.id
    having transfer.attempt_count <> count(attempt.attempt_number)
      or transfer.attempt_count <> coalesce(max(attempt.attempt_number), 0)`,

  // An operator's retry gives a new allowance, so fewer may be counted.
  'nobody has used up more attempts than were refused': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    left join payout_attempts as attempt on attempt.transfer_id = transfer.id and attempt.counted
    group by transfer.settlement_id, transfer.id
    having transfer.counted_attempt_count > count(attempt.attempt_number)`,

  // While a claim lasts its records are still to come: state and ledger are written together when it ends.
  'every attempt that is proven to have paid nothing has its one refusal in the ledger': sql`
    select transfer.settlement_id, transfer.id || ' attempt ' || attempt.attempt_number
    from payout_attempts as attempt
    join payout_transfers as transfer on transfer.id = attempt.transfer_id
    left join ledger_transactions as posting on posting.transfer_id = attempt.transfer_id
      and posting.attempt_number = attempt.attempt_number and posting.kind = 'refusal'
      and posting.idempotency_key = 'ledger:payout:' || attempt.transfer_id || ':' || attempt.attempt_number
    where attempt.resolution = 'not_created' and transfer.status <> 'processing' and posting.id is null`,

  'every attempt that paid has the booking of its Stripe transfer': sql`
    select transfer.settlement_id, transfer.id || ' attempt ' || attempt.attempt_number
    from payout_attempts as attempt
    join payout_transfers as transfer on transfer.id = attempt.transfer_id
    left join ledger_transactions as posting on posting.transfer_id = attempt.transfer_id
      and posting.stripe_transfer_id = attempt.stripe_transfer_id and posting.kind in ('payout', 'overpaid')
    where attempt.resolution = 'created' and posting.id is null`,

  // 0 stands for a payment that no attempt row tells of (a restored database).
  'every end of an attempt in the ledger is the end of an attempt': sql`
    select posting.settlement_id, posting.id::text from ledger_transactions as posting
    left join payout_attempts as attempt on attempt.transfer_id = posting.transfer_id
      and attempt.attempt_number = posting.attempt_number
    where posting.kind in ('payout', 'refusal') and posting.attempt_number is distinct from 0
      and attempt.resolution is null`,

  'nobody with an unresolved send is failed, cancelled, blocked or to be sent anew': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    where transfer.status in ('pending', 'retryable', 'blocked', 'failed_terminal', 'cancelled')
      and exists (
        select from payout_attempts where transfer_id = transfer.id and resolution is null)`,

  // A payment that was on its way when it was asked for stays a payment.
  'a request to cancel waits only for an outcome that is not known': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    where transfer.cancel_requested_at is not null
      and transfer.status not in ('processing', 'unknown', 'completed', 'cancelled', 'voided')`,

  'nothing was sent for anybody after it was wanted cancelled': sql`
    select transfer.settlement_id, transfer.id || ' attempt ' || attempt.attempt_number
    from payout_attempts as attempt
    join payout_transfers as transfer on transfer.id = attempt.transfer_id
    where attempt.sent_at > transfer.cancel_requested_at`,

  'nothing was sent for anybody who was not approved': sql`
    select transfer.settlement_id, transfer.id || ' attempt ' || attempt.attempt_number
    from payout_attempts as attempt
    join payout_transfers as transfer on transfer.id = attempt.transfer_id
    join payout_jobs as job on job.id = transfer.payout_job_id
    where transfer.approval = 'required' or job.approval = 'required'`,

  'nothing of a settlement was sent while it was held': sql`
    select transfer.settlement_id, transfer.id || ' attempt ' || attempt.attempt_number
    from payout_attempts as attempt
    join payout_transfers as transfer on transfer.id = attempt.transfer_id
    join payout_jobs as job on job.id = transfer.payout_job_id
    where attempt.sent_at < job.held_until`,

  // Whoever was given up when the others were approved, or came to be paid without them, may wait for one still.
  'a transfer needs an approval where its settlement does, and has one only with it': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    join payout_jobs as job on job.id = transfer.payout_job_id
    where (transfer.approval = 'not_required') <> (job.approval = 'not_required')
      or (transfer.approval = 'approved' and job.approval <> 'approved')`,

  // The text of `canonicalApprovalText`: ids have no character that JSON writes in another way.
  'the hash of every approval is that of what is approved': sql`
    select job.settlement_id, job.settlement_id from payout_jobs as job
    left join payout_transfers as transfer on transfer.payout_job_id = job.id and transfer.approval = 'approved'
    where job.approval = 'approved'
    group by job.id
    having job.approved_hash <> encode(sha256(convert_to(
      '{"settlementId":"' || job.settlement_id || '","currency":"' || job.currency || '","winners":[' || coalesce(
        string_agg('{"userId":"' || transfer.user_id || '","award":"' || transfer.award || '","amountMinor":'
          || transfer.amount_minor || '}', ',' order by transfer.user_id collate "C", transfer.award collate "C"),
        '') || ']}', 'UTF8')), 'hex')`,

  'whoever recorded a settlement has not approved it': sql`
    select job.settlement_id, job.settlement_id from payout_jobs as job
    join settlements as settlement on settlement.settlement_id = job.settlement_id
    where job.approved_by = settlement.recorded_by`,

  'who is cancelled has no key that could be sent': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    join payout_generations as generation on generation.transfer_id = transfer.id
    where transfer.status in ('cancelled', 'voided') and generation.closed_at is null`,

  'every voided debt was voided in the ledger, once and whole, and no other': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    left join ledger_transactions as posting on posting.transfer_id = transfer.id and posting.kind = 'void'
    left join ledger_entries as entry
      on entry.ledger_transaction_id = posting.id and entry.account = 'prizes_payable'
    group by transfer.settlement_id, transfer.id
    having (transfer.status = 'voided' and (
        count(posting.id) <> 1 or sum(entry.amount_minor) is distinct from transfer.amount_minor))
      or (transfer.status not in ('voided', 'completed') and count(posting.id) > 0)`,

  'every transfer is in a legal state': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    where transfer.status not in (${listed(TRANSFER_STATUSES)})
      or (transfer.status = 'completed') <> (transfer.stripe_transfer_id is not null)
      or (transfer.status = 'completed') <> (transfer.completed_at is not null)
      or (transfer.status = 'processing' and (transfer.claim_run_id is null or transfer.generation = 0))`,

  'everybody who waits or has failed has a reason, of its class': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    left join (values ${CLASSES_OF_REASONS}) as legal (reason, class) on legal.reason = transfer.failure_reason
    where legal.class is distinct from transfer.failure_class
      or (transfer.failure_reason is null and transfer.status in ('retryable', 'blocked', 'unknown', 'failed_terminal'))`,

  'no complete job has an open transfer': sql`
    select job.settlement_id, transfer.id::text from payout_jobs as job
    join payout_transfers as transfer on transfer.payout_job_id = job.id
    where job.status = 'complete' and transfer.status in (${OPEN})`,

  // Late payments may come after the counts were taken, and are never taken back.
  'every complete job was sealed and counted': sql`
    select job.settlement_id, job.settlement_id from payout_jobs as job
    join payout_transfers as transfer on transfer.payout_job_id = job.id
    where job.status = 'complete'
    group by job.id
    having job.completed_at is null or job.sealed_ledger_hash is null
      or job.completed_count > count(*) filter (where transfer.status = 'completed')
      or job.completed_count + job.failed_count > count(*)`,

  'every completed reversal has its posting, with its amount, and nobody else has it': sql`
    select reversal.settlement_id, reversal.id::text from payout_reversals as reversal
    left join ledger_transactions as posting
      on posting.idempotency_key = ${REVERSAL_LEDGER_PREFIX} || reversal.stripe_reversal_id and posting.kind = 'reversal'
      and posting.transfer_id = reversal.transfer_id and posting.stripe_transfer_id = reversal.stripe_transfer_id
    left join ledger_entries as entry
      on entry.ledger_transaction_id = posting.id and entry.account = 'stripe_balance'
    where reversal.status = 'completed'
    group by reversal.settlement_id, reversal.id
    having count(posting.id) <> 1
      or sum(entry.amount_minor) is distinct from coalesce(reversal.came_back_minor, reversal.amount_minor)
      or max(entry.currency) is distinct from reversal.currency`,

  'every send of a reversal that brought money back is booked, and its order completed': sql`
    select reversal.settlement_id, reversal.id || ' attempt ' || attempt.attempt_number
    from payout_reversal_attempts as attempt
    join payout_reversals as reversal on reversal.id = attempt.reversal_id
    left join ledger_transactions as posting
      on posting.idempotency_key = ${REVERSAL_LEDGER_PREFIX} || attempt.stripe_reversal_id and posting.kind = 'reversal'
    where attempt.resolution = 'created' and (posting.id is null or reversal.status <> 'completed')`,

  'no transfer has two open reversals': sql`
    select min(settlement_id), transfer_id::text from payout_reversals
    where status in (${listed(OPEN_REVERSAL_STATUSES)}) group by transfer_id having count(*) > 1`,

  'no reversal was refused while a send of it may have brought money back': sql`
    select reversal.settlement_id, reversal.id::text from payout_reversals as reversal
    where reversal.status in ('refused', 'completed') and exists (
      select from payout_reversal_attempts where reversal_id = reversal.id and resolution is null)`,

  'what is frozen under the key of a reversal is its order, for a payment of its transfer': sql`
    select reversal.settlement_id, reversal.id::text from payout_reversals as reversal
    join payout_transfers as transfer on transfer.id = reversal.transfer_id
    left join ledger_transactions as posting on posting.transfer_id = transfer.id
      and posting.stripe_transfer_id = reversal.stripe_transfer_id and posting.kind in ('payout', 'overpaid')
    left join ledger_entries as entry
      on entry.ledger_transaction_id = posting.id and entry.account = 'stripe_balance'
    left join installation on true
    where (reversal.idempotency_key, reversal.settlement_id, reversal.currency,
        reversal.metadata ->> 'payout_reversal_id', reversal.metadata ->> 'payout_transfer_id',
        reversal.metadata ->> 'settlement_id')
      is distinct from ('reversal:' || reversal.id, transfer.settlement_id, entry.currency,
        reversal.id::text, transfer.id::text, transfer.settlement_id)
      or reversal.reversed_before_minor + reversal.amount_minor > coalesce(-entry.amount_minor, 0)
      or (installation.installation_id, installation.stripe_account_id, installation.livemode) is distinct from
        (reversal.metadata ->> 'installation_id', reversal.stripe_account_id, reversal.livemode)
        and installation.singleton`,

  'no key of a reversal was sent when Stripe may have forgotten it': sql`
    select reversal.settlement_id, reversal.id || ' attempt ' || attempt.attempt_number
    from payout_reversal_attempts as attempt
    join payout_reversals as reversal on reversal.id = attempt.reversal_id
    where reversal.first_sent_at is null or attempt.sent_at > reversal.first_sent_at + ${SENDABLE}`,

  'every send of a reversal has its attempt row and is counted once': sql`
    select reversal.settlement_id, reversal.id::text from payout_reversals as reversal
    left join payout_reversal_attempts as attempt on attempt.reversal_id = reversal.id
    group by reversal.settlement_id, reversal.id
    having reversal.attempt_count <> count(attempt.attempt_number)
      or reversal.attempt_count <> coalesce(max(attempt.attempt_number), 0)`,

  'every reversal that did not come back has a reason, of its class': sql`
    select reversal.settlement_id, reversal.id::text from payout_reversals as reversal
    left join (values ${CLASSES_OF_REASONS}) as legal (reason, class) on legal.reason = reversal.failure_reason
    where legal.class is distinct from reversal.failure_class
      or (reversal.failure_reason is null and reversal.status in ('unknown', 'refused'))`,

  'the triggers that guard the tables are in place': sql`
    select null::text, guard.name from (values ${GUARD_TRIGGERS}) as guard (on_table, name)
    left join pg_trigger as standing on standing.tgname = guard.name
      and standing.tgrelid = to_regclass(guard.on_table) and standing.tgenabled in ('O', 'A')
    where standing.oid is null`,
};

/** What running workers see to: it does not hold where they were away for hours. */
const DILIGENCE: Readonly<Record<string, SQL>> = {
  'nobody is unknown whose key is dead and whom nobody looked for at Stripe': sql`
    select transfer.settlement_id, transfer.id::text from payout_transfers as transfer
    where transfer.status = 'unknown' and transfer.not_seen_since is null
      and transfer.failure_reason not in (${ALARMS})
      and exists (
        select from payout_attempts where transfer_id = transfer.id
        having max(sent_at) < payout_now() - ${UNLOOKED})`,
};
