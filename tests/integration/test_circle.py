"""The whole circle: built, approved, released, judged by the bureau's simulator, repaired.

The simulator shares no code with the product: what it holds in the end is compared with what the
lender's tables say was reported.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.circles import AT, Circle, circle_of
from support.gnupg_keys import needs_gpg
from support.lender_months import MONTHS, settings_in

from reporting.statement.compose import document_of
from reporting.statement.facts import Standing, statement_of
from reporting.statement.language import Language
from reporting.submission import feedback, verify
from reporting.synthetic import lender
from reporting.why import answer

pytestmark = needs_gpg

REJECTED = 3
CIRCLED = MONTHS[:2]
REJECTION = ("--reject", f"{REJECTED}=ABR006", "--seed", "4")


@dataclass
class Circles:
    """Two months that went round, and what the bureau answered."""

    circle: Circle
    outcomes: dict[str, list[feedback.Outcome]] = field(default_factory=dict)
    rejected: list[tuple[Any, ...]] = field(default_factory=list)


@pytest.fixture(scope="module")
def circles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Circles]:
    """Two months that went round; the bureau rejected three records of the first."""
    settings = settings_in(tmp_path_factory.mktemp("circle"))
    lender.generate(Path(settings.landing), accounts=150, months=5, seed=7)
    with circle_of(settings) as circle:
        done = Circles(circle)
        for month in CIRCLED:
            assert circle.run(month) is None
            circle.send(month)
            orders = REJECTION if month == CIRCLED[0] else ()
            done.outcomes[month] = circle.answer(*orders)
            if orders:
                done.rejected = circle.query(
                    "select account_id, report_date, feedback_code from marts.submission_records "
                    "where state = 'REJECTED' order by all"
                )
        yield done


@pytest.fixture(scope="module")
def circle(circles: Circles) -> Circle:
    """The lender and its bureau after the two months."""
    return circles.circle


def test_the_bureau_holds_what_was_reported_tag_by_tag(circle: Circle) -> None:
    held = circle.months_held()
    assert held == circle.months_reported()
    assert len(held) > 100


def test_what_was_rejected_was_sent_again_by_the_next_month(circles: Circles) -> None:
    assert len(circles.rejected) == REJECTED
    assert {code for *_, code in circles.rejected} == {"ABR006"}
    for account, day, _ in circles.rejected:
        states = circles.circle.query(
            "select report_month, state from marts.submission_records where record_type = '210' "
            f"and account_id = '{account}' and report_date = '{day}' order by report_month"
        )
        assert [state for _, state in states] == ["REJECTED", "ACCEPTED"], account


def test_nothing_is_left_open(circles: Circles) -> None:
    circle = circles.circle
    assert circle.query("select sum(rejected), sum(unanswered) from marts.submissions") == [
        (REJECTED, 0)
    ]
    assert circle.query("select * from marts.pending_now where held_back_by = 'REJECTED'") == []
    assert verify.faults(circle.settings) == []
    assert [sum(one.rejected for one in answers) for answers in circles.outcomes.values()] == [
        *(REJECTED, 0)
    ]


def test_every_step_of_every_month_reconciles_up_to_what_the_bureau_holds(circle: Circle) -> None:
    steps = circle.query(
        "select step, bool_and(is_closed), count(distinct report_month) "
        "from marts.reconciliation group by all order by min(step_number)"
    )
    assert [(step, is_closed) for step, is_closed, _ in steps] == [
        *(("accounts", True), ("ledger", True), ("marts", True), ("records", True)),
        *(("file", True), ("answered", True), ("held", True)),
    ]
    assert min(months for *_, months in steps) >= len(CIRCLED)
    first = f"{MONTHS[0]}-01"
    assert circle.query(
        "select step, accounts from marts.reconciliation "
        f"where report_month = '{first}' and item in ('rejected', 'rejected ABR006') order by all"
    ) == [("answered", REJECTED), ("held", -REJECTED)]


def test_the_history_of_an_account_shows_the_repaired_month(circles: Circles) -> None:
    for account, *_ in circles.rejected:
        (newest,) = circles.circle.query(
            f"select history_24 from marts.repayment_history where account_id = '{account}' "
            "order by report_month desc limit 1"
        )
        assert "-" not in newest[0].lstrip("-"), account


def test_why_says_what_the_bureau_answered(circles: Circles) -> None:
    account, day, _ = circles.rejected[0]
    words = " ".join(str(answer.explain(account, None, circles.circle.settings)).split())
    assert "In the credit report: YES" in words
    assert "accepted, the one of " + f"{day} rejected (ABR006: the record does not fit" in words
    assert "and sent again." in words


def test_an_answer_that_comes_again_changes_nothing(circle: Circle) -> None:
    answers = sorted((circle.settings.inbox / "read").glob("*.enc"))
    before = circle.query("select count(*) from marts.submission_events")
    read = feedback.read_answers(answers[:2], circle.settings, lambda: AT)
    assert {one.words for one in read.outcomes} == {"was read before; nothing changes"}
    assert circle.query("select count(*) from marts.submission_events") == before


def test_a_statement_says_what_was_rejected_and_sent_again(circles: Circles) -> None:
    account, day, _ = circles.rejected[0]
    document = document_of(statement_of(account, None, circles.circle.settings), Language.ZH)
    assert document.verdict == "IN_REPORT"
    (part,) = [one for one in document.accounts if account in one.account_ids]
    month = f"{day.year}年{day.month}月"
    assert f"{month}的记录此前被暂缓或退回，现已重新报送。" in part.lines  # noqa: RUF001
    (section,) = [one for one in document.details if one.account_id == account]
    (record,) = [one for one in section.records if one.report_date == day]
    assert record.state == "ACCEPTED"
    assert record.state_text == "已入库"
    assert any("此前同一报告日的记录被退回" in line for line in record.remarks)


def test_a_statement_says_of_each_account_what_the_bureau_holds(circles: Circles) -> None:
    held = {row["AcctCode"][14:] for row in circles.circle.held("months")}
    customers = circles.circle.query(
        "select distinct customer_id from marts.reportable_population "
        "where report_month = (select max(report_month) from marts.reportable_population) "
        "and customer_id is not null order by all limit 30"
    )
    for (customer,) in customers:
        for account in statement_of(customer, None, circles.circle.settings).accounts:
            is_in = account.standing is Standing.IN_REPORT
            assert is_in is (account.account_id in held), account.account_id


def compared_row_by_row(operator: dict[str, Any]) -> Iterator[str]:
    """The outer joins of a plan that compare every row with every other: they have no key."""
    kind = operator["extra_info"].get("Join Type")
    if operator["name"] == "BLOCKWISE_NL_JOIN" and kind != "INNER":  # inner ones are of code lists
        yield str(operator["extra_info"]["Condition"])
    for child in operator["children"]:
        yield from compared_row_by_row(child)


def test_no_view_compares_every_record_with_every_other(circle: Circle) -> None:
    views = circle.query(
        "select schema_name || '.' || view_name from duckdb_views() "
        "where schema_name in ('marts', 'submission') and not internal"
    )
    assert len(views) > 20
    for (view,) in views:
        ((_, plan),) = circle.query(f"explain (format json) select * from {view}")
        assert [*compared_row_by_row(json.loads(plan)[0])] == [], view
