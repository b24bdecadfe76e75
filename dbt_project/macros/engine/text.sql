{#- Where DuckDB and Spark differ: texts. -#}

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

{#- A text with letters, digits and signs of full width as those of ASCII, and without the signs of
    which no one sees anything. -#}
{% macro half_width(text) -%}
    {%- set full -%}
        ０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ．＋－＿＠
    {%- endset -%}
    {%- set half -%}
        0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.+-_@
    {%- endset -%}
    {%- set unseen = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff" -%}
    {{ return("translate(" ~ text ~ ", '" ~ full ~ unseen ~ "', '" ~ half ~ "')") }}
{%- endmacro %}

{#- An identifier without what is easily lost or added on its way: full width, case, leading zeros,
    the `.0` of a number, and every sign that is no letter or digit. A whole number in scientific
    notation (9.00000000000006E+14) is written out; without point and sign (12E5) it may be an id.
    Nearly every id is letters and digits alone and begins with no zero: it is only put in lower case,
    which is far faster. -#}
{% macro without_form(column) -%}
    {%- set plain = only_signs_of("lower(" ~ half_width(column) ~ ")", "0-9a-z.+") -%}
    {%- set written_out = "cast(try_cast(case when "
        ~ matches_fully(plain, "[0-9]+([.][0-9]+e[+]?|e[+])[0-9]+") ~ " then " ~ plain
        ~ " end as decimal(38, 0)) as " ~ dbt.type_string() ~ ")" -%}
    {%- set stripped = adapter.dispatch("without_zeros")("coalesce(" ~ written_out ~ ", " ~ plain ~ ")") -%}
    {{ return("case when " ~ matches_fully(column, "[1-9A-Za-z][0-9A-Za-z]*") ~ " then lower(" ~ column
        ~ ") else " ~ stripped ~ " end") }}
{%- endmacro %}
{% macro default__without_zeros(text) -%}
    {{ return("ltrim(regexp_replace(" ~ text ~ ", '[.]0+$|[^0-9a-z]', '', 'g'), '0')") }}
{%- endmacro %}
{% macro spark__without_zeros(text) -%}
    {{ return("ltrim('0', regexp_replace(" ~ text ~ ", '[.]0+\\\\z|[^0-9a-z]', ''))") }}
{%- endmacro %}

{#- A text without all signs but those of a class, such as 0-9a-z. -#}
{% macro only_signs_of(text, signs) -%}
    {{ return(adapter.dispatch("only_signs_of")(text, signs)) }}
{%- endmacro %}
{% macro default__only_signs_of(text, signs) -%}
    {{ return("regexp_replace(" ~ text ~ ", '[^" ~ signs ~ "]', '', 'g')") }}
{%- endmacro %}
{% macro spark__only_signs_of(text, signs) -%}
    {{ return("regexp_replace(" ~ text ~ ", '[^" ~ signs ~ "]', '')") }}
{%- endmacro %}

{#- A text without the spaces around it, those of any script. -#}
{% macro trimmed(text) -%} {{ return(adapter.dispatch("trimmed")(text)) }} {%- endmacro %}
{% macro default__trimmed(text) -%} trim({{ text }}) {%- endmacro %}
{% macro spark__trimmed(text) -%}
    regexp_replace({{ text }}, '^\\p{Zs}+|\\p{Zs}+\\z', '')
{%- endmacro %}

{#- A text with its placeholders, such as {account}, replaced by the values of a row. -#}
{% macro filled_in(text, values) -%}
    {%- set filled = namespace(sql=text) -%}
    {%- for name, value in values.items() -%}
        {%- set filled.sql = "replace(" ~ filled.sql ~ ", '{" ~ name ~ "}', " ~ value ~ ")" -%}
    {%- endfor -%}
    {{ return(filled.sql) }}
{%- endmacro %}

{% macro safe_integer(text) -%} try_cast({{ text }} as integer) {%- endmacro %}

{#- A date as its eight digits, YYYYMMDD. -#}
{% macro digits_of_date(day) -%}
    replace(cast({{ day }} as {{ dbt.type_string() }}), '-', '')
{%- endmacro %}

{#- The value of an optional element, null where the interface does not take it (rule V71). Records are
    built by DuckDB, in which the program defines a function for each element; Spark only compares. -#}
{% macro sendable(tag, value) -%} {{ return(adapter.dispatch("sendable")(tag, value)) }} {%- endmacro %}
{% macro default__sendable(tag, value) -%} secure.sendable_{{ tag | lower }}({{ value }}) {%- endmacro %}
{% macro spark__sendable(tag, value) -%} {{ value }} {%- endmacro %}
