"""The oracle against the interface's worked example and small ledgers worked out by hand."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from oracle.book import as_meant, expected, expected_month, read_landing, read_policy
from oracle.population import came_of_age_on, check_digit, resident_id_holds
from oracle.random_books import random_book, write, write_policy
from oracle.raw_rows import RawBook, amount, moment
from oracle.replay import (
    five_tier_class,
    history,
    invalid_reversals,
    next_month,
    replay,
    status_row,
)
from oracle.submission_reader import MONTHLY_TAGS, expected_monthly_segment, whole_yuan

R1_POLICY = {
    "product_code": "HUABEI",
    "account_type": "R1",
    "reporting_basis": "authorization",
    "document_code": "CREDIT_REPORTING_AUTHORIZATION",
    "grace_days": "0",
    "allocation_order": "penalty>fee>interest>principal",
    "due_basis": "full_bill",
    "prepayment": "reduces_unbilled",
    "on_withdrawal": "run_off",
}
R4_POLICY = R1_POLICY | {
    "product_code": "JIEBEI",
    "account_type": "R4",
    "reporting_basis": "contract",
    "prepayment": "credits_next_due",
}
POLICY = {"HUABEI": R1_POLICY, "JIEBEI": R4_POLICY}
BORN_ON = date(1990, 3, 7)


def cut_off(month):
    """The default cut-off: 00:00:00 on the 3rd of the following month."""
    return moment(next_month(month).replace(day=3), "00:00:00")


def run(book, month, as_of=None, policy=POLICY, sent=()):
    """The single account's status row and verdict for a month; ``sent``: accounts once sent."""
    month = date(2023, month, 1)
    out = expected(book.tables, policy, month, as_of or cut_off(month), sent=sent)
    status = out.repayment_status[0] if out.repayment_status else None
    return status, out.reportable_population[0]


# --- the worked example (bureau interface, section 6) ---------------------------------------------


def day(text):
    return date.fromisoformat(f"2023-{text}")


def worked_example(consent_on="01-05", until="12-31"):
    """The rows of bureau interface, section 6.1, up to a day; the account closes on 08-15."""
    book = RawBook()
    last = day(until)
    book.customer("C1", BORN_ON, id_number="110105199003078510")
    book.account("HB000001", "C1", "HUABEI", day("01-05"))
    book.account("HB000001", "C1", "HUABEI", day("01-05"), closed_on=day("08-15"))
    book.limit("HB000001", day("01-05"), "10000")
    book.consent("C1", "HUABEI", moment(day(consent_on)))
    for on, clock, kind, value in (
        ("01-20", "12:00:00", "purchase", "1200"),
        ("02-09", "12:00:00", "repayment", "1200"),
        ("02-12", "12:00:00", "purchase", "1700"),
        ("02-20", "12:00:00", "purchase", "900"),
        ("03-05", "12:00:00", "purchase", "200"),
        ("03-31", "23:00:00", "penalty", "21.00"),
        ("04-30", "23:00:00", "penalty", "35.00"),
        ("05-31", "23:00:00", "penalty", "41.90"),
        ("06-18", "01:00:00", "penalty", "25.20"),
        ("06-18", "12:00:00", "repayment", "2923.10"),
        ("06-25", "12:00:00", "purchase", "800"),
        ("07-10", "12:00:00", "repayment", "800"),
    ):
        if day(on) <= last:
            book.transaction("HB000001", kind, moment(day(on), clock), value)
    known_early = moment(day("02-20"))
    for statement, due, principal, values in (
        ("02-01", "02-10", 1200, {}),
        ("03-01", "03-10", 1700, {}),
        ("03-01", "03-10", 300, {"recorded_at": known_early}),
        ("04-01", "04-10", 300, {"recorded_at": known_early}),
        ("05-01", "05-10", 300, {"recorded_at": known_early}),
        ("04-01", "04-10", 200, {}),
        ("07-01", "07-10", 800, {}),
    ):
        if day(statement) <= last:
            book.bill("HB000001", day(statement), day(due), principal, **values)
    book.notice("HB000001", day("03-10"), moment(day("03-12")))
    return book


# Bureau interface, section 6.2: a line per tag of segment H, a column per month, January to August.
SEGMENT_H = """
Month 2023-01 2023-02 2023-03 2023-04 2023-05 2023-06 2023-07 2023-08
SettDate 2023-01-31 2023-02-28 2023-03-31 2023-04-30 2023-05-31 2023-06-30 2023-07-31 2023-08-15
AcctStatus 1 1 2 2 2 1 1 3
AcctBal 1200 2600 2800 2800 2800 800 0 0
RemRepPrd 1 3 2 1 0 1 0 0
FiveCate 1 1 2 2 2 1 1 1
FiveCateAdjDate 2023-01-05 2023-01-05 2023-03-31 2023-03-31 2023-03-31 2023-06-18 2023-06-18 2023-06-18
RpyStatus * N 1 2 3 M N C
OverdPrd 0 0 1 2 3 0 0 0
TotOverd 0 0 2021 2556 2898 0 0 0
OverdPrinc 0 0 2000 2500 2800 0 0 0
Oved31_60Princ 0 0 0 2000 500 0 0 0
Oved61_90Princ 0 0 0 0 2000 0 0 0
Oved91_180Princ 0 0 0 0 0 0 0 0
OvedPrinc180 0 0 0 0 0 0 0 0
CurRpyAmt 0 1200 2000 500 300 0 800 0
ActRpyAmt 0 1200 0 0 0 2923 800 0
LatRpyDate 2023-01-05 2023-02-09 2023-02-09 2023-02-09 2023-02-09 2023-06-18 2023-07-10 2023-07-10
CloseDate - - - - - - - 2023-08-15
"""  # noqa: E501 - a table reads best with one line per field
COLUMNS = {line.split()[0]: line.split()[1:] for line in SEGMENT_H.strip().splitlines()}


