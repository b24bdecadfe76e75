{#- The rules that a raw row must hold by itself; their sentences stand in the seed row_rules. -#}

{#- The rules of a table, those that every table shares first: a readable row, a key, a moment of
    recording, identifiers as they were issued and dates that the bureau takes. A value that is
    missing breaks the rule that requires it and no other. -#}
{% macro all_rules(table, rules) -%}
    {{ return([
        ('VALUE_UNREADABLE', '_unreadable_columns is null'),
        ('KEY_MISSING', (raw_key(table) | join(' is not null and ')) ~ ' is not null'),
        ('RECORDED_AT_MISSING', 'recorded_at is not null'),
        ('IDENTIFIER_IS_A_FLOATING_POINT_NUMBER', has_no_floating_point_identifier(table)),
        ('DATE_OUT_OF_RANGE', has_dates_in_range(table)),
    ] + rules) }}
{%- endmacro %}

{#- The ids of the rules a row breaks; a rule whose answer is unknown is broken. A row
    with an unreadable value gets this rule alone: the others would check a value that is missing. -#}
{% macro broken_rules(table, rules) -%}
    {{ return(adapter.dispatch("list_of_broken")(all_rules(table, rules))) }}
{%- endmacro %}

{#- True where a row breaks at least one. -#}
{% macro breaks_any(table, rules) -%}
    not coalesce(
                {%- for _, rule in all_rules(table, rules) %}
                ({{ rule }})
                {{- ' and' if not loop.last }}
                {%- endfor %},
                false
            )
{%- endmacro %}

{#- True where no identifier of a row has the form of a floating-point number (2.08812E+15, 17.0): a
    spreadsheet has rounded it, and its owner is not known any more. -#}
{% macro has_no_floating_point_identifier(table) -%}
    {%- set identifiers = [] -%}
    {%- for column in raw_columns(table) -%}
        {%- if column == 'id_number' or (column.endswith('_id') and not column.startswith('spouse_')) -%}
            {%- do identifiers.append(column) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set form = '[+-]?[0-9]+[.]?[0-9]*[eE][+]?[0-9]+|[0-9]+[.]0' -%}
    not (
            {%- for column in identifiers %}
            -- few identifiers hold such a sign, and to look for one costs less than a pattern
            case
                when {{ column }} like '%.%' or {{ column }} like '%+%'
                    then {{ matches_fully(column, form) }}
                else false
            end
            {{- ' or' if not loop.last }}
            {%- endfor %}
            {{- 'false' if not identifiers }}
        )
{%- endmacro %}

{#- True where every date and moment of a row lies in 1901 to 2099 or is missing. Of an open-ended
    date a later one is allowed: it means none. -#}
{% macro has_dates_in_range(table) -%}
    {%- set columns = raw_table(table).columns.values() | list if execute else [] -%}
    {%- for column in columns if column.data_type in ['date', 'timestamp'] %}
            ({{ column.name }} is null or (
                {{ column.name }} >= {{ column.data_type }} '1901-01-01'
                {%- if not column.config.meta.open_ended %}
                and {{ column.name }} < {{ column.data_type }} '2100-01-01'
                {%- endif %}
            )) and
    {%- endfor %} true
{%- endmacro %}

{#- True where a row is not dated after the day on which it was recorded, or one is unknown. -#}
{% macro happened_by_its_recording() -%}
    {{ return("(not " ~ says_when_recorded()
        ~ " or coalesce(cast(occurred_at as date) <= cast(recorded_at as date), true))") }}
{%- endmacro %}

{#- The rules shared by the rows of an account: its id is delivered and stands. -#}
{% macro account_rules() -%}
    {{ return([
        ('ACCOUNT_UNKNOWN', 'known_account_id is not null'),
        ('ACCOUNT_REJECTED', "known_account_id is null or standing <> 'quarantined'"),
    ]) }}
{%- endmacro %}

{#- The rules shared by the rows of a customer. -#}
{% macro customer_rules() -%}
    {{ return([
        ('CUSTOMER_UNKNOWN', 'known_customer_id is not null'),
        ('CUSTOMER_REJECTED', "known_customer_id is null or standing <> 'quarantined'"),
    ]) }}
{%- endmacro %}

{#- The documents of the customer's set: those of the register of texts and of the policy. -#}
{% macro known_documents() -%}
    {{ return('select document_code from ' ~ ref('consent_texts')
        ~ ' union all select document_code from ' ~ ref('stg_product_policy')) }}
{%- endmacro %}

{#- The code of an institution as the bureau writes it. -#}
{% macro is_reporter_code(column) -%} {{ return(matches_fully(column, '[0-9A-Z]{14}')) }} {%- endmacro %}

{% macro is_alphanumeric(column) -%}
    {{ return(matches_fully(column, '[A-Za-z0-9]+')) }}
{%- endmacro %}

{#- A customer's id is shown to people and opened in spreadsheets: letters, digits and -_. alone. -#}
{% macro has_plain_customer_id() -%}
    {{ return("customer_id is null or " ~ matches_fully("customer_id", "[A-Za-z0-9_.-]+")) }}
{%- endmacro %}
