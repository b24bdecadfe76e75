-- In a later month: which accounts go on from where the month before left them, and the rows that
-- are read. The tables new_<feed> hold what the month before did not count; folder() is where it
-- wrote what it carried forward.

create table again as
select account_id, hash(transaction_id) as key_hash
from delivered_transactions
where
    recorded_at <= as_of_before()
    and hash(transaction_id) in (
        select hash(transaction_id) from new_transactions where recorded_at > as_of_before()
    );

create table again_bills as
select account_id, hash(bill_id) as key_hash
from delivered_bills
where
    recorded_at <= as_of_before()
    and hash(bill_id) in (select hash(bill_id) from new_bills);

-- Accounts whose past is changed by what came since.
create table touched as
select account_id from again
union
select account_id from again_bills
union
select account_id
from new_transactions
where
    hash(transaction_id) in (select key_hash from again)
    or transaction_type = 'reversal'
    or (
        transaction_type not in ('purchase', 'cash_draw', 'interest', 'fee')
        and occurred_at < month_start()
    )
union
select account_id
from new_bills
where statement_on < month_start() or hash(bill_id) in (select key_hash from again_bills)
union
select account_id from raw_accounts where recorded_at > as_of_before() and recorded_at <= as_of()
union  -- the month ends of a written-off account rest on its spending
select account_id
from new_transactions
semi join (
    select account_id
    from read_parquet(folder('payments'))
    where transaction_type = 'write_off'
) as written_off using (account_id)
where occurred_at < month_start();

insert into brought by name
select account_no, carried.* exclude (account_id)
from read_parquet(folder('accounts')) as carried
inner join accounts using (account_id)
anti join touched using (account_id)
where is_open;

insert into brought_payments by name
select account_no, carried.* exclude (account_id)
from read_parquet(folder('payments')) as carried
inner join accounts using (account_id)
semi join brought using (account_no);

insert into brought_bills by name
select account_no, carried.* exclude (account_id)
from read_parquet(folder('bills')) as carried
inner join accounts using (account_id)
semi join brought using (account_no);

insert into brought_month_ends by name
select account_no, carried.* exclude (account_id)
from read_parquet(folder('month_ends')) as carried
inner join accounts using (account_id)
semi join brought using (account_no);

-- All other open accounts are read from the beginning.
create table read_whole as
select account_id
from accounts anti join brought using (account_no)
where is_open;

drop view raw_transactions;

create table raw_transactions as
from delivered_transactions semi join read_whole using (account_id)
union all
from new_transactions anti join read_whole using (account_id);

drop view raw_bills;

create table raw_bills as
from delivered_bills semi join read_whole using (account_id)
union all
from new_bills anti join read_whole using (account_id);
