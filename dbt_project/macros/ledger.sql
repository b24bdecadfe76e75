{#- Pieces of the replay that more than one model needs (contracts, section 2). -#}

{#- Those of some transactions that count in a reading of their account's ledger: before its end and
    not reversed there. The reversals themselves are left out. -#}
{% macro effective(transactions) -%}
select
    versions.reading_no,
    transactions.account_id,
    versions.read_month,
    transactions.transaction_id,
    transactions.transaction_type,
    transactions.amount,
    transactions.occurred_at
from {{ transactions }} as transactions
inner join {{ ref('int_ledger_versions') }} as versions
    on transactions.account_id = versions.account_id
left join {{ ref('int_reversals_applied') }} as reversals
    on transactions.transaction_id = reversals.transaction_id
where
    transactions.transaction_type <> 'reversal'
    and transactions.occurred_at < versions.ends_before
    and (
        reversals.reversed_in_month is null
        or reversals.reversed_in_month > versions.valid_from_month
    )
{%- endmacro %}

{#- A million million yuan: no consumer owes more, and sums of less fit the columns of the
    marts. -#}
{% macro largest_amount() -%} {{ return('1000000000000') }} {%- endmacro %}

{#- A value as text that no other value, and no missing one, can be taken for when texts are joined. -#}
{% macro unambiguous(column) -%}
    {%- set text -%} cast({{ column }} as {{ dbt.type_string() }}) {%- endset -%}
    coalesce(cast(length({{ text }}) as {{ dbt.type_string() }}) || ':' || {{ text }}, '~')
{%- endmacro %}
