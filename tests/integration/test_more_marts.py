"""Connected groups, score feed, notices and history, each against a computation of its own."""

import csv
import io
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from oracle.book import read_landing, read_policy
from oracle.staging import stage
from oracle.submission_reader import read_month
from rich.console import Console
from support.lender_months import MONTHS, Lender

from reporting.cli import summary
from reporting.core import product_policy
from reporting.pages import front_page

Row = dict[str, Any]
CLOSED = ("NOT_YET_OPEN", "CLOSED_EARLIER")
SMALLEST = 10
EARLIEST = {"2026-03": "2026-05-03", "2026-04": "2026-06-03", "2026-05": "2026-07-03"}
STATUSES = {
    "1": "1, overdue 1-30 days",
    "2": "2, overdue 31-60 days",
    "3": "3, overdue 61-90 days",
    "4": "4, overdue 91-120 days",
    "5": "5, overdue 121-150 days",
    "6": "6, overdue 151-180 days",
    "7": "7, overdue more than 180 days",
    "B": "B, written off as a bad debt",
}


@pytest.fixture(scope="module")
def good(lender_book: Lender) -> dict[str, dict[str, list[Row]]]:
    """The raw rows that count at the cut-off of each month, by table."""
    landing = read_landing(Path(lender_book.settings.landing))
    products = read_policy(product_policy.read_policy(lender_book.settings))
    return {month: stage(landing, lender_book.run(month).as_of, products).good for month in MONTHS}


def statuses(lender_book: Lender, month: str) -> dict[str, Row]:
    return {row["account_id"]: row for row in lender_book.rows("repayment_status", month)}


def newest_scores(rows: list[Row], by: date) -> dict[str, Row]:
    known = sorted((r for r in rows if r["scored_on"] <= by), key=lambda r: r["scored_on"])
    return {row["customer_id"]: row for row in known}


def waves(rows: dict[str, list[Row]], by: date) -> dict[tuple[str, str], str]:
    """The campaign of each customer and product: of a consent, else of a limit, the newest."""
    agreements = defaultdict(set)
    for row in rows["accounts"]:
        agreements[row["parent_account_id"] or row["account_id"]].add(
            (row["customer_id"], row["product_code"])
        )
    found = {}
    for row in sorted(rows["credit_limits"], key=lambda r: (r["effective_on"], r["account_id"])):
        if row["campaign_code"] and row["effective_on"] <= by:
            found |= dict.fromkeys(agreements[row["account_id"]], row["campaign_code"])
    for row in sorted(rows["consents"], key=lambda r: (r["occurred_at"], r["consent_event_id"])):
        if row["campaign_code"] and row["occurred_at"].date() <= by:
            found[row["customer_id"], row["product_code"]] = row["campaign_code"]
    return found


def limit_band(limit: Decimal | None) -> str:
    if limit is None:
        return "no limit"
    bounds = (1000, 5000, 10000, 50000, 100000, 200000)
    above = [bound for bound in bounds if bound <= limit]
    below = [bound for bound in bounds if bound > limit]
    if not above:
        return "under 1000" if limit else "0"
    return f"{above[-1]} to under {below[0]}" if below else f"{above[-1]} or more"


def score_band(score: Decimal | None) -> str:
    if score is None:
        return "no score"
    return ("under 550", "550 to under 600", "600 to under 650", "650 to under 700", "700 or more")[
        sum(score >= bound for bound in (550, 600, 650, 700))
    ]


def expected_groups(lender_book: Lender, month: str, rows: dict[str, list[Row]]) -> dict[Any, Any]:
    """Customers and connected customers by product, kind and value, before anything is folded."""
    end = lender_book.run(month).month_end
    of_accounts = statuses(lender_book, month)
    in_wave, scores = waves(rows, end), newest_scores(rows["internal_scores"], end)
    connected: dict[Any, bool] = defaultdict(bool)
    limits: dict[Any, list[Decimal]] = defaultdict(list)
    for row in lender_book.rows("reportable_population", month):
        if row["reason_code"] not in CLOSED:
            key = row["customer_id"], row["product_code"]
            connected[key] |= row["authorized_on"] is not None
            limit = of_accounts[row["account_id"]]["credit_limit"]
            limits[key] += [limit] if limit is not None else []
    opened: dict[Any, date] = {}
    for row in rows["accounts"]:
        key = row["customer_id"], row["product_code"]
        opened[key] = min(opened.get(key, date.max), row["opened_on"])
    groups: dict[Any, Counter[str]] = defaultdict(Counter)
    for (customer, product), is_connected in connected.items():
        key = customer, product
        for kind, value in {
            "wave": in_wave.get(key, "none"),
            "limit_band": limit_band(max(limits[key], default=None)),
            "score_band": score_band(scores[customer]["score"] if customer in scores else None),
            "opened_year": str(opened[key].year),
        }.items():
            groups[product, kind, value] += Counter(customers=1, connected=int(is_connected))
    return groups


