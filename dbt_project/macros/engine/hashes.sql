{#- Where DuckDB and Spark differ: hashes. -#}

{#- A number of 64 bits that stands for a text where many millions are compared; a query that
    uses it compares the texts themselves afterwards. DuckDB's own hash reads eight bytes at a time and
    takes many ids of 16 characters for one another; moved by a byte it does not take the same. -#}
{% macro hash_of(text) -%} {{ return(adapter.dispatch("hash_of")(text)) }} {%- endmacro %}
{% macro default__hash_of(text) -%} hash({{ text }}, concat('x', {{ text }})) {%- endmacro %}
{% macro spark__hash_of(text) -%} xxhash64({{ text }}) {%- endmacro %}

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
{% macro segment_hash(segment, hashes='segment_hashes') -%}
    {{ return(adapter.dispatch("segment_hash")(segment, hashes)) }}
{%- endmacro %}
{% macro default__segment_hash(segment, hashes) -%}
    json_extract_string({{ hashes }}, '$.{{ segment }}')
{%- endmacro %}
{% macro spark__segment_hash(segment, hashes) -%}
    get_json_object({{ hashes }}, '$.{{ segment }}')
{%- endmacro %}
