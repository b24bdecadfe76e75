"""What every credit agreement's record must hold before any file is written."""

from reporting.checks.vocabulary import each_row, no_row

TABLE = "record_220"
KEY = "agreement_id"

EXPECTATIONS = [
    no_row(
        "record_220.key_unique",
        "critical",
        "An agreement has one record per report date.",
        "from {batch} group by contract_code, rpt_date having count(*) > 1",
        key="any_value(agreement_id)",
    ),
    no_row(
        "record_220.customer_authorized",
        "critical",
        "An agreement names a customer whose authorization for an account under it is in force.",
        "from {batch} as agreement left join ("
        " select accounts.reporter_code, accounts.agreement_id, accounts.customer_id,"
        " min(population.authorized_on) as authorized_on"
        " from marts.reportable_population as population"
        " inner join ledger.int_accounts_at_report_date as accounts"
        " on accounts.account_id = population.account_id"
        " and accounts.report_month = population.report_month"
        " where population.authorized_on is not null group by all"
        ") as authorized on authorized.reporter_code = agreement.reporter_code"
        " and authorized.agreement_id = agreement.agreement_id"
        " and authorized.customer_id = agreement.customer_id"
        " and authorized.authorized_on <= agreement.rpt_date"
        " where authorized.agreement_id is null",
        key="agreement.agreement_id",
    ),
    each_row(
        "record_220.code_prefixed",
        "critical",
        "The agreement code begins with the institution's code, and it manages the agreement.",
        "starts_with(contract_code, reporter_code) and mngmt_org_code = reporter_code",
    ),
    each_row(
        "record_220.ended_agrees",
        "critical",
        "Code 20 and agreement status 2 come together.",
        "rpt_date_code in ('10', '20', '30') and (rpt_date_code = '20') = (con_status = '2')",
    ),
]
