-- A month as its first day; without one, the newest built month. The other queries use it: a month that
-- is not built is an error, since no rows would read as an answer. They join it as a row: so the
-- engine knows it before it reads the other tables, and skips the files of other months.
create macro marts.month_or_newest(of_month) as case
    when of_month is null then (select max(report_month) from marts.built_months)
    when cast(left(cast(of_month as varchar), 7) || '-01' as date)
        in (select report_month from marts.built_months)
        then cast(left(cast(of_month as varchar), 7) || '-01' as date)
    else error('month ' || cast(of_month as varchar) || ' is not built; see built_months')
end;

comment on macro marts.month_or_newest is
'The first day of a built month that is given as ''2026-05'' or a date; of null, the newest one.';
