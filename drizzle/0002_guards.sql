-- What must hold whoever writes: legal transitions, frozen debts and requests, an append-only balanced ledger.

-- The tables of legal transitions, equal to src/domain/transfer-state.ts and job-state.ts (a test compares them).
create table payout_transfer_transitions (
  from_status text not null,
  to_status text not null,
  primary key (from_status, to_status)
);
--> statement-breakpoint
insert into payout_transfer_transitions (from_status, to_status) values
  ('pending', 'processing'), ('pending', 'blocked'), ('pending', 'unknown'), ('pending', 'completed'),
  ('pending', 'cancelled'),
  ('retryable', 'processing'), ('retryable', 'blocked'), ('retryable', 'completed'), ('retryable', 'cancelled'),
  ('processing', 'retryable'), ('processing', 'blocked'), ('processing', 'unknown'),
  ('processing', 'failed_terminal'), ('processing', 'completed'),
  ('blocked', 'pending'), ('blocked', 'failed_terminal'), ('blocked', 'completed'), ('blocked', 'cancelled'),
  ('unknown', 'processing'), ('unknown', 'retryable'), ('unknown', 'blocked'), ('unknown', 'completed'),
  ('failed_terminal', 'retryable'), ('failed_terminal', 'completed'), ('failed_terminal', 'cancelled'),
  ('cancelled', 'pending'), ('cancelled', 'voided'), ('cancelled', 'completed'),
  ('voided', 'completed');
--> statement-breakpoint
create table payout_job_transitions (
  from_status text not null,
  to_status text not null,
  primary key (from_status, to_status)
);
--> statement-breakpoint
insert into payout_job_transitions (from_status, to_status) values
  ('pending', 'awaiting_approval'), ('pending', 'awaiting_funds'), ('pending', 'processing'), ('pending', 'complete'),
  ('awaiting_approval', 'awaiting_funds'), ('awaiting_approval', 'processing'), ('awaiting_approval', 'complete'),
  ('awaiting_funds', 'processing'), ('awaiting_funds', 'complete'),
  ('processing', 'complete'),
  ('complete', 'processing');
--> statement-breakpoint
create function refuse_illegal_transfer_transition() returns trigger language plpgsql as $$
begin
  if not exists (
    select from payout_transfer_transitions where from_status = old.status and to_status = new.status
  ) then
    raise exception 'transfer % may not go from % to %', old.id, old.status, new.status
      using errcode = 'check_violation', constraint = 'payout_transfers_transition';
  end if;
  -- Unknown is not failed: while a send of any generation is unresolved, nothing but proof may end the transfer.
  if new.status in ('failed_terminal', 'cancelled', 'retryable', 'blocked') and exists (
    select from payout_attempts where transfer_id = old.id and resolution is null
  ) then
    raise exception 'transfer % has a send whose outcome is not known; it may not become %', old.id, new.status
      using errcode = 'check_violation', constraint = 'payout_transfers_unresolved_send';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger payout_transfers_transition before update of status on payout_transfers
  for each row when (old.status is distinct from new.status)
  execute function refuse_illegal_transfer_transition();
--> statement-breakpoint
create function refuse_illegal_job_transition() returns trigger language plpgsql as $$
begin
  if not exists (
    select from payout_job_transitions where from_status = old.status and to_status = new.status
  ) then
    raise exception 'payout job % may not go from % to %', old.id, old.status, new.status
      using errcode = 'check_violation', constraint = 'payout_jobs_transition';
  end if;
  if new.status = 'complete' and exists (
    select from payout_transfers where payout_job_id = old.id
      and status not in ('completed', 'failed_terminal', 'cancelled', 'voided')
  ) then
    raise exception 'payout job % has open transfers; it is not complete', old.id
      using errcode = 'check_violation', constraint = 'payout_jobs_complete_means_terminal';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger payout_jobs_transition before update of status on payout_jobs
  for each row when (old.status is distinct from new.status)
  execute function refuse_illegal_job_transition();
