-- How old is what is overdue, by product? Open accounts; what is written off is no longer aged.
create macro marts.aging(of_month := null) as table
with wanted as (select marts.month_or_newest(of_month) as report_month)

select
    status.report_month,
    population.product_code,
    case
        when status.repayment_status = 'B' then 'written off'
        when status.days_past_due > 180 then '181 and more'
        when status.days_past_due > 90 then '91-180'
        when status.days_past_due > 60 then '61-90'
        when status.days_past_due > 30 then '31-60'
        when status.days_past_due > 0 then '1-30'
        else 'not overdue'
    end as bucket,
    count(*) as accounts,
    count(*) filter (where population.is_reportable) as reported,
    count(*) filter (where status.overdue_total > 0) as overdue,
    sum(status.balance) as balance,
    sum(status.overdue_total) as overdue_total
from wanted
inner join marts.repayment_status as status on wanted.report_month = status.report_month
inner join marts.reportable_population as population
    on status.account_id = population.account_id
    and wanted.report_month = population.report_month
where status.repayment_status not in ('C', 'G')
group by all
order by population.product_code, bool_or(status.repayment_status = 'B'), min(status.days_past_due);

comment on macro table marts.aging is
'Open accounts, balance and overdue total (CNY) by product and bucket of days past due at the end of a month; written-off accounts are a bucket of their own. aging(''2026-05'').';
