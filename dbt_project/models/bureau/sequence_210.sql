-- One row per record 210 that may leave: its place in the account's sequence of records by report
-- date. What does the bureau know before it? That decides the code (first report, month, closing)
-- and whether C and F go out: first, and when a value in them changed. A record that breaks a rule
-- (records_broken) tells the bureau nothing: the one after it takes its place.
{{ config(materialized='view') }}

with said as (
    select
        reporter_code,
        account_id,
        report_date,
        true as is_told,
        {{ segment_hash('C') }} as hash_c,
        {{ segment_hash('F') }} as hash_f
    from {{ ref('records_sent') }}
    where record_type = '210'
    union all
    select
        items.reporter_code,
        items.account_id,
        items.report_date,
        broken.subject_id is null as is_told,
        case when broken.subject_id is null then items.hash_c end as hash_c,
        case when broken.subject_id is null then items.hash_f end as hash_f
    from {{ ref('values_210') }} as items
    left join {{ source('checks', 'records_broken') }} as broken
        on broken.record_type = '210'
        and items.account_id = broken.subject_id
        and items.reporter_code = broken.reporter_code
        and items.report_date = broken.report_date
),

known_before as (
    select
        reporter_code,
        account_id,
        report_date,
        {%- for segment in ['c', 'f'] %}
        {{ last_known('hash_' ~ segment) }} over (
            partition by reporter_code, account_id
            order by report_date
            rows between unbounded preceding and 1 preceding
        ) as known_{{ segment }},
        {%- endfor %}
        coalesce(max(case when is_told then 1 else 0 end) over (
            partition by reporter_code, account_id
            order by report_date
            rows between unbounded preceding and 1 preceding
        ), 0) = 0 as is_first
    from said
)

select
    items.account_id,
    items.reporter_code,
    items.report_date,
    case
        when items.is_closed and items.report_date = last_day(items.report_date) then '32'
        when items.is_closed then '20'
        when
            known_before.is_first
            and items.report_date = items.open_date
            and items.write_off_tran_date is null  -- a new account has no special transactions
            then '10'
        when known_before.is_first then '31'
        else '30'
    end as rpt_date_code,
    known_before.known_c is null or known_before.known_c <> items.hash_c as seg_c,
    known_before.known_f is null or known_before.known_f <> items.hash_f as seg_f
from {{ ref('values_210') }} as items
inner join known_before
    on items.account_id = known_before.account_id
    and items.reporter_code = known_before.reporter_code
    and items.report_date = known_before.report_date
