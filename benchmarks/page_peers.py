"""The chapter of docs/benchmarks.md with other tools beside the program: how fast, how right."""

from collections.abc import Callable

from figures import Figures, are_beside, measured, median, memory

HEAD = """
## Peers

The same task in other tools, one group after the other; the first row of a group is ours, against
which the ratio is taken (above 1: so many times the time).

| | what | measured | ratio | peak memory | who is right | measured on, runs |
|---|---|---|---|---|---|---|
"""
NOTES = """
**Status.** Right is the normative replay (contracts, section 2). The program's marts are that
replay, and the tests compare them with an oracle of their own. `status_dbt` are the models of the
status alone, on a landed month, by dbt without a check. `status_duckdb` is the same replay by hand,
the floor's files up to the status, which find the reportable accounts besides. `status_polars` and
`status_pandas` are what a user would write instead: the simple cumulative form. That form is not
the replay, and on some accounts it is wrong.

**Files.** `writer_lxml` is given the rows in the order of each file and makes an element of every
record, segment and field. Ours joins and orders the rows, reads the files back and hashes them
besides.

**Rules.** All evaluate the conditions of our registry as SQL on the same million records: all rules
of a record 210 that are a condition of its row. That is all of `rules` above but V71, which reads
every element of a record. `rules_pandera` is pandera on Polars: its fast answer drops the records
that fail, its full one names each with each rule. `rules_expectations` is Great Expectations on
DuckDB, one check of its own (`UnexpectedRowsExpectation`) per rule. It counts the rows that fail a
rule and shows the first of them, so it does not say which records have to be withheld.
"""
Cells = list[tuple[str, ...]]


def render_peers(rows: Figures) -> str:
    """The chapter; each row that was measured."""
    lines = [
        f"| `{name}` | {' | '.join(cells)} | {measured(rows, name)} |\n"
        for group in GROUPS
        for name in group
        if name in rows
        for cells in group[name](rows)
    ]
    return "".join([HEAD, *lines, NOTES]) if lines else ""


def _times(rows: Figures, name: str, ours: str, seconds: float, key: str = "seconds") -> str:
    """How many times the time of ours, if that was measured on the same machine."""
    if not are_beside(rows, name, ours):
        return ""
    return f"{seconds / median(rows[ours]['runs'], key):.2f}"


def _status(name: str, what: str) -> Callable[[Figures], Cells]:
    def cells(rows: Figures) -> Cells:
        row = rows[name]
        seconds, wrong = median(row["runs"]), (row["other_status"], row["other_amount"])
        right = f"right: the mart's status, days and amount in all {row['accounts']:,} accounts"
        if any(wrong):
            right = (
                f"wrong: another status than the mart in {wrong[0]:,} of {row['accounts']:,} "
                f"accounts, other days or amount in {wrong[1]:,}"
            )
        ratio = _times(rows, name, "status_dbt", seconds)
        return [(what, f"{seconds:.1f} s", ratio, memory(row["runs"]), right)]

    return cells


def _writer(name: str, what: str) -> Callable[[Figures], Cells]:
    def cells(rows: Figures) -> Cells:
        row, runs = rows[name], rows[name]["runs"]
        seconds, size = median(runs), runs[0]["bytes"] / 1e6
        right = "what is sent"
        if "other_lines" in row:
            other = row["other_lines"]
            right = f"wrong: {other:,} of {row['lines']:,} lines differ from what is sent"
            if not other:
                right = f"right: all {row['lines']:,} lines are those that are sent, byte for byte"
        label = f"{what}, {runs[0]['records']:,} records, {size:,.0f} MB"
        ratio = _times(rows, name, "writer", seconds)
        return [(label, f"{size / seconds:,.0f} MB/s", ratio, memory(runs), right)]

    return cells


def _ours(rows: Figures) -> Cells:
    name = "rules_same"
    what = f"ours, {rows[name]['runs'][0]['rules']} rules"
    return [
        _rules(rows, name, what, ""),
        _rules(rows, name, what, "names each record with each rule", is_broken=True),
    ]


def _pandera(rows: Figures) -> Cells:
    name = "rules_pandera"
    row = rows[name]
    broken, ours = row["fast"][0]["broken"], row["ours"]["broken"]
    right = f"right: as many records as ours, {ours:,}"
    if broken != ours:
        right = f"wrong: {broken:,} records, ours {ours:,}"
    what = f"pandera, {row['ours']['rules']} rules"
    return [
        _rules(rows, name, f"{what}, fast answer", "", "fast"),
        _rules(rows, name, f"{what}, fast answer", right, "fast", is_broken=True),
        _rules(rows, name, f"{what}, full answer", _by_rule(row, "full"), "full", is_broken=True),
    ]


def _expectations(rows: Figures) -> Cells:
    name = "rules_expectations"
    row = rows[name]
    what = f"Great Expectations, {row['ours']['rules']} rules"
    right = f"{_by_rule(row, 'runs')}; names no record"
    return [
        _rules(rows, name, what, ""),
        _rules(rows, name, what, right, is_broken=True),
    ]


def _rules(
    rows: Figures, name: str, what: str, right: str, part: str = "runs", is_broken: bool = False
) -> tuple[str, ...]:
    """The rules of records of which none breaks one, or of which every second breaks some."""
    runs = rows[name][part]
    key = "seconds_with_hits" if is_broken else "seconds_without_hits"
    label = "every second breaks some" if is_broken else "none breaks one"
    seconds = median(runs, key)
    speed = f"{runs[0]['records'] / seconds:,.0f} records/s"
    ratio = _times(rows, name, "rules_same", seconds, key)
    return f"{what}, {label}", speed, ratio, memory(runs), right


def _by_rule(row: Figures, runs: str) -> str:
    """Whether a peer counts as many failing records under each rule as ours."""
    found, ours = row[runs][0]["by_rule"], row["ours"]["by_rule"]
    other = [rule for rule in sorted(found | ours) if found.get(rule) != ours.get(rule)]
    if other:
        return f"wrong: another number of records than ours under {', '.join(other)}"
    return f"right: as many records as ours under each rule, {sum(ours.values()):,} in all"


GROUPS: tuple[dict[str, Callable[[Figures], Cells]], ...] = (
    {
        "status_dbt": _status("status_dbt", "the status alone, our models by dbt, no checks"),
        "status_duckdb": _status("status_duckdb", "the status alone in DuckDB, by hand"),
        "status_polars": _status("status_polars", "the status alone in Polars, cumulative form"),
        "status_pandas": _status("status_pandas", "the status alone in pandas, cumulative form"),
    },
    {
        "writer": _writer("writer", "the submission files, ours"),
        "writer_lxml": _writer("writer_lxml", "the submission files by lxml"),
    },
    {"rules_same": _ours, "rules_pandera": _pandera, "rules_expectations": _expectations},
)
