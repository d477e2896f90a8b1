-- What must hold whoever writes, for what 0003 brought, and two gaps of 0002.

-- A debt begins unpaid and unclaimed: every later state is reached over the legal edges.
create function refuse_transfer_not_pending() returns trigger language plpgsql as $$
begin
  raise exception 'transfer % does not begin as a new pending one', new.id
    using errcode = 'check_violation', constraint = 'payout_transfers_begin_pending';
end $$;
--> statement-breakpoint
create trigger payout_transfers_begin_pending before insert on payout_transfers
  for each row when (
    new.status <> 'pending' or new.generation <> 0 or new.claim_number <> 0 or new.attempt_count <> 0
    or new.stripe_transfer_id is not null
  ) execute function refuse_transfer_not_pending();
--> statement-breakpoint
-- The reading of the list that a first send relies on is stamped with that send, and neither changes after.
create trigger payout_generations_list_read_once before update on payout_generations
  for each row when (
    old.list_read_at is distinct from new.list_read_at
    and (old.list_read_at is not null or old.first_sent_at is not null or new.first_sent_at is null)
  ) execute function refuse_change('a generation is frozen when it is opened');
--> statement-breakpoint
-- Every posting moves one amount from one account to another, so two entries are all there can be: a third and a fourth
-- that balance each other would change an old record.
create or replace function refuse_unbalanced_ledger_transaction() returns trigger language plpgsql as $$
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
  if entry_count <> (case transaction_kind when 'refusal' then 0 else 2 end) then
    raise exception 'ledger transaction % of kind % has % entries', checked, transaction_kind, entry_count
      using errcode = 'check_violation', constraint = 'ledger_transactions_entries';
  end if;
  return null;
end $$;
--> statement-breakpoint
-- A pause says for ever why it was set and who lifted it; only the times of automation's looks move while it is in force.
create trigger payout_controls_kept before delete on payout_controls
  for each row execute function refuse_change('pauses are lifted, never deleted');
--> statement-breakpoint
create trigger payout_controls_not_truncated before truncate on payout_controls
  for each statement execute function refuse_change('pauses are lifted, never deleted');
--> statement-breakpoint
create trigger payout_controls_frozen before update on payout_controls
  for each row when (
    (old.id, old.settlement_id, old.cause, old.owner, old.actor, old.reason, old.set_at)
    is distinct from
    (new.id, new.settlement_id, new.cause, new.owner, new.actor, new.reason, new.set_at)
    or old.lifted_at is not null
  ) execute function refuse_change('a pause keeps its cause, and a lifted one is history');
--> statement-breakpoint
-- Who did what and why is written once.
create trigger operator_actions_append_only before update or delete on operator_actions
  for each row execute function refuse_change('operator actions are append-only');
--> statement-breakpoint
create trigger operator_actions_not_truncated before truncate on operator_actions
  for each statement execute function refuse_change('operator actions are append-only');
