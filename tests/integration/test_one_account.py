"""One account from its first record to its last, event by event (life cycle, sections 2 to 10).

A record is rejected and repaired by a supplement, a payment is learnt of late, a file is refused
whole and sent again, the consent is withdrawn, the account closes.
"""

import shutil
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from oracle.random_books import write
from oracle.raw_rows import RawBook, moment
from support.circles import Circle, circle_of
from support.gnupg_keys import needs_gpg
from support.lender_months import settings_in

pytestmark = [needs_gpg, pytest.mark.nightly]

ACCOUNT, CUSTOMER, PRODUCT = "HB000001", "CHB000001", "HUABEI"
MONTHS = tuple(f"2026-{number:02d}" for number in range(1, 7))
SUPPLEMENT = "2026-02-10"


def book() -> RawBook:
    """The account's rows, each recorded when it is learnt."""
    raw = RawBook()
    raw.customer(CUSTOMER, date(1990, 3, 7), recorded_at=datetime(2026, 1, 5, 9))
    opened_on = date(2026, 1, 5)
    wrong, right = {"applied_district": "110101"}, {"applied_district": "500103"}
    closed = {"closed_on": date(2026, 6, 15), "closure_kind": "settled"}
    for values, recorded_at in (
        (wrong, datetime(2026, 1, 5, 9)),
        (right, datetime(2026, 2, 9, 12)),
        (right | closed, datetime(2026, 6, 15, 23)),
    ):
        raw.account(ACCOUNT, CUSTOMER, PRODUCT, opened_on, **values, recorded_at=recorded_at)
    raw.limit(ACCOUNT, opened_on, "10000")
    raw.consent(CUSTOMER, PRODUCT, moment(opened_on))
    raw.consent(CUSTOMER, PRODUCT, moment(date(2026, 5, 20)), action="withdrawn")
    raw.transaction(ACCOUNT, "purchase", moment(date(2026, 1, 20)), 1200)
    raw.bill(ACCOUNT, date(2026, 2, 1), date(2026, 2, 10), 1200)
    raw.transaction(ACCOUNT, "repayment", moment(date(2026, 2, 9)), 1200)
    raw.transaction(ACCOUNT, "purchase", moment(date(2026, 2, 12)), 1700)
    raw.bill(ACCOUNT, date(2026, 3, 1), date(2026, 3, 10), 1700)
    late = moment(date(2026, 3, 9))
    raw.transaction(ACCOUNT, "repayment", late, 1700, recorded_at=datetime(2026, 4, 6, 12))
    raw.notice(ACCOUNT, date(2026, 3, 10), moment(date(2026, 3, 12)))
    return raw


class Account:
    """The account's circle, and what was seen after each of its events."""

    def __init__(self, circle: Circle) -> None:
        self.circle = circle
        self.events: list[list[str]] = []
        self.batches: list[int] = []
        self.held: list[str] = []

    def note(self) -> None:
        """What the ledger holds since the event before, and the statuses that the bureau holds."""
        seen = self.batches[-1] if self.batches else 0
        rows = self.circle.query(
            "select distinct event, actor, file_name, coalesce(code, '') "
            f"from marts.submission_events where batch > {seen} "
            "and (event in ('BUILT', 'APPROVED') or file_name is not null) "
            "and event <> 'DELIVERED' order by all"
        )
        self.events.append(
            [
                f"{event} {actor.removeprefix('os:')}"
                if name is None
                else f"{event} {short(name)} {code}".strip()
                for event, actor, name, code in rows
            ]
        )
        ((newest,),) = self.circle.query("select max(batch) from marts.submission_events")
        self.batches.append(newest)
        months = {row["Month"]: row["RpyStatus"] for row in self.circle.held("months")}
        self.held.append("".join(months.get(month, "-") for month in MONTHS))

    def report(self, month: str, *orders: str, as_of: str | None = None, refuse: str = "") -> None:
        """Build, approve, release, and have it answered."""
        assert self.circle.run(month, as_of) is None
        sent = self.circle.send(month, as_of)
        if refuse:
            (name,) = [one.file_name for one in sent if refuse in one.file_name]
            orders = ("--refuse", f"{Path(name).stem}.enc=ABF000")
        self.circle.answer(*orders)
        self.note()


