"""What every person's record must hold before any file is written."""

from reporting.checks.vocabulary import filled, no_row

TABLE = "record_110"
KEY = "customer_id"

EXPECTATIONS = [
    no_row(
        "record_110.key_unique",
        "critical",
        "A person has one record per institution and report date.",
        "from {batch} group by reporter_code, customer_id, rpt_date having count(*) > 1",
        key="customer_id",
    ),
    no_row(
        "record_110.has_account",
        "critical",
        "A person's record comes with an account record of the same institution in the same batch,"
        " or repairs one that the bureau rejected.",
        "from {batch} as person anti join secure.record_210 as record"
        " on record.customer_id = person.customer_id"
        " and record.reporter_code = person.reporter_code"
        " anti join history.pending_records as pending on pending.record_type = '110'"
        " and pending.subject_id = person.customer_id"
        " and pending.reporter_code = person.reporter_code",
        key="person.customer_id",
    ),
    filled(
        "record_110.id_number_filled",
        "critical",
        "A person's record has the number of the identity document.",
        "id_num",
    ),
    no_row(
        "record_110.spouse_named",
        "warning",
        "A married person's spouse is named; without a name the marriage is sent as unknown.",
        "from {batch} where is_spouse_missing",
        key="customer_id",
        new_rows_only=True,
    ),
    no_row(
        "record_110.employer_named",
        "warning",
        "An employed person's employer is named; without a name the job is sent as unknown.",
        "from {batch} where is_employer_missing",
        key="customer_id",
        new_rows_only=True,
    ),
    no_row(
        "record_110.values_sent",
        "warning",
        "Every optional value of a person can be sent; one that cannot is left out.",
        "from {batch} where values_left_out > 0",
        key="customer_id",
        new_rows_only=True,
    ),
    no_row(
        "record_110.same_person_as_210",
        "critical",
        "Name and identity document equal those of the person's account records.",
        "from {batch} as person inner join secure.record_210 as record"
        " on person.customer_id = record.customer_id"
        " and person.reporter_code = record.reporter_code"
        " where (person.name, person.id_type, person.id_num)"
        " is distinct from (record.name, record.id_type, record.id_num)",
        key="person.customer_id",
    ),
]
