-- Bills as known at the cut-off: the newest version of each key, only rows inside the rules.
select
    bill_id,
    account_id,
    statement_on,
    due_on,
    principal_due,
    interest_due,
    fee_due,
    minimum_due,
    period_number,
    period_count,
    recorded_at
from (
    {{ good_rows('bills') }}
) as good_rows
