"""What the landed customers must hold before a month is built."""

from reporting.sentences import each_row, no_row

TABLE = "customers"
KEY = "customer_id"

EXPECTATIONS = [
    no_row(
        "landing.customers.delivered",
        "critical",
        "Customers are delivered and recorded by the cut-off.",
        "from {batch} having count_if(recorded_at <= {as_of}) = 0",
    ),
    each_row(
        "landing.customers.key_filled",
        "critical",
        "A customer has an id (1 % of the rows may be quarantined).",
        "customer_id is not null",
        tolerated=0.01,
    ),
    each_row(
        "landing.customers.name_filled",
        "critical",
        "A customer has a name (5 % may lack one: they are not reported, IDENTITY_INVALID).",
        "trim(name) <> ''",
        tolerated=0.05,
    ),
    each_row(
        "landing.customers.id_number_filled",
        "critical",
        "A customer has an identity number (5 % may lack one: they are not reported).",
        "trim(id_number) <> ''",
        tolerated=0.05,
    ),
]
