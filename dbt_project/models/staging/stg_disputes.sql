-- Disputes as known at the cut-off: the newest version of each key, only rows inside the rules.
select
    dispute_id,
    account_id,
    received_on,
    claim,
    disputed_month,
    annotated_on,
    answered_on,
    outcome,
    remark,
    recorded_at
from (
    {{ good_rows('disputes') }}
) as good_rows
