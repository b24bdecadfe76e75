"""Which months are built, what was reported, and what is withheld or pending."""

from datetime import datetime, time
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reporting.cli.terminal import shown
from reporting.core.run import next_month
from reporting.core.seeds import reasons
from reporting.core.settings import Settings
from reporting.store.month_order import stale_runs
from reporting.store.published import unfinished_months
from reporting.store.published_database import months_shown, open_published
from reporting.submission.approval import next_act


def overview(settings: Settings) -> RenderableType:
    """Every built month with its cut-off, records 210 by state and accounts by verdict."""
    with open_published(settings) as connection:
        months = months_shown(connection)
        if not months:
            return Text(
                "No month is built yet: the last run was stopped by a check "
                "(marts.data_quality_results)."
            )
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
            "from marts.repair_queue where cause = 'REJECTED' or report_month = ? "
            "group by 1 order by 1",
            [months[-1].month],
        ).fetchall()
        stopped = connection.execute(
            "select distinct report_month from marts.data_quality_results "
            "where report_month not in (select report_month from marts.built_months) order by all"
        ).fetchall()
    kinds = sorted({state for _, _, state, _ in states})
    columns = (
        "month",
        "cut-off",
        "institution",
        *map(str.lower, kinds),
        "pending",
        "not reportable",
    )
    table = Table(*columns, box=None)
    for column in table.columns[3:]:
        column.justify = "right"
    for built in months:
        counts = {code: n for month, code, n in verdicts if month == built.month}
        left = sum(n for month, _, _, n, _, _ in owed if month == built.month)
        out = sum(n for code, n in counts.items() if code not in ("REPORTED", "NOTICE_PENDING"))
        sent = {(r, state): n for month, r, state, n in states if month == built.month}
        first = (f"{built.month:%Y-%m}", _moment(built.as_of))
        last = (f"{left:,}", f"{out:,}")
        for reporter in dict.fromkeys(r for r, _ in sent) or ("none",):
            records = (f"{sent.get((reporter, state), 0):,}" for state in kinds)
            table.add_row(*first, Text(shown(reporter)), *records, *last)
            first = last = ("", "")
    latest = months[-1].month
    newest = {code: n for month, code, n in verdicts if month == latest}
    why = Table("accounts", f"verdict of {latest:%Y-%m}", "meaning", box=None)
    for code, reason in reasons().items():
        if code in newest:
            why.add_row(f"{newest[code]:,}", code, reason.sentence)
    lines = [f"Stopped by a check, not built: {month:%Y-%m}" for (month,) in stopped]
    lines += [
        f"Stopped while it was published, run it again: {label}"
        for label in unfinished_months(settings)
    ]
    lines += [
        f"Built on an earlier build of the run before it, run it again: {run.label}"
        for run in stale_runs(settings)
    ]
    lines += [
        f"Supplement of {month:%Y-%m} at {_moment(as_of)}: {reporter}, {state.lower()}, "
        f"{records:,} records in {files:,} files, {accepted:,} accepted, {rejected:,} rejected"
        for month, as_of, reporter, state, files, records, accepted, rejected in supplements
    ]
    if act := next_act(settings):
        lines.append(f"To release: {act}")
    lines.append(f"Next: reporting run --month {next_month(latest):%Y-%m}")
    parts: list[RenderableType] = [table, Text(), why]
    parts += _what_is_owed([row[1:] for row in owed if row[0] == latest], repairs)
    return Group(*parts, Text("\n".join(["", *lines])))


def _moment(as_of: datetime) -> str:
    """A cut-off as text; without the time if it is midnight, as usual."""
    return f"{as_of:%Y-%m-%d}" if as_of.time() == time() else f"{as_of:%Y-%m-%d %H:%M}"


def _what_is_owed(owed: list[Any], repairs: list[Any]) -> list[RenderableType]:
    """Tables of the pending months, by institution and cause, and of the records to repair."""
    parts: list[RenderableType] = []
    if owed:
        table = Table("pending months of", "held back by", "months", "accounts", "since", box=None)
        for reporter, held_back_by, months, accounts, since in owed:
            counts = (f"{months:,}", f"{accounts:,}", f"{since:%Y-%m}")
            # of an account that is not in the data nobody knows the institution
            table.add_row(Text(shown(reporter or "unknown")), held_back_by, *counts)
        parts += [Text(), table]
    if repairs:
        table = Table("repair queue", "records", "since", "due", "rule or answer", box=None)
        for rule, records, since, due_on, sentence in repairs:
            due = f"{due_on:%Y-%m-%d}" if due_on else ""
            table.add_row(Text(rule), f"{records:,}", f"{since:%Y-%m}", due, sentence)
        parts += [Text(), table]
    return parts
