"""The scenarios: each builds what it lacks, measures, and returns its raw figures.

A scenario is called by its name (benchmarks/run.py --only NAME). `scale` makes every book smaller,
to try a scenario out.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import duckdb

from figures import Figures
from measuring import measure
from more_books import constant_book, lenders_book, many_books
from reporting.core.raw_contract import raw_contract
from reporting.core.run import parse_month

HERE = Path(__file__).parent
MONTH = "2026-05"  # the last of every book
LARGE, SMALL, CONSTANT = 750_000, 10_000, 100_000  # accounts; LARGE gives 1.0 million rows
COPIES, MORE_COPIES = 4, 10


@dataclass(frozen=True)
class Bench:
    """Where the books and homes lie, and how a scenario is measured."""

    folder: Path
    repeats: int
    scale: float
    memory_limit: str
    threads: int
    other_python: Path  # of the environment that holds the other tools
    spark_python: Path  # of the environment with Spark

    def accounts(self, full: int) -> int:
        """The accounts of a book at this scale."""
        return max(int(full * self.scale), 100)

    def book(self, name: str, build: Callable[[Path], None]) -> Path:
        """A book by its name, built if it is missing."""
        path = self.folder / (name if self.scale == 1 else f"{name}_x{self.scale}")
        if not path.exists():
            print(f"building {path} ...", flush=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            build(path)
        return path

    @property
    def large_book(self) -> Path:
        """750,000 accounts, 24 months, purchases split in four: 152 million transactions."""
        accounts = self.accounts(LARGE)
        return self.book("book_1m", lambda path: lenders_book(path, accounts, 24, 4))

    @property
    def small_book(self) -> Path:
        """10,000 accounts, 12 months, as the lender delivers it."""
        accounts = self.accounts(SMALL)
        return self.book("book_10k", lambda path: lenders_book(path, accounts, 12, 1))

    def constant_book(self, months: int) -> Path:
        """Accounts that are the same in all of its months: 100,000 in a book of 36."""
        accounts = self.accounts(CONSTANT * 36 // months)  # what the generator holds in memory
        return self.book(f"book_{months}", lambda path: constant_book(path, accounts, months))

    def large_books(self, copies: int) -> Path:
        """The large book so many times."""
        return self.book(f"book_{copies}m", lambda path: many_books(self.large_book, path, copies))

    def environment(self, book: Path, home: Path) -> dict[str, str]:
        """The settings of the program."""
        return {
            "REPORTING_LANDING": str(book),
            "REPORTING_HOME": str(home),
            "REPORTING_MEMORY_LIMIT": self.memory_limit,
            "REPORTING_THREADS": str(self.threads),
        }

    def program(self, book: Path, home: Path, month: str = MONTH) -> Figures:
        """Measure `reporting run` of a month."""
        command = [sys.executable, "-m", "reporting", "run", "--month", month]
        return _summary(measure(command, self.environment(book, home)))

    def floor(self, book: Path, month: str, *options: Path | str) -> list[str]:
        """The command of the floor."""
        limits = ("--memory-limit", self.memory_limit, "--threads", str(self.threads))
        arguments = (book, "--month", month, *limits, *options)
        return [sys.executable, str(HERE / "floor.py"), *map(str, arguments)]

    def inside(self, what: str, book: Path, home: Path) -> Figures:
        """Measure inside one process: its figures, its peak and the wall time around it."""
        command = [sys.executable, str(HERE / "inside.py"), what, "--month", MONTH]
        return _printed(measure(command, self.environment(book, home)))

    def other(self, script: str, *arguments: Path | str) -> list[str]:
        """The command of a script in the environment of the other tools."""
        if not self.other_python.exists():
            raise SystemExit(
                f"{self.other_python} is missing: `make data/benchmarks/venv/.installed` makes "
                "the environment of the other tools, or name yours with --other-python"
            )
        return [str(self.other_python), str(HERE / script), *map(str, arguments)]

    def aside(self, what: str) -> tuple[Path, Figures]:
        """Put the month's records aside for the other tools: the folder, and what ours finds."""
        home = self.published_home()
        return home / "peers", self.inside(what, self.large_book, home)

    def published_home(self) -> Path:
        """A home in which the last month of the large book is published."""
        book, home = self.large_book, self._home("1m")
        if not (home / "published" / "reporting.duckdb").exists():
            self.program(book, home)
        return home

    def fresh_home(self, name: str) -> Path:
        """An empty home."""
        home = self._home(name)
        shutil.rmtree(home, ignore_errors=True)
        return home

    def _home(self, name: str) -> Path:
        return self.folder / (f"home_{name}" if self.scale == 1 else f"home_{name}_x{self.scale}")


