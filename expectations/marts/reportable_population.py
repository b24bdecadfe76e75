"""Who is reported: what the verdicts of a month must hold before records are built from them.

The table also holds the earlier months that are still pending, with their verdict of this run.
"""

from reporting.checks.vocabulary import each_row, filled, no_row, one_of, the_table
from reporting.core.seeds import seed_values

TABLE = "reportable_population"
KEY = "account_id"

EXPECTATIONS = [
    the_table(
        "population.not_empty",
        "critical",
        "The month has a population.",
        "count(*) > 0",
    ),
    no_row(
        "population.account_once_a_month",
        "critical",
        "An account has one verdict per month.",
        "from {batch} group by account_id, report_month having count(*) > 1",
        key="account_id",
    ),
    each_row(
        "population.of_this_month",
        "critical",
        "Every verdict is about the report month or an earlier pending one.",
        "report_month <= {report_month}",
    ),
    each_row(
        "population.keys_filled",
        "critical",
        "A verdict names account, customer, product, institution and reporting basis.",
        "account_id is not null and customer_id is not null and product_code is not null"
        " and reporter_code is not null and reporting_basis in ('authorization', 'contract')",
    ),
    filled(
        "population.reason_filled",
        "critical",
        "Every verdict has a reason.",
        "reason_code",
    ),
    one_of(
        "population.reason_known",
        "critical",
        "Every reason is explained in seeds/reasons.csv.",
        "reason_code",
        seed_values("reasons", "reason_code"),
    ),
    each_row(
        "population.reported_means_reportable",
        "critical",
        "An account is reportable exactly when its reason is REPORTED.",
        "is_reportable = (reason_code = 'REPORTED')",
    ),
    no_row(
        "population.authorized_by_report_date",
        "critical",
        "A reportable account is authorized, on a day not after its report date.",
        "from {batch} as population"
        " left join marts.repayment_status as status on population.account_id = status.account_id"
        " and population.report_month = status.report_month"
        " where population.is_reportable"
        " and not coalesce(population.authorized_on <= status.report_date, false)",
        key="population.account_id",
    ),
    each_row(
        "population.consent_named",
        "critical",
        "A reportable account names the consent event that authorizes it.",
        "not is_reportable or consent_event_id is not null",
    ),
    each_row(
        "population.first_reported_month_filled",
        "critical",
        "A reportable account has a first reported month, not later than the month itself.",
        "not is_reportable or first_reported_month <= report_month",
    ),
    no_row(
        "population.open_means_status",
        "critical",
        "Every account that was open in the month has a repayment status.",
        "from {batch} as population"
        " left join marts.repayment_status as status on population.account_id = status.account_id"
        " and population.report_month = status.report_month"
        " where population.reason_code not in ('NOT_YET_OPEN', 'CLOSED_EARLIER')"
        " and status.account_id is null",
        key="population.account_id",
    ),
    no_row(
        "population.contract_consent_missing",
        "warning",
        "Every loan contract carries its consent; a contract without one is an incident.",
        "from {batch} where reason_code = 'CONTRACT_CONSENT_MISSING'",
        key="account_id",
        new_rows_only=True,
    ),
    no_row(
        "population.contract_consent_late",
        "warning",
        "The consent of a loan contract is not signed after the opening; a later one is an"
        " incident.",
        "from {batch} where reporting_basis = 'contract'"
        " and cast(first_signed_at as date) > opened_on and report_month = {report_month}"
        " and reason_code not in ('NOT_YET_OPEN', 'CLOSED_EARLIER')",
        key="account_id",
    ),
    no_row(
        "population.reporter_unchanged",
        "warning",
        "An account open at the bureau keeps the institution, product and customer that were sent.",
        "from {batch} as population inner join ("
        " select account_id, reporter_code, max(customer_id) as customer_id,"
        " max(product_code) as product_code from history.submission_records"
        " where record_type = '210' and state not in ('WITHHELD', 'REJECTED')"
        " group by account_id, reporter_code"
        " having not coalesce(bool_or(was_closed), false)) as sent"
        " on population.account_id = sent.account_id"
        " where population.report_month = {report_month}"
        " and (population.reporter_code <> sent.reporter_code"
        " or population.customer_id <> sent.customer_id"
        " or population.product_code <> sent.product_code)",
        key="population.account_id",
    ),
    no_row(
        "population.closing_told",
        "warning",
        "The last record sent of a closed account is its closing; a closing learnt too late needs"
        " a correction.",
        "from {batch} as population inner join ("
        " select reporter_code, account_id, max_by(report_date_code, last_report_date) as last_code"
        " from history.submission_records where record_type = '210' and state <> 'WITHHELD'"
        " group by all) as sent on sent.account_id = population.account_id"
        " and sent.reporter_code = population.reporter_code"
        " left join history.months_owed as owed on owed.account_id = population.account_id"
        " where population.reason_code = 'CLOSED_EARLIER'"
        " and population.report_month = {report_month} and owed.account_id is null"
        " and sent.last_code not in ('20', '32')",
        key="population.account_id",
    ),
    no_row(
        "population.identity_invalid",
        "info",
        "Every customer's identity is valid; customers with an invalid one are not reported.",
        "from {batch} where reason_code = 'IDENTITY_INVALID'",
        key="account_id",
    ),
    no_row(
        "population.notice_pending",
        "info",
        "Adverse months whose notice is not delivered yet are counted; they stay pending.",
        "from {batch} where reason_code = 'NOTICE_PENDING'",
        key="account_id",
    ),
    no_row(
        "population.students",
        "warning",
        "No university student is granted a loan online since the notice of 2021 (REQ-20).",
        "from {batch} as population inner join secure.stg_customers as customers"
        " on population.customer_id = customers.customer_id"
        " where customers.is_student and population.opened_on >= date '2021-03-01'"
        " and population.report_month = {report_month}"
        " and population.reason_code not in ('NOT_YET_OPEN', 'CLOSED_EARLIER')",
        key="population.account_id",
    ),
    no_row(
        "population.reported_remain",
        "warning",
        "An account that was reported is delivered until its closing has been sent.",
        "from history.accounts_known as known anti join {batch} as population"
        " on population.account_id = known.account_id and population.report_month = {report_month}"
        " where not coalesce(known.was_closed, false)",
        key="known.account_id",
    ),
]
