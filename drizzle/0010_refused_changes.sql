-- What a guard has refused is counted.
select 1;
