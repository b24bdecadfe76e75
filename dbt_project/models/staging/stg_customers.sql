-- Customers as known at the cut-off. Clear personal data: schema secure.
{{ config(schema='secure') }}

select
    {{ raw_columns('customers') | join(',\n    ') }}
from {{ ref('landed_customers') }}
where place = 'good'
