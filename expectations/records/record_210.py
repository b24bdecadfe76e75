"""What is promised to the bureau of every account record, before any file is written.

A fault of the builder stops the month (critical). A record whose own data break a bureau rule is
held back alone (the rule registry does that), so its count here is a warning.
"""

import great_expectations.expectations as gxe

from reporting.sentences import each_row, no_row

TABLE = "record_210"

ITS_POPULATION = (
    "marts.reportable_population as population"
    " on population.account_id = record.account_id"
    " and population.report_month = date_trunc('month', record.report_date)"
)

EXPECTATIONS = [
    no_row(
        "record_210.key_unique",
        "critical",
        "An account has one record a report date.",
        "from {batch} group by acct_code, rpt_date having count(*) > 1",
    ),
    no_row(
        "record_210.reported_in_its_month",
        "critical",
        "A record belongs to an account with the verdict REPORTED for the month it is about.",
        f"from {{batch}} as record left join {ITS_POPULATION}"
        " where not coalesce(population.is_reportable, false)",
    ),
    no_row(
        "record_210.owed_from_before",
        "critical",
        "A record of an earlier month is one that the month before left owed.",
        "from {batch} as record left join history.months_owed as owed"
        " on record.account_id = owed.account_id"
        " and date_trunc('month', record.report_date) = owed.owed_month"
        " where record.report_date < {report_month} and owed.account_id is null",
    ),
    no_row(
        "record_210.complete",
        "critical",
        "Every reportable account has a record of its month.",
        f"from {{batch}} as record right join {ITS_POPULATION}"
        " where population.is_reportable and record.account_id is null",
    ),
    no_row(
        "record_210.not_before_authorization",
        "critical",
        "No record and no month is about a time before the authorization in force.",
        f"from {{batch}} as record left join {ITS_POPULATION}"
        " where not coalesce(population.authorized_on <= record.report_date"
        " and substr(cast(population.authorized_on as varchar), 1, 7) <= record.month, false)",
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
        "Account and agreement code begin with the institution, which also manages the account.",
        "acct_code = reporter_code || account_id and starts_with(mcc, reporter_code)"
        " and mngmt_org_code = reporter_code and length(reporter_code) = 14",
    ),
    each_row(
        "record_210.code_known",
        "critical",
        "Account type and report-time code are among those in use.",
        "acct_type in ('R1', 'R4') and rpt_date_code in ('10', '20', '30', '31', '32')",
    ),
    each_row(
        "record_210.first_report_complete",
        "critical",
        "A first report carries the segments C, F and H.",
        "rpt_date_code not in ('10', '31') or (seg_c and seg_f and seg_h)",
    ),
    each_row(
        "record_210.month_segment_present",
        "critical",
        "Every record carries the monthly segment H.",
        "seg_h",
    ),
    each_row(
        "record_210.closing_code_agrees",
        "critical",
        "Codes 20 and 32, account status 3, status C or G and a close date come together.",
        "(rpt_date_code in ('20', '32')) = (acct_status = '3')"
        " and (rpy_status in ('C', 'G')) = (acct_status = '3')"
        " and (close_date is not null) = (acct_status = '3')",
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="name",
        severity="critical",
        description="A record names its borrower.",
        meta={"id": "record_210.name_filled"},
    ),
    gxe.ExpectColumnValuesToNotBeNull(
        column="id_num",
        severity="critical",
        description="A record has the number of the borrower's identity document.",
        meta={"id": "record_210.id_number_filled"},
    ),
    each_row(
        "record_210.limit_or_loan",
        "warning",
        "An R1 account states its limit, an R4 account its loan amount.",
        "case acct_type when 'R1' then acct_cred_line is not null and loan_amt is null"
        " else loan_amt is not null and acct_cred_line is null end",
    ),
    each_row(
        "record_210.amounts_fit",
        "warning",
        "Amounts are not negative; buckets fit the overdue principal, that the total and balance.",
        "least(acct_bal, tot_overd, overd_princ, oved31_60, oved61_90, oved91_180, oved180,"
        " cur_rpy_amt, act_rpy_amt, rem_rep_prd, overd_prd) >= 0"
        " and oved31_60 + oved61_90 + oved91_180 + oved180 <= overd_princ"
        " and overd_princ <= tot_overd and overd_princ <= acct_bal",
    ),
    each_row(
        "record_210.dates_ordered",
        "warning",
        "Opened, classed, last paid and closed lie in order, none after the report date.",
        "open_date <= due_date and open_date <= least(five_cate_adj_date, lat_rpy_date)"
        " and greatest(five_cate_adj_date, lat_rpy_date) <= rpt_date"
        " and greatest(five_cate_adj_date, lat_rpy_date) <= coalesce(close_date, rpt_date)",
    ),
    each_row(
        "record_210.closed_owes_nothing",
        "warning",
        "A closed account owes nothing.",
        "acct_status <> '3' or (acct_bal = 0 and tot_overd = 0 and overd_prd = 0)",
    ),
]
