"""docs/benchmarks.md from the raw results: what was measured, on what, against which bar."""

from collections.abc import Callable

from figures import GIGABYTE, Figures, are_beside, machines, measured, median, memory, peak
from page_peers import render_peers
from scenarios import COPIES, MORE_COPIES

USUAL_LIMIT = "12GB"  # of DuckDB's memory, unless a row says another

# The bars.
TIMES_FLOOR, TIMES_LATER_FLOOR, TIMES_FEWER = 1.4, 1.5, 1.0
TIMES_FIRST = 1 / 3  # a later month beside the first one of a store
TIMES_EARLIER = {36: 1.05, 60: 1.1}  # a late month of a book beside its month 6
MOST_MEMORY, MOST_MEMORY_MANY = 8, 10  # GB
TIMES_SPARK = 1.3  # our models on Spark beside Spark SQL by hand
SMALL_MONTH, ALL_CHECKS, WHY, DAG = 9, 15, 0.3, 30  # seconds
WRITTEN, RULED = 150, 250_000  # MB and records a second

HEAD = """# Benchmarks

Rendered by `make benchmark` from `benchmarks/results.json`; one row is renewed by
`.venv/bin/python benchmarks/run.py --only NAME`. To try one out without touching this page, add
`--scale 0.01 --results trial.json --page trial.md`. Medians of the runs that the last column
counts; the memory is the peak of a process and all its children at one moment.

"""
TABLE_HEAD = """
| | what | bar | measured | ratio | peak memory | | measured on, runs |
|---|---|---|---|---|---|---|---|
"""
NOTES = """
The large book holds 750,000 accounts and 24 months. They come as 1.0 million rows of the feed
`accounts`, since an account that changes is delivered again.

The floor (`benchmarks/floor.py`) is the same month written by hand in straight DuckDB SQL, without
the layers, checks and publication; its head says what it leaves out. Of a first month its verdicts
and files are the program's, byte for byte. Floor and program run in turns, on the same memory limit
and threads. The floor of a later month brings forward what the month before carried forward: it
reads what was recorded since, and from the beginning the accounts whose past that changes, and
carries forward what the next month needs. Its statuses, verdicts and lines of records are the
program's, but for the records of accounts with pending months, their agreements and persons.

On Spark the status is taken from the book of 36 months, in two sessions with the same settings.
`benchmarks/status_spark.sql` is the floor's status by hand; it does not ask who is reportable, as
our models of the status do not. Ours begin with a landed month. Both are compared with the mart in
status, days and amount; a difference would stand in place of the verdict.
"""


def render(results: Figures) -> str:
    """The whole page."""
    rows = results["rows"]
    lines = [
        _line(name, (*cells, _measured(rows, name)))
        for name in ROWS
        if name in rows
        for cells in ROWS[name](rows)
    ]
    places = machines(rows)
    facts = [
        f"- {_which(number, places)}{name}: {value}"
        for number, place in enumerate(places, 1)
        for name, value in place.items()
    ]
    packages = ", ".join(f"{name} {value}" for name, value in results["versions"].items())
    trial = [
        f"**{name} was tried at scale {row['scale']}: no measurement.**\n"
        for name, row in rows.items()
        if row["scale"] != 1
    ]
    return "".join(
        [
            HEAD,
            "".join(f"{line}\n" for line in [*facts, f"- versions, of the newest row: {packages}"]),
            "".join(["\n", *trial]) if trial else "",
            TABLE_HEAD,
            *lines,
            NOTES,
            render_peers(rows),
            _books(rows),
        ]
    )


def _which(number: int, places: list[Figures]) -> str:
    """The number of a machine, where there are several; a row names it if it is not the first."""
    return f"machine {number}, " if len(places) > 1 else ""


def _measured(rows: Figures, name: str) -> str:
    """When and where a row was measured and, where another than the usual was set, the limit."""
    limit = rows[name].get("memory_limit", USUAL_LIMIT)
    other = "" if limit == USUAL_LIMIT else f", DuckDB's limit {limit}"
    return f"{measured(rows, name)}{other}"


