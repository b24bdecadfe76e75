"""The published database: no personal data, and readers and writers never meet."""

import os
import pty
import subprocess
import sys
from typing import Any

import duckdb
import pytest
from support.lender_months import MONTHS, Lender

from reporting.store.published_database import open_published

PERSONAL = (
    "name",
    "id_number",
    "mobile_number",
    "email",
    "residence_address",
    "spouse_name",
    "spouse_id_number",
    "employer_name",
)


def test_no_value_of_any_table_is_personal(lender_book: Lender, raw: Any) -> None:
    union = " union ".join(f"select {column} as value from customers" for column in PERSONAL)
    secrets = {value for (value,) in raw(lender_book.settings, union) if value}
    assert len(secrets) > 1000
    with open_published(lender_book.settings) as connection:
        views = connection.execute(
            "select view_name from duckdb_views() where schema_name = 'marts'"
        )
        tables = [name for (name,) in views.fetchall()]
        assert {"reportable_population", "repayment_status", "submission_records"} <= set(tables)
        for table in tables:
            # a name inside a longer text would be a leak too: look for each of them in each text
            texts = connection.execute(
                "select distinct value from "
                f"(unpivot (select columns(*)::varchar from marts.{table}) on columns(*))"
            ).fetchall()
            everything = "\n".join(text for (text,) in texts)
            assert not [secret for secret in secrets if secret in everything], table


def test_nothing_clear_stands_outside_the_private_folders(lender_book: Lender, raw: Any) -> None:
    ids = {n for (n,) in raw(lender_book.settings, "select id_number from customers") if n}
    for path in lender_book.settings.home.rglob("*"):
        private = {"work", "submissions", "secure"} & set(
            path.relative_to(lender_book.settings.home).parts
        )
        if path.is_file() and not private:
            content = path.read_bytes()
            assert not [number for number in ids if number.encode() in content], path


@pytest.mark.nightly
def test_an_analyst_reads_while_a_run_writes(lender_book: Lender) -> None:
    month = MONTHS[-1]
    code = (
        "from reporting.pipeline.steps import run_month; from reporting.core.run import Run; "
        "from reporting.core.settings import load_settings; s = load_settings(); "
        f"run_month(Run.of('{month}', None, s), s)"
    )
    environment = {
        "REPORTING_HOME": str(lender_book.settings.home),
        "REPORTING_LANDING": lender_book.settings.landing,
        "PATH": "/usr/bin:/bin",
    }
    query = (
        "select reason_code, count(*) from marts.reportable_population group by all order by all"
    )
    expected = lender_book.query(query)
    database = str(lender_book.settings.published_database)
    with (
        duckdb.connect(database, read_only=True) as held_open,
        subprocess.Popen([sys.executable, "-c", code], env=environment) as writer,
    ):
        looks = 0
        while writer.poll() is None:
            assert held_open.execute(query).fetchall() == expected
            with duckdb.connect(database, read_only=True) as fresh:
                assert fresh.execute(query).fetchall() == expected
            looks += 1
        assert held_open.execute(query).fetchall() == expected
    assert writer.returncode == 0
    assert looks > 10


def test_a_person_at_a_terminal_sees_the_tables_and_asks_by_their_names(
    lender_book: Lender,
) -> None:
    terminal, theirs = pty.openpty()
    os.write(terminal, b"select count(*) as months from built_months;\n.quit\n")
    told = subprocess.run(
        [sys.executable, "-m", "reporting", "explore"],
        # a terminal that is asked for the place of its cursor would have to answer
        env=os.environ | {"REPORTING_HOME": str(lender_book.settings.home), "TERM": "dumb"},
        stdin=theirs,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    os.close(terminal)
    os.close(theirs)
    assert "What there is: from data_dictionary" in told
    assert f"│ {len(MONTHS):>6} │" in told
