-- One row per account that goes on from where the month before left it, with what it brings
-- forward. Every other account is read from the beginning: what came since changes its past, or the
-- run asks for more than the newest month of it.
{{ config(materialized='table') }}

{% if var('brought_forward_as_of') -%}
with {% for table in ['transactions', 'bills'] -%}
again_{{ table }} as (
    {{ delivered_again(table) }}
),

{% endfor -%}
touched as (
    select account_id
    from {{ ref('news_transactions') }}
    where
        recorded_at <= {{ as_of() }}
        and (
            transaction_type = 'reversal'
            or (  -- of spending only the sum goes on, and it may grow
                transaction_type not in ('purchase', 'cash_draw')
                and occurred_at < cast({{ report_month() }} as timestamp)
            )
        )
    union all
    select account_id
    from {{ ref('news_bills') }}
    where
        recorded_at <= {{ as_of() }}
        and statement_on < {{ report_month() }}
    {% for table in ['transactions', 'bills'] -%}
    union all
    {{ accounts_delivered_again(table) }}
    {% endfor -%}
    union all
    select account_id
    from {{ source('raw', 'accounts') }}
    where {{ is_news('accounts') }}
    union all  -- another account's row may quarantine this one
    select account_id
    from {{ ref('screened_accounts') }}
    where place = 'quarantined'
    union all  -- of a written-off account the month ends rest on its spending, too
    select news.account_id
    from {{ ref('news_transactions') }} as news
    inner join {{ source('brought_forward', 'transactions') }} as carried
        on news.account_id = carried.account_id
    where
        news.recorded_at <= {{ as_of() }}
        and news.occurred_at < cast({{ report_month() }} as timestamp)
        and carried.transaction_type = 'write_off'
    union all  -- a reversal that came before what it reverses
    select screened.account_id
    from {{ ref('news_transactions') }} as news
    inner join {{ source('brought_forward', 'screened_transactions') }} as screened
        on news.transaction_id = screened.reverses_transaction_id
    where screened.place = 'quarantined'
    union all  -- known then, and happening now
    select account_id
    from {{ source('brought_forward', 'transactions') }}
    where
        transaction_type = 'reversal'
        and occurred_at >= cast({{ report_month() }} as timestamp)
    union all
    select account_id
    from {{ source('history', 'months_owed') }}
)

select carried.*
from {{ source('brought_forward', 'accounts') }} as carried
{{ anti_join() }} touched
    on carried.account_id = touched.account_id
{%- else -%}
select *
from {{ source('brought_forward', 'accounts') }}  -- nothing was carried forward
{%- endif %}