@pytest.mark.parametrize("month", range(1, 9))
def test_worked_example_gives_segment_h_field_by_field(month):
    status, verdict = run(worked_example(), month)
    wanted = {
        tag: "" if (value := values[month - 1]) == "-" else value for tag, values in COLUMNS.items()
    }
    assert tuple(wanted) == MONTHLY_TAGS
    assert expected_monthly_segment(status, day("01-05")) == wanted
    assert verdict["reason_code"] == "REPORTED"
    assert (verdict["authorized_on"], verdict["consent_event_id"]) == (day("01-05"), "E000001")


def test_worked_example_in_cents_and_days():
    rows = [run(worked_example(), month)[0] for month in range(1, 9)]
    assert [row["days_past_due"] for row in rows] == [0, 0, 21, 51, 82, 0, 0, 0]
    totals = [str(row["overdue_total"]) for row in rows[2:5]]
    assert totals == ["2021.00", "2556.00", "2897.90"]
    assert [row["credit_limit"] for row in rows] == [amount(10000)] * 8
    assert rows[2]["oldest_unpaid_due_on"] == day("03-10")
    assert rows[5]["oldest_unpaid_due_on"] is None


def test_the_month_before_and_the_month_after():
    before = expected(worked_example().tables, POLICY, date(2022, 12, 1), cut_off(day("01-01")))
    assert before.repayment_status == []
    assert before.reportable_population[0]["reason_code"] == "NOT_YET_OPEN"
    status, verdict = run(worked_example(), 9)
    assert status is None
    assert verdict["reason_code"] == "CLOSED_EARLIER"


def test_consent_signed_in_april_starts_with_april_and_its_true_state():
    book = worked_example(consent_on="04-15")
    reasons = [run(book, month)[1]["reason_code"] for month in range(1, 6)]
    assert reasons == ["NOT_AUTHORIZED"] * 3 + ["REPORTED"] * 2
    # asked again when the signature is known, the earlier months stay closed
    _, march = run(book, 3, as_of=moment(day("05-03"), "00:00:00"))
    assert march["reason_code"] == "AUTHORIZED_AFTER_MONTH_END"
    status, april = run(book, 4)
    segment = expected_monthly_segment(status, day("01-05"))
    assert (segment["RpyStatus"], segment["OverdPrd"], segment["TotOverd"]) == ("2", "2", "2556")
    assert april["authorized_on"] == day("04-15")


def test_consent_in_april_without_notice_waits_for_the_notice():
    book = worked_example(consent_on="04-15")
    book.tables["adverse_notices"].clear()
    assert run(book, 4)[1]["reason_code"] == "NOTICE_PENDING"


@pytest.mark.parametrize(
    ("on_withdrawal", "reasons"),
    [
        ("run_off", ["REPORTED"] * 5),
        ("stop", ["REPORTED"] + ["AUTHORIZATION_WITHDRAWN"] * 4),
    ],
)
def test_withdrawal_in_may(on_withdrawal, reasons):
    book = worked_example(until="06-24")
    withdrawal = book.consent("C1", "HUABEI", moment(day("05-20")), action="withdrawn")
    policy = {"HUABEI": R1_POLICY | {"on_withdrawal": on_withdrawal}}
    rows = [run(book, month, policy=policy, sent={"HB000001"}) for month in range(4, 9)]
    assert [verdict["reason_code"] for _, verdict in rows] == reasons
    assert [status["repayment_status"] for status, _ in rows] == ["2", "3", "M", "*", "C"]
    for _, verdict in rows:
        if verdict["is_reportable"]:
            assert verdict["authorized_on"] == day("01-05")
        else:
            assert verdict["authorized_on"] is None
            assert verdict["consent_event_id"] == withdrawal["consent_event_id"]


def test_payment_that_arrives_late():
    book = worked_example(until="05-31")
    late = moment(day("06-04"))
    book.transaction(
        "HB000001", "repayment", moment(day("05-31"), "23:30:00"), "2897.90", recorded_at=late
    )
    assert run(book, 5)[0]["repayment_status"] == "3"
    may, _ = run(book, 5, as_of=moment(day("06-05"), "00:00:00"))
    assert (may["repayment_status"], may["balance"]) == ("M", 0)
    assert may["amount_paid"] == amount("2897.90")
    june, _ = run(book, 6)
    assert (june["repayment_status"], june["amount_due"], june["amount_paid"]) == ("*", 0, 0)


