"""Every reported field of one account from its replay, each with its arithmetic as text.

The rules are those of contracts, section 2; the names are the columns of `marts.repayment_status`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from reporting.core.run import next_month
from reporting.core.seeds import seed_rows
from reporting.why.replay import ZERO, Item, Ledger, Replay, replay, report_date_in

BUCKETS = (
    ("overdue_principal_31_60", 31, 60),
    ("overdue_principal_61_90", 61, 90),
    ("overdue_principal_91_180", 91, 180),
    ("overdue_principal_over_180", 181, 9_999_999),
)
TERMS_SHOWN = 6


@dataclass(frozen=True)
class Figure:
    """One reported field: its name, its value, and its arithmetic."""

    name: str
    value: object
    because: str


@dataclass(frozen=True)
class MonthEnd:
    """One month end since opening, by the ledger as of that month end."""

    replay: Replay
    days_past_due: int
    repayment_status: str
    status_because: str
    five_tier_class: str

    @property
    def is_adverse(self) -> bool:
        """Overdue, or written off and owed: what a notice must announce."""
        return self.repayment_status in "1234567B"


def money(amount: Decimal) -> str:
    """An amount as people write it."""
    return f"{amount:,.2f}"


def days(count: int) -> str:
    """A number of days."""
    return f"{count} day" if count == 1 else f"{count} days"


def month_ends(ledger: Ledger, month: date) -> list[MonthEnd]:
    """Every month end from the opening to the report month, as known at this cut-off."""
    ends = []
    each = ledger.account.opened_on.replace(day=1)
    while each <= month:
        ends.append(_month_end(replay(ledger, report_date_in(ledger, each))))
        each = next_month(each)
    return ends


def figures(ends: list[MonthEnd]) -> list[Figure]:
    """Every field of the last month end, in the order of the mart."""
    last = ends[-1]
    story = last.replay
    words = "the closing day" if _is_closed(story) else "the month's end"
    return [
        Figure("report_date", story.report_date, f"{words} = {story.report_date}"),
        _credit_limit(story),
        *_balances(story),
        *_flows(story),
        *_lateness(last),
        *_overdue_amounts(story),
        _remaining_periods(last),
        *_verdict(last),
        *_five_tier(ends),
        *_episode(ends),
    ]


def in_whole_yuan(values: dict[str, object]) -> dict[str, int]:
    """The amounts of a month as a record writes them (contracts, section 5).

    Half up, as the last step; a positive amount under one yuan is written as 1. The age buckets are
    the differences of the rounded sums from the oldest slice on.
    """
    amounts = {name: value for name, value in values.items() if isinstance(value, Decimal)}
    plain = ("balance", "amount_due", "amount_paid", "overdue_total", "overdue_principal")
    written = {name: _yuan(amounts[name]) for name in plain}
    total, before = ZERO, 0
    for name, _, _ in reversed(BUCKETS):
        total += amounts[name]
        written[name] = _yuan(total) - before
        before = _yuan(total)
    return written


def _yuan(amount: Decimal) -> int:
    return 1 if 0 < amount < 1 else int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def _sum(terms: Iterable[tuple[str, Decimal]], many: str) -> tuple[Decimal, str]:
    """A sum and its arithmetic; with too many terms for a line, only their number."""
    terms = list(terms)
    total = sum((amount for _, amount in terms), ZERO)
    if not terms:
        return total, f"no {many} = {money(total)}"
    shown = f"{len(terms)} {many}"
    if len(terms) <= TERMS_SHOWN:
        shown = " + ".join(f"{label} {money(amount)}" for label, amount in terms)
    return total, f"{shown} = {money(total)}"


def _dates(found: list[date]) -> str:
    if len(found) <= TERMS_SHOWN:
        return ", ".join(map(str, found)) or "none"
    return f"{found[0]} to {found[-1]}"


def _is_closed(story: Replay) -> bool:
    return story.ledger.account.closed_on == story.report_date


# --- a month end ---------------------------------------------------------------------------------


def _month_end(story: Replay) -> MonthEnd:
    late = story.late_items
    past_due = (story.report_date - late[0].due_on).days if late else 0
    status, because = _status(story, past_due)
    class_ = "5" if status == "B" else _by_days("five_tier_classes", past_due)
    return MonthEnd(story, past_due, status, because, class_)


def _by_days(seed: str, past_due: int) -> str:
    """The code of a number of days in a seed (status, five-tier class); empty where it has none."""
    return next((code for low, high, code in _steps(seed) if low <= past_due <= high), "")


@lru_cache
def _steps(seed: str) -> tuple[tuple[int, int, str], ...]:
    rows = (row.values() for row in seed_rows(seed))
    return tuple((int(low), int(high), code) for low, high, code, *_ in rows)


def _status(story: Replay, past_due: int) -> tuple[str, str]:
    """The first condition of rule 9 that applies, and the text of the conditions up to it."""
    transferred = story.ledger.account.closure_kind == "transferred"
    is_closed = _is_closed(story)
    written_off, off_words = _written_off(story)
    missed = _missed_in_month(story)
    due = _amount_due(story)[0]
    digit = _by_days("repayment_statuses", past_due)
    conditions = [
        ("B", "B", written_off, off_words),
        ("G", "G", is_closed and transferred, "transferred" if transferred else "no transfer"),
        ("C", "C", is_closed, "closed in the month" if is_closed else "not closed"),
        (digit, "1-7", past_due > 0, _digit_words(past_due)),
        ("M", "M", bool(missed), _missed_words(missed)),
        ("N", "N", due > 0, f"{money(due)} fell due in the month"),
        ("*", "*", True, "nothing was due and nothing late"),
    ]
    answers = []
    for code, name, applies, words in conditions:
        answers.append(f"{name}? {'yes' if applies else 'no'}, {words}")
        if applies:
            return code, "; ".join(answers) + f" = {code}"
    raise AssertionError("the last condition always applies")


def _digit_words(past_due: int) -> str:
    if not past_due:
        return "nothing is late"
    beyond = [high for _, high, _ in _steps("repayment_statuses") if high < past_due]
    return f"{days(past_due)} past due, more than {max(beyond, default=0)}"


def _written_off(story: Replay) -> tuple[bool, str]:
    rows = story.happened("write_off")
    if not rows:
        return False, "no write-off"
    owed = story.balance > 0 or bool(story.open_items)
    still = "and still owed" if owed else "but nothing is owed any more"
    return owed, f"written off on {rows[0].at:%Y-%m-%d} {still}"


def _missed_in_month(story: Replay) -> list[Item]:
    """The items that were late when the month began, or became late in it."""
    return [
        item
        for item in story.items
        if item.late_from <= story.report_date
        and item.was_late
        and (item.paid_off_at is None or item.paid_off_at.date() >= story.month)
    ]


def _missed_words(missed: list[Item]) -> str:
    if not missed:
        return "nothing was late in the month"
    first = min(missed, key=lambda item: item.due_on)
    return (
        f"{first.label}, due {first.due_on}, was late from {first.late_from} "
        f"and paid off on {first.paid_off_at:%Y-%m-%d}"
        if first.paid_off_at
        else f"{first.label}, due {first.due_on}, is late"
    )


# --- the fields ----------------------------------------------------------------------------------


def _credit_limit(story: Replay) -> Figure:
    account = story.ledger.account
    limits = [row for row in story.ledger.limits if row.effective_on <= story.report_date]
    if not limits:
        return Figure("credit_limit", None, "no limit is known by the report date")
    of = (
        f" of agreement {account.agreement_id}"
        if account.agreement_id != account.account_id
        else ""
    )
    last = limits[-1]
    words = f"the limit{of} in force since {last.effective_on} = {money(last.credit_limit)}"
    return Figure("credit_limit", last.credit_limit, words)


def _balances(story: Replay) -> list[Figure]:
    balance = story.balance
    arithmetic = (
        f"spent {money(story.spent)} - principal paid {money(story.principal_paid)} "
        f"- left over {money(story.lowered)} - held {money(story.held)} = {money(balance)}"
    )
    if balance < 0:
        arithmetic += ", below zero, shown as 0.00"
    credit = max(-balance, ZERO)
    what = "the other side of the balance" if credit else "the balance is not below zero"
    return [
        Figure("balance", max(balance, ZERO), arithmetic),
        Figure("credit_balance", credit, f"{what} = {money(credit)}"),
        Figure("charges_unpaid", *_charges_unpaid(story)),
    ]


def _charges_unpaid(story: Replay) -> tuple[Decimal, str]:
    charges = [item for item in story.open_items if item.part != "principal"]
    return _sum(((item.label, item.unpaid) for item in charges), "unpaid charges")


def _amount_due(story: Replay) -> tuple[Decimal, str]:
    due = [
        (f"bill {bill.bill_id}", sum(story.ledger.parts_due(bill).values(), ZERO))
        for bill in sorted(story.ledger.bills, key=lambda bill: (bill.due_on, bill.bill_id))
        if bill.statement_on <= story.report_date
        and story.month <= bill.due_on <= story.report_date
    ]
    return _sum(due, f"bills due from {story.month} to {story.report_date}")


def _flows(story: Replay) -> list[Figure]:
    due, due_words = _amount_due(story)
    repaid = story.happened("repayment")
    paid, paid_words = _sum(
        ((row.transaction_id, row.amount) for row in repaid if row.at.date() >= story.month),
        f"repayments from {story.month} to {story.report_date}",
    )
    last = repaid[-1].at.date() if repaid else None
    last_words = f"repayment {repaid[-1].transaction_id} = {last}" if repaid else "no repayment yet"
    return [
        Figure("amount_due", due, due_words + (" (gross, without penalties)" if due else "")),
        Figure("amount_paid", paid, paid_words),
        Figure("last_paid_on", last, last_words),
    ]


def _lateness(end: MonthEnd) -> list[Figure]:
    late = end.replay.late_items
    if not late:
        return [
            Figure("days_past_due", 0, "nothing is late = 0"),
            Figure("overdue_periods", 0, "nothing is late = 0"),
            Figure("oldest_unpaid_due_on", None, "nothing is late"),
        ]
    oldest, past_due = late[0].due_on, end.days_past_due
    due_dates = sorted({item.due_on for item in late if item.part != "penalty"})
    periods = max(len(due_dates), 1)
    due_words = f"due dates of late bill items: {_dates(due_dates)}"
    at_least = "" if due_dates else ", at least 1 because a penalty is late"
    return [
        Figure("days_past_due", past_due, f"{end.replay.report_date} - {oldest} = {past_due}"),
        Figure("overdue_periods", periods, f"{due_words}{at_least} = {periods}"),
        Figure("oldest_unpaid_due_on", oldest, f"{late[0].label} = {oldest}"),
    ]


def _overdue_amounts(story: Replay) -> list[Figure]:
    overdue = story.overdue_items
    by_part = []
    for part in story.ledger.policy.order:
        unpaid = [item.unpaid for item in overdue if item.part == part]
        by_part += [(part, sum(unpaid, ZERO))] if unpaid else []
    total, words = _sum(by_part, "overdue items")
    found = [Figure("overdue_total", total, words)]
    slices = [
        (item, (story.report_date - item.due_on).days)
        for item in overdue
        if item.part == "principal"
    ]
    for name, low, high in (("overdue_principal", 0, 9_999_999), *BUCKETS):
        total, words = _sum(
            (
                (f"bill {item.source} ({days(age)})", item.unpaid)
                for item, age in slices
                if low <= age <= high
            ),
            "overdue principal items" + (" of this age" if low else ""),
        )
        found.append(Figure(name, total, words))
    return found


def _remaining_periods(end: MonthEnd) -> Figure:
    story = end.replay
    if end.repayment_status in "CG":
        return Figure("remaining_periods", 0, "closed = 0")
    bills = story.ledger.bills
    ahead = sorted({bill.due_on for bill in bills if bill.due_on > story.report_date})
    billed = sum((item.unpaid for item in story.open_items if item.part == "principal"), ZERO)
    unbilled = story.balance - billed
    periods = max(len(ahead), 1 if unbilled > 0 else 0)
    words = f"due dates after {story.report_date} among the bills known: {_dates(ahead)}"
    if not ahead:
        words += (
            f"; unbilled: balance {money(story.balance)} less open bill principal {money(billed)} "
            f"leaves {money(unbilled)}" + (", so at least 1" if unbilled > 0 else "")
        )
    return Figure("remaining_periods", periods, f"{words} = {periods}")


def _verdict(end: MonthEnd) -> list[Figure]:
    status = end.repayment_status
    if status == "B":
        code, words = "42", "written off and still owed"
    elif status in "CG":
        code, words = "3", "closed"
    elif end.days_past_due:
        code, words = "2", "something is late"
    else:
        code, words = "1", "normal, nothing is late"
    closed_on = end.replay.report_date if status in "CG" else None
    closed_words = f"status {status} = {closed_on}" if closed_on else "the account stays open"
    return [
        Figure("repayment_status", status, end.status_because),
        Figure("account_status", code, f"{words} = {code}"),
        Figure("closed_on", closed_on, closed_words),
    ]


def _five_tier(ends: list[MonthEnd]) -> list[Figure]:
    opened_on = ends[0].replay.ledger.account.opened_on
    class_, since = "1", opened_on
    changes = [f"1 from the opening {opened_on}"]
    for end in ends:
        if end.five_tier_class == class_:
            continue
        class_, since = end.five_tier_class, end.replay.report_date
        words = "written off" if end.repayment_status == "B" else f"{days(end.days_past_due)} late"
        if class_ == "1":
            since, words = _recovered_on(end.replay)
        changes.append(f"{class_} from {since} (month end {end.replay.report_date}: {words})")
    last = ends[-1]
    how = "B" if last.repayment_status == "B" else f"{days(last.days_past_due)} past due"
    return [
        Figure("five_tier_class", class_, f"{how} = {class_}"),
        Figure("five_tier_assigned_on", since, f"{'; '.join(changes)} = {since}"),
    ]


def _recovered_on(story: Replay) -> tuple[date, str]:
    """The day the last late item was paid; the report date if none was ever paid."""
    paid_off = [
        item.paid_off_at.date() for item in story.items if item.paid_off_at and item.was_late
    ]
    if not paid_off:
        return story.report_date, "nothing late, no late item was ever paid"
    return max(paid_off), "nothing late, the day the last late item was paid"


def _episode(ends: list[MonthEnd]) -> list[Figure]:
    """The name of the episode, for which a notice must be delivered (contracts, section 3)."""
    if not ends[-1].is_adverse:
        return []
    clean = [number for number, end in enumerate(ends) if not end.is_adverse]
    first = ends[clean[-1] + 1 if clean else 0].replay
    at = f"at {first.report_date}, the first overdue month end of this episode"
    if first.late_items:
        name, words = first.late_items[0].due_on, f"the oldest late due date {at}"
    else:
        name, words = first.happened("write_off")[0].at.date(), f"the day of the write-off {at}"
    return [Figure("episode_started_on", name, f"{words} = {name}")]
