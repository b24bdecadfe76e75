"""The month-end status of every account as a user of pandas would write it.

The simple cumulative form, the same as in status_polars.py, and not the normative replay for the
same reasons. Amounts are whole cents, because pandas does not add up decimals by group. All that
is read must fit into memory; the purchases are left in the files, because this form does not need
them.
"""

import argparse
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

PAYING = ["repayment", "refund", "waiver"]
AMOUNTS = ["amount", "principal_due", "interest_due", "fee_due"]
READ = [*PAYING, "penalty", "write_off", "reversal"]


def newest(
    book: Path, table: str, key: str, as_of: pd.Timestamp, columns: list[str], types: bool = False
) -> pd.DataFrame:
    """The newest version of each row as known at the cut-off."""
    filters: list[tuple[str, str, object]] = [("recorded_at", "<=", as_of)]
    if types:
        filters.append(("transaction_type", "in", READ))
    rows = pd.read_parquet(
        book / table,
        columns=[key, *columns, "recorded_at"],
        filters=filters,
        dtype_backend="pyarrow",
    )
    for column in rows.columns.intersection(AMOUNTS):
        rows[column] = (rows[column] * 100).astype("int64[pyarrow]").astype("int64")
    return rows.sort_values("recorded_at").drop_duplicates(key, keep="last")


def month_end_status(book: Path, month: pd.Timestamp, as_of: pd.Timestamp) -> pd.DataFrame:
    """One row per account open in the month: days past due, overdue total, status."""
    end = month + pd.offsets.MonthEnd(1)
    moved = newest(
        book, "transactions", "transaction_id", as_of,
        ["account_id", "transaction_type", "amount", "occurred_at", "reverses_transaction_id"],
        types=True,
    )  # fmt: skip
    moved = moved[moved["occurred_at"] < end + pd.Timedelta(days=1)]
    undone = moved.loc[moved["transaction_type"] == "reversal", "reverses_transaction_id"]
    moved = moved[~moved["transaction_id"].isin(undone)]
    is_of = moved["transaction_type"]
    paid = moved[is_of.isin(PAYING)].groupby("account_id")["amount"].sum().rename("paid")

    bills = newest(
        book, "bills", "bill_id", as_of,
        ["account_id", "due_on", "principal_due", "interest_due", "fee_due"],
    )  # fmt: skip
    bills["due_on"] = pd.to_datetime(bills["due_on"])
    bills["amount"] = bills["principal_due"] + bills["interest_due"] + bills["fee_due"]
    penalties = moved.loc[is_of == "penalty", ["account_id", "amount", "occurred_at"]]
    penalties["due_on"] = pd.to_datetime(penalties.pop("occurred_at")).dt.normalize()
    due = pd.concat([bills[["account_id", "due_on", "amount"]], penalties])
    due = due[due["due_on"] < end].sort_values(["account_id", "due_on"])
    due["due"] = due.groupby("account_id")["amount"].cumsum()
    due = due.merge(paid, how="left", on="account_id")
    due["paid"] = due["paid"].fillna(0)
    late = (
        due[due["due"] > due["paid"]]
        .groupby("account_id")
        .agg(oldest=("due_on", "min"), due=("due", "max"), paid=("paid", "first"))
    )
    late["overdue_total"] = late["due"] - late["paid"]

    is_due = bills["due_on"].between(month, end) & (bills["amount"] > 0)
    billed_accounts = bills.loc[is_due, "account_id"]
    written_off = moved.loc[is_of == "write_off", "account_id"]
    accounts = newest(
        book, "accounts", "account_id", as_of, ["opened_on", "closed_on", "closure_kind"]
    )
    closed_on = pd.to_datetime(accounts["closed_on"])
    is_open = (pd.to_datetime(accounts["opened_on"]) <= end) & ~(closed_on < month)
    status = accounts[is_open].merge(late, how="left", on="account_id")
    closed_on = pd.to_datetime(status["closed_on"])
    days = (end - status["oldest"]).dt.days.fillna(0).astype(int)
    status["days_past_due"] = days
    status["overdue_total"] = status["overdue_total"].fillna(0) / 100
    status["repayment_status"] = np.select(
        [
            status["account_id"].isin(written_off) & (days > 0),
            (closed_on <= end) & (status["closure_kind"] == "transferred").fillna(False),
            closed_on <= end,
            days > 0,
            status["account_id"].isin(billed_accounts),
        ],
        ["B", "G", "C", ((days - 1) // 30 + 1).clip(upper=7).astype(str), "N"],
        "*",
    )
    return status[["account_id", "days_past_due", "overdue_total", "repayment_status"]]


def main() -> None:
    """Compute the status, write it, and print the seconds that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("book", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--month", type=pd.Timestamp, default=pd.Timestamp("2026-05-01"))
    parser.add_argument("--as-of", type=datetime.fromisoformat, default=datetime(2026, 6, 3))
    args = parser.parse_args()
    started = time.perf_counter()
    status = month_end_status(args.book, args.month, pd.Timestamp(args.as_of))
    status.to_parquet(args.out, index=False)
    print(f"{len(status):,} accounts in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
