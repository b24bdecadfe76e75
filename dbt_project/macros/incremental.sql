{#- Rows that were delivered since the month before, and those that are read once more with them. -#}

{#- True for a row that was recorded after the cut-off of the month before. -#}
{% macro is_recorded_since() -%}
    (
        recorded_at > timestamp '{{ var("brought_forward_as_of") }}'
        and recorded_at < timestamp '2100-01-01'
    )
{%- endmacro %}

{#- True for a delivered row that the month before did not read. -#}
{% macro is_news(table) -%}
    ({{ is_recorded_since() }} or _file not in {{ files_read_before(table) }})
{%- endmacro %}

{#- The delivered rows of a table that the month before did not read. -#}
{% macro news(table) -%}
    {%- set columns = (raw_columns(table) + ['_unreadable_columns', '_file']) | join(',\n    ') -%}
    {%- set read_before = files_read_before(table) -%}
select
    {{ columns }}
from {{ source('raw', table) }}
where _file not in {{ read_before }}
union all
select
    {{ columns }}
from {{ source('raw', table) }}
where
    _file in {{ read_before }}
    and {{ is_recorded_since() }}
{%- endmacro %}

{#- The accounts of rows that came under a key which was delivered before. -#}
{% macro accounts_delivered_again(table) -%}
    {%- set key = raw_key(table)[0] -%}
    select news.account_id
    from {{ ref('news_' ~ table) }} as news
    inner join again_{{ table }} as again
        on news.{{ key }} = again.{{ key }}
    union all
    select account_id
    from again_{{ table }}
    union all  -- of a row without key or moment of recording no one can say what it repeats
    select account_id
    from {{ ref('news_' ~ table) }}
    where {{ is_incomplete(table) }}
{%- endmacro %}

{#- The rows that the month before read whose key came again since. -#}
{% macro delivered_again(table) -%}
    {%- set key = raw_key(table)[0] -%}
    select
        before.{{ key }},
        before.account_id
    from {{ source('raw', table) }} as before
    inner join (
        select distinct {{ key }}
        from {{ ref('news_' ~ table) }}
        where not coalesce({{ is_recorded_later() }}, false)
    ) as news
        on before.{{ key }} = news.{{ key }}
    where not coalesce({{ is_news(table) }}, false)
{%- endmacro %}

{#- The delivered rows that this run reads. -#}
{% macro delivered_to_read(table) -%}
    {%- set columns = raw_columns(table) + ['_unreadable_columns', '_file'] -%}
select
    delivered.{{ columns | join(',\n    delivered.') }}
from {{ source('raw', table) }} as delivered
{{ anti_join() }} {{ ref('accounts_brought_forward') }} as accounts
    on delivered.account_id = accounts.account_id
union all
select
    news.{{ columns | join(',\n    news.') }}
from {{ ref('news_' ~ table) }} as news
inner join {{ ref('accounts_brought_forward') }} as accounts
    on news.account_id = accounts.account_id
{%- endmacro %}
