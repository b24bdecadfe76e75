"""The answer to "am I in the credit report, and why?" for one customer of each kind."""

import io
import json
import re
from datetime import date

import pytest
from rich.console import Console
from support.lender_months import MONTHS, Lender

from reporting.cli import months
from reporting.cli.terminal import SafeConsole
from reporting.core.errors import BadCall
from reporting.core.seeds import reasons
from reporting.store.published_database import open_published
from reporting.why import answer as why
from reporting.why import facts


def told(renderable: object) -> str:
    """What a person reads."""
    console = Console(file=io.StringIO(), width=200)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above


def someone(lender_book: Lender, reason: str, month: str) -> tuple[str, str]:
    found = lender_book.query(
        "select customer_id, account_id from marts.reportable_population "
        "where reason_code = ? and report_month = ?::date order by all limit 1",
        reason,
        f"{month}-01",
    )
    return found[0]


def with_reason(lender_book: Lender) -> list[tuple[str, str]]:
    return lender_book.query(
        "select distinct reason_code, strftime(report_month, '%Y-%m') "
        "from marts.reportable_population order by all"
    )


def test_every_verdict_is_told_with_its_sentence_and_source(lender_book: Lender) -> None:
    seen = with_reason(lender_book)
    assert {code for code, _ in seen} >= {
        "REPORTED",
        "NOT_AUTHORIZED",
        "AUTHORIZATION_WITHDRAWN",
        "NOTICE_PENDING",
        "NOT_YET_OPEN",
        "REPORTER_NOT_NAMED",
    }
    for code, month in seen:
        customer, account = someone(lender_book, code, month)
        answer = told(why.explain(customer, month, lender_book.settings))
        assert f"Rule: {code} ({reasons()[code].citation})" in answer
        assert account in answer
        if code != "REPORTED":
            assert f"Month {month}: not reported. {reasons()[code].sentence}" in answer


def test_yes_is_said_exactly_of_what_is_in_a_file(lender_book: Lender) -> None:
    for reason in ("REPORTED", "AUTHORIZATION_WITHDRAWN", "NOTICE_PENDING", "NOT_AUTHORIZED"):
        for is_sent in (True, False):
            found = lender_book.query(
                "select account_id from marts.reportable_population as population"
                " where reason_code = ? and report_month = '2026-05-01' and ? = exists ("
                "from marts.submission_records as records where file_name is not null"
                " and record_type = '210' and records.account_id = population.account_id)"
                " order by all limit 1",
                reason,
                is_sent,
            )
            for (account,) in found:
                answer = told(why.explain(account, None, lender_book.settings))
                own = answer[answer.index(f"Account {account} ") :]
                said = own[own.index("In the credit report: ") :]
                yes = "In the credit report: YES, since"
                assert said.startswith(yes if is_sent else "In the credit report: NO")


def test_an_id_in_another_form_is_proposed(lender_book: Lender) -> None:
    customer, account = someone(lender_book, "REPORTED", MONTHS[-1])
    for asked in (f" {customer.lower()} ", f"00{account.lower()}"):
        with pytest.raises(BadCall, match=f"did you mean ({customer}|{account})\\?"):
            why.explain(asked, None, lender_book.settings)


def test_the_deciding_document_and_its_date_are_named(lender_book: Lender) -> None:
    for code, verb in (("REPORTED", "signed"), ("AUTHORIZATION_WITHDRAWN", "withdrawn")):
        customer, account = someone(lender_book, code, MONTHS[-1])
        ((event, document, version, decided),) = lender_book.query(
            "select consent_event_id, document_code, document_version, "
            "strftime(decided_at, '%Y-%m-%d %H:%M') from marts.reportable_population "
            "where account_id = ? and report_month = '2026-05-01'",
            account,
        )
        answer = told(why.explain(customer, None, lender_book.settings))
        assert f"{document} {version}, {verb} {decided} (event {event})" in answer


def test_who_never_authorized_hears_what_was_signed_instead(lender_book: Lender) -> None:
    _, account = someone(lender_book, "NOT_AUTHORIZED", MONTHS[-1])
    answer = told(why.explain(account, None, lender_book.settings))
    assert "Documents signed for this product by 2026-05-31:" in answer
    assert "In the credit report: NO, no record about it is in a file." in answer


def test_a_pending_notice_names_the_episode(lender_book: Lender) -> None:
    _, account = someone(lender_book, "NOTICE_PENDING", MONTHS[-1])
    ((episode,),) = lender_book.query(
        "select episode_started_on from marts.reportable_population "
        "where account_id = ? and report_month = '2026-05-01'",
        account,
    )
    assert f"a delivered notice for the episode of {episode}" in told(
        why.explain(account, None, lender_book.settings)
    )


def test_a_withheld_record_is_told_with_the_rule_it_breaks(lender_book: Lender) -> None:
    account, owed_months, rule = lender_book.query(
        "select account_id, string_agg(strftime(owed_month, '%Y-%m'), ', ' order by owed_month),"
        " rule_ids from marts.months_owed where held_back_by = 'WITHHELD'"
        " and report_month = '2026-05-01' group by account_id, rule_ids order by all limit 1"
    )[0]
    answer = told(why.explain(account, None, lender_book.settings))
    assert f"Still pending: {owed_months}, since its record fails {rule} (" in answer


