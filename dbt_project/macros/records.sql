{#- How amounts and hashes are written in a record (contracts, section 5). -#}

{#- Whole yuan, half up, as the last step; a positive amount under one yuan is written as 1. -#}
{% macro yuan(amount) -%}
    cast(
        case when {{ amount }} > 0 and {{ amount }} < 1 then 1 else round({{ amount }}, 0) end
        as bigint
    )
{%- endmacro %}

{#- 1 for a value that was delivered and cannot be sent (rule V71), else 0. -#}
{% macro is_left_out(tag, value) -%}
    cast(
        {{ value }} is not null and {{ sendable(tag, value) }} is null as integer
    )
{%- endmacro %}

{#- States of a record that count as sent, until the bureau has answered. -#}
{% macro sent_states() -%} ('BUILT', 'RELEASED', 'ACCEPTED') {%- endmacro %}

{#- What was said later of a person or agreement: by run, a supplement after the own run of its
    month, then by report date. -#}
{% macro said_when() -%}
    concat(report_month, coalesce(cast(as_of as {{ dbt.type_string() }}), ''), report_date)
{%- endmacro %}

{#- The place of some records 210 in their accounts' sequence of records by report date. What does
    the bureau know before each? That decides the code (first report, month, closing) and whether C
    and F go out: first, and when a value in them changed. `records` names a relation or CTE of
    them with is_told: what is not sent leaves its place to the one after it. -#}
{% macro place_in_sequence(records) %}
    {%- set segments = ['c', 'f'] -%}
    select
        account_id,
        reporter_code,
        report_date,
        case
            when account_status = '3' and report_date = last_day(report_date) then '32'
            when account_status = '3' then '20'
            when
                is_first
                and report_date = open_date
                and write_off_tran_date is null  -- a new account has no special transactions
                then '10'
            when is_first then '31'
            else '30'
        end as rpt_date_code,
        {%- for segment in segments %}
        known_{{ segment }} is null or known_{{ segment }} <> hash_{{ segment }}
            as seg_{{ segment }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            *,
            {%- for segment in segments %}
            {{ last_known('told_' ~ segment) }} over (
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
        from (
            select
                reporter_code,
                account_id,
                last_report_date as report_date,
                false as is_placed,
                true as is_told,
                cast(null as {{ dbt.type_string() }}) as account_status,
                cast(null as date) as open_date,
                cast(null as date) as write_off_tran_date,
                {%- for segment in segments %}
                cast(null as {{ dbt.type_string() }}) as hash_{{ segment }},
                hash_{{ segment }} as told_{{ segment }}
                {{- ',' if not loop.last }}
                {%- endfor %}
            from {{ ref('records_sent') }}
            where
                record_type = '210'
                and account_id in (select placed.account_id from {{ records }} as placed)
            union all
            select
                reporter_code,
                account_id,
                report_date,
                true as is_placed,
                is_told,
                acct_status as account_status,
                open_date,
                write_off_tran_date,
                {%- for segment in segments %}
                hash_{{ segment }},
                case when is_told then hash_{{ segment }} end as told_{{ segment }}
                {{- ',' if not loop.last }}
                {%- endfor %}
            from {{ records }}
        ) as said
    ) as known_before
    where is_placed
{%- endmacro %}

{#- Left join that finds the record of `records` which the bureau rejected in this very content: same
    subject, report date and segments (life cycle, section 5). -#}
{% macro join_rejected_content(record_type, subject, segments) -%}
    left join {{ source('history', 'rejected_contents') }} as rejected
        on rejected.record_type = '{{ record_type }}'
        and records.reporter_code = rejected.reporter_code
        and records.{{ subject }} = rejected.subject_id
        and records.report_date = rejected.report_date
    {%- for segment, condition in segments.items() %}
        and {{ segment_hash(segment, 'rejected.segment_hashes') }} is not distinct from
            case when {{ condition }} then records.hash_{{ segment | lower }} end
    {%- endfor %}
{%- endmacro %}