def short(name: str | None) -> str:
    """A file name without institution, year and the last part: ``0203 210 001``."""
    return f"{name[18:22]} {name[22:25]} {name[26:29]}" if name else ""


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    settings = settings_in(tmp_path_factory.mktemp("account"))
    write(book(), Path(settings.landing))
    with circle_of(settings) as circle:
        story = Account(circle)
        story.report("2026-01", "--reject", "1=ABE001", "--reject-type", "210")
        story.report("2026-01", as_of=SUPPLEMENT)
        story.report("2026-02")
        story.report("2026-03")
        story.report("2026-04")
        story.report("2026-05", refuse="210")
        assert "same bytes" in str(circle.run("2026-05"))
        circle.release("2026-05")
        circle.answer()
        story.note()
        story.report("2026-06")
        yield story


def test_every_event_stands_in_the_ledger_in_its_order(account: Account) -> None:
    assert account.events == [
        [
            *("ANSWERED 0203 110 001", "ANSWERED 0203 210 001", "ANSWERED 0203 220 001"),
            *("APPROVED bo", "BUILT anna", "REJECTED 0203 210 001 ABE001"),
            *("RELEASED 0203 110 001", "RELEASED 0203 210 001", "RELEASED 0203 220 001"),
        ],
        ["ANSWERED 0210 210 001", "APPROVED bo", "BUILT anna", "RELEASED 0210 210 001"],
        ["ANSWERED 0303 210 001", "APPROVED bo", "BUILT anna", "RELEASED 0303 210 001"],
        ["ANSWERED 0403 210 001", "APPROVED bo", "BUILT anna", "RELEASED 0403 210 001"],
        ["APPROVED bo", "BUILT anna"],  # April is withheld: its status cannot follow March's
        ["APPROVED bo", "BUILT anna", "REFUSED 0603 210 001 ABF000", "RELEASED 0603 210 001"],
        ["ANSWERED 0603 210 002", "RELEASED 0603 210 002"],
        [
            *("ANSWERED 0703 210 001", "ANSWERED 0703 220 001", "APPROVED bo", "BUILT anna"),
            *("RELEASED 0703 210 001", "RELEASED 0703 220 001"),
        ],
    ]
    assert account.batches[:4] == [9, 14, 19, 24]


def test_the_bureau_holds_what_it_accepted_after_each_event(account: Account) -> None:
    assert account.held == [
        *("------", "*-----", "*N----", "*N1---", "*N1---", "*N1---", "*N1-*-", "*N1-*C")
    ]
    assert account.circle.months_held() == account.circle.months_reported()


def test_every_record_of_the_account_has_the_state_of_its_answer(account: Account) -> None:
    rows = account.circle.query(
        "select strftime(report_date, '%m'), state from marts.submission_records "
        "where record_type = '210' order by report_date, as_of, report_month"
    )
    assert rows == [
        *(("01", "REJECTED"), ("01", "ACCEPTED"), ("02", "ACCEPTED"), ("03", "ACCEPTED")),
        *[("04", "WITHHELD")] * 3,
        *(("05", "ACCEPTED"), ("06", "ACCEPTED")),
    ]


def test_ledger_landing_zone_and_keys_give_every_file_again(account: Account) -> None:
    circle = account.circle
    for folder in circle.settings.home.iterdir():
        if folder.is_dir() and folder.name not in ("ledger", "secure"):
            shutil.rmtree(folder)
    for month in MONTHS:
        assert "same bytes" in str(circle.run(month)), month
        if month == MONTHS[0]:
            assert "same bytes" in str(circle.run(month, SUPPLEMENT))
