-- What a month brings forward; all of it is empty in the first month of a store.

-- Accounts that go on from where they stood: sums of what is settled.
create table brought (
    account_no integer,
    left_over decimal(18, 2),
    spent decimal(38, 2),
    drawn decimal(38, 2),
    last_paid_on date,
    principal_billed decimal(38, 2),
    last_due_on date,
    period_count bigint,
    bills_known bigint,
    five_tier_assigned_on date
);

-- Their payments and bills that are not settled yet, write-offs, and every adverse month end.
create table brought_payments (
    account_no integer,
    transaction_type varchar,
    amount decimal(18, 2),
    occurred_at timestamp
);

create table brought_bills (
    account_no integer,
    bill_id varchar,
    statement_on date,
    due_on date,
    late_from date,
    period_count bigint,
    fee_asked decimal(18, 2),
    interest_asked decimal(18, 2),
    principal_asked decimal(18, 2),
    asked decimal(18, 2)
);

create table brought_month_ends (
    account_no integer,
    month date,
    report_date date,
    oldest_unpaid_due_on date,
    written_off_on date,
    is_written_off boolean
);

-- What was sent last of each account, agreement and person. Segments are compared by their hashes.
create table sent_210 (
    reporter_code varchar,
    account_id varchar,
    customer_id varchar,
    product_code varchar,
    report_date date,
    acct_type varchar,
    open_date date,
    rpy_status varchar,
    tot_overd bigint,
    five_cate_adj_date date,
    was_closed boolean,
    was_overdue boolean,
    hash_c ubigint,
    hash_f ubigint
);

create table sent_220 (
    reporter_code varchar,
    agreement_id varchar,
    report_date date,
    rpt_date_code varchar,
    credit_lim bigint
);

create table sent_110 (
    reporter_code varchar,
    customer_id varchar,
    name varchar,
    id_type varchar,
    id_num varchar,
    report_date date,
    hash_fcs ubigint,
    hash_sps ubigint,
    hash_edu ubigint,
    hash_octpn ubigint,
    hash_rednc ubigint
);
