"""The advance notices to send: one per episode, complete, and without personal data."""

from reporting.checks.vocabulary import each_row, no_row
from reporting.core.raw_contract import raw_contract
from reporting.core.seeds import sql_list

TABLE = "notices_due"
KEY = "concat_ws('|', account_id, episode_started_on)"

PERSONAL = sql_list(
    sorted({one.name for table in raw_contract() for one in table.columns if one.is_personal})
)

EXPECTATIONS = [
    no_row(
        "notices.episode_once",
        "critical",
        "An episode of an account has at most one notice due per month.",
        "from {batch} group by account_id, episode_started_on having count(*) > 1",
        key="concat_ws('|', account_id, episode_started_on)",
    ),
    each_row(
        "notices.of_this_month",
        "critical",
        "Every notice is due in the report month, for that month or an earlier pending one.",
        "report_month = {report_month} and held_month <= {report_month}"
        " and episode_started_on is not null",
    ),
    each_row(
        "notices.adverse",
        "critical",
        "Only adverse information is announced by a notice.",
        "repayment_status in ('1', '2', '3', '4', '5', '6', '7', 'B')",
    ),
    each_row(
        "notices.before_the_report",
        "critical",
        "The reporting day that a notice names lies after the cut-off.",
        "earliest_report_on > {as_of}",
    ),
    each_row(
        "notices.text_complete",
        "critical",
        "Each text names account, amount and day, and no placeholder is left in it (REQ-04).",
        "contains(text, account_id) and contains(text, overdue_total::varchar)"
        " and contains(text, earliest_report_on::varchar) and not regexp_matches(text, '[{{}}]')"
        " and contains(text_zh, account_id) and contains(text_zh, overdue_total::varchar)"
        " and contains(text_zh, strftime(earliest_report_on, '%Y年%-m月%-d日'))"
        " and not regexp_matches(text_zh, '[{{}}]')",
    ),
    no_row(
        "notices.nobody_forgotten",
        "critical",
        "Every month that waits for a notice has one due, unless the notice was delivered already"
        " or a quarantined row withholds the account.",
        "from {batch} as due right join marts.reportable_population as population"
        " on due.account_id = population.account_id"
        " and due.episode_started_on = population.episode_started_on"
        " left join ledger.int_accounts_in_quarantine as quarantine"
        " on population.account_id = quarantine.account_id"
        " where coalesce(quarantine.held_since > {month_end}, true)"
        " and population.reason_code = 'NOTICE_PENDING' and due.account_id is null"
        " and not exists (select 1 from staging.stg_adverse_notices as notices"
        " where notices.account_id = population.account_id"
        " and notices.episode_started_on = population.episode_started_on"
        " and notices.delivered_at is not null)",
        key="population.account_id",
    ),
    no_row(
        "notices.nothing_personal",
        "critical",
        "No column holds personal data.",
        "from (select 1 from {batch} limit 1) as something, duckdb_columns()"
        " where schema_name = 'marts' and table_name = 'notices_due'"
        f" and column_name in {PERSONAL}",
    ),
]
