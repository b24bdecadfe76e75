"""The state as CSV files, for comparison with what a lender says it reported (lifecycle 12)."""

import csv
import io
from pathlib import Path

from bureau_simulator import atomic
from bureau_simulator.state import (
    ACCOUNT_COLUMNS,
    AGREEMENT_COLUMNS,
    MONTH_COLUMNS,
    PERSON_COLUMNS,
    State,
)

# Table, its columns, its order. Values stand as they were sent.
_PERSONS = [*PERSON_COLUMNS, "FirstRptDate"]
_AGREEMENTS = [*AGREEMENT_COLUMNS, "FirstRptDate"]
_ACCOUNTS = [*ACCOUNT_COLUMNS, "FirstRptDate"]
QUERIES = {
    "persons": (_PERSONS, "select * from persons order by IDNum, IDType, Name, InfSurcCode"),
    "agreements": (_AGREEMENTS, "select * from agreements order by ContractCode"),
    "accounts": (
        [*_ACCOUNTS, "ClosedRptDate"],
        "select accounts.*, coalesce(closings.RptDate, '') as ClosedRptDate"
        " from accounts left join closings using (AcctCode) order by AcctCode",
    ),
    "months": (MONTH_COLUMNS, "select * from months order by AcctCode, Month"),
}


def export(state: State, folder: Path) -> dict[str, int]:
    """Write one CSV file per table into a folder; return the number of rows of each."""
    counts = {}
    for table, (columns, query) in QUERIES.items():
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        rows = state.sql.execute(query).fetchall()
        writer.writerows([row[column] for column in columns] for row in rows)
        atomic.write(folder / f"{table}.csv", text.getvalue().encode())
        counts[table] = len(rows)
    return counts