def test_all_accounts_of_a_customer_are_answered(lender_book: Lender) -> None:
    ((customer, accounts),) = lender_book.query(
        "select customer_id, list(account_id) from marts.reportable_population "
        "where report_month = '2026-05-01' group by all order by count(*) desc, customer_id limit 1"
    )
    assert len(accounts) > 1
    answer = told(why.explain(accounts[0], None, lender_book.settings))
    assert all(account in answer for account in accounts)
    assert customer in answer


def test_a_month_that_is_not_built_is_said_to_be_so(lender_book: Lender) -> None:
    customer, _ = someone(lender_book, "REPORTED", MONTHS[-1])
    answer = told(why.explain(customer, "2026-09", lender_book.settings))
    assert "Month 2026-09 is not built" in answer
    assert "2026-05, says" in answer


def test_an_unknown_id_is_a_wrong_call(lender_book: Lender) -> None:
    with pytest.raises(BadCall, match="no customer or account 'NOBODY'"):
        why.explain("NOBODY", None, lender_book.settings)


def test_months_is_read_in_a_narrow_terminal(lender_book: Lender) -> None:
    shown = {}
    for width in (60, 80, 200):
        out = io.StringIO()
        SafeConsole(file=out, width=width).print(months.overview(lender_book.settings))
        table = out.getvalue().partition("verdict of")[0]
        # a month is one line, and each further institution one more
        shown[width] = re.findall(r"(?m)^(?:\d{4}-\d\d +\S+)? +[0-9A-Z]{14} [ 0-9,]+$", table)
        assert width < 80 or max(map(len, table.splitlines())) <= width
    for month in MONTHS:
        assert any(
            re.match(rf"{month} +\S+ +[0-9A-Z]{{14}}( +[0-9,]+){{4,}} *$", line)
            for line in shown[80]
        )
    numbers = {width: [line.split() for line in lines] for width, lines in shown.items()}
    assert numbers[60] == numbers[80] == numbers[200]  # no number is cut or broken


def test_months_tells_what_is_built_and_held_back(lender_book: Lender) -> None:
    answer = told(months.overview(lender_book.settings))
    for month in MONTHS:
        assert month in answer
    ((held,),) = lender_book.query(
        "select count(*) from marts.reportable_population "
        "where reason_code = 'NOTICE_PENDING' and report_month = '2026-05-01'"
    )
    assert re.search(rf"{held} +NOTICE_PENDING", answer)
    assert "Next: reporting run --month 2026-06" in answer


def test_months_says_the_same_to_programs(lender_book: Lender) -> None:
    found = months.as_values(lender_book.settings)
    assert [one["month"] for one in found["months"]] == MONTHS
    verdicts = dict(
        lender_book.query(
            "select reason_code, count(*) from marts.reportable_population "
            "where report_month = '2026-05-01' group by all"
        )
    )
    assert found["months"][-1]["verdicts"] == verdicts
    assert found["next_month"] == "2026-06"
    assert (found["unanswered_files"], found["set_aside_answers"]) == (0, 0)
    json.dumps(found)


def test_programs_get_the_same_facts(lender_book: Lender) -> None:
    customer, account = someone(lender_book, "REPORTED", MONTHS[-1])
    found = why.as_values(customer, None, lender_book.settings)
    assert found["month"] == MONTHS[-1]
    own = next(one for one in found["accounts"] if one["account_id"] == account)
    assert (own["reason_code"], own["is_reportable"]) == ("REPORTED", True)
    sent = lender_book.query(
        "select count(*) from marts.submission_records "
        "where record_type = '210' and account_id = ?", account
    )  # fmt: skip
    assert [(len(found["records"][account]),)] == sent
    json.dumps(found, default=str)
    with pytest.raises(BadCall, match="no customer or account 'NOBODY'"):
        why.as_values("NOBODY", None, lender_book.settings)


def test_what_a_later_run_sent_about_a_month_is_told(lender_book: Lender) -> None:
    account, file = lender_book.query(
        "select verdicts.account_id, records.file_name "
        "from marts.reportable_population as verdicts "
        "inner join marts.submission_records as records "
        "on verdicts.account_id = records.account_id and records.record_type = '210' "
        "and date_trunc('month', records.report_date) = verdicts.report_month "
        "and records.report_month > verdicts.report_month and records.file_name is not null "
        "where verdicts.reason_code = 'NOTICE_PENDING' and verdicts.report_month = '2026-04-01' "
        "and records.report_date = '2026-04-30' order by all limit 1"
    )[0]
    answer = told(why.explain(account, "2026-04", lender_book.settings))
    assert "Month 2026-04: not reported. " in answer
    assert f"Since then: the record of 2026-04-30 is in {file}, by the run of 2026-05." in answer
    assert "Missing: a delivered notice" not in answer


def test_what_was_said_of_another_person_is_not_told(lender_book: Lender) -> None:
    customer, account = someone(lender_book, "REPORTED", MONTHS[-1])
    month = date(2026, 5, 1)
    with open_published(lender_book.settings) as connection:
        own = facts.records_of(connection, [account], month, customer)
        assert own == facts.records_of(connection, [account], month) != {}
        assert facts.records_of(connection, [account], month, "another") == {}
