"""Every notable situation by name, worked out by hand: March 2026, seen at 00:00 on 3 April.

All stories stand in one book. What a case does not say is as in a quiet account: nothing owed,
nothing due, normal since its opening. R is 31 March unless the account closes. Plain products take
bills in full, without grace, pay penalty, fee, interest, principal, and let what is paid ahead
lower the balance.
"""

from datetime import date, datetime

from oracle.raw_rows import amount, moment

from properties.hand_made import Account, case, closed, day
from properties.policies import product_code

MARCH_END = date(2026, 3, 31)
CUT_OFF = datetime(2026, 4, 3)
LATE = {"repayment_status": "1", "account_status": "2", "five_tier_class": 2,
        "five_tier_assigned_on": "03-31", "overdue_periods": 1}  # fmt: skip
LATE_21 = LATE | {"days_past_due": 21, "oldest_unpaid_due_on": "03-10"}
LATE_100 = LATE_21 | {"balance": 100, "amount_due": 100, "overdue_total": 100,
                      "overdue_principal": 100, "reason": "NOTICE_PENDING"}  # fmt: skip
PAID_100 = {"repayment_status": "N", "amount_due": 100, "amount_paid": 100}


# --- the due day and the month end ---------------------------------------------------------------


@case(repayment_status="N", amount_due=300, balance=300)
def due_on_the_last_day_and_unpaid_is_not_late_yet(a: Account) -> None:
    a.spend("02-10", 300)
    a.bill("03-01", "03-31", 300)