def test_one_draw_in_three_instalments():
    book = RawBook()
    book.customer("C1", BORN_ON)
    values = {"parent_account_id": "AG1"}
    book.account("JB1", "C1", "JIEBEI", day("03-05"), **values)
    book.account("JB1", "C1", "JIEBEI", day("03-05"), closed_on=day("06-05"), **values)
    book.limit("AG1", day("03-05"), "8000")
    book.consent("C1", "JIEBEI", moment(day("03-05")))
    book.transaction("JB1", "cash_draw", moment(day("03-05")), 3000)
    for number, due in enumerate(("04-05", "05-05", "06-05"), start=1):
        book.bill(
            "JB1",
            day(due),
            day(due),
            1000,
            period_number=number,
            period_count=3,
            recorded_at=moment(day("03-05")),
        )
        book.transaction("JB1", "repayment", moment(day(due)), 1000)
    rows = [run(book, month) for month in range(3, 7)]
    assert [status["repayment_status"] for status, _ in rows] == ["*", "N", "N", "C"]
    assert [status["remaining_periods"] for status, _ in rows] == [3, 2, 1, 0]
    assert [status["balance"] for status, _ in rows] == [3000, 2000, 1000, 0]
    assert [status["credit_limit"] for status, _ in rows] == [8000] * 4
    assert rows[3][0]["closed_on"] == rows[3][0]["report_date"] == day("06-05")
    assert {verdict["reason_code"] for _, verdict in rows} == {"REPORTED"}


# --- small ledgers: the replay -------------------------------------------------------------------


class Ledger:
    """One R1 account opened on 2023-01-01 whose rows are written in few words."""

    def __init__(self, policy=R1_POLICY, **account):
        self.policy = policy
        self.book = RawBook()
        self.account = self.book.account(
            "A1", "C1", policy["product_code"], day("01-01"), **account
        )

    def move(self, kind, on, value, clock="12:00:00", **values):
        row = self.book.transaction("A1", kind, moment(day(on), clock), value, **values)
        return row["transaction_id"]

    def undo(self, transaction_id, on, clock="12:00:00"):
        return self.move("reversal", on, 1, clock, reverses_transaction_id=transaction_id)

    def bill(self, statement, due, principal, interest=0, fee=0, minimum=None):
        self.book.bill(
            "A1",
            day(statement),
            day(due),
            principal,
            interest_due=amount(interest),
            fee_due=amount(fee),
            minimum_due=None if minimum is None else amount(minimum),
        )

    def month(self, month):
        tables = self.book.tables
        months = history(
            self.account,
            tables["transactions"],
            tables["bills"],
            self.policy,
            date(2023, month, 1),
        )
        return status_row(self.account, tables["bills"], [], months)

    def items(self, on):
        tables = self.book.tables
        ledger = replay(tables["transactions"], tables["bills"], self.policy, day(on))
        return {(item.kind, item.due_on): item.unpaid for item in ledger.items}

    def status(self, month):
        return self.month(month)["repayment_status"]


def test_due_day_is_never_late_and_the_next_day_is():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 100)
    ledger.bill("01-20", "01-31", 100)
    assert ledger.status(1) == "N"
    assert ledger.month(2)["days_past_due"] == 28
    ledger.move("repayment", "02-01", 100)
    assert ledger.status(2) == "M"


def test_grace_days_delay_lateness_but_not_the_age():
    policy = R1_POLICY | {"grace_days": "5"}
    ledger = Ledger(policy)
    ledger.move("purchase", "01-05", 100)
    ledger.bill("01-20", "01-26", 100)
    assert ledger.status(1) == "N"  # five days past due
    ledger = Ledger(policy)
    ledger.move("purchase", "01-05", 100)
    ledger.bill("01-20", "01-25", 100)
    row = ledger.month(1)  # six days past due
    assert (row["repayment_status"], row["days_past_due"]) == ("1", 6)
    ledger.move("repayment", "01-30", 100)  # on the last day of grace
    assert ledger.status(1) == "N"


def test_paid_one_day_after_grace_is_m():
    ledger = Ledger(R1_POLICY | {"grace_days": "5"})
    ledger.move("purchase", "01-05", 100)
    ledger.bill("01-15", "01-20", 100)
    ledger.move("repayment", "01-26", 100)
    assert ledger.status(1) == "M"


def test_minimum_due_follows_only_the_minimum():
    ledger = Ledger(R1_POLICY | {"due_basis": "minimum_due"})
    ledger.move("purchase", "01-05", 1000)
    ledger.bill("02-01", "02-20", 1000, interest=30, fee=20, minimum=100)
    row = ledger.month(2)
    assert (row["amount_due"], row["overdue_total"], row["overdue_principal"]) == (100, 100, 50)
    ledger.move("repayment", "02-20", 100)
    row = ledger.month(2)
    assert (row["repayment_status"], row["balance"]) == ("N", 950)
    ledger.move("repayment", "02-21", 950)
    assert ledger.month(2)["balance"] == 0
    ledger.move("repayment", "02-22", 10)
    assert ledger.month(2)["credit_balance"] == 10


def test_interest_and_fee_above_the_minimum_show_as_credit_when_paid():
    ledger = Ledger(R1_POLICY | {"due_basis": "minimum_due"})
    ledger.move("purchase", "01-05", 100)
    ledger.bill("02-01", "02-20", 100, interest=30, fee=20, minimum=40)
    assert ledger.items("02-01") == {("fee", day("02-20")): 20, ("interest", day("02-20")): 20}
    ledger.move("repayment", "02-10", 150)
    assert ledger.month(2)["credit_balance"] == 10


