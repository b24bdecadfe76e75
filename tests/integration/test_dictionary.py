"""The published database explains itself: comments, code lists, saved queries, a copy to share."""

import shutil
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from support.lender_months import MONTHS, Lender

from reporting.core.errors import BadCall
from reporting.store.dictionary import SAVED_QUERIES
from reporting.store.published_database import build_database, open_published
from reporting.store.share import LEFT_OUT, write_copy

MONTH, BEFORE = MONTHS[-1], MONTHS[-2]


def rows(lender: Lender, query: str) -> list[tuple[object, ...]]:
    with open_published(lender.settings) as connection:
        connection.execute("use marts")
        return connection.execute(query).fetchall()


def test_every_table_and_column_has_a_description(lender_book: Lender) -> None:
    lacking = rows(
        lender_book,
        "select table_name, column_name from data_dictionary "
        "where table_description is null or description is null",
    )
    assert lacking == []


def test_tools_see_the_descriptions_where_they_look(lender_book: Lender) -> None:
    seen = rows(
        lender_book,
        'select "COLUMN_COMMENT" from information_schema.columns '
        "where table_name = 'repayment_status' and column_name = 'days_past_due'",
    )
    assert seen == [("Days from the oldest late due date to the report date.",)]


@pytest.mark.parametrize(
    ("codes", "code_list"),
    [
        ("select reason_code from reportable_population", "select reason_code from reasons"),
        ("select rule_id from quarantined_rows", "select rule_id from row_rules"),
        ("select rule_id from repair_queue", "select rule_id from bureau_rules"),
        ("select product_code from notices_due", "select product_code from product_policy"),
        ("select reporter_code from submission_records", "select reporter_code from reporters"),
        ("select document_code from reportable_population where document_code is not null",
         "select document_code from consent_texts"),
        ("select five_tier_class from repayment_status where five_tier_class is not null",
         "select five_tier_class from five_tier_classes"),
        ("select regexp_extract(repayment_status, '[1-7]') from repayment_status "
         "where repayment_status between '1' and '7'",
         "select repayment_status from repayment_statuses"),
    ],
)  # fmt: skip
def test_every_code_joins_to_its_sentence(lender_book: Lender, codes: str, code_list: str) -> None:
    assert rows(lender_book, f"{codes} limit 1") != []
    assert rows(lender_book, f"({codes}) except ({code_list})") == []


def test_every_check_has_an_entry_of_the_guide(lender_book: Lender) -> None:
    lacking = rows(
        lender_book,
        "select check_id from data_quality_results "
        "anti join check_guide on check_id glob check_pattern",
    )
    assert lacking == []


def test_a_saved_query_has_a_comment_and_each_is_tried_below(lender_book: Lender) -> None:
    found = rows(lender_book, "select query_name, description is not null from saved_queries")
    assert found == [(name, True) for name in sorted(TRIED)]


def status_of(lender: Lender, month: str) -> dict[str, tuple[str, int, object]]:
    return {
        str(account): (str(status), int(str(days)), overdue)
        for account, status, days, overdue in rows(
            lender,
            "select account_id, repayment_status, days_past_due, overdue_total "
            f"from repayment_status where report_month = '{month}-01'",
        )
    }


def overdue(lender: Lender, month: str) -> set[str]:
    return {account for account, (_, days, _) in status_of(lender, month).items() if days > 0}


def try_overdue(lender: Lender) -> None:
    found = rows(lender, f"select account_id, sentence from overdue('{BEFORE}')")
    assert {account for account, _ in found} == overdue(lender, BEFORE) != set()
    assert all(sentence for _, sentence in found)
    newest = rows(lender, "select account_id from overdue()")
    assert {account for (account,) in newest} == overdue(lender, MONTH)


def try_newly_overdue(lender: Lender) -> None:
    found = rows(lender, f"select account_id from newly_overdue('{MONTH}')")
    assert {account for (account,) in found} == overdue(lender, MONTH) - overdue(lender, BEFORE)
    assert found
    assert overdue(lender, MONTHS[0])
    assert rows(lender, f"from newly_overdue('{MONTHS[0]}')") == []  # nothing is known of before