@pytest.mark.parametrize("month", MONTHS)
def test_the_connected_groups_are_counted_from_the_customers(
    lender_book: Lender, good: dict[str, dict[str, list[Row]]], month: str
) -> None:
    expected: dict[Any, Counter[str]] = defaultdict(Counter)
    for (product, kind, value), counts in expected_groups(lender_book, month, good[month]).items():
        shown = "other" if counts["customers"] < SMALLEST else value
        expected[product, kind, shown] += counts
    found = lender_book.rows("connected_groups", month)
    assert {
        (r["product_code"], r["group_kind"], r["group_value"]): (
            r["customers"],
            r["connected_customers"],
        )
        for r in found
    } == {key: (n["customers"], n["connected"]) for key, n in expected.items()}
    for row in found:
        exact = Decimal(row["connected_customers"]) / row["customers"]
        assert abs(row["share"] - exact) <= Decimal("0.00005")
    values = {row["group_value"] for row in found}
    values = {row["group_value"] for row in found}
    assert {"UPGRADE-2025-06", "none", "other", "10000 to under 50000", "700 or more"} <= values


@pytest.mark.parametrize("month", MONTHS)
def test_the_score_feed_holds_all_that_is_not_reportable(
    lender_book: Lender, good: dict[str, dict[str, list[Row]]], month: str
) -> None:
    behaviour = (
        *("repayment_status", "days_past_due", "overdue_total", "balance", "credit_limit"),
        *("amount_due", "amount_paid"),
    )
    of_accounts = statuses(lender_book, month)
    scores = newest_scores(good[month]["internal_scores"], lender_book.run(month).month_end)
    expected = []
    for row in lender_book.rows("reportable_population", month):
        if not row["is_reportable"]:
            status = of_accounts.get(row["account_id"], {})
            score = scores.get(row["customer_id"], {})
            expected.append(
                {key: row[key] for key in ("report_month", "account_id", "customer_id")}
                | {key: row[key] for key in ("product_code", "reason_code")}
                | {key: status.get(key) for key in behaviour}
                | {key: score.get(key) for key in ("score", "scored_on")}
            )
    found = lender_book.rows("internal_score_feed", month)
    assert found == sorted(expected, key=lambda row: row["account_id"])
    assert len({row["reason_code"] for row in found}) > 5
    assert any(row["repayment_status"] is None for row in found)
    assert any(row["score"] is not None for row in found)


def held_for_a_notice(lender_book: Lender, month: str) -> dict[tuple[str, date], list[date]]:
    """Account and episode -> months held back in their own run and not sent by this one."""
    first = lender_book.run(month).month
    rows = lender_book.query(
        "select account_id, episode_started_on, report_month "
        "from marts.reportable_population as population where reason_code = 'NOTICE_PENDING' "
        "and report_month <= $1 and not exists ("
        "select 1 from marts.submission_records as sent where record_type = '210' "
        "and sent.report_month <= $1 and sent.account_id = population.account_id "
        "and date_trunc('month', sent.report_date) = population.report_month) "
        "and exists (select 1 from marts.reportable_population as today "
        "where today.report_month = $1 and today.account_id = population.account_id "
        "and (today.authorized_on <= population.report_date "
        "or today.reason_code = 'CLOSED_EARLIER')) order by report_month",
        first,
    )
    held: dict[tuple[str, date], list[date]] = defaultdict(list)
    for account, episode, held_month in rows:
        held[account, episode].append(held_month)
    return held


def golden_text(row: Row, state_month: date) -> str:
    """The notice as a customer reads it (REQ-04)."""
    month = f"{row['report_month']:%Y-%m}"
    return (
        "Notice before adverse credit information is reported. "
        f"Account {row['account_id']}: at the end of {state_month:%Y-%m} "
        f"CNY {row['overdue_total']:.2f} was overdue, "
        f"the oldest part by {row['days_past_due']} days. We will report this to the Financial "
        "Credit Information Basic Database of the central bank as status "
        f"{STATUSES[row['repayment_status']]}, for {row['held_month']:%Y-%m} and every later month "
        f"in which it lasts, on {EARLIEST[month]} at the earliest. "
        "How to pay: Pay the overdue amount in the app under Repayment, or by bank transfer to the "
        "account shown there; months after your payment are not reported as overdue. "
        "How to dispute: If this is not correct, tell us in the app under Credit reporting or by "
        "letter; we check it and answer in writing within 20 days."
    )