def _summary(measured: Figures) -> Figures:
    """A measurement without what the command printed."""
    return {name: value for name, value in measured.items() if name != "output"}


def _printed(measured: Figures) -> Figures:
    """A measurement with the figures that the command printed in its last line."""
    last = measured["output"].rstrip().splitlines()[-1]
    return {
        "peak_bytes": measured["peak_bytes"],
        "wall": measured["seconds"],
        **json.loads(last),
    }


def contents(book: Path) -> Figures:
    """The rows of each feed of a book, and its bytes."""
    with duckdb.connect() as engine:
        rows: Figures = {}
        for table in raw_contract():
            files = f"{book}/{table.name}/*.parquet"
            found = engine.execute(f"select count(*) from '{files}'").fetchall()[0]
            rows[table.name] = found[0]
    return rows | {"bytes": sum(path.stat().st_size for path in book.rglob("*.parquet"))}


def month_1m(bench: Bench) -> Figures:
    """The floor and the program on the large book, in turns; every home is fresh."""
    book = bench.large_book
    return {"book": contents(book)} | _in_turns(bench, lambda: bench.fresh_home("1m"))


def _in_turns(bench: Bench, home: Callable[[], Path], *options: Path | str) -> Figures:
    """Floor and program on the last month of the large book, so often."""
    floor: list[Figures] = []
    program: list[Figures] = []
    for turn in range(bench.repeats):
        measured = measure(bench.floor(bench.large_book, MONTH, *options), {})
        floor.append(_summary(measured) | {"laps": measured["output"].splitlines()})
        program.append(bench.program(bench.large_book, home()))
        print(f"turn {turn + 1}: {floor[-1]['seconds']} s, {program[-1]['seconds']} s", flush=True)
    return {"floor": floor, "program": program}


def month_10k(bench: Bench) -> Figures:
    """The program on the small book."""
    book = bench.small_book
    runs = [bench.program(book, bench.fresh_home("10k")) for _ in range(bench.repeats)]
    return {"book": contents(book), "program": runs}


def later_month(bench: Bench) -> Figures:
    """The month after a store's first one on the large book, floor and program in turns."""
    home, first = bench.fresh_home("later"), _months_before(MONTH, 2)[0]
    carried, again = bench.fresh_home("carried"), bench.fresh_home("carried_again")
    measure(bench.floor(bench.large_book, first, "--carry", carried), {})
    earlier = bench.program(bench.large_book, home, first)
    figures = _in_turns(bench, lambda: home, "--bring", carried, "--carry", again)
    for name in ("later", "carried", "carried_again"):
        bench.fresh_home(name)
    return {"first": [earlier]} | figures


def _late_and_early(late: int) -> Callable[[Bench], Figures]:
    def scenario(bench: Bench) -> Figures:
        """A late month and month 6 of a book, each run again in a home begun the month before."""
        book = bench.constant_book(late)
        months = _months_before(MONTH, late)
        figures: Figures = {"book": contents(book)}
        for number in (6, late):
            home = bench.fresh_home(str(late))
            for month in months[number - 2 : number]:
                landing = _delivered_by(month, book, bench.folder / f"landing_{late}")
                runs = bench.repeats if month == months[number - 1] else 1
                measured = [bench.program(landing, home, month) for _ in range(runs)]
                print(f"{month}: {[run['seconds'] for run in measured]} s", flush=True)
            figures[f"month_{number}"] = measured
        shutil.rmtree(bench.folder / f"landing_{late}")
        return figures

    return scenario


