"""The file of advance notices appears whole, is replaced and goes; and the day it names."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.records.notices import notices_file, write_notices
from reporting.transform.dbt import dbt_variables


@pytest.fixture
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "create schema marts; create table marts.notices_due as select * from (values "
            "('A2', date '2026-05-10', 'second'), ('A1', date '2026-05-10', 'one, \"two\" 元'), "
            "('A1', date '2026-04-10', 'first')) as due (account_id, episode_started_on, text)"
        )
        yield connection


def test_the_file_is_sorted_private_and_readable(
    store: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path)
    write_notices(store, Run.of("2026-05", None, settings), settings)

    path = notices_file(settings, "2026-05")
    assert path == tmp_path / "notices" / "2026-05" / "notices.csv"
    assert path.read_text(encoding="utf-8") == (
        "account_id,episode_started_on,text\n"
        "A1,2026-04-10,first\n"
        'A1,2026-05-10,"one, ""two"" 元"\n'
        "A2,2026-05-10,second\n"
    )
    assert [p.stat().st_mode & 0o777 for p in (path, path.parent, path.parent.parent)] == [
        0o600,
        0o700,
        0o700,
    ]
    assert [p.name for p in settings.notices.iterdir()] == ["2026-05"]


def test_a_month_built_again_replaces_its_file_and_nothing_due_removes_it(
    store: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path)
    april, may = (Run.of(month, None, settings) for month in ("2026-04", "2026-05"))
    for run in (april, may):
        write_notices(store, run, settings)
    (notices_file(settings, "2026-05").parent / "a stranger").touch()
    store.execute("delete from marts.notices_due where account_id = 'A1'")
    write_notices(store, may, settings)

    assert [p.name for p in (settings.notices / "2026-05").iterdir()] == ["notices.csv"]
    assert "A1" not in notices_file(settings, "2026-05").read_text(encoding="utf-8")

    store.execute("delete from marts.notices_due")
    write_notices(store, may, settings)
    assert [p.name for p in settings.notices.iterdir()] == ["2026-04"]
    assert "A1" in notices_file(settings, "2026-04").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("month", "as_of", "cut_off_day", "expected"),
    [
        ("2026-05", None, 3, date(2026, 7, 3)),
        ("2025-11", None, 28, date(2026, 1, 28)),
        ("2026-05", "2026-07-02T23:59:59", 3, date(2026, 7, 3)),
        ("2026-05", "2026-07-03", 3, date(2026, 8, 3)),  # later than the next run's usual day
        ("2026-05", "2026-12-20", 3, date(2027, 1, 3)),
    ],
)
def test_a_notice_names_the_next_usual_cut_off(
    month: str, as_of: str | None, cut_off_day: int, expected: date
) -> None:
    settings = Settings(cut_off_day=cut_off_day, minimum_group_size=3)
    run = Run.of(month, as_of, settings)
    assert run.next_usual_cut_off(settings) == expected
    assert dbt_variables(run, settings)["earliest_report_on"] == expected.isoformat()
    assert dbt_variables(run, settings)["minimum_group_size"] == 3


def test_no_text_of_the_file_is_a_formula_to_a_spreadsheet(
    store: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path)
    for start in ("=", "+", "-", "@", "\t", "\r"):
        store.execute(
            "insert into marts.notices_due values (?, date '2026-05-10', 'a = b')", [f"{start}A3"]
        )
    write_notices(store, Run.of("2026-05", None, settings), settings)
    with notices_file(settings, "2026-05").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["account_id"] for row in rows} == {
        *("A1", "A2", "'=A3", "'+A3", "'-A3", "'@A3", "'\tA3", "'\rA3")
    }
    assert [row["text"] for row in rows if row["account_id"] == "'=A3"] == ["a = b"]
