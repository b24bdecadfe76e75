-- Open accounts by product and days past due, and of each product the amount overdue in CNY. An
-- amount over fewer than $group_size accounts is not shown.
select
    population.product_code,
    case
        when status.repayment_status = 'B' then 'written_off'
        when status.days_past_due = 0 then 'not_overdue'
        when status.days_past_due <= 30 then '1-30'
        when status.days_past_due <= 60 then '31-60'
        when status.days_past_due <= 90 then '61-90'
        when status.days_past_due <= 180 then '91-180'
        else '181+'
    end as bucket,
    count(*) as accounts,
    case
        when count(*) filter (where status.overdue_total > 0) >= $group_size
            then sum(status.overdue_total)
    end as overdue_total
from marts.repayment_status as status
inner join marts.reportable_population as population
    on status.account_id = population.account_id
    and status.report_month = population.report_month
where
    status.report_month = $month
    and status.repayment_status not in ('C', 'G')
group by grouping sets ((1, 2), (1))
order by product_code, bucket;