@pytest.mark.parametrize(("minimum", "asked"), [(None, 150), (0, 0), (150, 150), (400, 150)])
def test_minimum_due_edges(minimum, asked):
    ledger = Ledger(R1_POLICY | {"due_basis": "minimum_due"})
    ledger.move("purchase", "01-05", 100)
    ledger.bill("02-01", "02-20", 100, interest=30, fee=20, minimum=minimum)
    row = ledger.month(2)
    assert row["amount_due"] == row["overdue_total"] == asked
    assert row["repayment_status"] == ("1" if asked else "*")


def test_full_bill_ignores_a_minimum():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 100)
    ledger.bill("02-01", "02-20", 100, minimum=10)
    assert ledger.month(2)["amount_due"] == 100


def test_credit_is_held_for_the_next_due():
    ledger = Ledger(R4_POLICY)
    ledger.move("cash_draw", "01-05", 300)
    ledger.move("repayment", "01-10", 250)  # nothing is billed yet
    assert ledger.month(1)["balance"] == 50
    ledger.bill("02-01", "02-10", 100, interest=20)
    ledger.bill("03-01", "03-10", 200, interest=10)
    row = ledger.month(2)
    assert (row["repayment_status"], row["balance"]) == ("N", 70)  # 20 went to interest
    row = ledger.month(3)
    assert (row["overdue_total"], row["overdue_principal"]) == (80, 80)


def test_held_credit_pays_bill_by_bill_not_by_due_date():
    ledger = Ledger(R4_POLICY)
    ledger.move("cash_draw", "01-05", 200)
    ledger.move("repayment", "01-10", 100)
    ledger.bill("02-01", "02-20", 100)
    ledger.bill("02-01", "02-10", 100)
    assert ledger.items("02-01") == {
        ("principal", day("02-20")): 0,
        ("principal", day("02-10")): 100,
    }


def test_left_over_reduces_the_unbilled_and_pays_nothing_later():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 300)
    ledger.move("repayment", "01-10", 100)
    assert ledger.month(1)["balance"] == 200
    ledger.bill("02-01", "02-10", 200)  # net of the early payment
    row = ledger.month(2)
    assert (row["overdue_principal"], row["balance"]) == (200, 200)
    ledger.move("repayment", "02-10", 200)
    assert ledger.month(2)["balance"] == 0


def test_balance_is_not_cut_at_zero_on_the_way():
    ledger = Ledger()
    ledger.move("repayment", "01-05", 100)
    assert ledger.month(1)["credit_balance"] == 100
    ledger.move("purchase", "01-06", 130)
    assert ledger.month(1)["balance"] == 30


def test_two_bills_on_one_due_date_are_one_period():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 300)
    ledger.bill("01-10", "02-10", 100)
    ledger.bill("02-01", "02-10", 200)
    row = ledger.month(2)
    assert (row["overdue_periods"], row["overdue_total"], row["amount_due"]) == (1, 300, 300)


def test_lone_penalty_is_one_period_without_principal():
    ledger = Ledger()
    ledger.move("penalty", "01-10", 5)
    row = ledger.month(1)
    assert (row["repayment_status"], row["days_past_due"], row["overdue_periods"]) == ("1", 21, 1)
    assert (row["overdue_total"], row["overdue_principal"], row["amount_due"]) == (5, 0, 0)


def test_penalty_of_the_report_day_counts_only_beside_something_late():
    ledger = Ledger()
    ledger.move("penalty", "01-31", 5)
    row = ledger.month(1)
    assert (row["repayment_status"], row["overdue_total"]) == ("*", 0)
    ledger.move("purchase", "01-02", 100)
    ledger.bill("01-03", "01-20", 100)
    row = ledger.month(1)
    assert (row["repayment_status"], row["overdue_total"], row["days_past_due"]) == ("1", 105, 11)


def test_penalty_has_no_grace():
    ledger = Ledger(R1_POLICY | {"grace_days": "30"})
    ledger.move("penalty", "01-30", 5)
    assert ledger.status(1) == "1"


def test_bounced_payment_changes_no_earlier_month():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 100)
    ledger.bill("01-10", "01-20", 100)
    paid = ledger.move("repayment", "01-20", 100)
    ledger.undo(paid, "02-15")
    january = ledger.month(1)
    assert (january["repayment_status"], january["amount_paid"]) == ("N", 100)
    february = ledger.month(2)  # never paid, since its original due date
    assert (february["repayment_status"], february["days_past_due"]) == ("2", 39)
    assert (february["last_paid_on"], february["five_tier_assigned_on"]) == (None, day("02-28"))
    assert february["oldest_unpaid_due_on"] == day("01-20")


def test_bounce_in_the_same_month():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 100)
    ledger.bill("01-10", "01-20", 100)
    ledger.undo(ledger.move("repayment", "01-20", 100), "01-25")
    assert ledger.status(1) == "1"


