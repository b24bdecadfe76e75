"""Texts are trimmed as they are read, and words for NULL are missing; only where there are any."""

import sys
from pathlib import Path

import duckdb
import fsspec
import pytest
from support.small_landing import TRANSACTIONS_HEADER, SmallLanding

from reporting.core.settings import Settings
from reporting.landing import texts as landing_texts
from reporting.landing.land import land_feeds
from reporting.landing.white_space import NULL_WORDS, WHITE_SPACE, may_be_untidy, tidied


@pytest.fixture
def lender(tmp_path: Path) -> SmallLanding:
    return SmallLanding(tmp_path)


def test_white_space_is_what_python_strips() -> None:
    assert set(WHITE_SPACE) == {chr(n) for n in range(sys.maxunicode) if chr(n).isspace()}


def test_no_text_that_is_trimmed_escapes_the_cheap_look() -> None:
    texts = [
        *(text for sign in WHITE_SPACE for text in (f"{sign}x", f"x{sign}", f"{sign}测", sign)),
        *("", *NULL_WORDS, *(f" {word}\u3000" for word in NULL_WORDS)),
        *("x", "A0001", "测试", "x y", "nullable", "Null", "(NULL)", "x\u3000y", "~", "a}"),
    ]
    for text in texts:
        wanted = None if text.strip() in ("", *NULL_WORDS) else text.strip()
        found, is_suspected = duckdb.execute(
            f"select {tidied('t')}, {may_be_untidy('t')} from (select ?::varchar as t)", [text]
        ).fetchall()[0]
        assert found == wanted, ascii(text)
        assert is_suspected or found == text, ascii(text)
    assert duckdb.sql(f"select {tidied('t')} from (select null::varchar as t)").fetchall() == [
        (None,)
    ]


@pytest.mark.parametrize("sign", [" ", "\u3000", "\xa0", "\t", "\r\n"])
def test_a_padded_text_of_a_parquet_file_is_trimmed(lender: SmallLanding, sign: str) -> None:
    padded = f"'{sign}T2{sign}' as transaction_id, '' as reverses_transaction_id"
    lender.parquet(
        "transactions", f"* exclude (transaction_id), {padded}", "transactions/2.parquet"
    )
    report = lender.land()
    assert lender.query(
        "select transaction_id, reverses_transaction_id from raw.transactions order by 1"
    ) == [("T1", None), ("T2", None)]
    assert report.untidy["transactions/2.parquet"] == {
        "transaction_id": 0,
        "reverses_transaction_id": 0,
    }
    assert report.untidy["transactions/transactions.parquet"] == {}
    (view,) = lender.query("select sql from duckdb_views() where view_name = 'transactions'")
    assert view[0].count("read_parquet") == 2, "other files are read as they lie"


def test_words_for_null_are_missing_and_counted_by_column(lender: SmallLanding) -> None:
    for number, word in enumerate(NULL_WORDS):
        lender.parquet(
            "customers",
            f"* replace ('C{number + 2}' as customer_id), ' {word} ' as employer_name",
            f"customers/{number}.parquet",
        )
    report = lender.land()
    assert lender.query("select count(*), count(employer_name) from raw.customers") == [(5, 0)]
    assert report.warnings == (
        "table customers, column employer_name: 4 values are a word for NULL "
        r"(NULL, null, (null), \N); they are read as missing",
    )


def test_a_csv_is_trimmed_before_its_values_are_parsed(lender: SmallLanding) -> None:
    header = TRANSACTIONS_HEADER.replace(",", " ,\u3000")
    lender.csv(
        f"\ufeff {header}\n"
        " T1 ,A1\u3000,\tpurchase, 12.50 ,\xa02026-05-01 09:30:00 ,NULL, 2026-05-02 08:00:00\n"
        'T2,A1,purchase,(null), 2026-05-01," \r\n",2026-05-02\n'
        "T3,A1,purchase, x ,\\N,,2026-05-02\n"
    )
    report = lender.land()
    assert lender.query(
        "select transaction_id, account_id, transaction_type, amount::varchar,"
        " occurred_at::varchar, reverses_transaction_id, _unreadable_columns"
        " from raw.transactions order by 1"
    ) == [
        ("T1", "A1", "purchase", "12.50", "2026-05-01 09:30:00", None, None),
        ("T2", "A1", "purchase", None, "2026-05-01 00:00:00", None, None),
        ("T3", "A1", "purchase", None, None, None, "amount"),
    ]
    counted = [warning for warning in report.warnings if "a word for NULL" in warning]
    assert [warning.split(": ")[0] for warning in counted] == [
        f"table transactions, column {column}"
        for column in ("amount", "occurred_at", "reverses_transaction_id")
    ]


def test_behind_a_url_texts_are_trimmed_too(lender: SmallLanding) -> None:
    lender.parquet("accounts", "* replace (rpad(account_id, 40, ' ') as account_id)")
    zone = fsspec.filesystem("memory")
    zone.put(str(lender.landing), "/padded/landing", recursive=True)
    try:
        land_feeds(
            lender.run, Settings(home=lender.settings.home, landing="memory://padded/landing")
        )
    finally:
        zone.rm("/padded", recursive=True)
    assert lender.query("select account_id from raw.accounts") == [("A1",)]


def test_a_file_that_was_looked_through_is_not_looked_through_again(
    lender: SmallLanding, monkeypatch: pytest.MonkeyPatch
) -> None:
    lender.parquet("accounts", "* replace (rpad(account_id, 40, ' ') as account_id)")
    first = lender.land()
    known = {(path, sha): first.untidy[path] for path, sha in first.contents.items()}
    lender.parquet("bills", "* replace ('B2 ' as bill_id)", "bills/new.parquet")
    looked_at = []
    look = landing_texts._look_through

    def noted(feed: landing_texts.Feed, files: list[landing_texts.DeliveredFile]) -> object:
        looked_at.extend(file.path for file in files)
        return look(feed, files)

    monkeypatch.setattr(landing_texts, "_look_through", noted)
    second = land_feeds(lender.run, lender.settings, known)
    assert looked_at == ["bills/new.parquet"]
    assert second.untidy == first.untidy | {"bills/new.parquet": {"bill_id": 0}}
    assert lender.query("select account_id from raw.accounts") == [("A1",)]
