-- One row per account and month that is read in which the account is open at any time.
{{ config(materialized='view') }}

select *
from {{ ref('int_accounts_at_report_date') }}
where
    is_opened_by_month_end
    and not is_closed_earlier
