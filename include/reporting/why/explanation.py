"""The replay of one account as text: which payment paid which item, and every field's arithmetic.

For a person on the phone with a customer. The rows come from the private build store of the month
and are compared with the fields of the published marts; a difference is printed as a defect. The
text holds pseudonymous ids and amounts, no personal data.
"""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
from rich.text import Text

from reporting.core.errors import BadCall, ReportingError
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.store.build_store import open_store
from reporting.store.published import BuiltRun
from reporting.store.published_database import months_shown, open_published
from reporting.why.fields import (
    Figure,
    MonthEnd,
    days,
    figures,
    in_whole_yuan,
    money,
    month_ends,
)
from reporting.why.replay import (
    Bill,
    Item,
    Ledger,
    Payment,
    Policy,
    Replay,
    Step,
    Transaction,
    read_ledger,
)

WIDTH = 110
STORY = 69  # width of the event texts; the principal balance is printed to their right
TOGETHER = "\N{NO-BREAK SPACE}"  # while lines are broken
MOMENT = "%Y-%m-%d %H:%M:%S"
ACCRUAL = "an accrual, bills collect it"


class DerivationsDiffer(ReportingError):
    """The explanation and the mart differ: a defect, not an answer (exit 1)."""


@dataclass
class Explanation:
    """The text of the replay, and the fields in which the mart differs."""

    lines: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def text(self) -> Text:
        """The lines as printed, differences in red."""
        text = Text("\n".join(self.lines))
        text.highlight_regex(r"(?m)^ +(✗|DEFECT).*$", "bold red")
        return text

    def require_equal(self) -> None:
        """Raise DerivationsDiffer, naming every field that differs."""
        if self.differences:
            raise DerivationsDiffer(
                "the explanation and the mart differ, one of them is wrong; do not rely on "
                f"either and report this defect: {'; '.join(self.differences)}"
            )


def explain(accounts: list[str], month: date, settings: Settings) -> Explanation:
    """The replay of some accounts in one built month.

    Raises BadCall if the private build store of that month is gone or belongs to another build.
    """
    with open_published(settings) as published:
        built = next(entry for entry in months_shown(published) if entry.month == month)
        run = Run(built.month, built.as_of)
        if not run.build_store(settings).is_file():
            raise _run_it_again(run, "has no build store any more")
        try:
            with open_store(run, settings) as store:
                _require_same_build(store, built, run)
                return _explained(accounts, run, store, published)
        except (duckdb.IOException, duckdb.CatalogException):
            raise _run_it_again(run, "cannot be read now, a run may be writing it") from None


def _explained(
    accounts: list[str],
    run: Run,
    store: duckdb.DuckDBPyConnection,
    published: duckdb.DuckDBPyConnection,
) -> Explanation:
    explanation = Explanation()
    for account_id in accounts:
        reported = _reported(published, account_id, run.month)
        if reported:
            _explain_account(read_ledger(store, account_id), run, reported, explanation)
        else:
            words = f"Account {account_id} was not open in {run.label}: nothing to replay."
            explanation.lines += ["", words]
    return explanation


def _require_same_build(store: duckdb.DuckDBPyConnection, built: BuiltRun, run: Run) -> None:
    found = store.execute("select report_month, as_of, run_id from marts.built_months").fetchall()
    if found != [(built.month, built.as_of, built.run_id)]:
        raise _run_it_again(run, "has a build store of another build than the published one")


def _run_it_again(run: Run, what: str) -> BadCall:
    return BadCall(
        f"month {run.label} {what}; to explain it, "
        f"run `reporting run --month {run.label} --as-of {run.as_of.isoformat()}` again"
    )


def _reported(published: duckdb.DuckDBPyConnection, account_id: str, month: date) -> dict[str, Any]:
    """The published row of the account, with the name of its episode; empty if not open."""
    cursor = published.execute(
        """
        select status.*, population.episode_started_on
        from marts.repayment_status as status
        inner join marts.reportable_population as population
            on status.account_id = population.account_id
            and status.report_month = population.report_month
        where status.report_month = ? and status.account_id = ?
        """,
        [month, account_id],
    )
    names = [column[0] for column in cursor.description or []]
    rows = cursor.fetchall()
    return dict(zip(names, rows[0], strict=True)) if rows else {}


def _explain_account(
    ledger: Ledger, run: Run, reported: dict[str, Any], explanation: Explanation
) -> None:
    ends = month_ends(ledger, run.month)
    story = ends[-1].replay
    found = figures(ends)
    differing = [figure for figure in found if figure.value != reported[figure.name]]
    explanation.differences += [
        f"{ledger.account.account_id} {figure.name} is {_value(figure.value)} by the replay "
        f"and {_value(reported[figure.name])} in the mart"
        for figure in differing
    ]
    explanation.lines += [
        *_header(ledger, run, story),
        *_story(story),
        *_left_out(story),
        *_open(story),
        *_arithmetic(found, reported),
        *_written(found),
        *_history(ends),
        *_conclusion(found, differing),
    ]


