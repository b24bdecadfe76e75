"""What is measured inside one process, after its imports; each prints its figures as JSON.
The settings come from the environment: `python benchmarks/inside.py why --month 2026-05`.
"""

import argparse
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from peers import (
    RECORDS,
    create_records,
    lines_aside,
    rules_aside,
    rules_expectations,
    rules_same,
)
from reporting.checks.evaluate import evaluate_layer
from reporting.checks.results import LAYERS
from reporting.core.run import Run
from reporting.core.settings import Settings, load_settings
from reporting.store.build_store import open_store

EXPLAINED = 9  # accounts that `why` explains


def writer(run: Run, settings: Settings) -> dict[str, Any]:
    """Write the month's submission folders again, aside."""
    from reporting.records import files

    with (
        tempfile.TemporaryDirectory(dir=settings.home) as aside,
        open_store(run, settings) as store,
    ):
        started = time.perf_counter()
        written = files.write_submissions(store, run, Path(aside))
        seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "bytes": sum(file.size for file in written),
        "records": sum(file.records for file in written),
    }


def rules(run: Run, settings: Settings) -> dict[str, Any]:
    """Evaluate all rules on a million records 210: none fails one, then every second does."""
    from reporting.records.rules import hits

    with open_store(run, settings) as store:
        create_records(store)
        return {
            "records": RECORDS,
            "seconds_without_hits": _asked(store, hits("210", "record", "without_hits")),
            "seconds_with_hits": _asked(store, hits("210", "record", "with_hits")),
            "hits": _count(store, hits("210", "record", "with_hits")),
        }


def _asked(store: duckdb.DuckDBPyConnection, query: str) -> float:
    started = time.perf_counter()
    store.execute(f"create or replace temp table found as {query}")
    return time.perf_counter() - started


def _count(store: duckdb.DuckDBPyConnection, query: str) -> int:
    (count,) = store.execute(f"select count(*) from ({query})").fetchall()[0]
    return int(count)


def expectations(run: Run, settings: Settings) -> dict[str, Any]:
    """Evaluate every suite of every layer, and render its pages."""
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    from reporting.checks import evaluate, gx  # noqa: F401 - its import is not measured

    seconds, checks = {}, 0
    for layer in LAYERS:
        started = time.perf_counter()
        checks += len(evaluate_layer(layer, run, settings).results)
        seconds[layer] = time.perf_counter() - started
    return {"seconds": sum(seconds.values()), "checks": checks, "layers": seconds}


def why(run: Run, settings: Settings) -> dict[str, Any]:
    """Explain some accounts of the month, spread over the book; median and slowest."""
    from reporting.store import published_database
    from reporting.why import answer

    with published_database.open_published(settings) as published:
        accounts = published.execute(
            "select account_id from marts.reportable_population where report_month = ? "
            "qualify row_number() over (order by hash(account_id)) <= ? order by all",
            [run.month, EXPLAINED],
        ).fetchall()
    console, seconds = Console(quiet=True), []
    for (account,) in accounts:
        started = time.perf_counter()
        console.print(answer.explain(account, None, settings))
        seconds.append(time.perf_counter() - started)
    return {"seconds": statistics.median(seconds), "slowest": max(seconds), "asked": len(seconds)}


def land(run: Run, settings: Settings) -> dict[str, Any]:
    """Land the book, for what is measured after it."""
    from reporting.pipeline import steps

    started = time.perf_counter()
    steps.land(run, settings)
    return {"seconds": time.perf_counter() - started}


def dag(run: Run, settings: Settings) -> dict[str, Any]:
    """The month through the DAG, in this process."""
    from reporting.pipeline import airflow

    started = time.perf_counter()
    airflow.run_in_process([run.label], settings)
    return {"seconds": time.perf_counter() - started}


MEASURED: dict[str, Callable[[Run, Settings], dict[str, Any]]] = {
    function.__name__: function
    for function in (
        *(writer, rules, expectations, why, dag, land),
        *(lines_aside, rules_aside, rules_same, rules_expectations),
    )
}


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=MEASURED)
    parser.add_argument("--month", required=True)
    args = parser.parse_args()
    settings = load_settings()
    figures = MEASURED[args.what](Run.of(args.month, None, settings), settings)
    print(f"\n{json.dumps(figures)}")


if __name__ == "__main__":
    main()
