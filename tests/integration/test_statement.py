"""What a clerk reads out to a customer of each kind, from the tables of a built month."""

import json
from typing import Any

import pytest
from support.lender_months import MONTHS, Lender
from typer.testing import CliRunner

from reporting.cli.app import app
from reporting.core.errors import BadCall
from reporting.statement.compose import Document, document_of
from reporting.statement.facts import statement_of
from reporting.statement.language import Language, Words, record_fields
from reporting.statement.render import Form, render_statement

FORMS = {"day", "month", "yuan", "periods", "months", "text"}  # all else is a kind of codes


def of(lender_book: Lender, subject: str, language: Language = Language.EN) -> Document:
    return document_of(statement_of(subject, None, lender_book.settings), language)


def some(lender_book: Lender, condition: str) -> list[tuple[str, str]]:
    return lender_book.query(
        "select customer_id, account_id from marts.reportable_population "
        f"where report_month = '2026-05-01' and {condition} order by all limit 3"
    )


def test_every_verdict_is_answered_with_its_reason_in_both_languages(lender_book: Lender) -> None:
    codes = lender_book.query(
        "select distinct reason_code from marts.reportable_population "
        "where report_month = '2026-05-01'"
    )
    assert len(codes) >= 6
    for (code,) in codes:
        for customer, account in some(lender_book, f"reason_code = '{code}'")[:1]:
            for language in Language:
                document = of(lender_book, customer, language)
                (part,) = [one for one in document.accounts if account in one.account_ids]
                assert part.reason_code == code
                said = Words(language).of_reason(code) in " ".join(part.lines)
                assert said is (code != "REPORTED"), (code, language)


def test_every_record_about_a_customer_is_listed_with_what_it_says(lender_book: Lender) -> None:
    for customer, _ in some(lender_book, "reason_code = 'REPORTED'"):
        found = lender_book.query(
            "select record_type, count(distinct (reporter_code, subject_id, report_date)) "
            "from marts.submission_records where customer_id = $1 or subject_id = $1 "
            "group by all order by all",
            customer,
        )
        listed: dict[str, int] = {}
        for section in of(lender_book, customer).details:
            for record in section.records:
                listed[record.record_type] = listed.get(record.record_type, 0) + 1
                assert record.values
        assert dict(found).items() <= listed.items()


def test_the_values_are_those_of_the_journal(lender_book: Lender) -> None:
    ((customer, account, day, balance, status),) = lender_book.query(
        "select customer_id, account_id, report_date, acct_bal, rpy_status "
        "from marts.submission_records where record_type = '210' and state = 'BUILT' "
        "and tot_overd > 0 order by all limit 1"
    )
    (section,) = [one for one in of(lender_book, customer).details if one.account_id == account]
    (record,) = [one for one in section.records if one.report_date == day]
    values = {one.column: one for one in record.values}
    assert values["acct_bal"].text == f"CNY {balance:,}"
    assert values["rpy_status"].value == status
    assert values["rpy_status"].text.startswith(f"{status}: overdue ")


def test_every_code_that_a_record_holds_has_words(lender_book: Lender) -> None:
    kinds = {one.form: one.column for one in record_fields() if one.form not in FORMS}
    kinds |= {"record_type": "record_type", "record_state": "state", "product": "product_code"}
    kinds |= {f"code_{one}": "report_date_code" for one in ("110", "210", "220")}
    for kind, column in kinds.items():
        of_type = f"record_type = '{kind[-3:]}'" if kind.startswith("code_") else "true"
        held = lender_book.query(
            f"select distinct {column} from marts.submission_records "
            f"where {column} is not null and {of_type}"
        )
        assert held, kind
        for language in Language:
            words = Words(language)
            assert [code for (code,) in held if words.of_code(kind, code) == code] == [], kind


def test_what_is_pending_is_what_the_tables_say(lender_book: Lender) -> None:
    pending = lender_book.query(
        "select account_id, pending_month, held_back_by from marts.pending_now order by all"
    )
    assert {cause for *_, cause in pending} >= {"NOTICE_PENDING", "WITHHELD"}
    for account in sorted({one for one, *_ in pending})[:10]:
        document = of(lender_book, account)
        said = [
            (one.account_id, one.month, one.held_back_by)
            for one in document.pending_months
            if one.account_id == account
        ]
        assert said == [one for one in pending if one[0] == account]
        assert any(line.startswith(account) for line in document.pending)


def test_no_statement_holds_personal_data(lender_book: Lender, raw: Any) -> None:
    customers = [one for one, _ in some(lender_book, "reason_code = 'REPORTED'")]
    rows = raw(
        lender_book.settings,
        "select customer_id, name, id_number, mobile_number, email, residence_address, "
        "employer_name, spouse_name from customers",
    )
    for customer in customers:
        personal = {value for key, *values in rows if key == customer for value in values if value}
        assert personal
        text = render_statement(customer, None, Language.ZH, Form.JSON, lender_book.settings)
        assert [value for value in personal if value in text] == []


def test_the_month_chooses_the_verdict_and_the_records_are_todays(lender_book: Lender) -> None:
    ((customer, account),) = some(lender_book, "reason_code = 'REPORTED'")[:1]
    first = statement_of(customer, MONTHS[0], lender_book.settings)
    last = statement_of(customer, None, lender_book.settings)
    assert [first.month, last.month] == [
        *(lender_book.run(one).month for one in (MONTHS[0], MONTHS[-1]))
    ]
    assert {one.account_id: one.records for one in first.accounts}[account] == (
        {one.account_id: one.records for one in last.accounts}[account]
    )
    later = document_of(statement_of(customer, "2026-09", lender_book.settings), Language.EN)
    assert later.intro[1].startswith("We have no data of September 2026 yet")


def test_an_unknown_id_is_refused_and_one_in_another_form_proposed(lender_book: Lender) -> None:
    ((customer, _),) = some(lender_book, "reason_code = 'REPORTED'")[:1]
    with pytest.raises(BadCall, match="no customer or account 'NOBODY'") as caught:
        of(lender_book, "NOBODY")
    assert caught.value.exit_code == 2
    with pytest.raises(BadCall, match=f"did you mean {customer}\\?"):
        of(lender_book, customer.lower())


def test_the_command_prints_chinese_unless_another_language_is_wanted(
    lender_book: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPORTING_HOME", str(lender_book.settings.home))
    ((customer, _),) = some(lender_book, "reason_code = 'NOT_AUTHORIZED'")[:1]

    def printed(*words: str) -> str:
        done = CliRunner().invoke(app, ["statement", customer, *words])
        assert done.exit_code == 0, done.output
        return done.output

    assert printed().startswith("征信报送情况说明\n")
    assert printed("--lang", "en").startswith("What we report to the credit bureau about you\n")
    assert printed("--html").startswith('<!DOCTYPE html>\n<html lang="zh-CN">')
    assert json.loads(printed("--json", "--lang", "en"))["language"] == "en"
