-- A month as its first day; without one, the newest built month. The other queries use it.
create macro marts.month_or_newest(of_month) as coalesce(
    cast(left(cast(of_month as varchar), 7) || '-01' as date),
    (select max(report_month) from marts.built_months)
);

comment on macro marts.month_or_newest is
'The first day of a month that is given as ''2026-05'' or a date; of null, the newest built month.';
