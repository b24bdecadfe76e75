{#- How a delivered row finds its one place (contracts, section 1). -#}

{#- The columns of a raw table, in order, and its key, as sources.yml defines them. -#}
{% macro raw_columns(table) -%}
    {%- if execute -%}
        {{ return(raw_table(table).columns.keys() | list) }}
    {%- else -%}
        {{ return(['recorded_at']) }}
    {%- endif -%}
{%- endmacro %}

{% macro raw_key(table) -%}
    {%- if execute -%}
        {{ return(raw_table(table).config.meta.key) }}
    {%- else -%}
        {{ return(['recorded_at']) }}
    {%- endif -%}
{%- endmacro %}

{% macro raw_table(table) -%}
    {{ return(graph.sources.values() | selectattr('source_name', 'equalto', 'raw')
        | selectattr('name', 'equalto', table) | first) }}
{%- endmacro %}

{#- Every raw table, in the order in which people think of them. -#}
{% macro raw_tables() -%}
    {{ return([
        'customers', 'accounts', 'credit_limits', 'consents', 'transactions', 'bills',
        'adverse_notices', 'disputes', 'internal_scores',
    ]) }}
{%- endmacro %}

{#- The delivered rows of a table about which there is a question, and the one place each has: its
    key came more than once, it breaks a rule, or its account or customer is not there yet. Every
    other row recorded by the cut-off is good, so that the millions of plain rows are read and never
    copied. A row's place is good, duplicate (an exact copy), superseded (a newer version exists),
    quarantined or after_cut_off. Versions that move a key to another subject are all quarantined. -#}
{% macro questioned(table, rules, of=none, may_be_agreement=false) %}
with singled_out as (
    {{ singled_out(table, rules, of, may_be_agreement) | indent(4) }}
)

{{ placed(table, 'singled_out') }}
{% endmacro %}

{#- The rows of a table that are looked at one by one: those with a question about them
    (has_question), with all that tells their place, and what the table wants beside them
    (`beside`). One look through the delivered rows finds both. A table may have questions of its
    own: `also`, and the keys in the relation `also_keys`. -#}
{% macro singled_out(
    table, rules, of=none, may_be_agreement=false, also='false', also_keys=none, beside='false'
) %}
    {%- set columns = raw_columns(table) -%}
    {%- set is_waiting = "coalesce(standing = 'waiting', false)" if of else 'false' -%}
with keys as (  -- of all rows: false positives are harmless here
    select {{ hash_of(row_key(table)) }} as key_hash
    from {{ delivered(table) }}
),

asked_about as (  -- only keys delivered more than once have versions to compare
    {{ repeated_values('key_hash', 'keys') }}
    {%- if also_keys %}
    union distinct
    select {{ hash_of('also_key') }} as key_hash
    from {{ also_keys }}
    {%- endif %}
),

{% if of -%}
parents as (
    select *
    from {{ ref('known_' ~ of ~ 's') }}
    {%- if not may_be_agreement and of == 'account' %}
    where not is_agreement
    {%- endif %}
),

{% endif -%}
looked_at as (
    select
        delivered.*,
        {%- if of %}
        parents.*,
        {%- endif %}
        asked_about.key_hash is not null
        or {{ breaks_any(table, rules) }}
        or {{ is_waiting }}
        or {{ also }} as has_question
    from {{ delivered(table) }} as delivered
    left join asked_about
        on asked_about.key_hash = {{ hash_of(row_key(table)) }}
    {%- if of %}
    left join parents
        on delivered.{{ of }}_id = parents.known_{{ of }}_id
    {%- endif %}
    where coalesce(delivered.recorded_at <= {{ as_of() }}, true)
)

select
    {{ columns | join(',\n    ') }},
    _file as source_file,
    has_question,
    {{ is_waiting }} as is_waiting,
    {{ is_incomplete(table) }} as is_incomplete,
    case when has_question then concat_ws('|', {{ raw_key(table) | join(', ') }}) end as row_key,
    case when has_question then {{ digest(table) | indent(4) }} end as content,
    case when has_question then {{ broken_rules(table, rules) | indent(4) }} end as broken_rules
from looked_at
where
    has_question
    or {{ beside }}
{%- endmacro %}

{#- The one place of each row with a question about it, among those that are singled out. -#}
{% macro placed(table, singled_out) %}
select
    {{ raw_columns(table) | join(',\n    ') }},
    source_file,
    row_key,
    broken_rules,
    -- a row without key or moment of recording has no versions, only copies
    not is_incomplete and first_content <> last_content as is_conflicting,
    not is_incomplete and has_another_subject as changes_subject,
    case
        when copy_number > 1 then 'duplicate'
        when not is_incomplete and has_another_subject
            then case when is_waiting then 'after_cut_off' else 'quarantined' end
        when not is_incomplete and first_content = last_content and recorded_at < newest_recorded_at
            then 'superseded'
        -- a row that waits for its account or customer does not exist yet for this run
        when is_waiting then 'after_cut_off'
        when not is_incomplete and first_content <> last_content then 'quarantined'
        when {{ list_length('broken_rules') }} > 0 then 'quarantined'
        else 'good'
    end as place
from (
    select
        *,
        max(recorded_at) over (partition by row_key, is_incomplete) as newest_recorded_at,
        row_number() over (
            partition by row_key, is_incomplete, recorded_at, content
            order by source_file
        ) as copy_number,
        min(content) over (partition by row_key, is_incomplete, recorded_at) as first_content,
        max(content) over (partition by row_key, is_incomplete, recorded_at) as last_content,
        {{ has_another_subject(table) }} as has_another_subject
    from {{ singled_out }}
    where has_question
) as compared
{% endmacro %}

{#- True where versions of one key are about different subjects: a newer version corrects facts and
    never moves a key to somebody else. A person stays one under a corrected number or a corrected
    name; under another number and another name it is another person. Unknown values (sex 0 and 9)
    distinguish no persons. -#}
{% macro has_another_subject(table) -%}
    {%- if table == 'customers' -%}
    {{ differs_between_versions('upper(id_number)') }}
        and (
            {{ differs_between_versions('name') }}
            or {{ differs_between_versions('birth_date') }}
            or {{ differs_between_versions("case when sex in ('1', '2') then sex end") }}
        )
    {%- elif table in ['accounts', 'consents'] -%}
    {{ differs_between_versions('customer_id') }}
    {%- elif table in ['transactions', 'bills', 'adverse_notices', 'disputes'] -%}
    {{ differs_between_versions('account_id') }}
    {%- else -%}  {#- the subject is part of the key -#}
    false
    {%- endif -%}
{%- endmacro %}

{#- True where the versions of a row's key hold more than one known value. -#}
{% macro differs_between_versions(value) -%}
    coalesce(
            min({{ value }}) over (partition by row_key, is_incomplete)
            <> max({{ value }}) over (partition by row_key, is_incomplete),
            false
        )
{%- endmacro %}

{#- The good rows of a table: the newest version of each key as known at the cut-off. -#}
{% macro good_rows(table) -%}
{{ good_rows_among(table, delivered(table), ref('questioned_' ~ table)) }}
{%- if is_brought_forward(table) %}
union all
{{ rows_brought_forward(table, raw_columns(table)) }}
{%- endif %}
{%- endmacro %}

{#- Those of some rows, given all the questions about them. -#}
{% macro good_rows_among(table, rows, questions) -%}
select
    {{ good_values(table, 'delivered.') }}
from {{ rows }} as delivered
{{ anti_join() }} (
    select {{ raw_key(table) | join(', ') }}
    from {{ questions }}
    where recorded_at is not null
) as questioned
    on
    {%- for column in raw_key(table) %}
    delivered.{{ column }} = questioned.{{ column }}
    {{- ' and' if not loop.last }}
    {%- endfor %}
where
    delivered.recorded_at <= {{ as_of() }}
    and delivered.{{ raw_key(table) | join(' is not null and delivered.') }} is not null
union all
select
    {{ good_values(table) }}
from {{ questions }}
where place = 'good'
{%- endmacro %}

{#- The columns of a table as they count: an open-ended date after 2099 means none. -#}
{% macro good_values(table, of='') -%}
    {%- for column in raw_columns(table) -%}
        {%- if execute and raw_table(table).columns[column].config.meta.open_ended -%}
            case when {{ of }}{{ column }} < date '2100-01-01' then {{ of }}{{ column }} end
            {{- ' as ' ~ column }}
        {%- else -%}
            {{ of }}{{ column }}
        {%- endif -%}
        {{- ',\n    ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The good rows of a table that had a question about them or were brought forward: few, and every
    reversal is among them. -#}
{% macro special_rows(table) -%}
(
        select {{ raw_columns(table) | join(', ') }}
        from {{ ref('questioned_' ~ table) }}
        where place = 'good'
        {%- if is_brought_forward(table) %}
        union all
        {{ rows_brought_forward(table, raw_columns(table)) }}
        {%- endif %}
    )
{%- endmacro %}

{#- The rows of the first input that have no partner in the second. -#}
{% macro anti_join() -%} {{ return(adapter.dispatch("anti_join")()) }} {%- endmacro %}
{% macro default__anti_join() -%} anti join {%- endmacro %}
{% macro spark__anti_join() -%} left anti join {%- endmacro %}

{#- The rows of a table that this run reads: all, or those of the accounts that are not brought
    forward and what came since. -#}
{% macro delivered(table) -%}
    {{ ref('delivered_' ~ table) if is_brought_forward(table) else source('raw', table) }}
{%- endmacro %}

{#- The key of a complete row as one value. -#}
{% macro row_key(table) -%}
    {%- set key = raw_key(table) -%}
    {{ key[0] if key | length == 1 else "concat_ws('|', " ~ key | join(', ') ~ ")" }}
{%- endmacro %}

{#- True for a row without key or moment of recording. -#}
{% macro is_incomplete(table) -%}
    {{ raw_key(table) | join(' is null or ') }} is null or recorded_at is null
{%- endmacro %}

{#- A digest of all that a row says. -#}
{% macro digest(table) -%}
    md5(concat_ws(
            '|',
            _unreadable_columns,
            {{ every_value(raw_columns(table)) }}
        ))
{%- endmacro %}

{#- The values of some columns, each as text that cannot be taken for another. -#}
{% macro every_value(columns) -%}
    {%- for column in columns -%}
            {{ unambiguous(column) }}
            {{- ',\n            ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- A number of 64 bits that stands for a text where many millions are compared; a query that
    uses it compares the texts themselves afterwards. DuckDB's own hash reads eight bytes at a time and
    takes many ids of 16 characters for one another; moved by a byte it does not take the same. -#}
{% macro hash_of(text) -%} {{ return(adapter.dispatch("hash_of")(text)) }} {%- endmacro %}
{% macro default__hash_of(text) -%} hash({{ text }}, concat('x', {{ text }})) {%- endmacro %}
{% macro spark__hash_of(text) -%} xxhash64({{ text }}) {%- endmacro %}

{#- The values of a column that come more than once. Of many millions of numbers a sort costs DuckDB
    half of what a group costs; Spark would bring all rows to one machine for it. -#}
{% macro repeated_values(column, relation) -%}
    {{ return(adapter.dispatch("repeated_values")(column, relation)) }}
{%- endmacro %}
{% macro default__repeated_values(column, relation) -%}
    select distinct {{ column }}
    from (
        select {{ column }}
        from {{ relation }}
        qualify {{ column }} = lag({{ column }}) over (order by {{ column }})
    ) as repeated
{%- endmacro %}
{% macro spark__repeated_values(column, relation) -%}
    select {{ column }}
    from {{ relation }}
    group by {{ column }}
    having count(*) > 1
{%- endmacro %}

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
{% macro default__list_of_broken(rules) -%}
    case when _unreadable_columns is not null then ['VALUE_UNREADABLE'] else list_filter([
        {%- for id, rule in rules %}
            case when coalesce({{ rule }}, false) then null else '{{ id }}' end
            {{- ',' if not loop.last }}
        {%- endfor %}
        ], lambda id: id is not null) end
{%- endmacro %}
{% macro spark__list_of_broken(rules) -%}
    case when _unreadable_columns is not null then array('VALUE_UNREADABLE') else array_compact(array(
        {%- for id, rule in rules %}
            case when coalesce({{ rule }}, false) then null else '{{ id }}' end
            {{- ',' if not loop.last }}
        {%- endfor %}
        )) end
{%- endmacro %}

{% macro list_length(list) -%} {{ return(adapter.dispatch("list_length")(list)) }} {%- endmacro %}
{% macro default__list_length(list) -%} len({{ list }}) {%- endmacro %}
{% macro spark__list_length(list) -%} size({{ list }}) {%- endmacro %}

{#- The rules shared by the rows of an account: its id is delivered and stands. -#}
{% macro account_rules() -%}
    {{ return([
        ('ACCOUNT_UNKNOWN', 'known_account_id is not null'),
        ('ACCOUNT_REJECTED', "known_account_id is null or standing <> 'rejected'"),
    ]) }}
{%- endmacro %}

{#- The rules shared by the rows of a customer. -#}
{% macro customer_rules() -%}
    {{ return([
        ('CUSTOMER_UNKNOWN', 'known_customer_id is not null'),
        ('CUSTOMER_REJECTED', "known_customer_id is null or standing <> 'rejected'"),
    ]) }}
{%- endmacro %}

{#- The documents of the customer's set: those of the register of texts and of the policy. -#}
{% macro known_documents() -%}
    {{ return('select document_code from ' ~ ref('consent_texts')
        ~ ' union all select document_code from ' ~ ref('stg_product_policy')) }}
{%- endmacro %}

{#- The code of an institution as the bureau writes it. -#}
{% macro is_reporter_code(column) -%} {{ return(matches_fully(column, '[0-9A-Z]{14}')) }} {%- endmacro %}

{% macro list_of(value) -%} {{ return(adapter.dispatch("list_of")(value)) }} {%- endmacro %}
{% macro default__list_of(value) -%} [{{ value }}] {%- endmacro %}
{% macro spark__list_of(value) -%} array({{ value }}) {%- endmacro %}

{% macro unnested(list) -%} {{ return(adapter.dispatch("unnested")(list)) }} {%- endmacro %}
{% macro default__unnested(list) -%} unnest({{ list }}) {%- endmacro %}
{% macro spark__unnested(list) -%} explode({{ list }}) {%- endmacro %}

{#- True where a column holds one of some texts. DuckDB calls a function once for each value in the
    dictionary of a page, where it would compare every row with every text of an IN. -#}
{% macro is_one_of(column, texts) -%}
    {{ return(adapter.dispatch("is_one_of")(column, "'" ~ texts | join("', '") ~ "'")) }}
{%- endmacro %}
{% macro default__is_one_of(column, texts) -%}
    {{ return("list_contains([" ~ texts ~ "], " ~ column ~ ")") }}
{%- endmacro %}
{% macro spark__is_one_of(column, texts) -%}
    {{ return(column ~ " in (" ~ texts ~ ")") }}
{%- endmacro %}

{% macro matches_fully(column, pattern) -%}
    {{ return(adapter.dispatch("matches_fully")(column, pattern)) }}
{%- endmacro %}
{% macro default__matches_fully(column, pattern) -%}
    {{ return("regexp_full_match(" ~ column ~ ", '" ~ pattern ~ "')") }}
{%- endmacro %}
{% macro spark__matches_fully(column, pattern) -%}
    {#- \z and not $, which also stands before a line end -#}
    {{ return(column ~ " rlike '^(" ~ pattern ~ ")\\\\z'") }}
{%- endmacro %}

{% macro is_alphanumeric(column) -%}
    {{ return(matches_fully(column, '[A-Za-z0-9]+')) }}
{%- endmacro %}

{#- A customer's id is shown to people and opened in spreadsheets: letters, digits and -_. alone. -#}
{% macro has_plain_customer_id() -%}
    {{ return("customer_id is null or " ~ matches_fully("customer_id", "[A-Za-z0-9_.-]+")) }}
{%- endmacro %}

{#- A key or id of a quarantined row as it may be published: without signs that nobody sees, so that
    people find it; and where it could be a name, an address, a telephone, card or identity number that
    was delivered in place of an id, only a keyed hash. -#}
{% macro published_id(column) -%}
    {%- set visible = "translate(" ~ column ~ ", '\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff', '')" -%}
    case
        when {{ column }} is null then null
        {%- for form in [
            '.*[^ -~].*',
            '.*@.*',
            '(.*[^0-9])?(00)?(86)?1[3-9][0-9]{9}([^0-9].*)?',
            '(.*[^0-9])?[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9][0-9]{3}[0-9Xx]([^0-9].*)?',
            '(.*[^0-9])?(62[0-9]{14,17}|[45][0-9]{15})([^0-9].*)?',
        ] %}
        when {{ matches_fully(visible, form) }}
            then concat('hidden:', substr({{ keyed_hash([column]) }}, 1, 16))
        {%- endfor %}
        else {{ visible }}
    end
{%- endmacro %}

{#- An identifier without what is easily lost or added on its way: case, leading zeros, the `.0` of a
    number, and every sign that is no letter or digit. -#}
{% macro without_form(column) -%}
    {{ return(adapter.dispatch("without_form")(column)) }}
{%- endmacro %}
{% macro default__without_form(column) -%}
    {{ return("ltrim(regexp_replace(lower(" ~ column ~ "), '[.]0+$|[^0-9a-z]', '', 'g'), '0')") }}
{%- endmacro %}
{% macro spark__without_form(column) -%}
    {{ return("ltrim('0', regexp_replace(lower(" ~ column ~ "), '[.]0+\\\\z|[^0-9a-z]', ''))") }}
{%- endmacro %}

{% macro safe_integer(text) -%} try_cast({{ text }} as integer) {%- endmacro %}

{#- A date as its eight digits, YYYYMMDD. -#}
{% macro digits_of_date(day) -%}
    replace(cast({{ day }} as {{ dbt.type_string() }}), '-', '')
{%- endmacro %}

{#- The distinct values of a group as one text, sorted. -#}
{% macro joined_distinct(value) -%}
    {{ return(adapter.dispatch("joined_distinct")(value)) }}
{%- endmacro %}
{% macro default__joined_distinct(value) -%}
    case when count({{ value }}) > 0
        then array_to_string(list_sort(list_distinct(list({{ value }}))), ', ') end
{%- endmacro %}
{% macro spark__joined_distinct(value) -%}
    case when count({{ value }}) > 0 then array_join(array_sort(collect_set({{ value }})), ', ') end
{%- endmacro %}

{#- A million million yuan: no consumer owes more, and sums of less fit the columns of the
    marts. -#}
{% macro largest_amount() -%} {{ return('1000000000000') }} {%- endmacro %}

{#- A value as text that no other value, and no missing one, can be taken for when texts are joined. -#}
{% macro unambiguous(column) -%}
    {%- set text -%} cast({{ column }} as {{ dbt.type_string() }}) {%- endset -%}
    coalesce(cast(length({{ text }}) as {{ dbt.type_string() }}) || ':' || {{ text }}, '~')
{%- endmacro %}
