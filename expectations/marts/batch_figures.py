"""The month as a whole compared with the months before it: figures outside their bounds.

Figures and bounds are data: ``models/portfolio`` measures, ``seeds/batch_bounds.csv`` says by how
much a figure may move, from how many rows on it is evaluated, and why.
"""

from reporting.checks.guide import SEVERITIES
from reporting.checks.vocabulary import each_row, no_row
from reporting.core.seeds import seed_rows

TABLE = "batch_figures"
# The key holds the value, so that a waiver of this month's figure does not cover the next month's,
# and the allowed range, since the owner needs both to judge.
KEY = (
    "concat_ws('|', scope, report_month, round(value, 4),"
    " 'allowed:' || round(allowed_from, 4), 'to:' || round(allowed_to, 4))"
)

BOUNDS = seed_rows("batch_bounds")

EXPECTATIONS = [
    each_row(
        "figures.of_this_month",
        "critical",
        "Every figure is about the report month and has bounds.",
        "report_month = {report_month} and (months_before = 0 or allowed_to is not null)",
    ),
    *(
        no_row(
            f"batch.{figure}",
            min(  # a figure has one check: as severe as its severest bound
                (row["severity"] for row in BOUNDS if row["figure"] == figure),
                key=SEVERITIES.index,
            ),
            f"The figure {figure} stays close to the months before: "
            + " ".join(row["rationale"] for row in BOUNDS if row["figure"] == figure),
            f"from {{batch}} where figure = '{figure}' and is_unusual",
            key=KEY,
        )
        for figure in dict.fromkeys(row["figure"] for row in BOUNDS)
    ),
]
