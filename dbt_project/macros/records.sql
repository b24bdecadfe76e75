{#- How amounts and hashes are written in a record (contracts, section 5). -#}

{#- Whole yuan, half up, as the last step; a positive amount under one yuan is written as 1. -#}
{% macro yuan(amount) -%}
    cast(
        case when {{ amount }} > 0 and {{ amount }} < 1 then 1 else round({{ amount }}, 0) end
        as bigint
    )
{%- endmacro %}

{#- HMAC-SHA256 of some columns under the key of this installation: a hash of personal data that
    nobody can try out without the key. The key's two pads are one row of the relation
    `hash_key`. -#}
{% macro keyed_hash(columns) -%}
    {%- set text -%}
        concat_ws('|'{% for column in columns %},
            coalesce(cast({{ column }} as {{ dbt.type_string() }}), '~')
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

{#- A number for each row: in order on one machine; on many, where an order over all rows would bring
    them to one of them, just a number of its own. -#}
{% macro row_numbers(order_by) -%}
    {{ return(adapter.dispatch("row_numbers")(order_by)) }}
{%- endmacro %}
{% macro default__row_numbers(order_by) -%} row_number() over (order by {{ order_by }}) {%- endmacro %}
{% macro spark__row_numbers(order_by) -%} monotonically_increasing_id() {%- endmacro %}
