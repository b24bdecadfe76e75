"""The month-end status of every account as a user of Polars would write it, lazily.

The simple cumulative form: what has fallen due less what was paid; the oldest due date that the
payments do not reach gives the days past due. It is not the normative replay (contracts,
section 2): a prepayment under `reduces_unbilled` counts here for the next bill although that bill
comes net of it, arrears cleared inside the month (`M`) are not reported, and neither grace days,
the due basis of the product nor the rules about wrong rows are known.
"""

import argparse
import time
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

PAYING = ["repayment", "refund", "waiver"]
READ = [*PAYING, "penalty", "write_off", "reversal"]


def newest(book: Path, table: str, key: str, as_of: datetime, types: bool = False) -> pl.LazyFrame:
    """The newest version of each row as known at the cut-off."""
    rows = pl.scan_parquet(book / table / "*.parquet").filter(pl.col("recorded_at") <= as_of)
    if types:
        rows = rows.filter(pl.col("transaction_type").is_in(READ))
    return rows.sort("recorded_at").unique(key, keep="last")


def month_end_status(book: Path, month: date, as_of: datetime) -> pl.LazyFrame:
    """One row per account open in the month: days past due, overdue total, status."""
    end = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    is_past = pl.col("occurred_at").dt.date() <= end
    moved = newest(book, "transactions", "transaction_id", as_of, types=True).filter(is_past)
    undone = moved.filter(pl.col("transaction_type") == "reversal").select(
        transaction_id="reverses_transaction_id"
    )
    moved = moved.join(undone, on="transaction_id", how="anti")
    bills = newest(book, "bills", "bill_id", as_of).select(
        "account_id",
        "due_on",
        amount=pl.sum_horizontal("principal_due", "interest_due", "fee_due"),
    )
    penalties = moved.filter(pl.col("transaction_type") == "penalty").select(
        "account_id", pl.col("occurred_at").dt.date().alias("due_on"), "amount"
    )
    paid = (
        moved.filter(pl.col("transaction_type").is_in(PAYING))
        .group_by("account_id")
        .agg(paid=pl.col("amount").sum())
    )
    due = (
        pl.concat([bills, penalties])
        .filter(pl.col("due_on") < end)
        .sort("account_id", "due_on")
        .with_columns(due=pl.col("amount").cum_sum().over("account_id"))
    )
    late = (
        due.join(paid, on="account_id", how="left")
        .with_columns(pl.col("paid").fill_null(0))
        .filter(pl.col("due") > pl.col("paid"))
        .group_by("account_id")
        .agg(
            oldest=pl.col("due_on").min(),
            overdue_total=pl.col("due").max() - pl.col("paid").first(),
        )
    )
    billed_accounts = (
        bills.filter(pl.col("due_on").is_between(month, end), pl.col("amount") > 0)
        .select("account_id", has_due=True)
        .unique()
    )
    written_off = moved.filter(pl.col("transaction_type") == "write_off").select(
        "account_id", written_off=True
    )
    days = (pl.lit(end) - pl.col("oldest")).dt.total_days().fill_null(0)
    return (
        newest(book, "accounts", "account_id", as_of)
        .filter(pl.col("opened_on") <= end)
        .filter(pl.col("closed_on").is_null() | (pl.col("closed_on") >= month))
        .join(late, on="account_id", how="left")
        .join(billed_accounts, on="account_id", how="left")
        .join(written_off.unique(), on="account_id", how="left")
        .select(
            "account_id",
            days_past_due=days,
            overdue_total=pl.col("overdue_total").fill_null(0),
            repayment_status=pl.when(pl.col("written_off") & (days > 0))
            .then(pl.lit("B"))
            .when(pl.col("closed_on") <= end)
            .then(
                pl.when(pl.col("closure_kind") == "transferred")
                .then(pl.lit("G"))
                .otherwise(pl.lit("C"))
            )
            .when(days > 0)
            .then(pl.min_horizontal((days - 1) // 30 + 1, 7).cast(pl.String))
            .when(pl.col("has_due"))
            .then(pl.lit("N"))
            .otherwise(pl.lit("*")),
        )
    )


def main() -> None:
    """Compute the status, write it, and print the seconds that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("book", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--month", type=date.fromisoformat, default=date(2026, 5, 1))
    parser.add_argument("--as-of", type=datetime.fromisoformat, default=datetime(2026, 6, 3))
    args = parser.parse_args()
    started = time.perf_counter()
    status = month_end_status(args.book, args.month, args.as_of).collect(engine="streaming")
    status.write_parquet(args.out)
    print(f"{status.height:,} accounts in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