def _months_before(last: str, count: int) -> list[str]:
    year, month = parse_month(last).year, parse_month(last).month
    first = year * 12 + month - count
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in range(first, first + count)]


def _delivered_by(month: str, book: Path, landing: Path) -> Path:
    """A landing zone of hard links to the files delivered by the end of a month.

    A feed of which nothing is delivered yet has its first file: its rows are not known yet.
    """
    shutil.rmtree(landing, ignore_errors=True)
    for folder in (path for path in book.iterdir() if path.is_dir()):
        files = sorted(folder.glob("*.parquet"))
        for file in [path for path in files if path.stem <= month] or files[:1]:
            link = landing / folder.name / file.name
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(file, link)
    return landing


def month_4m(bench: Bench) -> Figures:
    """The program on four times the large book; compared with month_1m by the account."""
    book = bench.large_books(COPIES)
    runs = [bench.program(book, bench.fresh_home("4m")) for _ in range(bench.repeats)]
    bench.fresh_home("4m")
    return {"book": contents(book), "program": runs}


def month_10m(bench: Bench) -> Figures:
    """The first two months of a store on ten times the large book, once each: it takes hours."""
    book, home = bench.large_books(MORE_COPIES), bench.fresh_home("10m")
    figures: Figures = {"book": contents(book)}
    for which, month in zip(("first", "second"), _months_before(MONTH, 2), strict=True):
        figures[which] = [bench.program(book, home, month)]
        print(f"{month}: {figures[which]}", flush=True)
    bench.fresh_home("10m")
    return figures


def _inside(what: str) -> Callable[[Bench], Figures]:
    def scenario(bench: Bench) -> Figures:
        home = bench.published_home()
        return {"runs": [bench.inside(what, bench.large_book, home) for _ in range(bench.repeats)]}

    return scenario


def dag_overhead(bench: Bench) -> Figures:
    """The small book by the command and through the DAG, in turns, each in a process of its own."""
    book = bench.small_book
    command, dag = [], []
    for _ in range(bench.repeats):
        command.append(bench.program(book, bench.fresh_home("10k")))
        dag.append(bench.inside("dag", book, bench.fresh_home("10k_dag")))
    return {"book": contents(book), "command": command, "dag": dag}


def _status(library: str, is_other: bool = False) -> Callable[[Bench], Figures]:
    def scenario(bench: Bench) -> Figures:
        published, book = bench.published_home(), bench.large_book
        out, script = bench.folder / f"status_{library}.parquet", f"status_{library}.py"
        command = [sys.executable, str(HERE / script), str(book), str(out)]
        if is_other:
            command = bench.other(script, book, out)
        runs = []
        for _ in range(bench.repeats):
            home = bench.fresh_home(library)
            if library == "dbt":
                bench.inside("land", book, home)
            runs.append(_summary(measure(command, bench.environment(book, home))))
        bench.fresh_home(library)
        return {"book": contents(book), "runs": runs, **_differing(out, published)}

    return scenario


def _differing(status: Path, home: Path) -> Figures:
    """In how many accounts a status differs from the mart, and in days or amount besides."""
    mart = home / "published" / "repayment_status" / f"report_month={MONTH}-01" / "data.parquet"
    with duckdb.connect() as engine:
        accounts, statuses, others = engine.execute(
            f"""
            select
                count(*),
                count(*) filter (mart.repayment_status is distinct from own.repayment_status),
                count(*) filter (
                    mart.days_past_due is distinct from own.days_past_due
                    or coalesce(abs(mart.overdue_total - own.overdue_total) > 0.005, true)
                )
            from '{mart}' as mart full join '{status}' as own using (account_id)
            """
        ).fetchall()[0]
    return {"accounts": accounts, "other_status": statuses, "other_amount": others}