--> statement-breakpoint
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% on % is refused: %', tg_op, tg_table_name, tg_argv[0]
    using errcode = 'integrity_constraint_violation';
end $$;
--> statement-breakpoint
-- A debt keeps whose it is and how much it is.
create trigger payout_transfers_identity before update on payout_transfers
  for each row when (
    (old.id, old.payout_job_id, old.settlement_id, old.contest_id, old.user_id, old.award, old.amount_minor,
     old.currency)
    is distinct from
    (new.id, new.payout_job_id, new.settlement_id, new.contest_id, new.user_id, new.award, new.amount_minor,
     new.currency)
  ) execute function refuse_change('whose a transfer is and its amount never change');
--> statement-breakpoint
create trigger payout_transfers_paid_stays_paid before update on payout_transfers
  for each row when (
    old.stripe_transfer_id is not null and old.stripe_transfer_id is distinct from new.stripe_transfer_id
  ) execute function refuse_change('a paid transfer keeps its Stripe id');
--> statement-breakpoint
create trigger payout_transfers_kept before delete on payout_transfers
  for each row execute function refuse_change('transfers are never deleted');
--> statement-breakpoint
-- A generation says what is sent under its key; only the first send and the end are stamped, once each (M1, M6).
create trigger payout_generations_frozen before update on payout_generations
  for each row when (
    (old.transfer_id, old.generation, old.idempotency_key, old.amount_minor, old.currency, old.destination,
     old.transfer_group, old.metadata::text, old.stripe_account_id, old.livemode, old.opened_at)
    is distinct from
    (new.transfer_id, new.generation, new.idempotency_key, new.amount_minor, new.currency, new.destination,
     new.transfer_group, new.metadata::text, new.stripe_account_id, new.livemode, new.opened_at)
    or (old.first_sent_at is not null and old.first_sent_at is distinct from new.first_sent_at)
    or (old.closed_at is not null and (old.closed_at, old.closed_reason) is distinct from (new.closed_at, new.closed_reason))
  ) execute function refuse_change('a generation is frozen when it is opened');
--> statement-breakpoint
create function refuse_closing_unresolved_generation() returns trigger language plpgsql as $$
begin
  if exists (
    select from payout_attempts
    where transfer_id = new.transfer_id and generation = new.generation and resolution is null
  ) then
    raise exception 'generation % of transfer % has a send whose outcome is not known; its key stays',
      new.generation, new.transfer_id
      using errcode = 'check_violation', constraint = 'payout_generations_unresolved_send';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger payout_generations_close before update of closed_at on payout_generations
  for each row when (old.closed_at is null and new.closed_at is not null)
  execute function refuse_closing_unresolved_generation();
--> statement-breakpoint
create trigger payout_generations_kept before delete on payout_generations
  for each row execute function refuse_change('generations are never deleted');
--> statement-breakpoint
-- An attempt's send is a fact; its answer is written once, and what is known for certain never changes. Only the news
-- that money moved overrules a proof that none did (M9): refusing it would hide a payment.
create trigger payout_attempts_facts before update on payout_attempts
  for each row when (
    (old.transfer_id, old.attempt_number, old.generation, old.claim_number, old.sent_at)
    is distinct from
    (new.transfer_id, new.attempt_number, new.generation, new.claim_number, new.sent_at)
    or (old.answered_at is not null and old.answered_at is distinct from new.answered_at)
    or (old.outcome is not null and old.outcome is distinct from new.outcome)
    or (old.resolution is not null and old.resolution is distinct from new.resolution
      and (old.resolution, new.resolution) is distinct from ('not_created', 'created'))
  ) execute function refuse_change('what an attempt learnt is kept');
--> statement-breakpoint
create trigger payout_attempts_kept before delete on payout_attempts
  for each row execute function refuse_change('attempts are never deleted');