def _line(name: str, cells: tuple[str, ...]) -> str:
    return f"| `{name}` | {' | '.join(cells)} |\n"


def _books(rows: Figures) -> str:
    """The sizes of the books that were measured."""
    text = (
        "\n## Books\n\n"
        "| book of | rows of accounts | transactions | bills | bytes |\n|---|---|---|---|---|\n"
    )
    for name, row in rows.items():
        if "book" in row:
            book = row["book"]
            text += (
                f"| `{name}` | {book['accounts']:,} | {book['transactions']:,} "
                f"| {book['bills']:,} | {book['bytes']:,} |\n"
            )
    return text


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "**missed**"


def _below(what: str, seconds: float, bar: float, runs: list[Figures]) -> tuple[str, ...]:
    return what, f"{bar} s", f"{seconds:.2f} s", "", memory(runs), _verdict(seconds <= bar)


def _above(what: str, speed: float, bar: float, unit: str, runs: list[Figures]) -> tuple[str, ...]:
    measured = f"{speed:,.0f} {unit}"
    return what, f"{bar:,} {unit}", measured, "", memory(runs), _verdict(speed >= bar)


def _month_1m(rows: Figures) -> list[tuple[str, ...]]:
    row = rows["month_1m"]
    floor, program = median(row["floor"]), median(row["program"])
    is_met = program <= TIMES_FLOOR * floor and peak(row["program"]) < MOST_MEMORY * GIGABYTE
    return [
        ("the floor, the large book", "", f"{floor:.1f} s", "1", memory(row["floor"]), ""),
        (
            "`reporting run`, the large book, first month of a store",
            f"{TIMES_FLOOR} x the floor, under {MOST_MEMORY} GB",
            f"{program:.1f} s",
            f"{program / floor:.2f}",
            memory(row["program"]),
            _verdict(is_met),
        ),
    ]


def _month_10k(rows: Figures) -> list[tuple[str, ...]]:
    runs = rows["month_10k"]["program"]
    seconds = median(runs)
    what = "`reporting run`, 10,000 accounts, 12 months"
    return [_below(what, seconds, SMALL_MONTH, runs)]


def _later_month(rows: Figures) -> list[tuple[str, ...]]:
    row = rows["later_month"]
    first, floor, program = (median(row[part]) for part in ("first", "floor", "program"))
    seconds, held = f"{program:.1f} s", memory(row["program"])
    return [
        ("the floor, second month", "", f"{floor:.1f} s", "1", memory(row["floor"]), ""),
        (
            "`reporting run`, the large book, second month of a store",
            f"{TIMES_LATER_FLOOR} x its floor",
            seconds,
            f"{program / floor:.2f}",
            held,
            _verdict(program <= TIMES_LATER_FLOOR * floor),
        ),
        (
            "the same beside the first month, run once before it",
            f"{TIMES_FIRST:.2f} x",
            f"{seconds} against {first:.1f} s",
            f"{program / first:.2f}",
            held,
            _verdict(program <= TIMES_FIRST * first),
        ),
    ]


def _late_and_early(number: int) -> Callable[[Figures], list[tuple[str, ...]]]:
    def cells(rows: Figures) -> list[tuple[str, ...]]:
        row, bar = rows[f"month_{number}_vs_6"], TIMES_EARLIER[number]
        early, late = median(row["month_6"]), median(row[f"month_{number}"])
        what = f"month {number} of a book against its month 6, the same accounts, carried forward"
        measured = f"{late:.1f} s against {early:.1f} s"
        held, verdict = memory(row[f"month_{number}"]), _verdict(late <= bar * early)
        return [(what, f"{bar} x", measured, f"{late / early:.2f}", held, verdict)]

    return cells


def _month_4m(rows: Figures) -> list[tuple[str, ...]]:
    runs = rows["month_4m"]["program"]
    seconds, what = median(runs), "the large book four times against once, time per account"
    if not are_beside(rows, "month_4m", "month_1m"):
        missing = "month_1m is missing on its machine"
        return [(what, f"{TIMES_FEWER} x", f"{seconds:.1f} s", "", memory(runs), missing)]
    ratio = seconds / COPIES / median(rows["month_1m"]["program"])
    is_met = ratio <= TIMES_FEWER and peak(runs) < MOST_MEMORY_MANY * GIGABYTE
    bar = f"{TIMES_FEWER} x, under {MOST_MEMORY_MANY} GB"
    return [(what, bar, f"{seconds:.1f} s", f"{ratio:.2f}", memory(runs), _verdict(is_met))]


