"""What every account record must hold before any file is written.

These checks find faults of the builder, which stop the month. The bureau's own rules stand in their
registry alone: a record that fails one is withheld, the others are sent (``validated_records``).
"""

from reporting.checks.vocabulary import each_row, filled, no_row

TABLE = "record_210"
KEY = "account_id"

ITS_POPULATION = (
    "marts.reportable_population as population"
    " on population.account_id = record.account_id"
    " and population.report_month = date_trunc('month', record.report_date)"
)

EXPECTATIONS = [
    no_row(
        "record_210.key_unique",
        "critical",
        "An account has one record per report date.",
        "from {batch} group by acct_code, rpt_date having count(*) > 1",
        key="any_value(account_id)",
    ),
    no_row(
        "record_210.reported_in_its_month",
        "critical",
        "A record belongs to an account with the verdict REPORTED for the month it is about.",
        f"from {{batch}} as record left join {ITS_POPULATION}"
        " where not coalesce(population.is_reportable, false)",
        key="record.account_id",
    ),
    no_row(
        "record_210.owed_from_before",
        "critical",
        "A record of an earlier month, or of a supplement, was pending after the run before.",
        "from {batch} as record left join history.months_owed as owed"
        " on record.account_id = owed.account_id"
        " and date_trunc('month', record.report_date) = owed.owed_month"
        " where (record.report_date < {report_month}"
        " or (select is_supplement from marts.built_months)) and owed.account_id is null",
        key="record.account_id",
    ),
    no_row(
        "record_210.complete",
        "critical",
        "Every reportable account has a record of each month that this run sends.",
        f"from {{batch}} as record right join {ITS_POPULATION}"
        " inner join ledger.int_months_read as months"
        " on population.account_id = months.account_id"
        " and population.report_month = months.report_month and months.is_to_send"
        " where population.is_reportable and record.account_id is null",
        key="population.account_id",
    ),
    no_row(
        "record_210.not_before_authorization",
        "critical",
        "No record and no reported month precedes the authorization in force.",
        f"from {{batch}} as record left join {ITS_POPULATION}"
        " where not coalesce(population.authorized_on <= record.report_date"
        " and substr(cast(population.authorized_on as varchar), 1, 7) <= record.month, false)",
        key="record.account_id",
    ),
    each_row(
        "record_210.month_is_report_date",
        "critical",
        "Month, report date and settlement date of a record agree.",
        "month = strftime(report_date, '%Y-%m') and rpt_date = report_date"
        " and sett_date = report_date",
    ),
    each_row(
        "record_210.codes_prefixed",
        "critical",
        "Account and agreement code begin with the institution's code, and it manages the account.",
        "acct_code = reporter_code || account_id and starts_with(mcc, reporter_code)"
        " and mngmt_org_code = reporter_code and length(reporter_code) = 14",
    ),
    filled(
        "record_210.name_filled",
        "critical",
        "A record names its borrower.",
        "name",
    ),
    filled(
        "record_210.id_number_filled",
        "critical",
        "A record has the number of the borrower's identity document.",
        "id_num",
    ),
]
