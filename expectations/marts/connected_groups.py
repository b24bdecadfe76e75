"""Which user groups are connected: what a month's counts must hold before they are published."""

from reporting.checks.vocabulary import each_row, no_row

TABLE = "connected_groups"
KEY = "concat_ws('|', product_code, group_kind, group_value)"

KINDS = "('wave', 'limit_band', 'score_band', 'opened_year')"

EXPECTATIONS = [
    no_row(
        "groups.key_unique",
        "critical",
        "A group is counted once per product, kind and month.",
        "from {batch} group by report_month, product_code, group_kind, group_value"
        " having count(*) > 1",
        key="concat_ws('|', product_code, group_kind, group_value)",
    ),
    each_row(
        "groups.of_this_month",
        "critical",
        "Every group is about the report month and of a known kind.",
        f"report_month = {{report_month}} and group_kind in {KINDS}",
    ),
    each_row(
        "groups.connected_within_customers",
        "critical",
        "No group has more connected customers than customers, or no customers.",
        "customers > 0 and connected_customers between 0 and customers",
    ),
    each_row(
        "groups.share_of_customers",
        "critical",
        "The share lies between 0 and 1 and is connected customers by customers.",
        "share between 0 and 1 and abs(share - connected_customers / customers) <= 0.000051",
    ),
    each_row(
        "groups.small_ones_folded",
        "critical",
        "A group under the minimum size stands only in 'other'.",
        "group_value = 'other' or customers >= minimum_group_size",
    ),
    no_row(
        "groups.everybody_once_a_kind",
        "critical",
        "Each kind of group counts every customer of a product once.",
        "from (select product_code, group_kind, sum(customers) as customers from {batch}"
        " group by product_code, group_kind) as kinds full join ("
        "select product_code, group_kind, count(distinct customer_id) as customers"
        " from marts.reportable_population, unnest(['wave', 'limit_band', 'score_band',"
        " 'opened_year']) as kind (group_kind) where report_month = {report_month}"
        " and reason_code not in ('NOT_YET_OPEN', 'CLOSED_EARLIER') group by all) as population"
        " on kinds.product_code = population.product_code"
        " and kinds.group_kind = population.group_kind"
        " where kinds.customers is distinct from population.customers",
    ),
]
