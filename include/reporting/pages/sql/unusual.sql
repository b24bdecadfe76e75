-- The portfolio metrics that left what the months before allow.
select
    figure,
    scope,
    -- many are shares, and their bounds differ in the third place
    format('{:,.4f}', value) as value,
    format('{:,.4f}', allowed_from) as allowed_from,
    format('{:,.4f}', allowed_to) as allowed_to
from marts.batch_figures
where
    report_month = $month
    and is_unusual
order by figure, scope;
