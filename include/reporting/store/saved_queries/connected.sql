-- Which groups of customers are connected to credit reporting, and how did that move in a month?
create macro marts.connected(of_month := null) as table
with wanted as (select marts.month_or_newest(of_month) as report_month)

select
    groups.report_month,
    groups.product_code,
    groups.group_kind,
    groups.group_value,
    groups.customers,
    groups.connected_customers,
    groups.share,
    groups.share - before.share as share_change
from wanted
inner join marts.connected_groups as groups on wanted.report_month = groups.report_month
left join marts.connected_groups as before
    on groups.product_code = before.product_code
    and groups.group_kind = before.group_kind
    and groups.group_value = before.group_value
    and before.report_month = groups.report_month - interval 1 month
order by groups.product_code, groups.group_kind, groups.group_value;

comment on macro table marts.connected is
'Which groups of customers are connected to credit reporting (have an authorization in force), and by how much the share moved in the month. connected(''2026-05'').';
