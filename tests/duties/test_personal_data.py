"""As little as the law asks for, coded where unknown, and readable by the file's reader alone."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.lender_months import Lender

from duties.tables import Finds
from reporting.core.raw_contract import raw_contract
from reporting.records.hash_key import hash_key
from reporting.records.lines import layouts
from reporting.store.build_store import open_store
from reporting.store.published_database import open_published

BANNED = r"(^|_)(religion|genes?|fingerprint|blood|disease|medical|merchant|goods|item)(_|$)"
WARNED_OF = r"(^|_)(income|deposits?|tax|property|securities|insurance)(_|$)"
# An item of a reconciliation is a part of its equation, nothing that was bought.
BANNED_COLUMNS = f"""
select table_name, column_name from information_schema.columns
where regexp_matches(lower(column_name), '{BANNED}')
    and not (column_name = 'item' and table_name like '%reconcil%')
order by all
"""
INCOME_SENT = "select user_id from basic_110 where has_income order by all"
PERSONAL = sorted({c.name for table in raw_contract() for c in table.columns if c.is_personal})
# The names in seeds and code lists are those of institutions and products.
PERSONAL_COLUMNS = f"""
select schema_name, table_name, column_name from duckdb_columns()
where column_name in {tuple(PERSONAL)} and schema_name not in ('secure', 'raw', 'seeds')
    and not (column_name = 'name' and table_name in ('reporters', 'product_names'))
    and not internal
