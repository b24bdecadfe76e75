"""The feed of the in-house score: every account that is not reportable, and no reportable one."""

from reporting.checks.vocabulary import each_row, no_row, unique

TABLE = "internal_score_feed"
KEY = "account_id"

EXPECTATIONS = [
    unique(
        "score_feed.account_once_a_month",
        "critical",
        "An account is fed to the in-house score once per month.",
        "account_id",
    ),
    each_row(
        "score_feed.of_this_month",
        "critical",
        "Every row is about the report month, and its score is not newer than that month.",
        "report_month = {report_month} and coalesce(scored_on, {month_end}) <= {month_end}",
    ),
    no_row(
        "score_feed.nothing_reportable",
        "critical",
        "No reportable account is fed to the in-house score.",
        "from {batch} as feed left join marts.reportable_population as population"
        " on feed.account_id = population.account_id"
        " and feed.report_month = population.report_month"
        " where coalesce(population.is_reportable, true)",
        key="feed.account_id",
    ),
    no_row(
        "score_feed.nobody_missing",
        "critical",
        "Every account that is not reportable is fed to the in-house score.",
        "from {batch} as feed right join marts.reportable_population as population"
        " on feed.account_id = population.account_id"
        " and feed.report_month = population.report_month"
        " where population.report_month = {report_month} and not population.is_reportable"
        " and feed.account_id is null",
        key="population.account_id",
    ),
    no_row(
        "score_feed.behaviour_of_the_open",
        "critical",
        "An account that was open in the month is fed with its repayment status.",
        "from {batch} as feed left join marts.repayment_status as status"
        " on feed.account_id = status.account_id and feed.report_month = status.report_month"
        " where feed.repayment_status is distinct from status.repayment_status",
        key="feed.account_id",
    ),
]
