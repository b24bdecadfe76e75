"""What the landed customers must hold before a month is built."""

from reporting.checks.vocabulary import newest_row, no_row, some_row

TABLE = "customers"
KEY = "customer_id"

# Digits, controls, the sign for what could not be decoded, and UTF-8 that was read as Latin-1.
UNREADABLE = "[0-9[:cntrl:]\ufffd]|[\u00c2-\u00ef][\u0080-\u00bf]"

EXPECTATIONS = [
    some_row(
        "landing.customers.delivered",
        "critical",
        "Customers are delivered and recorded by the cut-off.",
        "recorded_at <= {as_of}",
    ),
    newest_row(
        "landing.customers.key_filled",
        "critical",
        "A customer has an id (1 % of the rows may be quarantined).",
        "customer_id is not null",
        KEY,
        tolerated=0.01,
    ),
    newest_row(
        "landing.customers.name_filled",
        "critical",
        "A customer has a name (5 % may lack one: they are not reported, IDENTITY_INVALID).",
        "trim(name) <> ''",
        KEY,
        tolerated=0.05,
    ),
    newest_row(
        "landing.customers.id_number_filled",
        "critical",
        "A customer has an identity number (5 % may lack one: they are not reported).",
        "trim(id_number) <> ''",
        KEY,
        tolerated=0.05,
    ),
    newest_row(
        "landing.customers.name_readable",
        "warning",
        "A name holds no digit, no control character and no sign of a wrong encoding.",
        f"not coalesce(regexp_matches(name, '{UNREADABLE}'), false)",
        KEY,
    ),
    no_row(
        "landing.customers.one_person_one_customer",
        "warning",
        "An identity number belongs to one customer.",
        "from (select customer_id, min(customer_id) over person <> max(customer_id) over person"
        " as is_shared from (select customer_id, max_by(id_type, recorded_at) as id_type,"
        " max_by(id_number, recorded_at) as id_number from {batch} where recorded_at <= {as_of}"
        " group by customer_id) as newest where trim(id_number) <> ''"
        " window person as (partition by id_type, id_number)) as customers where is_shared",
        key="customer_id",
    ),
]
