-- Accounts by status at the end of the month before and of this month; new: not open then.
select
    status_before,
    status_now,
    accounts
from marts.roll_rates($month)
order by all;
