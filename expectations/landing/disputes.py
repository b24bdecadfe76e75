"""What the landed disputes must hold before a month is built; the feed may be empty.

The duties (Regulation on Credit Reporting, article 25) are checked on each dispute's newest version
at the cut-off. None stops the month, which is built from the ledger; a failure alerts compliance.
"""

from reporting.checks.vocabulary import RowsThatShouldNotBe, newest_row, no_row

TABLE = "disputes"
KEY = "dispute_id"


def no_dispute(check_id: str, description: str, fault: str) -> RowsThatShouldNotBe:
    """The newest version of no dispute shows a fault; ``{column}`` there is its value."""
    columns = ("received_on", "annotated_on", "answered_on", "outcome", "remark")
    newest = {name: f"max_by(struct_pack(it := {name}), recorded_at).it" for name in columns}
    return no_row(
        check_id,
        "warning",
        description,
        "from {batch} where recorded_at <= {as_of} group by dispute_id having "
        + fault.format(**newest, cut_off="cast({as_of} as date)"),
        key=KEY,
    )


EXPECTATIONS = [
    newest_row(
        "landing.disputes.key_filled",
        "critical",
        "A dispute has an id and names its account (1 % of the rows may be quarantined).",
        "dispute_id is not null and account_id is not null",
        KEY,
        tolerated=0.01,
    ),
    no_dispute(
        "landing.disputes.answered_in_time",
        "A dispute is answered within 20 days; an open one is counted to the cut-off (REQ-05).",
        "coalesce({answered_on}, {cut_off}) > {received_on} + 20",
    ),
    no_dispute(
        "landing.disputes.marked_at_once",
        "A disputed item is marked within a day of the claim (REQ-06).",
        "coalesce({annotated_on}, {cut_off}) > {received_on} + 1",
    ),
    no_dispute(
        "landing.disputes.unverifiable_remarked",
        "A dispute that could not be verified keeps a remark (REQ-08).",
        "{outcome} = 'unverifiable' and coalesce(trim({remark}), '') = ''",
    ),
]
