"""The month-end status of every account by dbt alone: the models that it needs, without checks.

The month must be landed in the home that the environment names (benchmarks/inside.py land).
"""

import argparse
import time
from pathlib import Path

from reporting.core.run import Run
from reporting.core.settings import load_settings
from reporting.store.build_store import open_store
from reporting.transform.dbt import dbt_build


def main() -> None:
    """Build the status and what it is made of, write it, and print the seconds that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("book", type=Path, help="what was landed")
    parser.add_argument("out", type=Path)
    parser.add_argument("--month", default="2026-05")
    args = parser.parse_args()
    settings = load_settings()
    run = Run.of(args.month, None, settings)
    started = time.perf_counter()
    dbt_build(run, settings, "+repayment_status")
    with open_store(run, settings) as store:
        store.execute(
            "copy (select account_id, days_past_due, overdue_total, repayment_status "
            f"from marts.repayment_status) to '{args.out}' (format parquet)"
        )
    print(f"{time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
