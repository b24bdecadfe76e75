"""What happened to each delivered row: the counts must add up, and few rows may be quarantined."""

from reporting.checks.vocabulary import TOLERATED_ROWS, each_row, no_row, the_table, unique

TABLE = "feed_counts"
# The key holds the count, so that a waiver of this month's quarantine does not cover a larger one.
KEY = "concat_ws('|', table_name, report_month, quarantined)"

EXPECTATIONS = [
    unique(
        "feeds.counted_once",
        "critical",
        "A feed is counted once per month.",
        "table_name",
    ),
    the_table(
        "feeds.all_nine",
        "critical",
        "All nine feeds are counted.",
        "count(distinct table_name) = 9",
    ),
    each_row(
        "feeds.of_this_month",
        "critical",
        "Every count is about the report month.",
        "report_month = {report_month}",
    ),
    each_row(
        "feeds.places_add_up",
        "critical",
        "Delivered = good + duplicates + superseded + after the cut-off + quarantined.",
        "delivered = good + duplicates + superseded + after_cut_off + quarantined",
    ),
    each_row(
        "feeds.something_good",
        "critical",
        "Customers, accounts and transactions have good rows.",
        "table_name not in ('customers', 'accounts', 'transactions') or good > 0",
    ),
    each_row(
        "feeds.quarantine_small",
        "warning",
        "At most 1 % of a feed is quarantined.",
        "quarantined <= 0.01 * delivered",
    ),
    each_row(
        "feeds.quarantine_bearable",
        "critical",
        f"At most 10 % of a feed (or {TOLERATED_ROWS} rows) is quarantined.",
        f"quarantined <= greatest({TOLERATED_ROWS}, 0.1 * delivered)",
    ),
    no_row(
        "feeds.keys_filled",
        "critical",
        f"At most 1 % of a feed (or {TOLERATED_ROWS} rows) lacks a key or an account.",
        "from {batch} as feeds inner join ("
        "select table_name, count(*) as without_key from marts.quarantined_rows"
        " where rule_id = 'KEY_MISSING' or (rule_id = 'ACCOUNT_UNKNOWN' and account_id is null)"
        " group by table_name) as listed on feeds.table_name = listed.table_name"
        f" where listed.without_key > greatest({TOLERATED_ROWS}, 0.01 * feeds.delivered)",
        key="feeds.table_name",
    ),
    no_row(
        "feeds.quarantine_explained",
        "critical",
        "quarantined_rows lists rows of exactly those feeds that count quarantined rows.",
        "from {batch} as feeds left join ("
        "select distinct table_name from marts.quarantined_rows) as listed"
        " on feeds.table_name = listed.table_name"
        " where (feeds.quarantined > 0) <> (listed.table_name is not null)",
        key="feeds.table_name",
    ),
]