--> statement-breakpoint
-- A forgotten send is a second payment, so the tables are not emptied either.
create trigger payout_transfers_not_truncated before truncate on payout_transfers
  for each statement execute function refuse_change('transfers are never deleted');
--> statement-breakpoint
create trigger payout_generations_not_truncated before truncate on payout_generations
  for each statement execute function refuse_change('generations are never deleted');
--> statement-breakpoint
create trigger payout_attempts_not_truncated before truncate on payout_attempts
  for each statement execute function refuse_change('attempts are never deleted');
--> statement-breakpoint
-- A settlement's content is final, and its winners once a job exists (M10).
create trigger settlements_final before update or delete on settlements
  for each row execute function refuse_change('a recorded settlement is final');
--> statement-breakpoint
create function refuse_change_of_settled_winners() returns trigger language plpgsql as $$
declare
  settled text;
begin
  -- `old` is null for an insert and `new` for a delete; an update may take a winner from one settlement to another.
  select settlement_id into settled from payout_jobs
    where settlement_id in (old.settlement_id, new.settlement_id) limit 1;
  if found then
    raise exception 'the winners of settlement % are frozen: its payout job exists', settled
      using errcode = 'integrity_constraint_violation', constraint = 'settlement_winners_frozen';
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger settlement_winners_frozen before insert or update or delete on settlement_winners
  for each row execute function refuse_change_of_settled_winners();
--> statement-breakpoint
-- The ledger only grows, for its owner too; each transaction balances when it commits (M8).
create trigger ledger_transactions_append_only before update or delete on ledger_transactions
  for each row execute function refuse_change('the ledger is append-only');
--> statement-breakpoint
create trigger ledger_transactions_not_truncated before truncate on ledger_transactions
  for each statement execute function refuse_change('the ledger is append-only');
--> statement-breakpoint
create trigger ledger_entries_append_only before update or delete on ledger_entries
  for each row execute function refuse_change('the ledger is append-only');
--> statement-breakpoint
create trigger ledger_entries_not_truncated before truncate on ledger_entries
  for each statement execute function refuse_change('the ledger is append-only');
--> statement-breakpoint
create function refuse_unbalanced_ledger_transaction() returns trigger language plpgsql as $$
declare
  checked bigint;
  unbalanced text;
  entry_count bigint;
  transaction_kind text;
begin
  if tg_table_name = 'ledger_entries' then
    checked := new.ledger_transaction_id;
  else
    checked := new.id;
  end if;
  select string_agg(currency, ', ') into unbalanced from (
    select currency from ledger_entries where ledger_transaction_id = checked
    group by currency having sum(amount_minor) <> 0
  ) as sums;
  if unbalanced is not null then
    raise exception 'ledger transaction % does not balance in %', checked, unbalanced
      using errcode = 'check_violation', constraint = 'ledger_transactions_balance';
  end if;
  select kind into transaction_kind from ledger_transactions where id = checked;
  select count(*) into entry_count from ledger_entries where ledger_transaction_id = checked;
  -- A refusal moves nothing and so has no entries; everything else moves something.
  if (transaction_kind = 'refusal') <> (entry_count = 0) then
    raise exception 'ledger transaction % of kind % has % entries', checked, transaction_kind, entry_count
      using errcode = 'check_violation', constraint = 'ledger_transactions_entries';
  end if;
  return null;
end $$;
--> statement-breakpoint
create constraint trigger ledger_transactions_balance after insert on ledger_transactions
  deferrable initially deferred for each row execute function refuse_unbalanced_ledger_transaction();
--> statement-breakpoint
create constraint trigger ledger_entries_balance after insert on ledger_entries
  deferrable initially deferred for each row execute function refuse_unbalanced_ledger_transaction();
--> statement-breakpoint
-- Which Stripe account pays is decided once (M3).
create trigger installation_final before update or delete on installation
  for each row execute function refuse_change('an installation keeps its Stripe account');
