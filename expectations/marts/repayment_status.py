"""How each account was repaid: what a month's statuses must hold before records are built."""

from reporting.checks.vocabulary import each_row, no_row

TABLE = "repayment_status"
KEY = "account_id"

OVERDUE = "repayment_status in ('1', '2', '3', '4', '5', '6', '7')"
CLOSED = "repayment_status in ('C', 'G')"

EXPECTATIONS = [
    no_row(
        "status.account_once_a_month",
        "critical",
        "An account has one repayment status per month.",
        "from {batch} group by account_id, report_month having count(*) > 1",
        key="account_id",
    ),
    each_row(
        "status.of_this_month",
        "critical",
        "Every status is about the report month or an earlier pending one, and its report date lies"
        " in that month.",
        "report_month <= {report_month}"
        " and report_date between report_month and last_day(report_month)",
    ),
    no_row(
        "status.at_the_accounts_last_day",
        "critical",
        "The report date is the closing day of an account that closes in the month, else its end.",
        "from {batch} as status left join ledger.int_accounts_at_report_date as accounts"
        " on status.account_id = accounts.account_id"
        " and status.report_month = accounts.report_month"
        " where not coalesce(status.report_date = case"
        " when accounts.closed_on between status.report_month and last_day(status.report_month)"
        " then accounts.closed_on else last_day(status.report_month) end, false)",
        key="status.account_id",
    ),
    no_row(
        "status.of_the_population",
        "critical",
        "Every status belongs to an account of the population that was open in the month.",
        "from {batch} as status left join marts.reportable_population as population"
        " on status.account_id = population.account_id"
        " and status.report_month = population.report_month"
        " where not coalesce("
        "population.reason_code not in ('NOT_YET_OPEN', 'CLOSED_EARLIER'), false)",
        key="status.account_id",
    ),
    each_row(
        "status.code_known",
        "critical",
        "The status is one of those in use: star, N, M, 1-7, B, C or G.",
        f"{OVERDUE} or {CLOSED} or repayment_status in ('*', 'N', 'M', 'B')",
    ),
    each_row(
        "status.amounts_not_negative",
        "critical",
        "No amount and no count is negative or missing.",
        "least(balance, credit_balance, amount_due, amount_paid, overdue_total) >= 0"
        " and least(overdue_principal, overdue_principal_31_60, overdue_principal_61_90,"
        " overdue_principal_91_180, overdue_principal_over_180) >= 0"
        " and least(days_past_due, overdue_periods, remaining_periods) >= 0"
        " and balance is not null and credit_balance is not null and amount_due is not null"
        " and amount_paid is not null and overdue_total is not null"
        " and overdue_principal is not null and overdue_principal_31_60 is not null"
        " and overdue_principal_61_90 is not null and overdue_principal_91_180 is not null"
        " and overdue_principal_over_180 is not null and days_past_due is not null"
        " and overdue_periods is not null and remaining_periods is not null",
    ),
    each_row(
        "status.balance_on_one_side",
        "critical",
        "An account has a balance or a credit balance, never both.",
        "balance = 0 or credit_balance = 0",
    ),
    each_row(
        "status.overdue_parts_fit",
        "critical",
        "The age buckets fit into the overdue principal, and that into the overdue total.",
        "overdue_principal_31_60 + overdue_principal_61_90 + overdue_principal_91_180"
        " + overdue_principal_over_180 <= overdue_principal"
        " and overdue_principal <= overdue_total",
    ),
    each_row(
        "status.overdue_together",
        "critical",
        "Days, periods, total and oldest due date agree on whether anything is overdue.",
        "(days_past_due > 0) = (overdue_periods > 0)"
        " and (days_past_due > 0) = (overdue_total > 0)"
        " and (days_past_due > 0) = (oldest_unpaid_due_on is not null)",
    ),
    each_row(
        "status.days_counted_from_oldest",
        "critical",
        "The days past due run from the oldest unpaid due date to the report date.",
        "days_past_due = coalesce(date_diff('day', oldest_unpaid_due_on, report_date), 0)",
    ),
    each_row(
        "status.digit_means_overdue",
        "critical",
        "The status is a digit exactly when an account is overdue and neither closed nor written"
        " off.",
        f"({OVERDUE}) = (days_past_due > 0 and repayment_status not in ('B', 'C', 'G'))",
    ),
    each_row(
        "status.digit_follows_days",
        "critical",
        "The digit counts the periods of 30 days past due, a started one too, at most 7.",
        f"not ({OVERDUE})"
        " or try_cast(repayment_status as integer) = least((days_past_due + 29) // 30, 7)",
    ),
    each_row(
        "status.star_means_nothing_due",
        "critical",
        "A star says that nothing fell due, an N that something did.",
        "repayment_status not in ('*', 'N') or (repayment_status = 'N') = (amount_due > 0)",
    ),
    each_row(
        "status.closed_means_c_or_g",
        "critical",
        "The status is C or G exactly when the account closed and was not written off.",
        f"repayment_status = 'B' or ({CLOSED}) = (closed_on is not null)",
    ),
    each_row(
        "status.account_status_agrees",
        "critical",
        "The account status is 42 for B, 3 for C and G, 2 when overdue, else 1.",
        "account_status = case when repayment_status = 'B' then '42'"
        f" when {CLOSED} then '3' when days_past_due > 0 then '2' else '1' end",
    ),
    each_row(
        "status.five_tier_follows_days",
        "critical",
        "The five-tier class follows the days past due; a written-off account is a loss.",
        "five_tier_class = case when repayment_status = 'B' or days_past_due > 360 then '5'"
        " when days_past_due > 270 then '4' when days_past_due > 90 then '3'"
        " when days_past_due > 0 then '2' else '1' end",
    ),
    each_row(
        "status.dates_not_after_report_date",
        "critical",
        "Neither the class nor the last payment is dated after the report date.",
        "five_tier_assigned_on <= report_date"
        " and coalesce(last_paid_on, report_date) <= report_date",
    ),
    each_row(
        "status.paid_means_dated",
        "critical",
        "An amount paid in the month has a payment date in the month.",
        "amount_paid = 0 or last_paid_on between report_month and report_date",
    ),
    each_row(
        "status.closed_owes_nothing",
        "warning",
        "A closed account owes nothing.",
        f"not ({CLOSED}) or (balance = 0 and overdue_total = 0)",
    ),
    each_row(
        "status.overdue_within_balance",
        "warning",
        "The overdue principal does not exceed the balance.",
        "overdue_principal <= balance",
    ),
    each_row(
        "status.limit_known",
        "warning",
        "The account has a credit limit at its report date.",
        "credit_limit is not null",
    ),
]
