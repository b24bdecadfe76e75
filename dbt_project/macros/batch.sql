{#- The mean of decimal amounts from their exact sum: that of avg() hangs on the order of the rows. -#}
{% macro mean(value, where) -%}
    sum({{ value }}) filter (where {{ where }}) / count({{ value }}) filter (where {{ where }})
{%- endmacro %}

{#- The typical value of some rows: their geometric mean, which a few large ones do not move. The
    logarithms are summed as integers, so that no order of the rows changes a digit. -#}
{% macro typical(value, where) -%}
    exp(avg(cast(1000000 * ln(case when {{ where }} then {{ value }} end) as bigint)) / 1000000)
{%- endmacro %}