def try_roll_rates(lender: Lender) -> None:
    before, now = status_of(lender, BEFORE), status_of(lender, MONTH)
    moves = Counter((before.get(one, ("new",))[0], status) for one, (status, *_) in now.items())
    found = rows(lender, f"select status_before, status_now, accounts from roll_rates('{MONTH}')")
    assert {(start, end): count for start, end, count in found} == moves
    shares = rows(lender, "select sum(share) from roll_rates() group by status_before")
    assert all(abs(float(str(share)) - 1) < 0.001 for (share,) in shares)


def try_aging(lender: Lender) -> None:
    found = rows(lender, f"select bucket, accounts, overdue_total from aging('{MONTH}')")
    open_ones = [one for one in status_of(lender, MONTH).values() if one[0] not in ("C", "G")]
    at_most_30 = sum(int(str(count)) for bucket, count, _ in found if bucket == "1-30")
    assert at_most_30 == sum(0 < days <= 30 for _, days, _ in open_ones) > 0
    written_off = sum(int(str(count)) for bucket, count, _ in found if bucket == "written off")
    assert written_off == sum(status == "B" for status, *_ in open_ones)
    assert sum(int(str(count)) for _, count, _ in found) == len(open_ones)


def try_account_story(lender: Lender) -> None:
    account = min(overdue(lender, MONTH))
    found = rows(
        lender, f"select distinct report_month, repayment_status from account_story('{account}')"
    )
    status = {str(month)[:7]: status for month, status in found}
    assert status[MONTH] == status_of(lender, MONTH)[account][0]


def try_withheld(lender: Lender) -> None:
    found = rows(lender, "select report_month, account_id, pending_month, sentence from withheld()")
    pending = rows(
        lender,
        "select report_month, account_id, owed_month from months_owed "
        f"where report_month = '{MONTH}-01'",
    )
    assert {row[:3] for row in found} == set(pending) != set()
    assert all(sentence for *_, sentence in found)


def try_changed_since(lender: Lender) -> None:
    """Of a hand-made journal, since a month of the book need not change another one."""
    journal = [  # account, about, cut-off, status, overdue, state
        ("A", "2026-03-31", "2026-04-03", "N", 0, "ACCEPTED"),
        ("A", "2026-03-31", "2026-05-03", "1", 120, "BUILT"),  # changed
        ("B", "2026-03-31", "2026-04-03", "N", 0, "ACCEPTED"),
        ("B", "2026-03-31", "2026-05-03", "N", 0, "RELEASED"),  # sent again as it was
        ("C", "2026-03-31", "2026-04-03", "N", 0, "REJECTED"),  # the bureau does not hold it
        ("C", "2026-03-31", "2026-05-03", "1", 80, "BUILT"),
        ("D", "2026-03-31", "2026-04-03", "2", 50, "ACCEPTED"),
        ("D", "2026-04-30", "2026-05-03", "3", 90, "BUILT"),  # of another month
        ("E", "2026-03-31", "2026-04-03", "N", 0, "ACCEPTED"),
        ("E", "2026-03-31", "2026-05-03", "1", 10, "WITHHELD"),  # not sent
    ]
    assert set(rows(lender, "from changed_since('2999-01-01')")) == set()
    with duckdb.connect() as connection:
        connection.execute(
            "create schema marts; create table marts.submission_records (account_id varchar, "
            "report_date date, as_of timestamp, rpy_status varchar, tot_overd bigint, "
            "state varchar, acct_bal bigint default 100, record_type varchar default '210', "
            "reporter_code varchar default 'R', record_id varchar default 'id')"
        )
        connection.executemany(
            "insert into marts.submission_records (account_id, report_date, as_of, rpy_status, "
            "tot_overd, state) values (?, ?, ?, ?, ?, ?)",
            journal,
        )
        connection.execute((SAVED_QUERIES / "changed_since.sql").read_text(encoding="utf-8"))
        found = connection.execute(
            "select account_id, about_month::varchar, status_before, status_now, overdue_now "
            "from marts.changed_since('2026-04-10')"
        ).fetchall()
    assert found == [("A", "2026-03-01", "N", "1", 120)]