def test_which_reversals_do_not_stand():
    ledger = Ledger()
    paid = ledger.move("repayment", "01-20", 100)
    first = ledger.undo(paid, "01-25")
    ledger.undo("T999999", "01-25")  # unknown or another account's
    ledger.undo(None, "01-25")
    ledger.undo(paid, "01-26")  # already reversed
    ledger.undo(first, "01-27")  # a reversal
    later = ledger.move("repayment", "01-28", 100)
    ledger.undo(later, "01-27")  # happened before what it undoes
    same_instant = ledger.undo(later, "01-28")
    rows = ledger.book.tables["transactions"]
    reversals = {r["transaction_id"] for r in rows if r["transaction_type"] == "reversal"}
    assert reversals - invalid_reversals(rows) == {first, same_instant}


def test_write_off_is_b_until_paid():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 100)
    ledger.bill("01-10", "01-20", 100)
    ledger.move("write_off", "02-10", 1)
    row = ledger.month(2)
    assert (row["repayment_status"], row["account_status"]) == ("B", "42")
    assert (row["five_tier_class"], row["balance"]) == (5, 100)
    ledger.move("repayment", "03-15", 100)
    row = ledger.month(3)
    assert (row["repayment_status"], row["account_status"]) == ("M", "1")
    assert (row["five_tier_class"], row["five_tier_assigned_on"]) == (1, day("03-15"))


def test_written_off_account_stays_open_when_it_closes_with_debt():
    ledger = Ledger(closed_on=day("02-20"))
    ledger.move("purchase", "01-05", 100)
    ledger.move("write_off", "02-10", 100)
    row = ledger.month(2)
    assert (row["repayment_status"], row["account_status"]) == ("B", "42")
    assert (row["report_date"], row["closed_on"]) == (day("02-20"), None)


@pytest.mark.parametrize(("kind", "status"), [("settled", "C"), ("transferred", "G")])
def test_closed_in_mid_month(kind, status):
    ledger = Ledger(closed_on=day("02-15"), closure_kind=kind)
    ledger.move("purchase", "01-05", 100)
    ledger.bill("01-10", "02-20", 100)
    ledger.move("repayment", "02-15", 100, "23:59:59")
    assert ledger.status(1) == "*"
    row = ledger.month(2)
    assert (row["repayment_status"], row["account_status"]) == (status, "3")
    assert row["report_date"] == row["closed_on"] == day("02-15")
    assert (row["remaining_periods"], row["amount_due"]) == (0, 0)  # due after R


def test_last_second_of_the_month_counts():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 100)
    ledger.bill("01-10", "01-20", 100)
    ledger.move("repayment", "01-31", 60, "23:59:59")
    ledger.move("repayment", "02-01", 40, "00:00:00")
    assert ledger.month(1)["overdue_total"] == 40
    assert ledger.month(2)["five_tier_assigned_on"] == day("02-01")


def test_oldest_due_date_is_paid_first_even_before_it_is_due():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 300)
    ledger.bill("01-10", "03-20", 100)
    ledger.bill("01-15", "02-20", 100)
    ledger.bill("02-01", "03-10", 100)
    ledger.move("repayment", "02-02", 150)
    unpaid = ledger.items("02-02")
    assert unpaid[("principal", day("02-20"))] == 0
    assert unpaid[("principal", day("03-10"))] == 50
    assert unpaid[("principal", day("03-20"))] == 100


def test_an_older_bill_goes_before_a_newer_penalty():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 100)
    ledger.bill("01-10", "01-20", 100)
    ledger.move("penalty", "01-25", 5)
    ledger.move("repayment", "01-26", 100)
    row = ledger.month(1)
    assert (row["overdue_total"], row["overdue_principal"]) == (5, 0)


def test_order_inside_one_due_date():
    for paid, unpaid in ((5, (0, 4, 3, 100)), (11, (0, 0, 1, 100)), (30, (0, 0, 0, 82))):
        ledger = Ledger()
        ledger.move("purchase", "01-05", 100)
        ledger.bill("01-10", "01-20", 100, interest=3, fee=4)
        ledger.move("penalty", "01-20", 5)
        ledger.move("repayment", "01-21", paid)
        items = ledger.items("01-21")
        kinds = ("penalty", "fee", "interest", "principal")
        assert tuple(items[(kind, day("01-20"))] for kind in kinds) == unpaid


def test_refund_and_waiver_pay_but_are_no_payment():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 100)
    ledger.bill("01-10", "01-20", 100)
    ledger.move("refund", "01-15", 60)
    ledger.move("waiver", "01-16", 40)
    row = ledger.month(1)
    assert (row["repayment_status"], row["amount_paid"], row["last_paid_on"]) == ("N", 0, None)


def test_a_bill_stands_before_a_payment_of_the_same_instant():
    ledger = Ledger()
    ledger.bill("01-10", "01-20", 100)
    ledger.move("repayment", "01-10", 100, "00:00:00")
    assert ledger.items("01-10") == {("principal", day("01-20")): 0}


@pytest.mark.parametrize(
    ("due", "digit", "bucket"),
    [
        ("05-31", "N", None),
        ("05-01", "1", None),
        ("04-30", "2", "31_60"),
        ("04-01", "2", "31_60"),
        ("03-31", "3", "61_90"),
        ("03-02", "3", "61_90"),
        ("03-01", "4", "91_180"),
        ("01-30", "5", "91_180"),
    ],
)
def test_digits_and_buckets_at_their_edges(due, digit, bucket):
    ledger = Ledger()
    ledger.move("purchase", "01-02", 100)
    ledger.bill("01-02", due, 100)
    row = ledger.month(5)
    assert row["repayment_status"] == digit
    names = ("31_60", "61_90", "91_180", "over_180")
    filled = [name for name in names if row[f"overdue_principal_{name}"]]
    assert filled == ([bucket] if bucket else [])


