-- What must hold whoever writes, for approvals.

-- Whether a settlement needs an approval is decided as its job is made. It is given once or again, never taken back, and
-- what it is held until never changes (M13).
create function refuse_change_of_approval() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if new.approval = 'approved' then
      raise exception 'payout job % begins approved; nobody has seen it yet', new.id
        using errcode = 'check_violation', constraint = 'payout_jobs_approval_given';
    end if;
    return new;
  end if;
  if new.held_until is distinct from old.held_until then
    raise exception 'payout job % is held until %, whatever came since', old.id, old.held_until
      using errcode = 'check_violation', constraint = 'payout_jobs_approval_given';
  end if;
  if new.approval is distinct from old.approval
    and (old.approval, new.approval) is distinct from ('required', 'approved') then
    raise exception 'the approval of payout job % may not go from % to %', old.id, old.approval, new.approval
      using errcode = 'check_violation', constraint = 'payout_jobs_approval_given';
  end if;
  if old.approved_at is not null
    and (new.approved_by, new.approved_at, new.approved_hash)
      is distinct from (old.approved_by, old.approved_at, old.approved_hash)
    and (new.approved_at is null or new.approved_at <= old.approved_at) then
    raise exception 'the approval of payout job % is changed by a later one only', old.id
      using errcode = 'check_violation', constraint = 'payout_jobs_approval_given';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger payout_jobs_approval_given before insert or update on payout_jobs
  for each row execute function refuse_change_of_approval();
--> statement-breakpoint
-- A transfer begins as its settlement does, and is approved with it or after it.
create function refuse_change_of_transfer_approval() returns trigger language plpgsql as $$
declare
  of_job text;
begin
  select approval into of_job from payout_jobs where id = new.payout_job_id;
  if tg_op = 'INSERT' then
    if new.approval is distinct from (case when of_job = 'not_required' then 'not_required' else 'required' end) then
      raise exception 'transfer % begins with the approval of its settlement', new.id
        using errcode = 'check_violation', constraint = 'payout_transfers_approval_given';
    end if;
    return new;
  end if;
  if new.approval is distinct from old.approval
    and ((old.approval, new.approval) is distinct from ('required', 'approved') or of_job is distinct from 'approved') then
    raise exception 'the approval of transfer % may not go from % to %', old.id, old.approval, new.approval
      using errcode = 'check_violation', constraint = 'payout_transfers_approval_given';
  end if;
  if old.approved_account_version is not null and new.approved_account_version < old.approved_account_version then
    raise exception 'transfer % was approved for a later account', old.id
      using errcode = 'check_violation', constraint = 'payout_transfers_approval_given';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger payout_transfers_approval_begins before insert on payout_transfers
  for each row execute function refuse_change_of_transfer_approval();
--> statement-breakpoint
create trigger payout_transfers_approval_given before update on payout_transfers
  for each row when (
    (old.approval, old.approved_account_version) is distinct from (new.approval, new.approved_account_version)
  ) execute function refuse_change_of_transfer_approval();
--> statement-breakpoint
-- The version of an account is what an approval compares: one that takes the place of another has a higher one, and none
-- is deleted, or it would be the first again when it is written anew.
create trigger user_stripe_accounts_versioned before update on user_stripe_accounts
  for each row when (
    new.user_id is distinct from old.user_id or new.version < old.version
    or (new.stripe_account_id is distinct from old.stripe_account_id and new.version = old.version)
  ) execute function refuse_change('an account that is replaced has a higher version');
--> statement-breakpoint
create trigger user_stripe_accounts_kept before delete on user_stripe_accounts
  for each row execute function refuse_change('accounts are replaced and never deleted');
--> statement-breakpoint
create trigger user_stripe_accounts_not_truncated before truncate on user_stripe_accounts
  for each statement execute function refuse_change('accounts are replaced and never deleted');
