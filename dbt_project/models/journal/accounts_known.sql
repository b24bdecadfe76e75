-- One row per institution and account: what the bureau knows of it after this run. Later months
-- compare their records 210 with it (docs/decisions/0012). Made from the rows of the month before
-- and this run's records, so that no month reads all records ever sent.
--
-- A row stands for the records from report_date to last_report_date, with the values of the last
-- one. While an account has pending months, each of its records keeps a row of its own, since late
-- records come between them; records withheld for one date share a row that says since when.
{{ config(materialized='view') }}

with records as (
    select * from {{ source('history', 'accounts_known') }}
    union all by name
    select
        reporter_code,
        account_id,
        state,
        report_month as built_in,
        report_date,
        report_date as last_report_date,
        report_date_code,
        repayment_status,
        overdue_total,
        five_tier_assigned_on,
        account_type as first_account_type,
        account_type as last_account_type,
        opened_on,
        coalesce(report_date_code in ('20', '32'), false) as was_closed,
        coalesce(overdue_total > 0, false) as was_overdue,
        {{ segment_hash('C') }} as hash_c,
        {{ segment_hash('F') }} as hash_f,
        customer_id,
        product_code
    from {{ ref('submission_records') }}
    where record_type = '210'
),

owing as (
    select distinct account_id from {{ ref('months_owed') }}
),

kept as (
    select
        records.*,
        case when records.state in ('WITHHELD', 'REJECTED') then records.state else 'SENT' end
            as kind,
        case when owing.account_id is not null then records.last_report_date end as alone_on
    from records
    left join owing
        on records.account_id = owing.account_id
    where
        records.state <> 'WITHHELD'
        or owing.account_id is not null
),

known as (
    select
        reporter_code,
        account_id,
        min(built_in) as built_in,
        min(report_date) as report_date,
        max(last_report_date) as last_report_date,
        min(first_account_type) as first_account_type,
        max(last_account_type) as last_account_type,
        min(opened_on) as opened_on,
        bool_or(was_closed) as was_closed,
        bool_or(was_overdue) as was_overdue,
        -- the last one that was sent at all; of several about one date, the one built last
        max_by(hash_c, (last_report_date, built_in)) as hash_c,
        max_by(hash_f, (last_report_date, built_in)) as hash_f,
        max_by(
            struct_pack(
                state, report_date_code, repayment_status, overdue_total, five_tier_assigned_on,
                customer_id, product_code
            ),
            (last_report_date, built_in)
        ) as last_one
    from kept
    group by reporter_code, account_id, kind, alone_on
)

select
    run.report_month,
    known.reporter_code,
    known.account_id,
    known.built_in,
    known.report_date,
    known.last_report_date,
    known.first_account_type,
    known.last_account_type,
    known.opened_on,
    known.was_closed,
    known.was_overdue,
    known.hash_c,
    known.hash_f,
    struct_extract(known.last_one, 'state') as state,
    struct_extract(known.last_one, 'report_date_code') as report_date_code,
    struct_extract(known.last_one, 'repayment_status') as repayment_status,
    struct_extract(known.last_one, 'overdue_total') as overdue_total,
    struct_extract(known.last_one, 'five_tier_assigned_on') as five_tier_assigned_on,
    struct_extract(known.last_one, 'customer_id') as customer_id,
    struct_extract(known.last_one, 'product_code') as product_code
from known
cross join {{ source('run', 'built_months') }} as run