def try_connected(lender: Lender) -> None:
    found = rows(
        lender,
        "select product_code, group_kind, group_value, share - share_change from connected() "
        "where share_change is not null",
    )
    before = rows(
        lender,
        "select product_code, group_kind, group_value, share from connected_groups "
        f"where report_month = '{BEFORE}-01'",
    )
    assert found
    assert set(found) <= set(before)


TRIED = {
    "overdue": try_overdue,
    "newly_overdue": try_newly_overdue,
    "roll_rates": try_roll_rates,
    "aging": try_aging,
    "account_story": try_account_story,
    "withheld": try_withheld,
    "changed_since": try_changed_since,
    "connected": try_connected,
}


@pytest.mark.parametrize("query", TRIED)
def test_a_saved_query_agrees_with_the_tables(lender_book: Lender, query: str) -> None:
    TRIED[query](lender_book)


def test_a_month_that_is_not_built_is_no_empty_answer(lender_book: Lender) -> None:
    with pytest.raises(duckdb.InvalidInputException, match="month 2026-01 is not built"):
        rows(lender_book, "from overdue('2026-01')")


def test_a_withheld_record_has_its_owner_and_what_to_do(lender_book: Lender) -> None:
    queue = rows(lender_book, "select distinct owner, what_to_do from repair_queue")
    assert queue
    assert all(owner and what_to_do for owner, what_to_do in queue)


def test_a_shared_copy_needs_no_other_file(lender_book: Lender, tmp_path: Path) -> None:
    file = tmp_path / "to_share.duckdb"
    copied = write_copy(file, 1, lender_book.settings)
    assert copied.months == 1
    with duckdb.connect(str(file), config={"enable_external_access": "false"}) as connection:
        names = "select table_name from information_schema.tables where table_schema = 'marts'"
        published = rows(lender_book, names)
        assert {name for (name,) in published} - {*LEFT_OUT} == {
            name for (name,) in connection.execute(names).fetchall()
        } - {*LEFT_OUT}
        connection.execute("use marts")
        months = connection.execute("select distinct report_month::varchar from repayment_status")
        assert months.fetchall() == [(f"{MONTH}-01",)]
        shared = connection.execute("from overdue()").fetchall()
        lacking = connection.execute("from data_dictionary where description is null")
        assert lacking.fetchall() == []
        staff = connection.execute(
            "select built_by, approved_by from submissions union all "
            "select waiver_note, null from data_quality_results"
        )
        assert {name for row in staff.fetchall() for name in row} == {None}
    assert shared == rows(lender_book, "from overdue()")
    with pytest.raises(BadCall, match=r"to_share.duckdb exists; name a new file"):
        write_copy(file, 1, lender_book.settings)


def test_a_shared_copy_may_have_any_name_but_one_that_makes_queries_ambiguous(
    lender_book: Lender, tmp_path: Path
) -> None:
    limited = lender_book.settings.model_copy(update={"memory_limit": "1GB", "threads": 1})
    assert write_copy(tmp_path / "published.duckdb", 1, limited).months == 1
    with pytest.raises(BadCall, match=r"marts.duckdb: .*; choose another name"):
        write_copy(tmp_path / "marts.duckdb", 1, lender_book.settings)
    assert [path.name for path in tmp_path.iterdir()] == ["published.duckdb"]


def test_an_open_connection_keeps_the_build_that_it_opened_with(
    lender_book: Lender, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(lender_book.settings.published, home / "published")
    settings = lender_book.settings.model_copy(update={"home": home})
    with open_published(settings) as connection:
        count = "select count(*) from marts.repayment_status"
        (all_months,) = connection.execute(count).fetchone() or (0,)
        shutil.rmtree(settings.published / "repayment_status" / f"report_month={MONTH}-01")
        build_database(settings)
        assert connection.execute(count).fetchone() == (all_months,)
    with open_published(settings) as connection:
        assert (connection.execute(count).fetchone() or (0,))[0] < all_months