@pytest.mark.parametrize("month", MONTHS)
def test_every_episode_held_back_is_told_in_the_words_of_the_law(
    lender_book: Lender, good: dict[str, dict[str, list[Row]]], month: str
) -> None:
    sent: dict[Any, list[Row]] = defaultdict(list)
    for row in good[month]["adverse_notices"]:
        sent[row["account_id"], row["episode_started_on"]].append(row)
    held = held_for_a_notice(lender_book, month)
    found = lender_book.rows("notices_due", month)
    assert {(r["account_id"], r["episode_started_on"]): r["held_month"] for r in found} == {
        key: min(months) for key, months in held.items()
    }
    assert len(found) == len(held) > 10
    for row in found:
        key = row["account_id"], row["episode_started_on"]
        state_month = max(held[key])
        status = statuses(lender_book, f"{state_month:%Y-%m}")[row["account_id"]]
        for column in ("repayment_status", "days_past_due", "overdue_total"):
            assert row[column] == status[column]
        assert not [notice for notice in sent[key] if notice["delivered_at"]]
        last = max(sent[key], key=lambda n: n["sent_at"], default={})
        assert row["last_sent_at"] == last.get("sent_at")
        assert row["last_text_version"] == last.get("text_version")
        assert str(row["earliest_report_on"]) == EARLIEST[month]
        assert row["text_version"] == "v1"
        assert row["text"] == golden_text(row, state_month)


def test_some_notices_came_back_and_some_were_never_sent(lender_book: Lender) -> None:
    rows = [row for month in MONTHS for row in lender_book.rows("notices_due", month)]
    assert {row["last_sent_at"] is None for row in rows} == {True, False}
    assert any(row["held_month"] < row["report_month"] for row in rows)


@pytest.mark.parametrize("month", MONTHS)
def test_the_messaging_system_gets_the_notices_as_a_file(lender_book: Lender, month: str) -> None:
    folder = lender_book.settings.notices / month
    (path,) = folder.iterdir()
    assert path.name == "notices.csv"
    assert [path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777] == [0o600, 0o700]
    with path.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    rows = sorted(
        lender_book.rows("notices_due", month),
        key=lambda row: (row["account_id"], row["episode_started_on"]),
    )
    assert written == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in rows
    ]


def test_the_summary_names_the_file_of_notices(lender_book: Lender) -> None:
    printed = io.StringIO()
    summary.show(lender_book.settings, MONTHS, Console(file=printed, width=100))
    for month in MONTHS:
        due = len(lender_book.rows("notices_due", month))
        path = lender_book.settings.notices / month / "notices.csv"
        assert f"Advance notices to send: {due} in {path}" in printed.getvalue()


def test_the_summary_names_the_page_of_all_months(lender_book: Lender) -> None:
    printed = io.StringIO()
    summary.show(lender_book.settings, MONTHS, Console(file=printed, width=100))
    page = front_page.front_page(lender_book.settings)
    assert f"All months: {page}" in printed.getvalue()
    html = page.read_text(encoding="utf-8")
    assert [month for month in MONTHS if f'href="{month}/index.html"' in html] == MONTHS


def test_the_history_is_what_the_files_said(lender_book: Lender) -> None:
    said: dict[tuple[str, str], str] = {}
    gaps = 0
    for number, month in enumerate(MONTHS):
        for reporter, submission in read_month(lender_book.settings.home, month).items():
            for record in submission.records("210"):
                account = record["AcctBsSgmt"]["AcctCode"].removeprefix(reporter)
                monthly = record["AcctMthlyBlgInfSgmt"]
                said[account, monthly["Month"]] = monthly["RpyStatus"]
        population = {r["account_id"] for r in lender_book.rows("reportable_population", month)}
        rows = lender_book.rows("repayment_history", month)
        assert {row["account_id"] for row in rows} == population
        assert len(rows) == len(population)
        for row in rows:
            last = "".join(said.get((row["account_id"], m), "-") for m in MONTHS[: number + 1])
            assert row["history_60"] == last.rjust(60, "-")
            assert row["history_24"] == last.rjust(24, "-")
            gaps += "-" in last.strip("-")
    assert gaps > 0  # a month held back stands open until it is sent
