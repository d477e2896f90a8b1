-- What must hold whoever writes, for reversals.
select 1;
