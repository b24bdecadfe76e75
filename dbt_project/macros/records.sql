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
        {{ value }} is not null and secure.sendable_{{ tag | lower }}({{ value }}) is null as integer
    )
{%- endmacro %}

{#- HMAC-SHA256 of some columns under the key of this installation: a hash of personal data that
    nobody can try out without the key. The key's two pads are one row of the relation `hash_key`.
    Each value stands with its length, so that no two rows of values are joined to one text. -#}
{% macro keyed_hash(columns) -%}
    {%- set text -%}
        concat(
        {%- for column in columns %}
            {%- set value = "cast(" ~ column ~ " as " ~ dbt.type_string() ~ ")" %}
            coalesce(cast(length({{ value }}) as {{ dbt.type_string() }}) || ':' || {{ value }}, '-')
            {%- if not loop.last %},{% endif %}
        {%- endfor %})
    {%- endset -%}
    {{ return(adapter.dispatch("hmac_sha256")(text)) }}
{%- endmacro %}

{% macro default__hmac_sha256(text) -%}
    sha256(hash_key.outer_pad || unhex(sha256(hash_key.inner_pad || encode({{ text }}))))
{%- endmacro %}
{% macro spark__hmac_sha256(text) -%}
    sha2(concat(
        hash_key.outer_pad,
        unhex(sha2(concat(hash_key.inner_pad, encode({{ text }}, 'UTF-8')), 256))
    ), 256)
{%- endmacro %}

{#- The keyed hash of a segment's values. The person's id stands before them: without it equal
    values (one of nine education levels) would have equal hashes, and so a pseudonym each. -#}
{% macro segment_hmac(columns, person='customer_id') -%}
    {{ return(keyed_hash([person] + columns)) }}
{%- endmacro %}

{#- The value of a segment in the JSON text of segment_hashes, null where it was not sent. -#}
{% macro segment_hash(segment) -%}
    {{ return(adapter.dispatch("segment_hash")(segment)) }}
{%- endmacro %}
{% macro default__segment_hash(segment) -%}
    json_extract_string(segment_hashes, '$.{{ segment }}')
{%- endmacro %}
{% macro spark__segment_hash(segment) -%}
    get_json_object(segment_hashes, '$.{{ segment }}')
{%- endmacro %}

{#- States of a record that count as sent, until the bureau has answered. -#}
{% macro sent_states() -%} ('BUILT', 'RELEASED', 'ACCEPTED') {%- endmacro %}

{#- The last value that is not null, as a window function. -#}
{% macro last_known(column) -%} {{ return(adapter.dispatch("last_known")(column)) }} {%- endmacro %}
{% macro default__last_known(column) -%} last_value({{ column }} ignore nulls) {%- endmacro %}
{% macro spark__last_known(column) -%} last({{ column }}, true) {%- endmacro %}

{#- The place of some records 210 in their accounts' sequence of records by report date. What does
    the bureau know before each? That decides the code (first report, month, closing) and whether C
    and F go out: first, and when a value in them changed. `records` names a relation or CTE of
    them with is_told: what is not told leaves its place to the one after it. -#}
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

{#- A number for each row: in order on one machine; on many, where an order over all rows would bring
    them to one of them, just a number of its own. -#}
{% macro row_numbers(order_by) -%}
    {{ return(adapter.dispatch("row_numbers")(order_by)) }}
{%- endmacro %}
{% macro default__row_numbers(order_by) -%} row_number() over (order by {{ order_by }}) {%- endmacro %}
{% macro spark__row_numbers(order_by) -%} monotonically_increasing_id() {%- endmacro %}
