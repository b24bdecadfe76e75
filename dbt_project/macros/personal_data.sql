{#- Keyed hashes, and what of an identifier may be published. -#}

{#- A key or id of a quarantined row as it may be published: without signs that no one sees, so that
    people find it; and where it could be a name, an address, a telephone, card or identity number that
    was delivered in place of an id, only a keyed hash. -#}
{% macro published_id(column) -%}
    {%- set visible = half_width(column) -%}
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

{#- HMAC-SHA256 of some columns under the key of this installation: a hash of personal data that
    no one can try out without the key. The key's two pads are one row of the relation `hash_key`.
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

{#- The keyed hash of a segment's values. The person's id stands before them: without it equal
    values (one of nine education levels) would have equal hashes, and so a pseudonym each. -#}
{% macro segment_hmac(columns, person='customer_id') -%}
    {{ return(keyed_hash([person] + columns)) }}
{%- endmacro %}

{#- Whether what may be a withdrawal holds a record back: of the run's month from its day on; of a
    pending month always, since a good one would too (docs/decisions/0014-quarantine-downstream.md). -#}
{% macro holds_consent(report_date) -%}
    coalesce(
        quarantine.consent_since <= case
            when {{ report_date }} < {{ report_month() }} then {{ report_month_end() }}
            else {{ report_date }}
        end,
        false
    )
{%- endmacro %}
