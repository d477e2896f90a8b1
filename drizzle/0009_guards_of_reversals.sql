-- What must hold whoever writes, for reversals: legal transitions, frozen orders, kept facts.

-- The table of legal transitions, equal to src/domain/reversal-state.ts (a test compares them). Money that came back is
-- recorded from every state.
create table payout_reversal_transitions (
  from_status text not null,
  to_status text not null,
  primary key (from_status, to_status)
);
--> statement-breakpoint
insert into payout_reversal_transitions (from_status, to_status) values
  ('pending', 'processing'), ('pending', 'completed'), ('pending', 'refused'),
  ('processing', 'unknown'), ('processing', 'completed'), ('processing', 'refused'),
  ('unknown', 'processing'), ('unknown', 'completed'), ('unknown', 'refused'),
  ('refused', 'completed');
--> statement-breakpoint
create function refuse_reversal_not_pending() returns trigger language plpgsql as $$
begin
  raise exception 'reversal % does not begin as a new pending one', new.id
    using errcode = 'check_violation', constraint = 'payout_reversals_begin_pending';
end $$;
--> statement-breakpoint
create trigger payout_reversals_begin_pending before insert on payout_reversals
  for each row when (
    new.status <> 'pending' or new.attempt_count <> 0 or new.first_sent_at is not null
    or new.seen_as_expected_at is not null or new.stripe_reversal_id is not null
  ) execute function refuse_reversal_not_pending();
--> statement-breakpoint
create function refuse_illegal_reversal_transition() returns trigger language plpgsql as $$
begin
  if not exists (
    select from payout_reversal_transitions where from_status = old.status and to_status = new.status
  ) then
    raise exception 'reversal % may not go from % to %', old.id, old.status, new.status
      using errcode = 'check_violation', constraint = 'payout_reversals_transition';
  end if;
  -- Unknown is not refused: while a send is unresolved, nothing but proof may end the order.
  if new.status = 'refused' and exists (
    select from payout_reversal_attempts where reversal_id = old.id and resolution is null
  ) then
    raise exception 'reversal % has a send whose outcome is not known; it may not become %', old.id, new.status
      using errcode = 'check_violation', constraint = 'payout_reversals_unresolved_send';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger payout_reversals_transition before update of status on payout_reversals
  for each row when (old.status is distinct from new.status)
  execute function refuse_illegal_reversal_transition();
--> statement-breakpoint
-- An order says what is sent under its key; only the first send, Stripe's id and what came back instead of the amount are
-- stamped, once each (M1, M6).
create trigger payout_reversals_frozen before update on payout_reversals
  for each row when (
    (old.id, old.transfer_id, old.settlement_id, old.stripe_transfer_id, old.idempotency_key, old.amount_minor,
     old.currency, old.metadata::text, old.stripe_account_id, old.livemode, old.reversed_before_minor,
     old.requested_by, old.reason, old.created_at)
    is distinct from
    (new.id, new.transfer_id, new.settlement_id, new.stripe_transfer_id, new.idempotency_key, new.amount_minor,
     new.currency, new.metadata::text, new.stripe_account_id, new.livemode, new.reversed_before_minor,
     new.requested_by, new.reason, new.created_at)
    or (old.first_sent_at is not null and old.first_sent_at is distinct from new.first_sent_at)
    or (old.stripe_reversal_id is not null and old.stripe_reversal_id is distinct from new.stripe_reversal_id)
    or (old.status = 'completed' and old.came_back_minor is distinct from new.came_back_minor)
    or new.attempt_count < old.attempt_count
  ) execute function refuse_change('a reversal is frozen when it is ordered');
--> statement-breakpoint
create trigger payout_reversals_kept before delete on payout_reversals
  for each row execute function refuse_change('reversals are never deleted');
--> statement-breakpoint
create trigger payout_reversals_not_truncated before truncate on payout_reversals
  for each statement execute function refuse_change('reversals are never deleted');
--> statement-breakpoint
-- A send is a fact; its answer is written once, and what is known for certain never changes, unless money came back.
create trigger payout_reversal_attempts_facts before update on payout_reversal_attempts
  for each row when (
    (old.reversal_id, old.attempt_number, old.sent_at) is distinct from (new.reversal_id, new.attempt_number, new.sent_at)
    or (old.answered_at is not null and (old.answered_at, old.ends_reversal, old.reason, old.answer::text)
      is distinct from (new.answered_at, new.ends_reversal, new.reason, new.answer::text))
    or (old.outcome is not null and old.outcome is distinct from new.outcome)
    or (old.resolution is not null and old.resolution is distinct from new.resolution
      and (old.resolution, new.resolution) is distinct from ('not_created', 'created'))
  ) execute function refuse_change('what an attempt learnt is kept');
--> statement-breakpoint
create trigger payout_reversal_attempts_kept before delete on payout_reversal_attempts
  for each row execute function refuse_change('attempts are never deleted');
--> statement-breakpoint
-- A forgotten send is a second reversal, so the tables are not emptied either.
create trigger payout_reversal_attempts_not_truncated before truncate on payout_reversal_attempts
  for each statement execute function refuse_change('attempts are never deleted');