def test_five_tier_class_partly_better_is_dated_at_the_report_date():
    ledger = Ledger()
    ledger.move("purchase", "01-02", 200)
    ledger.bill("01-02", "01-10", 100)
    ledger.bill("01-02", "04-10", 100)
    april = ledger.month(4)
    assert (april["five_tier_class"], april["five_tier_assigned_on"]) == (3, day("04-30"))
    ledger.move("repayment", "05-15", 100)
    may = ledger.month(5)
    assert (may["five_tier_class"], may["five_tier_assigned_on"]) == (2, day("05-31"))


def test_unbilled_spending_leaves_one_period():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 100)
    assert ledger.month(1)["remaining_periods"] == 1
    ledger.bill("02-01", "02-10", 100)
    assert ledger.month(2)["remaining_periods"] == 0


@pytest.mark.parametrize(
    ("days", "tier"),
    [(0, 1), (1, 2), (90, 2), (91, 3), (270, 3), (271, 4), (360, 4), (361, 5)],
)
def test_five_tier_class_by_days(days, tier):
    assert five_tier_class("*", days) == tier
    assert five_tier_class("B", days) == 5


def test_midnight_belongs_to_the_new_day():
    ledger = Ledger()
    ledger.move("purchase", "01-05", 100)
    ledger.bill("01-10", "01-31", 100)
    ledger.move("repayment", "02-01", 100, "00:00:00")
    assert ledger.status(1) == "N"
    assert ledger.status(2) == "M"  # unpaid when its due day was over


def test_written_off_with_only_interest_owed_stays_b():
    ledger = Ledger()
    ledger.bill("01-10", "02-20", 0, interest=7)
    ledger.move("write_off", "01-15", 7)
    assert ledger.status(1) == "B"
    ledger.move("waiver", "01-16", 7)
    assert ledger.status(1) == "*"


def test_credit_limit_in_force_at_the_report_date():
    book = plain()
    book.limit("A1", day("01-05"), "1000")
    book.limit("A1", day("02-28"), "3000", change_reason="increase")
    book.limit("A1", day("03-01"), "500", change_reason="decrease")
    assert [run(book, month)[0]["credit_limit"] for month in (1, 2, 3)] == [1000, 3000, 500]


# --- rounding ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exact", "written"), [("0", 0), ("0.01", 1), ("0.50", 1), ("1.49", 1), ("1.50", 2), ("2.5", 3)]
)
def test_whole_yuan(exact, written):
    assert whole_yuan(Decimal(exact)) == written


# --- the verdict ---------------------------------------------------------------------------------


def plain(opened="01-05", birth_date=BORN_ON, signed="01-05", **customer):
    """One HUABEI account of one person, signed or not."""
    book = RawBook()
    book.customer("C1", birth_date, **customer)
    book.account("A1", "C1", "HUABEI", day(opened))
    if signed:
        book.consent("C1", "HUABEI", moment(day(signed)))
    return book


def reason(book, month, **values):
    return run(book, month, **values)[1]["reason_code"]


def test_resident_id_numbers():
    assert check_digit("11010519491231002") == "X"
    assert resident_id_holds("11010519491231002X", date(1949, 12, 31), "2")
    assert resident_id_holds("11010519491231002X", date(1949, 12, 31), "9")
    assert not resident_id_holds("11010519491231002x", date(1949, 12, 31), "2")
    assert not resident_id_holds("11010519491231002X", date(1949, 12, 30), "2")
    assert not resident_id_holds("11010519491231002X", date(1949, 12, 31), "1")
    assert not resident_id_holds("110105194912310021", date(1949, 12, 31), "2")


@pytest.mark.parametrize(
    "customer",
    [
        {"name": None},
        {"name": ""},
        {"id_number": None},
        {"id_type": "0"},
        {"id_type": None},
        {"id_number": "110105199003078511"},
    ],
)
def test_invalid_identity(customer):
    assert reason(plain(**customer), 1) == "IDENTITY_INVALID"


def test_account_without_a_customer_row_stays():
    book = plain()
    book.tables["customers"].clear()
    assert reason(book, 1) == "IDENTITY_INVALID"


@pytest.mark.parametrize(
    ("birth_date", "code"),
    [(date(2005, 1, 5), "REPORTED"), (date(2005, 1, 6), "UNDERAGE")],
)
def test_eighteenth_birthday(birth_date, code):
    assert reason(plain(birth_date=birth_date), 1) == code


def test_born_on_29_february():
    assert came_of_age_on(date(2004, 2, 29)) == date(2022, 3, 1)


def test_unknown_birth_date_is_underage():
    assert reason(plain(id_type="2", id_number="P1", birth_date=BORN_ON), 1) == "REPORTED"
    book = plain()
    book.tables["customers"][0]["birth_date"] = None
    assert reason(book, 1) == "UNDERAGE"


