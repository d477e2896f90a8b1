-- What a guard has refused is counted. Its transaction is rolled back and with it every row that could count it; a
-- sequence is not. Postgres writes its log for 32 numbers at a time: after a crash it may jump ahead by up to 32.
create sequence refused_changes;
--> statement-breakpoint
-- With the rights of its owner: whoever may write a row, such as another system's user, need not be given the sequence
-- to be told why he is refused.
create function count_refused_change() returns void language sql security definer set search_path = public, pg_temp as $$
  select nextval('refused_changes');
$$;
--> statement-breakpoint
-- Each guard of the migrations before, as it stands, with the count before its refusal. One that is made or replaced
-- later counts by itself; test/db/guards.test.ts holds it to that.
do $$
declare
  guard record;
begin
  for guard in
    select pg_get_functiondef(oid) as definition from pg_proc
    where pronamespace = 'public'::regnamespace and prorettype = 'trigger'::regtype and prosrc ~ 'raise exception'
  loop
    execute regexp_replace(
      guard.definition, '\n( *)raise exception', E'\n\\1perform count_refused_change();\n\\1raise exception', 'g');
  end loop;
end $$;
