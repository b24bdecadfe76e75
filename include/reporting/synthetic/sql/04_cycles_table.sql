-- One row per account and cycle: the bill, what the customer did, and the state left behind for the
-- next cycle. 05_one_cycle.sql adds the cycles of one month at a time.

create table cycles (
    account_no bigint,
    m integer,
    turn bigint,
    statement_on date,
    due_on date,
    next_on date,
    principal bigint,
    interest bigint,
    fee bigint,
    months_late integer,
    action varchar,
    acts_on date,
    paid bigint,
    leftover bigint,
    refunded bigint,
    waived bigint,
    settlement_interest bigint,
    penalty_when_paid bigint,
    penalty_at_end bigint,
    spending_level integer,
    closed_on date,
    closure_kind varchar,
    owed bigint,
    unbilled bigint,
    oldest_m integer,
    is_written_off boolean,
    bounced bigint,
    bounced_m integer,
    bounces_in_m integer
);
