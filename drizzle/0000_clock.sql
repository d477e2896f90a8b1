-- The one clock of every time rule (design §5). Tests replace this function to move time; production has no way to.
create function payout_now() returns timestamptz
  language sql volatile
  return clock_timestamp();