def _lines(text: str, indent: int, hanging: int = 2) -> list[str]:
    """A sentence in lines of at most the width; a result stays on the line of its equals sign."""
    lines = textwrap.wrap(
        text.replace(" = ", f"{TOGETHER}={TOGETHER}"),
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_on_hyphens=False,
    )
    return [line.replace(TOGETHER, " ") for line in lines]


# --- the account and its policy ------------------------------------------------------------------


def _header(ledger: Ledger, run: Run, story: Replay) -> list[str]:
    account = ledger.account
    return [
        "",
        f"Replay of account {account.account_id}, {account.product_code}, "
        f"opened {account.opened_on}. Amounts in CNY.",
        *_lines(f"Policy: {_policy(ledger.policy)}.", 2),
        f"  Report date {story.report_date}; known are the rows recorded up to the cut-off "
        f"{run.as_of:{MOMENT}}.",
    ]


def _policy(policy: Policy) -> str:
    grace = f"{days(policy.grace_days)} of grace" if policy.grace_days else "no days of grace"
    basis = "the minimum" if policy.due_basis == "minimum_due" else "the full bill"
    left_over = (
        "is held and pays the next items when they appear"
        if policy.holds_left_overs
        else "lowers the balance at once and pays nothing later"
    )
    return (
        f"{grace} after the due day (a penalty: none); {basis} must be paid; a payment pays the "
        f"oldest due date first and inside it {', '.join(policy.order)}; "
        f"money left over {left_over}"
    )


# --- the story -----------------------------------------------------------------------------------


def _story(story: Replay) -> list[str]:
    heading = "What happened"
    lines = ["", f"  {heading:<{STORY + 21}}  {'principal owed':>15}"]
    for step in story.steps:
        first, *rest = textwrap.wrap(
            _event(step.event, story.ledger), STORY, subsequent_indent="  ", break_on_hyphens=False
        )
        lines.append(f"  {step.event.at:{MOMENT}}  {first:<{STORY}}  {money(step.balance):>15}")
        lines += [f"{'':23}{line}" for line in rest]
        for detail in _details(step, story.ledger.policy):
            lines += _lines(detail, 25)
    return lines if story.steps else [*lines, "  nothing"]


def _event(event: Transaction | Bill, ledger: Ledger) -> str:
    if isinstance(event, Bill):
        return _bill(event, ledger)
    what = f"{event.transaction_type.replace('_', ' ')} {event.transaction_id}"
    words = f"{what} of {money(event.amount)}"
    endings = {
        "penalty": ", due the same day",
        "interest": f": {ACCRUAL}",
        "fee": f": {ACCRUAL}",
        "write_off": ": the amount changes nothing",
    }
    return words + endings.get(event.transaction_type, "")


def _bill(bill: Bill, ledger: Ledger) -> str:
    due = ledger.parts_due(bill)
    parts = ", ".join(f"{part} {money(amount)}" for part, amount in due.items() if amount)
    at_least = ""
    if ledger.policy.due_basis == "minimum_due":
        minimum = bill.minimum_due
        at_least = ", no minimum" if minimum is None else f", minimum {money(minimum)}"
    return (
        f"bill {bill.bill_id} of {money(bill.total)}{at_least}, due {bill.due_on}: "
        f"{parts or 'nothing to pay'}"
    )


def _details(step: Step, policy: Policy) -> Iterator[str]:
    """Which items a payment, or an amount held before, paid; and the unapplied amount."""
    is_payment = isinstance(step.event, Transaction) and step.event.transaction_type != "penalty"
    for payment in step.payments:
        yield _paid(payment, step.event.at, "pays" if is_payment else "money held pays")
    if step.left_over and policy.holds_left_overs:
        yield f"left over {money(step.left_over)} is held, now {money(step.held)}"
    elif step.left_over:
        yield f"left over {money(step.left_over)} lowers the balance"
    elif step.payments and step.held:
        yield f"still held {money(step.held)}"


def _paid(payment: Payment, at: datetime, verb: str) -> str:
    item = payment.item
    after = (at.date() - item.due_on).days
    if after < 0:
        when = f"{days(-after)} before it is due"
    elif after == 0:
        when = "on its due day"
    elif at.date() < item.late_from:
        when = f"{days(after)} after its due day, in time"
    else:
        when = f"{days(after)} late"
    rest = f"; {money(payment.leaves)} stays open" if payment.leaves else ""
    return f"{verb} {item.label} {money(payment.amount)} ({when}{rest})"