def test_other_documents_and_other_reporters_do_not_authorize():
    book = plain(signed=None)
    book.consent("C1", "HUABEI", moment(day("01-05")), document_code="PRODUCT_DESCRIPTION")
    assert reason(book, 1) == "NOT_AUTHORIZED"
    book.consent("C1", "HUABEI", moment(day("01-06")), reporter_code="N101W1100H0025")
    assert reason(book, 1) == "REPORTER_NOT_NAMED"


def test_midnight_after_the_report_date_is_too_late_to_sign():
    book = plain(signed=None)
    book.consent("C1", "HUABEI", moment(day("02-01"), "00:00:00"))
    assert reason(book, 1) == "AUTHORIZED_AFTER_MONTH_END"
    assert reason(book, 2) == "REPORTED"


def test_closed_on_the_first_day_of_the_month_is_reported_for_it():
    book = plain()
    book.tables["accounts"][0] |= {"closed_on": day("02-01"), "closure_kind": "settled"}
    status, verdict = run(book, 2)
    assert (status["repayment_status"], verdict["reason_code"]) == ("C", "REPORTED")
    assert reason(book, 3) == "CLOSED_EARLIER"


def test_contract_consent():
    book = RawBook()
    book.customer("C1", BORN_ON)
    book.account("A1", "C1", "JIEBEI", day("01-05"))
    assert reason(book, 1) == "CONTRACT_CONSENT_MISSING"
    book.consent("C1", "JIEBEI", moment(day("02-10")))
    assert reason(book, 1, as_of=moment(day("03-03"))) == "CONTRACT_CONSENT_MISSING"
    assert reason(book, 2) == "REPORTED"


def test_withdrawal_beats_a_signature_of_the_same_instant():
    book = plain()
    at = moment(day("01-05"))
    book.consent("C1", "HUABEI", at, action="withdrawn")
    _, verdict = run(book, 1)
    assert verdict["reason_code"] == "AUTHORIZATION_WITHDRAWN"
    assert verdict["consent_event_id"] == "E000002"


def test_a_new_version_does_not_move_the_period_but_a_new_signature_after_withdrawal_does():
    book = plain()
    book.consent("C1", "HUABEI", moment(day("02-05")), document_version="v2")
    assert run(book, 2)[1]["authorized_on"] == day("01-05")
    book.consent("C1", "HUABEI", moment(day("03-05")), action="withdrawn")
    book.consent("C1", "HUABEI", moment(day("04-05")))
    verdicts = [run(book, month, sent={"A1"})[1] for month in (3, 4)]
    assert [v["authorized_on"] for v in verdicts] == [day("01-05"), day("04-05")]
    assert [v["reason_code"] for v in verdicts] == ["REPORTED"] * 2


def test_run_off_needs_an_earlier_report_date_in_force():
    book = plain(signed="02-10")
    book.consent("C1", "HUABEI", moment(day("02-20")), action="withdrawn")
    assert reason(book, 2, sent={"A1"}) == "AUTHORIZATION_WITHDRAWN"
    book = plain(signed="02-10")
    book.consent("C1", "HUABEI", moment(day("03-01"), "00:00:00"), action="withdrawn")
    assert reason(book, 3, sent={"A1"}) == "REPORTED"


def test_run_off_needs_a_record_that_was_sent():
    book = plain()
    book.consent("C1", "HUABEI", moment(day("03-05")), action="withdrawn")
    assert reason(book, 3, sent={"A2"}) == "AUTHORIZATION_WITHDRAWN"
    assert reason(book, 3, sent={"A1"}) == "REPORTED"


def overdue_from_january():
    book = plain()
    book.transaction("A1", "purchase", moment(day("01-06")), 200)
    book.bill("A1", day("01-10"), day("01-20"), 100)
    book.bill("A1", day("02-10"), day("02-20"), 100)
    return book


def test_the_episode_keeps_its_name_while_the_oldest_bill_is_paid():
    book = overdue_from_january()
    book.transaction("A1", "repayment", moment(day("02-25")), 100)
    assert run(book, 2)[0]["oldest_unpaid_due_on"] == day("02-20")
    assert reason(book, 2) == "NOTICE_PENDING"
    book.notice("A1", day("02-20"), moment(day("02-26")))
    assert reason(book, 2) == "NOTICE_PENDING"
    book.notice("A1", day("01-20"), moment(day("02-26")))
    assert reason(book, 2) == "REPORTED"


def test_notice_must_be_delivered_by_the_cut_off():
    as_of = moment(day("02-03"), "00:00:00")
    for delivered_at, code in (
        (None, "NOTICE_PENDING"),
        (as_of, "REPORTED"),
        (as_of + timedelta(seconds=1), "NOTICE_PENDING"),
    ):
        book = overdue_from_january()
        book.notice("A1", day("01-20"), moment(day("02-01")), delivered_at=delivered_at)
        assert reason(book, 1) == code


def test_lead_days_move_the_deadline():
    book = overdue_from_january()
    book.notice("A1", day("01-20"), moment(day("02-01")))
    month = date(2023, 1, 1)
    for lead_days, code in ((1, "REPORTED"), (2, "NOTICE_PENDING")):
        out = expected(book.tables, POLICY, month, cut_off(month), notice_lead_days=lead_days)
        assert out.reportable_population[0]["reason_code"] == code


