-- One row per report month, quarantined raw row and rule it breaks: keys and the file it was
-- delivered in, no values, and no key, id or file name that could be a person's own (a name, a
-- number).
with rejected as (
    {% for table in raw_tables() %}
    select
        '{{ table }}' as table_name,
        row_key,
        {%- for id in ['account_id', 'customer_id'] %}
        {{ id if id in raw_columns(table)
            else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as {{ id }},
        {%- endfor %}
        source_file,
        recorded_at,
        case
            when changes_subject then {{ list_of("'KEY_CHANGES_SUBJECT'") }}
            when is_conflicting then {{ list_of("'CONFLICTING_VERSIONS'") }}
            {%- for column in rules_about_others(table) %}
            when {{ column }} is not null then {{ list_of(column) }}
            {%- endfor %}
            else broken_rules
        end as broken_rules
    from {{ screened_rows(table) }} as screened
    where place = 'quarantined'
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

by_rule as (
    select
        table_name,
        row_key,
        account_id,
        customer_id,
        source_file,
        recorded_at,
        {{ unnested('broken_rules') }} as rule_id
    from rejected
)

select
    {{ report_month() }} as report_month,
    by_rule.table_name,
    {{ published_id('by_rule.row_key') }} as row_key,
    {{ published_id('by_rule.account_id') }} as account_id,
    {{ published_id('by_rule.customer_id') }} as customer_id,
    {{ published_id('by_rule.source_file') }} as source_file,
    by_rule.rule_id,
    rules.sentence as reason,
    by_rule.recorded_at,
    {{ as_of() }} as seen_as_of
from by_rule
cross join {{ source('keys', 'hash_key') }} as hash_key
left join {{ ref('row_rules') }} as rules
    on by_rule.rule_id = rules.rule_id