@case(**LATE_100 | {"days_past_due": 1, "oldest_unpaid_due_on": "03-30"})
def due_on_the_day_before_the_last_is_one_day_late(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-30", 100)


@case(repayment_status="N", amount_due=100, amount_paid=100, last_paid_on="03-10")
def paid_in_the_last_second_of_the_due_day(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100)
    a.repay("03-10", 100, "23:59:59")


@case(repayment_status="M", amount_due=100, amount_paid=100, last_paid_on="03-11")
def paid_in_the_first_second_after_the_due_day(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100)
    a.repay("03-11", 100, "00:00:00")


@case(repayment_status="M", amount_due=100, amount_paid=100, last_paid_on="03-31")
def late_and_paid_in_the_last_second_of_the_month(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100)
    a.repay("03-31", 100, "23:59:59.999999")


@case(**LATE_100)
def late_and_paid_in_the_first_second_of_the_next_month(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100)
    a.repay("04-01", 100, "00:00:00")


@case(product=product_code(grace_days=3), repayment_status="N", amount_due=100, balance=100)
def on_the_last_day_of_grace_it_is_not_late(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-28", 100)


@case(
    product=product_code(grace_days=3),
    **LATE_100 | {"days_past_due": 4, "oldest_unpaid_due_on": "03-27"},
)
def after_grace_the_days_count_from_the_due_date(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-27", 100)


@case(
    product=product_code(grace_days=3),
    **PAID_100,
    last_paid_on="03-13",
)
def paid_on_the_last_day_of_grace_was_never_late(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100)
    a.repay("03-13", 100, "23:59:59")


# --- what pays what ------------------------------------------------------------------------------


@case(
    opened="2025-12-01", repayment_status="2", account_status="2", days_past_due=49,
    oldest_unpaid_due_on="02-10", overdue_periods=2, overdue_total=160, overdue_principal=160,
    overdue_principal_31_60=60, balance=160, amount_due=100, amount_paid=150, last_paid_on="03-15",
    five_tier_class=2, five_tier_assigned_on="01-31", reason="NOTICE_PENDING",
)  # fmt: skip
def a_payment_over_three_due_dates_pays_the_oldest_first(a: Account) -> None:
    a.spend("2025-12-05", 300)
    a.bill("01-01", "01-10", 100, fee=10)
    a.bill("02-01", "02-10", 100)
    a.bill("03-01", "03-10", 100)
    a.repay("03-15", 150)  # 110 to January, 40 to February


@case(**LATE_21, balance=38, amount_due=108, amount_paid=70, last_paid_on="03-10",
      overdue_total=38, overdue_principal=38, reason="NOTICE_PENDING")  # fmt: skip
def two_bills_on_one_due_date_are_one_period_and_paid_part_by_part(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 60, fee=5)
    a.bill("03-02", "03-10", 40, interest=3)
    a.repay("03-10", 70)  # fee 5, interest 3, then 62 of the principal 100


@case(product=product_code(allocation_order="principal>interest>fee>penalty"), **LATE_21,
      amount_due=120, amount_paid=100, last_paid_on="03-09", overdue_total=20,
      charges_unpaid=20, reason="NOTICE_PENDING")  # fmt: skip
def where_principal_is_paid_first_the_fee_stays(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100, fee=20)
    a.repay("03-09", 100)


@case(product=product_code(due_basis="minimum_due"), **LATE_21, balance=950, amount_due=200,
      amount_paid=150, last_paid_on="03-09", overdue_total=50, overdue_principal=50,
      remaining_periods=1, reason="NOTICE_PENDING")  # fmt: skip
def of_a_minimum_only_the_minimum_is_due(a: Account) -> None:
    a.spend("02-05", 1000)
    a.bill("02-20", "03-10", 900, interest=60, fee=40, minimum=200)  # fee 40, interest 60, 100
    a.repay("03-09", 150)  # fee 40, interest 60, principal 50


@case(product=product_code(due_basis="minimum_due"), **LATE_100)
def without_a_minimum_the_whole_bill_is_due(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100)


@case(product=product_code(prepayment="credits_next_due"), **LATE | {"days_past_due": 19,
      "oldest_unpaid_due_on": "03-12"}, balance=180, amount_due=150, last_paid_on="02-15",
      overdue_total=30, overdue_principal=30, remaining_periods=1,
      reason="NOTICE_PENDING")  # fmt: skip
def paid_ahead_and_held_pays_the_next_bills(a: Account) -> None:
    a.spend("01-10", 300)
    a.repay("02-15", 120)
    a.bill("03-01", "03-10", 100)  # paid by the credit
    a.bill("03-02", "03-12", 50)  # 20 paid by the credit


@case(**LATE_21 | {"overdue_periods": 2}, balance=180, amount_due=150, last_paid_on="02-15",
      overdue_total=150, overdue_principal=150, remaining_periods=1,
      reason="NOTICE_PENDING")  # fmt: skip
def paid_ahead_of_the_unbilled_pays_no_bill(a: Account) -> None:
    a.spend("01-10", 300)
    a.repay("02-15", 120)
    a.bill("03-01", "03-10", 100)
    a.bill("03-02", "03-12", 50)


@case(repayment_status="2", account_status="2", days_past_due=49, oldest_unpaid_due_on="02-10",
      overdue_periods=1, overdue_total=300, overdue_principal=300, overdue_principal_31_60=300,
      balance=300, five_tier_class=2, five_tier_assigned_on="02-28",
      reason="NOTICE_PENDING")  # fmt: skip
def a_refund_pays_a_late_bill_but_is_no_repayment(a: Account) -> None:
    a.spend("01-10", 500)
    a.bill("02-01", "02-10", 500)
    a.move("refund", "03-05", 200)


@case(credit_balance=50)
def a_refund_of_more_than_is_owed_leaves_a_credit(a: Account) -> None:
    a.spend("01-10", 100)
    a.move("refund", "03-01", 150)


@case(repayment_status="M", amount_paid=100, last_paid_on="03-05", five_tier_assigned_on="03-06")
def a_waiver_pays_a_penalty_and_ends_the_lateness_on_its_day(a: Account) -> None:
    a.spend("01-10", 100)
    a.bill("02-01", "02-10", 100)
    a.move("penalty", "02-20", "12.50")
    a.repay("03-05", 100)  # the older due date first: the penalty stays
    a.move("waiver", "03-06", "12.50")


@case(amount_paid=20, last_paid_on="03-05")
def a_penalty_and_a_payment_of_one_moment_meet(a: Account) -> None:
    a.repay("03-05", 20)
    a.move("penalty", "03-05", 20)


@case(**PAID_100, last_paid_on="03-10")
def a_bill_stands_before_a_payment_at_midnight_of_its_day(a: Account) -> None:
    a.spend("02-10", 100)
    a.repay("03-10", 100, "00:00:00")
    a.bill("03-10", "03-10", 100)


# --- penalties -----------------------------------------------------------------------------------


@case(repayment_status="2", account_status="2", days_past_due=39, oldest_unpaid_due_on="02-20",
      overdue_periods=1, overdue_total=30, charges_unpaid=30, five_tier_class=2,
      five_tier_assigned_on="02-28", reason="NOTICE_PENDING")  # fmt: skip
def a_lone_penalty_is_late_from_the_next_day_on(a: Account) -> None:
    a.move("penalty", "02-20", 30)


@case(**LATE_100 | {"overdue_total": 115, "charges_unpaid": 15})
def a_penalty_of_the_very_day_is_overdue_beside_something_late(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100)
    a.move("penalty", "03-31", 15)


@case(charges_unpaid=20)
def a_penalty_of_the_very_day_alone_is_not(a: Account) -> None:
    a.move("penalty", "03-31", 20)


# --- reversals -----------------------------------------------------------------------------------


@case(opened="2025-12-01", repayment_status="3", account_status="2", days_past_due=80,
      oldest_unpaid_due_on="01-10", overdue_periods=1, overdue_total=300, overdue_principal=300,
      overdue_principal_61_90=300, balance=300, five_tier_class=2,
      five_tier_assigned_on="03-31")  # fmt: skip
def a_payment_that_bounces_months_later_was_never_paid(a: Account) -> None:
    a.spend("2025-12-05", 300)
    a.bill("01-01", "01-10", 300)
    a.undo(a.repay("01-10", 300), "03-20")
    a.notice("01-10", "03-21")  # January and February stand: the first overdue month is March


@case(**PAID_100, last_paid_on="03-09")
def a_payment_that_bounces_in_the_next_month_is_paid_in_this_one(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100)
    a.undo(a.repay("03-09", 100), "04-01")


@case(five_tier_assigned_on="03-31")
def a_penalty_that_is_taken_back_was_never_there(a: Account) -> None:
    # class 2 at the end of February stands; normal again in March, though nothing was paid
    a.undo(a.move("penalty", "02-20", 30), "03-02")


@case(**LATE_100)
def a_reversal_is_not_reversed_again(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100)
    a.undo(a.undo(a.repay("03-09", 100), "03-11"), "03-12")


@case(opened="2025-06-01", repayment_status="7", account_status="2", days_past_due=264,
      oldest_unpaid_due_on="2025-07-10", overdue_periods=1, overdue_total=500,
      overdue_principal=500, overdue_principal_over_180=500, balance=500, five_tier_class=3,
      five_tier_assigned_on="2025-10-31", reason="NOTICE_PENDING")  # fmt: skip
def a_write_off_that_is_taken_back_leaves_the_account_late(a: Account) -> None:
    a.spend("2025-06-10", 500)
    a.bill("2025-07-01", "2025-07-10", 500)
    a.undo(a.move("write_off", "03-15", 500), "03-20")


# --- written off, closed, reopened ---------------------------------------------------------------


@case(opened="2025-06-01", repayment_status="B", account_status="42", days_past_due=264,
      oldest_unpaid_due_on="2025-07-10", overdue_periods=1, overdue_total=500,
      overdue_principal=500, overdue_principal_over_180=500, balance=500, five_tier_class=5,
      five_tier_assigned_on="03-31")  # fmt: skip
def a_written_off_account_stays_open_while_anything_is_owed(a: Account) -> None:
    a.spend("2025-06-10", 500)
    a.bill("2025-07-01", "2025-07-10", 500)
    a.move("write_off", "03-15", 500)
    a.notice("2025-07-10", "2025-08-01")


@case(repayment_status="B", account_status="42", balance=200, remaining_periods=1,
      five_tier_class=5, five_tier_assigned_on="03-31")  # fmt: skip
def a_write_off_with_nothing_late_names_its_own_episode(a: Account) -> None:
    a.spend("03-01", 200)
    a.move("write_off", "03-15", 200)
    a.notice("03-15", "03-16")


@case(closing=closed("03-20", "transferred"), report_date=day("03-20"), closed_on="03-20",
      repayment_status="G", account_status="3", balance=300)  # fmt: skip
def a_transferred_account_keeps_its_balance(a: Account) -> None:
    a.spend("02-10", 300)
    a.bill("03-01", "03-25", 300)  # due after the report date


@case(closing=closed("03-20"), report_date=day("03-20"), closed_on="03-20", repayment_status="C",
      account_status="3", amount_due=100, amount_paid=100, last_paid_on="03-20")  # fmt: skip
def closed_in_the_middle_of_the_month_though_it_was_late(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100)
    a.repay("03-20", 100)


@case(closing=closed("03-31"), closed_on="03-31", repayment_status="C", account_status="3",
      amount_paid=100, last_paid_on="03-31")  # fmt: skip
def closed_on_the_last_day_of_the_month(a: Account) -> None:
    a.spend("02-10", 100)
    a.repay("03-31", 100)


@case(closing=closed("03-10"), balance=40, remaining_periods=1)
def an_account_reopened_by_a_correction_was_never_closed(a: Account) -> None:
    a.correct(closed_on=None, closure_kind=None, recorded_at=moment(day("03-25")))
    a.spend("03-28", 40)


# --- what is known, and when ---------------------------------------------------------------------


@case(**PAID_100, last_paid_on="03-08")
def a_back_dated_payment_known_at_the_cut_off_counts(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100)
    a.repay("03-08", 100, recorded_at=CUT_OFF)


@case(**LATE_100)
def a_back_dated_payment_known_a_moment_later_does_not(a: Account) -> None:
    a.spend("02-10", 100)
    a.bill("03-01", "03-10", 100)
    a.repay("03-08", 100, recorded_at=CUT_OFF.replace(microsecond=1))


@case(repayment_status="N", amount_due=80, amount_paid=80, last_paid_on="03-24", balance=20,
      remaining_periods=1)  # fmt: skip
def a_corrected_bill_is_the_bill_since_its_statement(a: Account) -> None:
    a.spend("02-10", 100)
    bill = a.bill("03-01", "03-10", 100)
    newer = {"due_on": day("03-25"), "principal_due": amount(80)}
    a.book.tables["bills"].append(bill | newer | {"recorded_at": moment(day("03-20"))})
    a.repay("03-24", 80)


@case(product=product_code(account_type="R4", prepayment="credits_next_due"),
      repayment_status="N", amount_due=100, amount_paid=100, last_paid_on="03-05", balance=200,
      remaining_periods=2)  # fmt: skip
def instalments_known_from_the_start_are_the_remaining_periods(a: Account) -> None:
    a.spend("02-05", 300)
    for due in ("03-05", "04-05", "05-05"):
        a.bill(due, due, 100, recorded_at=moment(day("02-05")))
    a.repay("03-05", 100)


# --- the five-tier class -------------------------------------------------------------------------


@case(opened="2025-10-01", repayment_status="3", account_status="2", days_past_due=80,
      oldest_unpaid_due_on="01-10", overdue_periods=1, overdue_total=100, overdue_principal=100,
      overdue_principal_61_90=100, balance=100, amount_paid=100, last_paid_on="03-05",
      five_tier_class=2, five_tier_assigned_on="03-31", reason="NOTICE_PENDING")  # fmt: skip
def a_class_that_is_partly_better_changes_at_the_month_end(a: Account) -> None:
    a.spend("2025-10-05", 200)
    a.bill("2025-11-01", "2025-11-10", 100)  # 110 days late at the end of February: class 3
    a.bill("01-01", "01-10", 100)
    a.repay("03-05", 100)


@case(opened="2025-12-01", repayment_status="M", amount_paid=100, last_paid_on="03-20",
      five_tier_assigned_on="03-20")  # fmt: skip
def a_class_is_normal_again_on_the_day_the_last_late_item_is_paid(a: Account) -> None:
    a.spend("2025-12-05", 200)
    a.bill("01-01", "01-10", 100)
    a.bill("02-01", "02-10", 100)
    a.repay("02-20", 100)
    a.repay("03-20", 100)