def test_write_off_with_nothing_late_names_the_episode_by_its_date():
    book = plain()
    book.transaction("A1", "purchase", moment(day("01-06")), 200)
    book.transaction("A1", "write_off", moment(day("01-25")), 200)
    assert reason(book, 1) == "NOTICE_PENDING"
    book.notice("A1", day("01-25"), moment(day("01-26")))
    assert reason(book, 1) == "REPORTED"


# --- staging -------------------------------------------------------------------------------------


def counts(book, table, as_of=datetime(2023, 2, 3)):
    out = expected(book.tables, POLICY, date(2023, 1, 1), as_of)
    return {place: n for place, n in out.staged.counts[table].items() if n and place != "delivered"}


def test_every_row_is_counted_once():
    book = plain()
    book.transaction("A1", "purchase", moment(day("01-06")), 200, transaction_id="X1")
    rows = book.tables["transactions"]
    rows.append(dict(rows[0]))  # delivered twice
    rows.append(rows[0] | {"amount": amount(90), "recorded_at": datetime(2023, 1, 9)})
    rows.append(rows[0] | {"amount": amount(80), "recorded_at": datetime(2023, 2, 9)})
    book.transaction("A1", "purchase", moment(day("01-04")), 5)  # before opening
    book.transaction("A1", "purchase", moment(day("01-06")), 0)
    book.transaction("A9", "purchase", moment(day("01-06")), 5)  # an orphan
    book.transaction("A1", "reversal", moment(day("01-06")), 5)
    assert counts(book, "transactions") == {
        "good": 1,
        "duplicates": 1,
        "superseded": 1,
        "after_cut_off": 1,
        "quarantined": 4,
    }
    assert run(book, 1)[0]["balance"] == 90


def test_conflicting_recordings_are_both_quarantined():
    book = plain()
    book.transaction("A1", "purchase", moment(day("01-06")), 200)
    rows = book.tables["transactions"]
    rows.append(rows[0] | {"amount": amount(90)})
    assert counts(book, "transactions") == {"quarantined": 2}


def test_rows_of_a_late_account_wait():
    book = plain()
    book.tables["accounts"][0]["recorded_at"] = datetime(2023, 2, 4)
    book.transaction("A1", "purchase", moment(day("01-06")), 200)
    assert counts(book, "accounts") == {"after_cut_off": 1}
    assert counts(book, "transactions") == {"after_cut_off": 1}
    assert counts(book, "transactions", datetime(2023, 2, 4)) == {"good": 1}


def test_limits_of_an_agreement_are_no_orphans():
    book = plain()
    book.account("D1", "C1", "JIEBEI", day("01-05"), parent_account_id="AG1")
    book.limit("AG1", day("01-01"), "100")  # an agreement has no life to be outside of
    book.limit("A1", day("01-01"), "100")
    book.limit("AG9", day("01-06"), "100")
    assert counts(book, "credit_limits") == {"good": 1, "quarantined": 2}


def test_conflicts_among_older_recordings_leave_the_newest():
    book = plain()
    book.transaction("A1", "purchase", moment(day("01-06")), 200)
    rows = book.tables["transactions"]
    rows.append(rows[0] | {"amount": amount(90)})
    rows.append(rows[0] | {"amount": amount(80), "recorded_at": datetime(2023, 1, 9)})
    assert counts(book, "transactions") == {"good": 1, "quarantined": 2}


# --- books ---------------------------------------------------------------------------------------

SEED_POLICY = Path(__file__).parents[2] / "dbt_project" / "seeds" / "product_policy.csv"


def test_random_books_are_deterministic_and_survive_their_files(tmp_path):
    policy_file = tmp_path / "policy.csv"
    write_policy(SEED_POLICY, policy_file)
    policy = read_policy(policy_file)
    book = random_book(5, policy, accounts=60)
    assert book.tables == random_book(5, policy, accounts=60).tables
    assert book.tables != random_book(6, policy, accounts=60).tables
    write(book, tmp_path / "landing")
    delivered = read_landing(tmp_path / "landing")

    def distinct(rows):
        return {tuple(sorted((n, as_meant(v)) for n, v in row.items())) for row in rows}

    for table, rows in book.tables.items():
        assert distinct(delivered[table]) == distinct(rows), table
    month, as_of = date(2026, 3, 1), datetime(2026, 4, 3)
    from_files = expected_month(tmp_path / "landing", policy_file, month, as_of)
    in_memory = expected(book.tables, policy, month, as_of)
    assert from_files.repayment_status == in_memory.repayment_status
    assert from_files.reportable_population == in_memory.reportable_population


def test_random_books_reach_every_status_and_every_reason():
    policy = read_policy(SEED_POLICY)
    raw = random_book(1, policy, accounts=300).tables
    statuses, reasons = set(), set()
    for month, as_of in (
        (date(2026, 1, 1), datetime(2026, 2, 3)),
        (date(2026, 5, 1), datetime(2026, 6, 3)),
    ):
        out = expected(raw, policy, month, as_of)
        statuses |= {row["repayment_status"] for row in out.repayment_status}
        reasons |= {row["reason_code"] for row in out.reportable_population}
    assert statuses == set("*NM1234567BCG")
    assert len(reasons) == 11
