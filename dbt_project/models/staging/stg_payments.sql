-- Transactions as known at the cut-off that move what is owed and are no spending, with the
-- reversals.
{%- set columns = raw_columns('transactions') | join(',\n    ') %}
select
    {{ columns }}
from {{ ref('singled_out_transactions') }}
where not has_question
union all
select
    {{ columns }}
from {{ special_rows('transactions') }} as special
where transaction_type in ('repayment', 'waiver', 'refund', 'penalty', 'write_off', 'reversal')