order by all
"""
# A tag, the column that is delivered for it, and the code that says unknown.
CODED = {
    "MariStatus": ("marital_status", "99"),
    "EduLevel": ("education_level", "99"),
    "AcaDegree": ("academic_degree", "9"),
    "EmpStatus": ("employment_status", "99"),
}
# The build store is the workshop itself: raw rows and schema secure, mode 0700, read by no person;
# the key hashes personal segments.
WORKSHOP = ("build.duckdb", "build.duckdb.wal")


def words(path: Path) -> set[str]:
    """Every word of a file as text; of a Parquet file, of its values."""
    if path.suffix == ".parquet":
        with duckdb.connect() as connection:
            connection.execute(f"create view t as from read_parquet('{path}')")
            values = connection.execute(
                "select distinct value from (unpivot (select columns(*)::varchar from t) "
                "on columns(*))"
            ).fetchall()
        text = "\n".join(value for (value,) in values)
    else:
        text = path.read_bytes().decode("utf-8", "replace")
    return set(re.findall(r"\w{2,}", text))


def files_below(home: Path) -> Iterator[Path]:
    """Every file of a home folder but the workshop and its key."""
    for path in sorted(home.rglob("*")):
        inside = path.relative_to(home).parts
        if path.is_file() and path.name not in WORKSHOP and inside[0] != "secure":
            yield path


@cache
def words_below(home: Path) -> dict[str, set[str]]:
    """The words of all files of a home folder, by top folder."""
    by_folder: dict[str, set[str]] = {}
    for path in files_below(home):
        by_folder.setdefault(path.relative_to(home).parts[0], set()).update(words(path))
    return by_folder


def traces(home: Path, secrets: set[str]) -> set[tuple[str, str]]:
    """Secrets found anywhere below a home folder, each with the top folder that holds it."""
    found = set()
    for folder, all_words in words_below(home).items():
        whole = secrets & all_words
        found |= {(folder, secret) for secret in whole}
        # a name in Chinese can only be a part of a word that is not ASCII
        plain = "\n".join(word for word in all_words if word.isascii())
        other = "\n".join(word for word in all_words if not word.isascii())
        found |= {
            (folder, secret)
            for secret in secrets - whole
            if secret in other or (secret.isascii() and secret in plain)
        }
    return found


@pytest.fixture(scope="module")
def secrets(book: duckdb.DuckDBPyConnection) -> dict[bool, set[str]]:
    """Identity numbers and names, by whether a record was ever sent about the person."""
    rows = book.sql(
        "select id_number, name, customer_id in (select user_id from basic_110) as is_sent "
        "from customers where length(id_number) > 9 and length(name) > 1"
    ).fetchall()
    sent = {value for number, name, is_sent in rows if is_sent for value in (number, name)}
    other = {value for number, name, is_sent in rows if not is_sent for value in (number, name)}
    return {True: sent, False: other - sent}


def test_a_customer_without_authorization_leaves_no_byte(
    lender_book: Lender, secrets: dict[bool, set[str]], tmp_path: Path
) -> None:
    """REQ-23: PIPL, article 6: submissions, tables, notices, pages, logs; the workshop aside."""
    home = lender_book.settings.home
    assert traces(home, secrets[False]) == set()
    assert len(secrets[False]) > 500
    assert traces(home, secrets[True]) == {("submissions", secret) for secret in secrets[True]}
    planted = sorted(secrets[False])[0]
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "dbt.log").write_text(f"12:00 no row for x{planted}y", encoding="utf-8")
    duckdb.sql(f"select 'a {planted} b' as t").write_parquet(str(tmp_path / "data.parquet"))
    assert traces(tmp_path, secrets[False]) == {("work", planted), ("data.parquet", planted)}


def tags_of(part: dict[str, Any]) -> Iterator[str]:
    """Every tag of a segment of the layout, in snake case."""
    names = [part["tag"], *(next(iter(field)) for field in part["fields"])]
    yield from (re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in names)
    for item in part.get("items", []):
        yield from tags_of(item)


TAGS = [tag for one in layouts().values() for part in one.segments for tag in tags_of(part)]


def test_income_deposits_tax_and_property_are_not_sent(
    book: duckdb.DuckDBPyConnection, finds: Finds
) -> None:
    """REQ-12: Regulation on Credit Reporting, article 14. They are not even asked for."""
    assert book.sql(INCOME_SENT).fetchall() == []
    assert len(book.sql("from basic_110").fetchall()) > 100
    asked = [column for table in raw_contract() for column in table.column_names]
    assert not [name for name in asked + TAGS if re.search(WARNED_OF, name)]
    assert re.search(WARNED_OF, "tax_income")
    spoil = "update basic_110 set has_income = true where user_id = 'C2'"
    assert finds(INCOME_SENT, spoil) == [("C2",)]


def test_no_banned_or_purchase_level_column_exists(lender_book: Lender, finds: Finds) -> None:
    """REQ-13: Regulation, article 14; no single purchase: statement of 22 September 2021."""
    with open_published(lender_book.settings) as published:
        assert published.sql(BANNED_COLUMNS).fetchall() == []
    with open_store(lender_book.run(lender_book.months[-1]), lender_book.settings) as store:
        reporting_tables = (
            "create temp view columns_of_records as select table_name, column_name "
            "from duckdb_columns() where schema_name in ('marts', 'secure')"
        )
        store.execute(reporting_tables)
        records = BANNED_COLUMNS.replace("information_schema.columns", "columns_of_records")
        assert store.sql(records).fetchall() == []
    assert len(TAGS) > 80
    assert not [tag for tag in TAGS if re.search(BANNED, tag)]
    spoil = "alter table submission add column merchant_name varchar"
    assert finds(BANNED_COLUMNS, spoil) == [("submission", "merchant_name")]
    assert finds(BANNED_COLUMNS, "alter table owed add column harmless_items integer") == []


def guessed(told: dict[str, str], person: dict[str, str | None]) -> list[str]:
    """The tags that say something about a person that was not delivered."""
    return [
        tag
        for tag, (_, unknown) in CODED.items()
        if tag in told and told[tag] not in (person[tag], unknown)
    ]


def test_what_is_unknown_is_coded_and_never_guessed(
    book: duckdb.DuckDBPyConnection, lender_book: Lender
) -> None:
    """REQ-24: PIPL, articles 6 and 8. A married person whose spouse is not named is unknown too."""
    columns = ", ".join(column for column, _ in CODED.values())
    rows = book.sql(f"select id_number, name, {columns} from customers").fetchall()
    people = {(row[0], row[1]): dict(zip(CODED, row[2:], strict=True)) for row in rows}
    codes: set[str] = set()
    for path in lender_book.settings.submissions.rglob("*110*.txt"):
        for line in path.read_text("utf-8").splitlines()[1:]:
            told = dict(re.findall(r"<(\w+)>([^<]*)</\1>", line))
            assert guessed(told, people[told["IDNum"], told["Name"]]) == []
            codes |= {told[tag] for tag in CODED if tag in told}
            assert told.get("ResiStatus", "9") == "9"  # never delivered
    assert {"99", "9", "10", "20"} <= codes
    assert "" not in codes
    nobody = dict.fromkeys(CODED)
    assert guessed({"EduLevel": "20"}, nobody) == ["EduLevel"]
    assert guessed({"EmpStatus": "11"}, nobody | {"EmpStatus": "17"}) == ["EmpStatus"]


def test_no_personal_column_stands_outside_schema_secure(lender_book: Lender) -> None:
    """REQ-25: PIPL, article 51. Schema raw is the landing zone itself, of the private store."""
    assert {"name", "id_number", "mobile_number", "birth_date"} <= set(PERSONAL)
    with open_published(lender_book.settings) as published:
        assert published.sql(PERSONAL_COLUMNS).fetchall() == []
    with open_store(lender_book.run(lender_book.months[-1]), lender_book.settings) as store:
        assert store.sql(PERSONAL_COLUMNS).fetchall() == []
        everywhere = PERSONAL_COLUMNS.replace("('secure', 'raw', 'seeds')", "('raw', 'seeds')")
        assert {schema for schema, *_ in store.sql(everywhere).fetchall()} == {"secure"}


def test_the_key_of_the_hashes_is_the_owners_alone(lender_book: Lender) -> None:
    """REQ-25: PIPL, article 51: hashes of persons are keyed, and the key stays private."""
    assert len(hash_key(lender_book.settings, ())) >= 32
    for path in (lender_book.settings.home / "secure").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
    assert lender_book.settings.work.stat().st_mode & 0o777 == 0o700


def test_equal_values_of_two_persons_have_different_hashes(lender_book: Lender) -> None:
    """REQ-25: PIPL, article 51. With few values (nine educations) a hash would be a pseudonym."""
    shared = lender_book.query("""
        select segment, hash
        from (
            select
                customer_id,
                unnest(json_keys(segment_hashes)) as segment,
                json_extract_string(segment_hashes, '$.' || segment) as hash
            from marts.submission_records
        )
        where hash is not null and segment <> 'B'  -- of the three marks of a person
        group by all
        having count(distinct customer_id) > 1
    """)
    assert shared == []
    segments = lender_book.query(
        "select distinct unnest(json_keys(segment_hashes)) from marts.submission_records"
    )
    assert {("EDU",), ("SPS",), ("C",), ("F",), ("D",)} <= set(segments)
