"""Who is reported: the verdict on one account and month (contracts, section 3)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from .replay import MonthEnd, end_of, episode_started_on, last_day, next_month, report_date

Row = dict[str, Any]

ID_TYPES = frozenset(
    ("10", "1", "2", "5", "6", "8", "9", "A", "B", "C", "20", "X")
)  # bureau interface, section 3.9
RESIDENT_ID = "10"
CHECK_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643
CHECK_DIGITS = "10X98765432"
MALE, FEMALE = "1", "2"
ADULT_AGE = 18


# --- the person ----------------------------------------------------------------------------------


def check_digit(first_17: str) -> str:
    """The last character of a resident ID number (GB 11643)."""
    total = sum(w * int(d) for w, d in zip(CHECK_WEIGHTS, first_17, strict=True))
    return CHECK_DIGITS[total % 11]


def resident_id_holds(number: str, birth_date: date | None, sex: str | None) -> bool:
    """Whether pattern, check digit, birth date and sex agree.

    An unknown birth date contradicts nothing here: that is UNDERAGE's matter.
    """
    if not re.fullmatch("[1-9][0-9]{16}[0-9X]", number) or number[17] != check_digit(number[:17]):
        return False
    if birth_date is not None and number[6:14] != f"{birth_date:%Y%m%d}".zfill(8):
        return False
    return sex not in (MALE, FEMALE) or (int(number[16]) % 2 == 1) == (sex == MALE)


def identity_holds(customer: Row | None) -> bool:
    """Whether the person can be named to the bureau."""
    if customer is None or not (customer["name"] or "").strip():
        return False
    number = (customer["id_number"] or "").strip()
    if not number or customer["id_type"] not in ID_TYPES:
        return False
    return customer["id_type"] != RESIDENT_ID or resident_id_holds(
        customer["id_number"], customer["birth_date"], customer["sex"]
    )


def came_of_age_on(birth_date: date) -> date:
    """The 18th birthday; someone born on 29 February comes of age on 1 March."""
    year = birth_date.year + ADULT_AGE
    if (birth_date.month, birth_date.day) == (2, 29):
        return date(year, 3, 1)
    return birth_date.replace(year=year)


# --- the consent ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Period:
    """An unbroken authorization: from its first signature to the withdrawal that ended it."""

    signature: Row
    withdrawal: Row | None

    def in_force_at_end_of(self, day: date) -> bool:
        """Signed by the end of the day and not withdrawn by then."""
        end = end_of(day)
        ended = self.withdrawal is not None and self.withdrawal["occurred_at"] < end
        return self.signature["occurred_at"] < end and not ended


def in_order(events: Iterable[Row]) -> list[Row]:
    """By time; at one instant a withdrawal comes last, so that it beats a signature."""
    return sorted(
        events,
        key=lambda e: (e["occurred_at"], e["action"] == "withdrawn", e["consent_event_id"]),
    )


def periods(events: Sequence[Row]) -> list[Period]:
    """The authorization periods that ordered events of one reporter make."""
    found: list[Period] = []
    signature = None
    for event in events:
        if event["action"] == "signed":
            signature = signature or event
        elif signature is not None:
            found.append(Period(signature, event))
            signature = None
    return [*found, Period(signature, None)] if signature else found


@dataclass(frozen=True)
class Consent:
    """What the authorizing events say about one account at its report date."""

    signed_for_anyone: bool  # known at the cut-off
    signed_for_anyone_by_report_date: bool
    last_event: Row | None  # for the account's reporter, by the report date
    period: Period | None  # in force, or the one in whose run-off the account is
    last_period: Period | None  # the last one in force at a report date; else the last one begun

    @property
    def withdrawn(self) -> bool:
        """The last event is a withdrawal and run-off does not apply."""
        last = self.last_event
        return last is not None and last["action"] == "withdrawn" and self.period is None


def was_in_force(account: Row, period: Period, day: date) -> bool:
    """Whether the account was open with the period in force at an earlier month end."""
    month_end = last_day(account["opened_on"])
    while month_end < day:
        if period.in_force_at_end_of(month_end):
            return True
        month_end = last_day(next_month(month_end))
    return False


def consent_of(
    account: Row, events: Iterable[Row], policy: Row, day: date, is_sent: bool
) -> Consent:
    """Read the events of the account's customer (any product or document) at the report date.

    ``is_sent``: a record of the account counts as sent; without one nothing runs off.
    """
    ours = in_order(
        event
        for event in events
        if event["customer_id"] == account["customer_id"]
        and event["product_code"] == account["product_code"]
        and event["document_code"] == policy["document_code"]
    )
    by_day = [event for event in ours if event["occurred_at"] < end_of(day)]
    for_reporter = [e for e in by_day if e["reporter_code"] == account["reporter_code"]]
    found = periods(for_reporter)
    last_period = period = found[-1] if found else None
    if last_period is not None and last_period.withdrawal is not None:
        in_force = [one for one in found if was_in_force(account, one, day)]
        last_period = in_force[-1] if in_force else last_period
        closed_before = account["closed_on"] is not None and account["closed_on"] < day.replace(
            day=1
        )
        applies = policy["on_withdrawal"] == "run_off" and is_sent and not closed_before
        period = last_period if applies and in_force else None
    return Consent(
        signed_for_anyone=any(event["action"] == "signed" for event in ours),
        signed_for_anyone_by_report_date=any(event["action"] == "signed" for event in by_day),
        last_event=for_reporter[-1] if for_reporter else None,
        period=period,
        last_period=last_period,
    )


# --- the notice ----------------------------------------------------------------------------------


def notice_delivered(
    account: Row, notices: Iterable[Row], episode: date | None, deadline: datetime
) -> bool:
    """Whether the notice of this very episode was delivered by the deadline."""
    return any(
        notice["account_id"] == account["account_id"]
        and notice["episode_started_on"] == episode
        and notice["delivered_at"] is not None
        and notice["delivered_at"] <= deadline
        for notice in notices
    )


# --- the verdict ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """All that is known about one account when it is judged for one month."""

    account: Row
    customer: Row | None
    consents: Sequence[Row]  # of the customer
    notices: Sequence[Row]  # of the account
    policy: Row
    month: date
    months: Sequence[MonthEnd]  # history up to the month; empty if not open in it
    as_of: datetime
    notice_lead_days: int = 0
    is_sent: bool = False  # a record of it counts as sent

    def notice_pending(self) -> bool:
        """Adverse, and its notice was not delivered in time."""
        if not self.months or not self.months[-1].adverse:
            return False
        deadline = self.as_of - timedelta(days=self.notice_lead_days)
        episode = episode_started_on(self.months)
        return not notice_delivered(self.account, self.notices, episode, deadline)


def reason(case: Case, consent: Consent) -> str:
    """The first reason that applies, in the contract's order."""
    account, customer = case.account, case.customer
    closed_on = account["closed_on"]
    on_contract = case.policy["reporting_basis"] == "contract"
    birth_date = customer["birth_date"] if customer else None
    checks = (
        ("NOT_YET_OPEN", lambda: account["opened_on"] > last_day(case.month)),
        ("CLOSED_EARLIER", lambda: closed_on is not None and closed_on < case.month),
        ("IDENTITY_INVALID", lambda: not identity_holds(customer)),
        (
            "UNDERAGE",
            lambda: birth_date is None or account["opened_on"] < came_of_age_on(birth_date),
        ),
        (
            "CONTRACT_CONSENT_MISSING",
            lambda: on_contract and not consent.signed_for_anyone_by_report_date,
        ),
        ("NOT_AUTHORIZED", lambda: not consent.signed_for_anyone),
        ("AUTHORIZED_AFTER_MONTH_END", lambda: not consent.signed_for_anyone_by_report_date),
        ("AUTHORIZATION_WITHDRAWN", lambda: consent.withdrawn),
        ("REPORTER_NOT_NAMED", lambda: consent.last_event is None),
        ("NOTICE_PENDING", case.notice_pending),
    )
    return next((code for code, applies in checks if applies()), "REPORTED")


def verdict(case: Case) -> Row:
    """The row of ``marts.reportable_population``, without ``first_reported_month``.

    That column depends on what earlier runs built, which no single month can tell.
    """
    account, policy = case.account, case.policy
    day = report_date(account, case.month)
    consent = consent_of(account, case.consents, policy, day, case.is_sent)
    code = reason(case, consent)
    deciding = consent.period.signature if consent.period else None
    event = consent.last_event if code == "AUTHORIZATION_WITHDRAWN" else deciding
    return {
        "report_month": case.month,
        "account_id": account["account_id"],
        "customer_id": account["customer_id"],
        "product_code": account["product_code"],
        "reporter_code": account["reporter_code"],
        "is_reportable": code == "REPORTED",
        "reason_code": code,
        "reporting_basis": policy["reporting_basis"],
        "consent_event_id": event["consent_event_id"] if event else None,
        "authorized_on": deciding["occurred_at"].date() if deciding else None,
    }
