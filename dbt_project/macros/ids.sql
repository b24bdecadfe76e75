{#- What a row means by an id that may be written in another form. -#}

{#- Rows with what they name by their `id`: the known one with this id, and where there is none, those
    whose id differs in form alone; with the known one's columns. `of`: a column in which the two
    must be equal, too, before an id counts as known. -#}
{% macro by_id_or_form(named, known, columns, of=none) -%}
    {%- set is_known -%}
    named.id = known.id
        {%- if of %}
        and named.{{ of }} = known.{{ of }}
        {%- endif -%}
    {%- endset -%}
select
    named.*,
    known.{{ columns | join(',\n    known.') }}
from {{ named }} as named
inner join {{ known }} as known
    on {{ is_known }}
union all
select
    named.*,
    known.{{ columns | join(',\n    known.') }}
from (
    select named.*
    from {{ named }} as named
    {{ anti_join() }} {{ known }} as known
        on {{ is_known }}
) as named
inner join {{ known }} as known
    on {{ without_form('named.id') }} = {{ without_form('known.id') }}
{%- endmacro %}
