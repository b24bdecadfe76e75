-- One row per account that is open at any time in the month.
{{ config(materialized='view') }}

select *
from {{ ref('int_accounts_at_report_date') }}
where
    is_opened_by_month_end
    and not is_closed_earlier