def _month_10m(rows: Figures) -> list[tuple[str, ...]]:
    bar, found = f"completes under {MOST_MEMORY_MANY} GB", []
    for which in ("first", "second"):
        runs = rows["month_10m"][which]
        what = f"`reporting run`, the large book {MORE_COPIES} times, {which} month of a store"
        verdict = _verdict(peak(runs) < MOST_MEMORY_MANY * GIGABYTE)
        found.append((what, bar, f"{median(runs):.0f} s", "", memory(runs), verdict))
    return found


def _status_spark(rows: Figures) -> list[tuple[str, ...]]:
    row, what = rows["status_spark"], "the status alone on Spark"
    models, hand = median(row["by_models"]), median(row["by_hand"])
    is_met = models <= TIMES_SPARK * hand
    return [
        (f"{what}, Spark SQL by hand", "", f"{hand:.1f} s", "1", *_how_right(row["by_hand"], "")),
        (
            f"{what}, our models by dbt",
            f"{TIMES_SPARK} x by hand",
            f"{models:.1f} s",
            f"{models / hand:.2f}",
            *_how_right(row["by_models"], _verdict(is_met)),
        ),
    ]


def _how_right(runs: list[Figures], verdict: str) -> tuple[str, str]:
    """The peak of memory, and the verdict unless some run's status is another than the mart's."""
    statuses, others = (max(run[name] for run in runs) for name in ("other_status", "other_amount"))
    wrong = f"**wrong**: status of {statuses:,}, days or amount of {others:,} accounts"
    return memory(runs), wrong if statuses or others else verdict


def _writer(rows: Figures) -> list[tuple[str, ...]]:
    runs = rows["writer"]["runs"]
    speed = runs[0]["bytes"] / median(runs) / 1e6
    what = f"the files of {runs[0]['records']:,} records, {runs[0]['bytes'] / 1e6:,.0f} MB"
    return [_above(what, speed, WRITTEN, "MB/s", runs)]


def _rules(rows: Figures) -> list[tuple[str, ...]]:
    runs = rows["rules"]["runs"]
    found = []
    for name, what in (("without", "none breaks one"), ("with", "every second breaks some")):
        speed = runs[0]["records"] / median(runs, f"seconds_{name}_hits")
        label = f"the rules of 1 million records 210, {what}"
        found.append(_above(label, speed, RULED, "records/s", runs))
    return found


def _expectations(rows: Figures) -> list[tuple[str, ...]]:
    runs = rows["expectations"]["runs"]
    seconds, what = median(runs), f"all {runs[0]['checks']} checks, the large book, and pages"
    return [_below(what, seconds, ALL_CHECKS, runs)]


def _why(rows: Figures) -> list[tuple[str, ...]]:
    runs = rows["why"]["runs"]
    seconds, what = median(runs), "`reporting why`, the large book, inside the process"
    return [_below(what, seconds, WHY, runs)]


def _dag_overhead(rows: Figures) -> list[tuple[str, ...]]:
    row = rows["dag_overhead"]
    more = median(row["dag"], "wall") - median(row["command"])
    what = "the month through the DAG, beyond the command"
    return [_below(what, more, DAG, row["dag"])]


ROWS: dict[str, Callable[[Figures], list[tuple[str, ...]]]] = {
    "month_1m": _month_1m,
    "month_10k": _month_10k,
    "later_month": _later_month,
    "month_36_vs_6": _late_and_early(36),
    "month_60_vs_6": _late_and_early(60),
    "month_4m": _month_4m,
    "month_10m": _month_10m,
    "status_spark": _status_spark,
    "writer": _writer,
    "rules": _rules,
    "expectations": _expectations,
    "why": _why,
    "dag_overhead": _dag_overhead,
}
