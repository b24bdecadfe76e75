-- The portfolio metrics that left what the months before allow.
select
    figure,
    scope,
    value,
    allowed_from,
    allowed_to
from marts.batch_figures
where
    report_month = $month
    and is_unusual
order by figure, scope;
