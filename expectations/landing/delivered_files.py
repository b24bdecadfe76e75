"""Every file holds the rows and the amount of its control total, where it has one.

Only a control total shows that a file was cut at the end of a line.
"""

from reporting.checks.vocabulary import each_row

TABLE = "delivered_files"
KEY = "concat(file, ':', coalesce(rows_landed, 0))"  # a file, and how many rows were landed of it

EXPECTATIONS = [
    each_row(
        "landing.delivered_files.as_stated",
        "critical",
        "Every file with a control total is delivered, with the rows and the amount stated there.",
        "not has_total or (is_delivered and rows_landed = rows_stated"
        " and amount_landed = coalesce(amount_stated, amount_landed))",
    ),
    each_row(
        "landing.delivered_files.total_given",
        "warning",
        "Every file of a table with control totals has one.",
        "has_total or not is_total_expected",
    ),
]
