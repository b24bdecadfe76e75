-- Accounts as known at the cut-off: the newest version of each key, only rows inside the rules. A
-- maturity or closing after 2099 means none.
with good as (
    {{ good_rows('accounts') | indent(4) }}
)

select
    {%- for column in raw_columns('accounts') %}
    {{ no_later_than_2099(column) if column in ['matures_on', 'closed_on'] else column }}
    {{- ',' if not loop.last }}
    {%- endfor %}
from good
