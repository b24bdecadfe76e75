"""The advance notices to send: each episode once, complete, and nothing of the person in it."""

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
        "An episode of an account is told once a month.",
        "from {batch} group by account_id, episode_started_on having count(*) > 1",
        key="concat_ws('|', account_id, episode_started_on)",
    ),
    each_row(
        "notices.of_this_month",
        "critical",
        "Every notice is due in the report month, for a month held back that is not later.",
        "report_month = {report_month} and held_month <= {report_month}"
        " and episode_started_on is not null",
    ),
    each_row(
        "notices.adverse",
        "critical",
        "Only adverse information is told beforehand.",
        "repayment_status in ('1', '2', '3', '4', '5', '6', '7', 'B')",
    ),
    each_row(
        "notices.before_the_report",
        "critical",
        "The notice names a day of reporting that lies after the cut-off.",
        "earliest_report_on > {as_of}",
    ),
    each_row(
        "notices.text_complete",
        "critical",
        "The text names account, amount and day, and no placeholder is left in it (REQ-04).",
        "contains(text, account_id) and contains(text, overdue_total::varchar)"
        " and contains(text, earliest_report_on::varchar) and not regexp_matches(text, '[{{}}]')",
    ),
    no_row(
        "notices.nobody_forgotten",
        "critical",
        "Every month held back for a notice has one due, unless it was delivered and waits or the"
        " account is held by a row in quarantine.",
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
