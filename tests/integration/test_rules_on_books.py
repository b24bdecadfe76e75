"""The bureau's rules on a correct book: silent, but where a fact was learnt too late."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.lender_months import Lender

from reporting.core.errors import BadCall
from reporting.records import rules, validate
from reporting.records.elements import create_functions
from reporting.records.rules import load_rules

MISSPELT = ("acct_bal >", "no_such_column", "no_such_function(acct_bal)")  # instead of a condition
# A payment learnt after the cut-off: the closing still owes, or a month sent as overdue was clean.
EXPLAINED_BY_A_LATE_ROW = {"V29", "V69"}


def test_no_rule_withholds_a_record_whose_facts_were_known_in_time(
    lender_book: Lender, raw: Any
) -> None:
    withheld = lender_book.query(
        "select account_id, report_date, rule_ids from marts.submission_records "
        "where state = 'WITHHELD'"
    )
    assert withheld  # the book holds late rows
    errors = {rule.id for rule in load_rules() if rule.severity == "E"}
    late = raw(
        lender_book.settings,
        "select account_id, occurred_at::date from transactions "
        "where recorded_at >= date_trunc('month', occurred_at) + interval 1 month + interval 2 day",
    )
    quarantined = raw(
        lender_book.settings, "select account_id from transactions where amount < 0"
    ) + raw(lender_book.settings, "select account_id from bills where due_on < statement_on")
    for account, report_date, rule_ids in withheld:
        if set(rule_ids.split(", ")) & {"H01", "H02"}:
            assert (account,) in quarantined
            continue
        assert set(rule_ids.split(", ")) & errors <= EXPLAINED_BY_A_LATE_ROW
        assert any(who == account and when <= report_date for who, when in late)


def test_what_is_withheld_waits_in_the_repair_queue_and_stays_owed(lender_book: Lender) -> None:
    withheld = lender_book.query(
        "select report_month, account_id, date_trunc('month', report_date)::date, rule_ids "
        "from marts.submission_records where state = 'WITHHELD' and record_type = '210' "
        "order by all"
    )
    owed = lender_book.query(
        "select report_month, account_id, owed_month, rule_ids from marts.months_owed "
        "where held_back_by = 'WITHHELD' order by all"
    )
    assert owed == withheld
    queue = lender_book.query(
        "select report_month, account_id, date_trunc('month', report_date)::date, "
        "string_agg(rule_id, ', ' order by rule_id) from marts.repair_queue "
        "group by all order by all"
    )
    assert queue == [(*row[:3], row[3]) for row in withheld]


def test_a_record_that_heals_goes_out_in_the_next_run(lender_book: Lender) -> None:
    healed = lender_book.query(
        "select first.account_id from marts.submission_records as first "
        "inner join marts.submission_records as second using (record_type, subject_id, report_date)"
        "where first.state = 'WITHHELD' and second.state = 'BUILT' "
        "and second.report_month > first.report_month"
    )
    assert healed


@pytest.mark.parametrize("hit", MISSPELT)
def test_a_rule_that_cannot_be_evaluated_is_named(
    lender_book: Lender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hit: str
) -> None:
    run = lender_book.run(lender_book.months[-1])
    store = tmp_path / run.build_store(lender_book.settings).name
    shutil.copyfile(run.build_store(lender_book.settings), store)
    spoilt = tuple(replace(r, hit=hit) if r.id == "V29" else r for r in load_rules())
    for module in (validate, rules):
        monkeypatch.setattr(module, "load_rules", lambda: spoilt)
    with duckdb.connect(str(store)) as connection:
        create_functions(connection)
        with pytest.raises(BadCall, match="rule V29, field hit: is no condition on a record 210"):
            validate.judge(connection)
