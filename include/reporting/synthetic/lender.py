"""The synthetic lender: writes the nine raw feeds of a plausible book into a landing zone.

Everything is drawn by hashing the seed in DuckDB, so that the same call gives the same bytes. The
files of ``sql`` build the book, in their order; this module runs them and writes the result as the
feeds of the raw contract (contracts, section 1).
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from reporting.core import atomic
from reporting.core.config_files import read_yaml
from reporting.core.database import literal
from reporting.core.errors import BadCall
from reporting.core.run import next_month
from reporting.core.settings import DBT_PROJECT
from reporting.synthetic.book_summary import BookSummary, render
from reporting.synthetic.defects import classes_named, feeds_as_text, plant, spoil_files

__all__ = ["BookSummary", "generate", "render"]

SQL = Path(__file__).parent / "sql"
RAW_CONTRACT = DBT_PROJECT / "models" / "staging" / "sources.yml"
CONSENT_TEXTS = DBT_PROJECT / "seeds" / "consent_texts.csv"
MARKER = ".synthetic"
MONTHS_BEFORE = 3  # accounts are up to three months older than the book
LIMITS = {"accounts": (1, 10_000_000), "months": (1, 60), "seed": (0, 2**63 - 1)}


def generate(
    landing: Path,
    accounts: int,
    months: int,
    seed: int,
    last_month: date = date(2026, 5, 1),
    journal: Path | None = None,
    defects: Sequence[str] = (),
) -> BookSummary:
    """Write a book of some accounts and months into the landing zone.

    With a ``journal``, defects of the named classes of ``defects.yml`` are planted (without names,
    of all that can be combined) and listed in that CSV file. The same arguments give the same
    bytes. Raises BadCall if an argument is out of range, or if the landing zone holds a file that
    no earlier call wrote.
    """
    for name, value in (("accounts", accounts), ("months", months), ("seed", seed)):
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise BadCall(f"--{name} {value} is not between {low} and {high}")
    if defects and journal is None:
        raise BadCall("--defect plants nothing without --defects FILE: name the journal's file")
    landing = landing.resolve()
    if journal is not None and journal.resolve().is_relative_to(landing):
        raise BadCall(f"--defects {journal}: lies in the landing zone; name a file outside of it")
    _refuse_foreign_files(landing)
    landing.parent.mkdir(parents=True, exist_ok=True)
    with _aside(landing) as aside, _engine(aside / "spill") as engine:
        _build_book(engine, accounts, months, seed, last_month.replace(day=1))
        classes = classes_named(defects)
        if journal is not None:
            plant(engine, seed, classes, journal.resolve())
        book = aside / "book"
        rows = _deliver(engine, book)
        if journal is not None:
            spoil_files(book, classes)
        summary = BookSummary(landing, seed, rows, *_summarize(engine))
        files = sorted(path for path in book.rglob("*.*") if path.is_file())
        lines = [_marked(path, book) for path in files]
        (book / MARKER).write_text("\n".join(lines) + "\n", encoding="utf-8")
        if landing.exists():
            landing.rename(aside / "replaced")
        book.rename(landing)
    return summary


def _refuse_foreign_files(landing: Path) -> None:
    """Raise BadCall unless the marker of an earlier book names each file with its content."""
    if landing.exists() and not landing.is_dir():
        raise BadCall(f"landing zone {landing} is a file; set REPORTING_LANDING to a folder")
    marker = landing / MARKER
    own = set(marker.read_text(encoding="utf-8").splitlines()) if marker.exists() else set()
    for path in sorted(landing.rglob("*")):
        if not path.is_dir() and path != marker and _marked(path, landing) not in own:
            raise BadCall(
                f"landing zone {landing} holds {path.relative_to(landing)}, "
                "which is no synthetic extract, or one that was changed; "
                "empty the folder or set REPORTING_LANDING to another one"
            )


def _marked(path: Path, landing: Path) -> str:
    """The line of a file in the marker: SHA-256 and name, as sha256sum writes it."""
    return f"{atomic.sha256(path)}  {path.relative_to(landing).as_posix()}"


@contextmanager
def _aside(landing: Path) -> Iterator[Path]:
    """A temporary folder beside the landing zone, on the same disk."""
    folder = Path(tempfile.mkdtemp(prefix=f".{landing.name}-", dir=landing.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _engine(spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    settings: dict[str, Any] = {"memory_limit": "3GB", "temp_directory": str(spill)}
    with duckdb.connect(config=settings) as connection:
        yield connection


def _build_book(
    engine: duckdb.DuckDBPyConnection, accounts: int, months: int, seed: int, last_month: date
) -> None:
    """Run the SQL files in their order; the file of a cycle runs once per month."""
    first_month = last_month
    for _ in range(months - 1):
        first_month = (first_month - timedelta(days=1)).replace(day=1)
    ends_before = next_month(last_month)
    for name, kind, value in (
        ("seed", "bigint", seed),
        ("accounts", "bigint", accounts),
        ("months", "integer", months),
        ("first_month", "date", first_month),
        ("ends_before", "timestamp", ends_before),
        ("days", "bigint", (ends_before - first_month).days),
    ):
        engine.execute(f"set variable {name} = '{value}'::{kind}")
    engine.execute(
        "create table consent_texts as from read_csv(?, all_varchar = true)", [str(CONSENT_TEXTS)]
    )
    for path in sorted(SQL.glob("*.sql")):
        story = path.read_text(encoding="utf-8")
        if path.stem.endswith("one_cycle"):
            for m in range(-MONTHS_BEFORE, months + 1):
                engine.execute(story, {"m": m})
        else:
            engine.execute(story)


def _deliver(engine: duckdb.DuckDBPyConnection, book: Path) -> dict[str, int]:
    """Write every feed with the columns and types of the raw contract, ordered by its key."""
    contract = read_yaml(RAW_CONTRACT)
    views = {row[0] for row in engine.execute("select view_name from duckdb_views()").fetchall()}
    rows = {}
    for table in contract["sources"][0]["tables"]:
        name, key = table["name"], table["config"]["meta"]["key"]
        columns = ", ".join(
            f"{column['name']}::{column['data_type']} as {column['name']}"
            for column in table["columns"]
        )
        (book / name).mkdir(parents=True)
        rows[name] = 0
        for view, file in ((f"out_{name}", name), (f"again_{name}", "redelivery")):
            if view in views:
                target = book / name / f"{file}.parquet"
                order = ", ".join([*key, "recorded_at"])
                [(copied,)] = engine.execute(
                    f"copy (select {columns} from {view} order by {order}) to {literal(target)} "
                    "(format parquet, compression zstd, row_group_size 122880)"
                ).fetchall()
                rows[name] += copied
                if file == "redelivery" and not copied:
                    target.unlink()  # a source delivers no empty file
    for name in sorted(feeds_as_text(engine)):
        target = book / name / "text.csv"
        [(copied,)] = engine.execute(
            f"copy (from text_{name} order by all) to {literal(target)} (header)"
        ).fetchall()
        rows[name] += copied
    return rows


def _summarize(engine: duckdb.DuckDBPyConnection) -> tuple[Any, Any, Any]:
    """Statuses, rolls and consents of the generator's plan, for BookSummary."""
    statuses: dict[date, dict[str, int]] = {}
    for month, status, count in engine.execute(
        "select month_at(m), status, count(*) from month_ends where m >= 0 "
        "group by all order by all"
    ).fetchall():
        statuses.setdefault(month, {})[status] = count
    rolls = {(a, b): n for a, b, n in engine.execute("from rolls").fetchall()}
    consents = {(a, b): n for a, b, n in engine.execute("from document_sets").fetchall()}
    return statuses, rolls, consents
