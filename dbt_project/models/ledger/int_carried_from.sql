-- One row per account that the next month can take up where this one leaves it: from which moment
-- on it still needs the single rows. That is the start of the oldest busy period that is open or
-- holds a bill due later; what lies before is settled for good and goes on as sums. An account that
-- is closed by then has no ledger any more (no reading_no) and goes on without one.
with {% for table in ['transactions', 'bills'] -%}
{{ table }}_shared as (  -- keys whose versions name different accounts
    select row_key
    from {{ screened_rows(table) }} as screened
    group by row_key
    having min(coalesce(account_id, '')) <> max(coalesce(account_id, ''))
),

{% endfor -%}
recorded_twice as (  -- which version counts is known only where all of them are read
    {%- for table in ['transactions', 'bills'] %}
    select screened.account_id
    from {{ screened_rows(table) }} as screened
    left join {{ table }}_shared as shared
        on screened.row_key = shared.row_key
    where
        shared.row_key is not null
        or {{ is_incomplete(table) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

accounts as (
    select
        accounts.account_id,
        versions.reading_no
    from {{ ref('int_accounts_open') }} as accounts
    inner join {{ ref('int_ledger_versions') }} as versions
        on accounts.account_id = versions.account_id
        and accounts.report_month = versions.read_month
    where
        accounts.report_month = {{ report_month() }}
        and accounts.closed_on is null
),

not_carried as (  -- a bill that asks nothing belongs to no busy period
    select account_id
    from {{ ref('int_bills_due') }}
    where
        statement_on <= {{ report_month_end() }}
        and due_on > {{ report_month_end() }}
        and fee_asked + interest_asked + principal_asked = 0
    union all
    select account_id  -- nothing is late: what made it so may be settled for good and long past
    from {{ ref('int_month_ends_adverse') }}
    where
        month = {{ report_month() }}
        and oldest_unpaid_due_on is null
    union all
    select account_id
    from recorded_twice
),

starts as (
    select
        reading_no,
        min(started_at) as carried_from
    from {{ ref('int_busy_periods') }}
    where is_unfinished
    group by reading_no
)

select
    accounts.account_id,
    accounts.reading_no,
    coalesce(starts.carried_from, {{ day_after(report_month_end()) }}) as carried_from
from accounts
{{ anti_join() }} not_carried
    on accounts.account_id = not_carried.account_id
left join starts
    on accounts.reading_no = starts.reading_no
union all
select
    closed.account_id,
    cast(null as bigint) as reading_no,
    {{ day_after(report_month_end()) }} as carried_from
from {{ ref('stg_accounts') }} as closed
{{ anti_join() }} recorded_twice
    on closed.account_id = recorded_twice.account_id
where closed.closed_on <= {{ report_month_end() }}
