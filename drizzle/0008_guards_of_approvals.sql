-- What must hold whoever writes, for approvals.
select 1;
