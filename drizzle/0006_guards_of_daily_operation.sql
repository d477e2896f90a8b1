-- What must hold whoever writes, for what 0005 brought.

-- An accepted settlement is final; until then it may be written, handed in and mended.
create trigger settlements_final before update or delete on settlements
  for each row when (old.status = 'accepted')
  execute function refuse_change('an accepted settlement is final');
--> statement-breakpoint
create function refuse_job_without_accepted_settlement() returns trigger language plpgsql as $$
begin
  if not exists (
    select from settlements where settlement_id = new.settlement_id and status = 'accepted'
  ) then
    raise exception 'settlement % is not accepted; it has no payout job', new.settlement_id
      using errcode = 'check_violation', constraint = 'payout_jobs_of_accepted_settlement';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger payout_jobs_of_accepted_settlement before insert on payout_jobs
  for each row execute function refuse_job_without_accepted_settlement();
--> statement-breakpoint
-- Winners are frozen with the acceptance, and whoever writes one waits for an acceptance that is under way: the key of
-- the settlement is locked before its status is read.
create or replace function refuse_change_of_settled_winners() returns trigger language plpgsql as $$
declare
  settled text;
begin
  -- `old` is null for an insert and `new` for a delete; an update may take a winner from one settlement to another.
  perform from settlements where settlement_id in (old.settlement_id, new.settlement_id) for key share;
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
create trigger settlement_winners_not_truncated before truncate on settlement_winners
  for each statement execute function refuse_change('winners are frozen with their settlement');
--> statement-breakpoint
-- Tells whoever listens when the transaction that hands a settlement in commits. The sweep finds what nobody heard.
create function tell_completed_settlement() returns trigger language plpgsql as $$
begin
  perform pg_notify('payout_settlement_completed', new.settlement_id);
  return null;
end $$;
--> statement-breakpoint
create trigger settlements_completed after insert or update of status on settlements
  for each row when (new.status = 'completed')
  execute function tell_completed_settlement();
