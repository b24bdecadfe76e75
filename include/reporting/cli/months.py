"""Which months are built, what was reported, and what is withheld or pending."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import duckdb
from rich.console import Group, RenderableType
from rich.text import Text

from reporting.cli.terminal import keep_whole, plain_table, shown
from reporting.core.run import Run, next_month
from reporting.core.seeds import reasons
from reporting.core.settings import Settings
from reporting.store.month_order import stale_runs
from reporting.store.published import BuiltRun, unfinished_months
from reporting.store.published_database import months_shown, open_published
from reporting.store.run_marks import now
from reporting.submission.approval import next_act
from reporting.submission.repair import SET_ASIDE, count_set_aside


@dataclass(frozen=True)
class Months:
    """What is known of the built months; the rows of each list begin with the report month."""

    built: list[BuiltRun]
    records: list[tuple[date, str, str, int]]  # institution, state, records 210
    supplements: list[tuple[Any, ...]]
    verdicts: list[tuple[date, str, int]]  # reason code, accounts
    pending: list[tuple[Any, ...]]  # institution, held back by, months, accounts, since
    repairs: list[tuple[Any, ...]]  # of the newest month: rule or code, records, since, due, words
    stopped: list[date]
    unfinished: list[str]
    stale: list[str]
    waiting: list[tuple[Run, int]]  # released runs, and how many of their files wait for delivery
    unanswered: int  # files that the bureau has and has not answered
    set_aside: int  # answers that count for nothing until a person has looked
    next_act: str

    @property
    def next_month(self) -> str:
        """The month to run next, YYYY-MM."""
        return f"{next_month(self.built[-1].month):%Y-%m}"


def gather(settings: Settings) -> Months | None:
    """Read the built months; None if the last run was stopped by a check and none is built."""
    with open_published(settings) as connection:
        months = months_shown(connection)
        if not months:
            return None
        states = connection.execute(
            "select report_month, reporter_code, state, count(*) from marts.submission_records "
            "where record_type = '210' and not is_supplement group by all order by all"
        ).fetchall()
        supplements = connection.execute(
            "select report_month, as_of, reporter_code, state, files, records, accepted, rejected "
            "from marts.submissions semi join (from marts.runs where is_supplement) as runs "
            "using (report_month, as_of) order by all"
        ).fetchall()
        verdicts = connection.execute(
            "select report_month, reason_code, count(*) from marts.reportable_population "
            "group by all order by all"
        ).fetchall()
        owed = connection.execute(
            "select report_month, reporter_code, held_back_by, count(*), "
            "count(distinct account_id), min(owed_month) "
            "from marts.months_owed group by all order by all"
        ).fetchall()
        repairs = connection.execute(
            "select coalesce(feedback_code, rule_id), count(*), "
            "min(coalesce(first_withheld_in, report_month)), min(due_on), any_value(sentence) "
            "from marts.repair_queue "
            f"where cause = 'REJECTED' or report_month = date '{months[-1].month}' "
            "group by 1 order by 1"
        ).fetchall()
        [(unanswered,)] = connection.execute(
            "select count(*) from submission.file_states where state = 'DELIVERED'"
        ).fetchall()
        waiting = connection.execute(
            "select report_month, as_of, contains(label, '@'), count(*) "
            "from submission.file_states where state = 'RELEASED' group by all order by all"
        ).fetchall()
        stopped = _stopped(connection)
    return Months(
        built=months,
        records=states,
        supplements=supplements,
        verdicts=verdicts,
        pending=owed,
        repairs=repairs,
        stopped=[month for (month,) in stopped],
        unfinished=unfinished_months(settings),
        stale=[run.label for run in stale_runs(settings)],
        waiting=[(Run(*run), files) for *run, files in waiting],
        unanswered=unanswered,
        set_aside=count_set_aside(settings),
        next_act=next_act(settings, now()),
    )


def _stopped(connection: duckdb.DuckDBPyConnection) -> list[tuple[date]]:
    """The months of which checks are published, and nothing else."""
    try:
        return connection.execute(
            "select distinct report_month from marts.data_quality_results "
            "where report_month not in (select report_month from marts.built_months) order by all"
        ).fetchall()
    except duckdb.CatalogException:  # all months were built again from the ledger, without checks
        return []


def as_values(settings: Settings) -> dict[str, Any]:
    """What ``overview`` says, in values that JSON can hold."""
    known = gather(settings)
    if known is None:
        return {"months": []}
    return {
        "months": [
            {
                "month": f"{built.month:%Y-%m}",
                "as_of": built.as_of.isoformat(),
                "run_id": built.run_id,
                "records_210": [
                    {"reporter": reporter, "state": state, "records": n}
                    for month, reporter, state, n in known.records
                    if month == built.month
                ],
                "verdicts": {code: n for month, code, n in known.verdicts if month == built.month},
                "pending": [
                    {"reporter": reporter, "held_back_by": cause, "months": months, "accounts": n}
                    for month, reporter, cause, months, n, _ in known.pending
                    if month == built.month
                ],
            }
            for built in known.built
        ],
        "supplements": [
            {
                "month": f"{month:%Y-%m}",
                "as_of": as_of.isoformat(),
                "reporter": reporter,
                "state": state,
                "files": files,
                "records": records,
                "accepted": accepted,
                "rejected": rejected,
            }
            for month, as_of, reporter, state, files, records, accepted, rejected in (
                known.supplements
            )
        ],
        "repair_queue": [
            {
                "rule_or_code": rule,
                "records": records,
                "since": f"{since:%Y-%m}",
                "due_on": due_on and due_on.isoformat(),
                "sentence": sentence,
            }
            for rule, records, since, due_on, sentence in known.repairs
        ],
        "waiting_files": {run.label: files for run, files in known.waiting},
        "unanswered_files": known.unanswered,
        "set_aside_answers": known.set_aside,
        "stopped": [f"{month:%Y-%m}" for month in known.stopped],
        "unfinished": known.unfinished,
        "stale": known.stale,
        "to_release": known.next_act or None,
        "next_month": known.next_month,
    }


def overview(settings: Settings) -> RenderableType:
    """Every built month with its cut-off, records 210 by state and accounts by verdict."""
    known = gather(settings)
    if known is None:
        return Text(
            "No month is built yet: the last run was stopped by a check "
            "(marts.data_quality_results)."
        )
    months = known.built
    kinds = sorted({state for _, _, state, _ in known.records})
    columns = (
        "month",
        "cut-off",
        "institution",
        *map(str.lower, kinds),
        "pending",
        "not reportable",
    )
    table = plain_table(*columns, title="Records 210 of own runs")
    table.padding = (0, 1, 0, 0)  # so that it fits 80 columns
    for built in months:
        counts = {code: n for month, code, n in known.verdicts if month == built.month}
        left = sum(n for month, _, _, n, _, _ in known.pending if month == built.month)
        out = sum(n for code, n in counts.items() if code not in ("REPORTED", "NOTICE_PENDING"))
        sent = {(r, state): n for month, r, state, n in known.records if month == built.month}
        first = (f"{built.month:%Y-%m}", _moment(built.as_of))
        last = (f"{left:,}", f"{out:,}")
        for reporter in dict.fromkeys(r for r, _ in sent) or ("none",):
            records = (f"{sent.get((reporter, state), 0):,}" for state in kinds)
            table.add_row(*first, Text(shown(reporter)), *records, *last)
            first = last = ("", "")
    for column in table.columns:  # a heading may be broken, a number never
        keep_whole(column)
    for column in table.columns[:3]:
        column.no_wrap = True  # else rich takes the room for a long heading from them
    for column in table.columns[3:]:
        column.justify = "right"
    latest = months[-1].month
    newest = {code: n for month, code, n in known.verdicts if month == latest}
    why = plain_table("accounts", f"verdict of {latest:%Y-%m}", "meaning")
    for code, reason in reasons().items():
        if code in newest:
            why.add_row(f"{newest[code]:,}", code, reason.sentence)
    parts: list[RenderableType] = [table, Text(), why]
    pending = [row[1:] for row in known.pending if row[0] == latest]
    parts += _what_is_owed(pending, known.repairs)
    return Group(*parts, Text("\n".join(["", *_lines(known, settings)])))


def _lines(known: Months, settings: Settings) -> Iterator[str]:
    for month in known.stopped:
        page = settings.address_of(settings.month_page(f"{month:%Y-%m}"))
        yield f"Stopped by a check, not built: {month:%Y-%m} ({page} says why)"
    for label in known.unfinished:
        yield f"Stopped while it was published, run it again: {label}"
    for label in known.stale:
        yield f"Rests on an earlier build or on older answers, run it again: {label}"
    for month, as_of, reporter, state, files, records, accepted, rejected in known.supplements:
        yield (
            f"Supplement of {month:%Y-%m} at {_moment(as_of)}: {reporter}, {state.lower()}, "
            f"{records:,} records in {files:,} files, {accepted:,} accepted, {rejected:,} rejected"
        )
    for run, files in known.waiting:
        yield (
            f"Released and not delivered: {files:,} files of {run.label}; "
            f"reporting release {run.options}"
        )
    if known.unanswered:
        yield f"Unanswered by the bureau: {known.unanswered:,} files"
    if known.set_aside:
        yield (
            f"Set aside: {known.set_aside:,} answers in {settings.inbox / SET_ASIDE}; "
            "`reporting feedback FILE` says why"
        )
    if known.next_act:
        yield f"To release: {known.next_act}"
    yield f"Next: reporting run --month {known.next_month}"


def _moment(as_of: datetime) -> str:
    """A cut-off as text; without the time if it is midnight, as usual."""
    return f"{as_of:%Y-%m-%d}" if as_of.time() == time() else f"{as_of:%Y-%m-%d %H:%M}"


def _what_is_owed(owed: list[Any], repairs: list[Any]) -> list[RenderableType]:
    """Tables of the pending months, by institution and cause, and of the records to repair."""
    parts: list[RenderableType] = []
    if owed:
        table = plain_table("pending months of", "held back by", "months", "accounts", "since")
        for reporter, held_back_by, months, accounts, since in owed:
            counts = (f"{months:,}", f"{accounts:,}", f"{since:%Y-%m}")
            # of an account that is not in the data no one knows the institution
            table.add_row(Text(shown(reporter or "unknown")), held_back_by, *counts)
        parts += [Text(), table]
    if repairs:
        table = plain_table("repair queue", "records", "since", "due", "rule or answer")
        for rule, records, since, due_on, sentence in repairs:
            due = f"{due_on:%Y-%m-%d}" if due_on else ""
            table.add_row(Text(rule), f"{records:,}", f"{since:%Y-%m}", due, sentence)
        parts += [Text(), table]
    return parts
