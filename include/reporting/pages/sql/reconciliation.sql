-- Each step is an equation: the start and the items, with their signs, add up to the total.
select
    step_number,
    step,
    part,
    item,
    cast(sum(accounts) as bigint) as accounts,
    bool_and(is_closed) as is_closed
from marts.reconciliation
where
    report_month = $month
    and (as_of = $as_of or (as_of is null and $is_own_run))
group by step_number, step, part, item
order by step_number, list_position(['start', 'item', 'total'], part), item;
