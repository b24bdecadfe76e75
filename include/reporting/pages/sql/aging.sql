-- Open accounts by product and days past due, and of each product the amount overdue in CNY. An
-- amount over fewer than $group_size accounts is not shown.
select
    product_code,
    bucket,
    sum(accounts) as accounts,
    case when sum(overdue) >= $group_size then sum(overdue_total) end as overdue_total
from marts.aging($month)
group by grouping sets ((1, 2), (1))
order by product_code, bucket;
