"""The oracle on a whole landing zone: what the marts of one month must hold.

Reads the raw tables' Parquet files into dictionaries, stages them, and replays account by account.
"""

import csv
from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from .population import Case, verdict
from .replay import history, is_open_in, status_row
from .staging import TABLES, Staged, stage

Row = dict[str, Any]
Rows = list[Row]


def read_policy(path: Path) -> dict[str, Row]:
    """The product policy by product code."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["product_code"]: dict(row) for row in csv.DictReader(file)}


def as_meant(value: Any) -> Any:
    """A text without white space at its ends; None for an empty one and for a word for NULL."""
    text = value.strip() if isinstance(value, str) else value
    return None if text in ("", "NULL", "null", "(null)", r"\N") else text


def read_table(landing: Path, table: str) -> Rows:
    """Every delivered row under the contract's columns; an absent optional column reads as None."""
    files = sorted(str(path) for path in (landing / table).rglob("*.parquet"))
    if not files:
        return []
    with duckdb.connect() as connection:
        connection.execute(
            "from read_parquet(?, union_by_name = true, hive_partitioning = false)", [files]
        )
        names = [column[0] for column in connection.description or []]
        empty = dict.fromkeys(TABLES[table].columns)
        wanted = set(empty)
        return [
            empty | {n: as_meant(v) for n, v in zip(names, values, strict=True) if n in wanted}
            for values in connection.fetchall()
        ]


def read_landing(landing: Path) -> dict[str, Rows]:
    """All raw tables: every row as delivered, its texts as they are meant."""
    return {table: read_table(landing, table) for table in TABLES}


def by(rows: Iterable[Row], column: str) -> dict[Any, Rows]:
    """The rows grouped by a column; a missing group is empty."""
    groups: dict[Any, Rows] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups


@dataclass
class ExpectedMonth:
    """What one month must show, plus the staging it rests on."""

    staged: Staged
    repayment_status: Rows = field(default_factory=list)
    reportable_population: Rows = field(default_factory=list)


def expected(
    raw: dict[str, Rows],
    policy: dict[str, Row],
    month: date,
    as_of: datetime,
    notice_lead_days: int = 0,
    sent: Container[str] = (),
) -> ExpectedMonth:
    """Stage the raw rows and derive both tables of the month; rows are sorted by account.

    ``sent``: the accounts with a record that counts as sent by an earlier run.
    """
    staged = stage(raw, as_of, policy)
    good = staged.good
    customers = {row["customer_id"]: row for row in good["customers"]}
    transactions = by(good["transactions"], "account_id")
    bills = by(good["bills"], "account_id")
    limits = by(good["credit_limits"], "account_id")
    consents = by(good["consents"], "customer_id")
    notices = by(good["adverse_notices"], "account_id")
    out = ExpectedMonth(staged)
    for account in sorted(good["accounts"], key=lambda row: row["account_id"]):
        account_id = account["account_id"]
        rules = policy[account["product_code"]]
        months = []
        if is_open_in(account, month):
            months = history(account, transactions[account_id], bills[account_id], rules, month)
            holder = account["parent_account_id"] or account_id
            row = status_row(account, bills[account_id], limits[holder], months)
            out.repayment_status.append(row)
        customer_id = account["customer_id"]
        case = Case(
            account=account,
            customer=customers.get(customer_id),
            consents=consents[customer_id],
            notices=notices[account_id],
            policy=rules,
            month=month,
            months=months,
            as_of=as_of,
            notice_lead_days=notice_lead_days,
            is_sent=account_id in sent,
        )
        out.reportable_population.append(verdict(case))
    return out


def expected_month(
    landing: Path,
    policy: Path,
    month: date,
    as_of: datetime,
    notice_lead_days: int = 0,
    sent: Container[str] = (),
) -> ExpectedMonth:
    """The same from files: a landing folder of Parquet extracts and a product policy CSV."""
    raw, rules = read_landing(landing), read_policy(policy)
    return expected(raw, rules, month, as_of, notice_lead_days, sent)
