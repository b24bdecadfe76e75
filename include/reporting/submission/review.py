"""What an approver sees of a built run: at most 30 lines, without personal data (section 7.6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from reporting.core.database import filled, literal
from reporting.core.run import Run, previous_month
from reporting.core.settings import Settings
from reporting.store.published_database import open_published
from reporting.store.submission_ledger import RunState

MOST_LINES = 30

# Which rows of a table of runs or records are of the run, and of the own run a month earlier.
OF_RUN = "(report_month = $month and as_of = $as_of)"
OF_MONTH_BEFORE = "(report_month = $before and not is_supplement)"
# A run also sends pending months: a status of the month is in the records about it.
ABOUT_ITS_MONTH = "report_date >= report_month"


@dataclass(frozen=True)
class Review:
    """The lines by group, as they are printed and shown in Airflow."""

    subject: str
    groups: dict[str, list[str]]

    def lines(self) -> list[str]:
        """All lines, at most as many as a person is shown."""
        found = [self.subject]
        for name, words in self._fitted().items():
            found += [f"{name}: {words[0]}", *(f"  {one}" for one in words[1:])]
        return found

    def markdown(self) -> str:
        """The same as the body of an approval in Airflow."""
        parts = [
            f"**{name}**\n\n" + "\n".join(f"- {one}" for one in words)
            for name, words in self._fitted().items()
        ]
        return "\n\n".join(parts)

    def _fitted(self) -> dict[str, list[str]]:
        """The groups with lines, the longest cut so that all fit with their names and the subject.

        A group that is cut says how many lines are left out.
        """
        groups = {name: words for name, words in self.groups.items() if words}
        kept = {name: len(words) for name, words in groups.items()}
        while 1 + len(kept) + sum(kept.values()) > MOST_LINES:
            kept[max(kept, key=lambda name: kept[name])] -= 1
        return {
            name: words
            if kept[name] == len(words)
            else [
                *words[: kept[name] - 1],
                f"... {len(words) - kept[name] + 1} more, see the page of the month",
            ]
            for name, words in groups.items()
        }


def review(state: RunState, settings: Settings) -> Review:
    """Describe a built run beside the month before: files, records, statuses, numbers, checks."""
    run = state.run
    with open_published(settings) as connection:
        groups = {
            "run": list(_run(connection, state)),
            "records": list(_records(connection, run)),
            "accounts by status": list(_statuses(connection, run)),
            "numbers": [_numbers(connection, run)],
            "reconciliation": list(_reconciliation(connection, run)),
            "unusual": list(_unusual(connection, run)),
            "checks": list(_checks(connection, state)),
            "page of the month": [settings.address_of(settings.month_page(run.label))],
        }
    subject = f"{run.label}, cut-off {run.as_of:%Y-%m-%d %H:%M:%S}, run {state.run_id}"
    return Review(subject, groups)


def _run(connection: duckdb.DuckDBPyConnection, state: RunState) -> Iterator[str]:
    yield f"built by {', '.join(state.builders)}; files digest {state.files_digest[:12]}"
    for reporter, name, records, digest in connection.execute(
        "select reporter_code, built_name, records, left(sha256, 12) from marts.submission_events "
        "where event = 'BUILT' and built_name is not null and batch = (select max(batch) "
        "from marts.submission_events where event = 'BUILT' "
        f"and run_id = {literal(state.run_id)}) order by all"
    ).fetchall():
        yield f"{reporter} {name}: {records:,} records, {digest}"


def _records(connection: duckdb.DuckDBPyConnection, run: Run) -> Iterator[str]:
    rows = _rows(
        connection,
        run,
        f"select reporter_code, record_type, count(*) filter (where {OF_RUN}), "
        f"count(*) filter (where {OF_MONTH_BEFORE}) from marts.submission_records "
        f"where state <> 'WITHHELD' and ({OF_RUN} or {OF_MONTH_BEFORE}) group by all order by all",
    )
    for reporter, kind, now, before in rows:
        yield f"{reporter} {kind}: {now:,} ({before:,} the month before)"


def _statuses(connection: duckdb.DuckDBPyConnection, run: Run) -> Iterator[str]:
    rows = _rows(
        connection,
        run,
        f"select coalesce(repayment_status, '-'), count(*) filter (where {OF_RUN}), "
        f"count(*) filter (where {OF_MONTH_BEFORE}) "
        "from marts.submission_records where record_type = '210' and state <> 'WITHHELD' "
        f"and {ABOUT_ITS_MONTH} and ({OF_RUN} or {OF_MONTH_BEFORE}) group by all order by all",
    )
    yield ", ".join(f"{status}: {now:,} ({before:,})" for status, now, before in rows) or "none"
    now, before = _rows(
        connection,
        run,
        f"select coalesce(sum(overdue_total) filter (where {OF_RUN}), 0), "
        f"coalesce(sum(overdue_total) filter (where {OF_MONTH_BEFORE}), 0) from marts.run_figures",
    )[0]
    yield f"overdue in all: {now:,.2f} CNY ({before:,.2f} the month before)"


def _numbers(connection: duckdb.DuckDBPyConnection, run: Run) -> str:
    first, closing, withheld = _rows(
        connection,
        run,
        f"select first_reports, closings, withheld from marts.run_figures where {OF_RUN}",
    )[0]
    late, rules = _rows(
        connection,
        run,
        "select count(*) filter (where state <> 'WITHHELD' and report_date < report_month), "
        "string_agg(distinct rule_ids, ', ' order by rule_ids) filter (where state = 'WITHHELD') "
        f"from marts.submission_records where {OF_RUN} "
        "and (record_type = '210' or state = 'WITHHELD')",
    )[0]
    (pending,) = _rows(
        connection, run, "select count(*) from marts.months_owed where report_month = $month"
    )[0]
    return (
        f"{first:,} first reports, {closing:,} closings, {late:,} of earlier months, "
        f"{withheld:,} withheld"
        + (f" ({rules})" if rules else "")
        + f", {pending:,} months pending"
    )


def _reconciliation(connection: duckdb.DuckDBPyConnection, run: Run) -> Iterator[str]:
    """One line: the accounts on their way from the feed into the files, and whether all closes."""
    rows = _rows(
        connection,
        run,
        "select step, sum(accounts) filter (where part = 'total' "
        "and coalesce(record_type, '210') = '210'), bool_and(is_closed) "
        f"from marts.reconciliation where {OF_RUN} and step_number <= 4 "
        "group by step_number, step order by step_number",
    )
    if rows:
        yield ", ".join(
            f"{step} {total or 0:,}{'' if is_closed else ' DOES NOT CLOSE'}"
            for step, total, is_closed in rows
        ) + (": every step closes to the fen" if all(closed for *_, closed in rows) else "")


def _unusual(connection: duckdb.DuckDBPyConnection, run: Run) -> Iterator[str]:
    """The portfolio metrics that left what the months before allow."""
    for figure, scope, value, least, most in _rows(
        connection,
        run,
        "select figure, scope, value, allowed_from, allowed_to from marts.batch_figures "
        "where report_month = $month and is_unusual order by figure, scope",
    ):
        bounds = f"{_bound(least, 'any')} to {_bound(most, 'any')}"
        yield f"{figure} of {scope}: {value:,.4f}, usual {bounds}"


def _bound(value: float | None, without: str) -> str:
    return without if value is None else f"{value:,.4f}"


def _checks(connection: duckdb.DuckDBPyConnection, state: RunState) -> Iterator[str]:
    """The failed checks of this very build: a run that a check stopped leaves only its own."""
    results = connection.execute(
        "select severity, check_id, rows_failing, is_waived, passed or severity = 'info' "
        f"from marts.data_quality_results where run_id = {literal(state.run_id)} "
        "order by severity, rows_failing desc, check_id"
    ).fetchall()
    if not results:
        yield "not known: a later run was stopped by a check, and its results took their place"
    elif all(is_passed for *_, is_passed in results):
        yield "all passed"
    for severity, check, failing, is_waived, is_passed in results:
        if not is_passed:
            yield f"{severity} {check}: {failing:,} rows" + (", waived" if is_waived else "")


def _rows(connection: duckdb.DuckDBPyConnection, run: Run, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query about a run: ``$month``, ``$as_of``; ``$before`` is the month before."""
    values = {"month": run.month, "as_of": run.as_of, "before": previous_month(run.month)}
    return connection.execute(filled(query, **values)).fetchall()