def status_spark(bench: Bench) -> Figures:
    """The status on Spark, by hand and by our models, in turns, on the book of 36 months."""
    if not bench.spark_python.exists() or shutil.which("java") is None:
        raise SystemExit(
            f"{bench.spark_python} or Java is missing: `make .venv-spark/.installed` makes the "
            "environment with Spark, or name yours with --spark-python; install Java 17"
        )
    book, published = bench.constant_book(36), bench.fresh_home("spark_published")
    bench.program(book, published)
    out, script = bench.folder / "status_spark", str(HERE / "status_spark.py")
    figures: Figures = {"book": contents(book), "by_hand": [], "by_models": []}
    for _ in range(bench.repeats):
        for by in ("hand", "models"):
            home = bench.fresh_home("spark")
            environment = bench.environment(book, home)
            environment["REPORTING_SPARK_MASTER"] = f"local[{bench.threads}]"
            if by == "models":
                bench.inside("land", book, home)
            command = [str(bench.spark_python), script, str(book), str(out), "--by", by]
            measured = _summary(measure(command, environment))
            figures[f"by_{by}"].append(measured | _differing(out / "*.parquet", published))
            print(f"by {by}: {measured['seconds']} s", flush=True)
    for name in ("spark", "spark_published"):
        bench.fresh_home(name)
    shutil.rmtree(out)
    return figures


def writer_lxml(bench: Bench) -> Figures:
    """The submission files by lxml, from the same rows, line by line beside those of the home."""
    home, out = bench.published_home(), bench.folder / "lxml"
    aside, _ = bench.aside("lines_aside")
    runs = []
    for _ in range(bench.repeats):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        runs.append(_printed(measure(bench.other("writer_lxml.py", aside, out), {})))
    figures = {"lines": 0, "other_lines": 0}
    for sent in (home / "submissions").glob(f"*/{MONTH}/*.txt"):
        with sent.open("rb") as theirs, (out / sent.name).open("rb") as own:
            for pair in zip_longest(theirs, own):
                figures["lines"] += 1
                figures["other_lines"] += pair[0] != pair[1]
    shutil.rmtree(out)
    shutil.rmtree(aside)
    return {"runs": runs, **figures}


def rules_pandera(bench: Bench) -> Figures:
    """The rules in pandera, and what ours finds in the same records."""
    aside, ours = bench.aside("rules_aside")
    runs: Figures = {"fast": [], "full": []}
    for answer, measured in runs.items():
        command = bench.other("rules_pandera.py", answer, aside)
        measured += [_printed(measure(command, {})) for _ in range(bench.repeats)]
    shutil.rmtree(aside)
    return {**runs, "ours": ours}


def rules_expectations(bench: Bench) -> Figures:
    """The rules as checks of Great Expectations alone, and what ours finds."""
    aside, ours = bench.aside("rules_aside")
    home, book = bench.published_home(), bench.large_book
    runs = [bench.inside("rules_expectations", book, home) for _ in range(bench.repeats)]
    shutil.rmtree(aside)
    return {"runs": runs, "ours": ours}


SCENARIOS: dict[str, Callable[[Bench], Figures]] = {
    "month_1m": month_1m,
    "month_10k": month_10k,
    "later_month": later_month,
    "month_36_vs_6": _late_and_early(36),
    "month_60_vs_6": _late_and_early(60),
    "month_4m": month_4m,
    "month_10m": month_10m,
    "writer": _inside("writer"),
    "rules": _inside("rules"),
    "expectations": _inside("expectations"),
    "why": _inside("why"),
    "dag_overhead": dag_overhead,
    "status_dbt": _status("dbt"),
    "status_duckdb": _status("duckdb"),
    "status_polars": _status("polars", is_other=True),
    "status_pandas": _status("pandas", is_other=True),
    "status_spark": status_spark,
    "writer_lxml": writer_lxml,
    "rules_same": _inside("rules_same"),
    "rules_pandera": rules_pandera,
    "rules_expectations": rules_expectations,
}
