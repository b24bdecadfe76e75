"""A small landing zone, one good row in each required feed, for tests of the landing check."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reporting.core.errors import BadCall, DataNotFit, ReportingError
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.landing.land import LandingReport, land_feeds

REPORTER = "N101W1100H0017"
RECORDED = "timestamp '2026-05-02 08:00:00' as recorded_at"
GOOD = {
    "customers": "'C1' as customer_id, '测试甲' as name, '10' as id_type, '0001' as id_number,"
    f" '1' as sex, date '1990-01-01' as birth_date, {RECORDED}",
    "accounts": "'A1' as account_id, 'C1' as customer_id, 'HUABEI' as product_code,"
    f" '{REPORTER}' as reporter_code, date '2026-01-01' as opened_on, {RECORDED}",
    "credit_limits": "'A1' as account_id, date '2026-01-01' as effective_on,"
    f" 5000::decimal(18, 2) as credit_limit, 'initial' as change_reason, {RECORDED}",
    "consents": "'E1' as consent_event_id, 'C1' as customer_id, 'HUABEI' as product_code,"
    f" '{REPORTER}' as reporter_code, 'CREDIT_REPORTING_AUTHORIZATION' as document_code,"
    " 'v1' as document_version, 'abc' as document_sha256, 'signed' as action,"
    f" timestamp '2026-01-01 10:00:00' as occurred_at, 'app' as channel, {RECORDED}",
    "transactions": "'T1' as transaction_id, 'A1' as account_id, 'purchase' as transaction_type,"
    f" 12.34::decimal(18, 2) as amount, timestamp '2026-05-01 09:30:00' as occurred_at, {RECORDED}",
    "bills": "'B1' as bill_id, 'A1' as account_id, date '2026-05-01' as statement_on,"
    " date '2026-05-10' as due_on, 12.34::decimal(18, 2) as principal_due,"
    f" 0::decimal(18, 2) as interest_due, 0::decimal(18, 2) as fee_due, {RECORDED}",
}
TRANSACTIONS_HEADER = (
    "transaction_id,account_id,transaction_type,amount,occurred_at,"
    "reverses_transaction_id,recorded_at"
)
CSV_ROW = "T{0},A1,purchase,{1},2026-05-01 09:30:00,,2026-05-02 08:00:00"


class SmallLanding:
    """A small landing zone and the run that reads it."""

    def __init__(self, folder: Path) -> None:
        self.landing = folder / "landing"
        self.settings = Settings(home=folder / "home", landing=str(self.landing), policy=None)
        self.run = Run(date(2026, 5, 1), datetime(2026, 6, 3))
        for table in GOOD:
            self.parquet(table)

    def path(self, name: str) -> Path:
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def parquet(self, table: str, change: str = "*", file: str = "", where: str = "true") -> Path:
        """Write the table's good row, changed by a select list, as one Parquet file."""
        path = self.path(file or f"{table}/{table}.parquet")
        target = str(path).replace("'", "''")
        rows = f"from (select {GOOD[table]}) select {change} where {where}"
        duckdb.sql(f"copy ({rows}) to '{target}' (format parquet)")
        return path

    def csv(self, content: str | bytes, file: str = "transactions/t.csv") -> None:
        """Deliver the transactions as this CSV file alone."""
        self.path("transactions/transactions.parquet").unlink(missing_ok=True)
        self.path(file).write_bytes(content if isinstance(content, bytes) else content.encode())

    def land(self) -> LandingReport:
        return land_feeds(self.run, self.settings)

    def fault(self, kind: type[ReportingError] = DataNotFit) -> str:
        """The one line with which the landing check stops; no build store is left."""
        with pytest.raises(kind) as caught:
            self.land()
        message = str(caught.value)
        assert "\n" not in message
        assert kind is BadCall or not self.run.build_store(self.settings).exists()
        return message

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.run.build_store(self.settings)), read_only=True) as store:
            return store.sql(sql).fetchall()