def _left_out(story: Replay) -> list[str]:
    """The rows undone by reversals, and the known rows after the report date."""
    lines = []
    if story.left_out:
        lines += ["", "  Left out from the start, as if it had never happened"]
    for row, reversal in story.left_out:
        words = (
            f"{_named(row)}, undone by reversal {reversal.transaction_id} of {reversal.at:{MOMENT}}"
        )
        if (row.at.year, row.at.month) < (reversal.at.year, reversal.at.month):
            words += f" (the month ends before {reversal.at:%Y-%m} keep it)"
        lines += _lines(words, 2)
    later = [row for row in story.ledger.transactions if row.at.date() > story.report_date]
    if later:
        lines += [
            "",
            f"  Known, but after the report date: {len(later)} transaction(s), not counted",
        ]
    rows = {row.transaction_id: row for row in story.ledger.transactions}
    for reversal in sorted(later, key=lambda row: row.order):
        if reversal.reverses_transaction_id in rows:
            row = rows[reversal.reverses_transaction_id]
            lines += _lines(
                f"reversal {reversal.transaction_id} of {reversal.at:{MOMENT}} "
                f"undoes {_named(row)}: a later reversal changes no earlier month",
                2,
            )
    return lines


def _named(row: Transaction) -> str:
    kind = row.transaction_type.replace("_", " ")
    return f"{kind} {row.transaction_id} of {money(row.amount)} of {row.at:{MOMENT}}"


# --- what is open, and the fields ----------------------------------------------------------------


def _open(story: Replay) -> list[str]:
    lines = ["", f"  Open at the end of {story.report_date}"]
    late = bool(story.late_items)
    for item in story.open_items:
        part_of = f" of {money(item.amount)}" if item.unpaid < item.amount else ""
        lines += _lines(
            f"{item.label}, due {item.due_on}: {money(item.unpaid)}{part_of}, "
            f"{_standing(item, story.report_date, late)}",
            2,
        )
    return lines if story.open_items else [*lines, "  nothing"]


def _standing(item: Item, day: date, anything_late: bool) -> str:
    """Late or not, and why."""
    age = (day - item.due_on).days
    if item.late_from <= day:
        return f"{days(age)} past its due day: LATE"
    if age < 0:
        return f"not late: due in {days(-age)}"
    if item.part == "penalty" and anything_late:
        return "of this very day: counts as overdue because something else is late"
    if age == 0:
        return "not late: the due day itself never is"
    last = item.late_from - timedelta(days=1)
    return f"{days(age)} past its due day, not late: grace runs to the end of {last}"


def _value(value: object) -> str:
    return "none" if value is None else str(value)


def _arithmetic(found: list[Figure], reported: dict[str, Any]) -> list[str]:
    lines = ["", "  Every field, ✓ where it equals the mart"]
    for figure in found:
        equal = figure.value == reported[figure.name]
        words = f"{'✓' if equal else '✗'} {figure.name}: {figure.because}"
        if not equal:
            words += f"; BUT THE MART SAYS {_value(reported[figure.name])}"
        lines += _lines(words, 2, 4)
    return lines


def _written(found: list[Figure]) -> list[str]:
    written = in_whole_yuan({figure.name: figure.value for figure in found})
    amounts = ", ".join(f"{name} {amount:,}" for name, amount in written.items())
    words = (
        f"A record writes whole yuan, rounded half up as the last step (under one yuan: 1; the age "
        f"buckets by their sums from the oldest on): {amounts}."
    )
    if any(figure.name == "repayment_status" and figure.value == "G" for figure in found):
        words += " A transferred account is written with zeros: what was owed is the buyer's now."
    return ["", *_lines(words, 2)]


def _history(ends: list[MonthEnd]) -> list[str]:
    months = [
        TOGETHER.join(
            (
                f"{end.replay.month:%Y-%m}",
                end.repayment_status,
                str(end.days_past_due),
                end.five_tier_class,
            )
        )
        for end in ends
    ]
    return [
        "",
        "  Month ends since the opening as known at this cut-off, each by its own month's ledger:",
        *_lines(f"month, status, days past due, five-tier class: {'; '.join(months)}", 2, 0),
    ]


def _conclusion(found: list[Figure], differing: list[Figure]) -> list[str]:
    if not differing:
        return ["", f"  All {len(found)} fields equal the mart."]
    names = ", ".join(figure.name for figure in differing)
    return ["", *_lines(f"DEFECT: {len(differing)} field(s) differ from the mart: {names}.", 2)]
