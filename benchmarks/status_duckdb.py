"""The month-end status of every account by hand in DuckDB: the first files of the floor.

The floor's SQL is the normative replay (contracts, section 2), so this is the whole of it. It finds
beside the status who is reportable, which the same files hold.
"""

import argparse
import time
from pathlib import Path

import duckdb

from floor import SQL, prepare
from reporting.core.database import apply_limits
from reporting.core.run import Run
from reporting.core.settings import load_settings


def main() -> None:
    """Compute the status, write it, and print the seconds that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("book", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--month", default="2026-05")
    args = parser.parse_args()
    settings = load_settings()
    started = time.perf_counter()
    with duckdb.connect() as engine:
        apply_limits(engine, settings)
        engine.execute("set preserve_insertion_order = false")
        prepare(engine, args.book, Run.of(args.month, None, settings))
        for path in sorted(SQL.glob("[0-5]_*.sql")):  # the last of them is the status
            engine.execute(path.read_text(encoding="utf-8"))
        engine.execute(f"""
            copy (
                select
                    account_id,
                    case when has_late then status.report_date - oldest_unpaid_due_on else 0 end
                        as days_past_due,
                    overdue_total,
                    repayment_status
                from status inner join accounts using (account_no)
            ) to '{args.out}' (format parquet)
        """)
    print(f"{time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
