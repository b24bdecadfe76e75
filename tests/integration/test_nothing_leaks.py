"""After a fault no file outside of the private folders holds a value of a person."""

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from support.nightly import first
from support.small_landing import GOOD

from reporting.core.settings import PROJECT_ROOT

PRIVATE = {"secure", "work", "submissions"}
PERSON = ["欧阳测试独", "110101199001011237", "13900007777", "only@person.example", "独一路9号"]
HEADER = (
    "customer_id,name,id_type,id_number,sex,birth_date,mobile_number,email,residence_address,"
    "recorded_at"
)
NAME, NUMBER, PHONE, EMAIL, ADDRESS = PERSON
ROW = f"C1,{NAME},10,{NUMBER},1,1990-01-01,{PHONE},{EMAIL},{ADDRESS},2026-05-02 08:00:00"
CSV = f"{HEADER}\n{ROW}\n".encode()
FAULTS: dict[str, bytes] = {  # of a CSV file
    "a field too many": CSV + f"{ROW},more\n".encode(),
    "a field too few": CSV + ROW.rpartition(",")[0].encode() + b"\n",
    "another encoding": CSV + ROW.encode("gb18030") + b"\n",
    "an open quote": CSV + f'"{ROW}\n'.encode(),
    "no header": f"{ROW}\n".encode(),
    "a column twice": CSV.replace(b"sex", b"name", 1),
    "a column is missing": CSV.replace(b"id_number", b"number", 1),
    "nothing readable": CSV.replace(b"1990-01-01", NUMBER.encode())
    + f"{ROW}\n".replace("1990-01-01", PHONE).encode(),
    "semicolons": CSV.replace(b",", b";"),
    "UTF-16": CSV.decode().encode("utf-16"),
    "a quote that is never closed, and much after it": CSV + b'"' + ROW.encode() * 40_000 + b"\n",
    "a name in place of the moment": CSV.replace(b"2026-05-02 08:00:00", NAME.encode()),
    "no key": CSV.replace(b"C1,", b","),
}
FEEDS = {  # a person's value in another feed, where an id, a moment, a day or an amount belongs
    "a number as the customer of a consent": ("consents", f"'{NUMBER}' as customer_id"),
    "a name as the account of a payment": ("transactions", f"'{NAME}' as account_id"),
    "a telephone in an amount": ("bills", f"'{PHONE}x' as principal_due"),
    "an address as a day": ("credit_limits", f"'{ADDRESS}' as effective_on"),
}
CAST = "cast(cast(customers.name as integer) as varchar) as name"  # its error quotes the name
# step -> a file of the project, a text in it, what fails over a value instead, and what is printed
LATER_STEPS = {
    "build_marts": (
        "dbt_project/models/staging/stg_customers.sql",
        "    name,",
        "    cast(cast(name as integer) as varchar) as name,",
        "dbt stopped: model int_customers_identified",
    ),
    "build_records": (
        "dbt_project/models/bureau/record_110.sql",
        "        customers.name,",
        f"        {CAST},",
        "dbt stopped: model record_110",
    ),
    "rules of build_records": (
        "expectations/bureau_rules.yml",
        "  hit: rpt_date_code in ('20', '30', '32') and acct_type <> 'C1' and not seg_h",
        "  hit: cast(name as integer) = 0",
        "validate.py",
    ),
    "check_landing": (
        "expectations/landing/customers.py",
        "trim(name) <> ''",
        "name::int > 0",
        "landing.customers.name_filled",
    ),
    "check_records": (
        "expectations/records/record_110.py",
        "from {batch} where is_spouse_missing",
        "from {batch} where cast(name as integer) = 0",
        "record_110.spouse_named",
    ),
    "publish": (
        "include/reporting/records/layout.yml",
        "Name: name",
        "Name: cast(name as integer)",
        "dbt stopped: model submission_records",
    ),
}
OTHER_FILES: dict[str, tuple[str, bytes]] = {
    "cut off inside its compression": ("it.csv.gz", gzip.compress(CSV * 50, mtime=0)[:-9]),
    "compressed by its name alone": ("it.csv.gz", CSV),
    "Parquet by its name alone": ("it.parquet", CSV),
}
UNDER_AIRFLOW = ("a field too many", "another encoding", "nothing readable")
DAG = (
    "from reporting.core.settings import load_settings\n"
    "from reporting.pipeline.airflow import run_in_process\n"
    "run_in_process(['2026-05'], load_settings(), debug=True)"
)
COMMAND = ["-m", "reporting", "run", "--month", "2026-05"]


def deliver(landing: Path, customers: bytes, name: str = "it.csv") -> None:
    for table, row in GOOD.items():
        (landing / table).mkdir(parents=True)
        if table != "customers":
            file = landing / table / "it.parquet"
            paid = row.replace("2026-05-10", "2026-06-10")  # nothing is overdue at the report date
            duckdb.sql(f"copy (select {paid}) to '{file}' (format parquet)")
    (landing / "customers" / name).write_bytes(customers)


def spoil(landing: Path, table: str, column: str) -> None:
    """Deliver a second row of a feed as CSV, under a key of its own, with one column replaced."""
    key = GOOD[table].partition(" as ")[2].partition(",")[0]
    select = f"select {GOOD[table]}"
    duckdb.sql(
        f"copy (select * replace ({column}) from (select * replace ('X1' as {key}) "
        f"from ({select}))) to '{landing / table / 'more.csv'}' (format csv, header)"
    )


def written(folder: Path) -> dict[str, bytes]:
    home = folder / "home"
    return {
        str(path): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.relative_to(home).parts[0] not in PRIVATE
    }


def run(folder: Path, arguments: list[str], **places: str) -> tuple[int, bytes]:
    """Run a command on the landing zone; return its exit status and all that it printed."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    places["REPORTING_HOME"] = str(folder / "home")
    places["REPORTING_LANDING"] = str(folder / "landing")
    done = subprocess.run(
        [sys.executable, *arguments], env=plain | places, capture_output=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def assert_no_value(folder: Path, printed: bytes) -> None:
    """No file outside of the private folders, and nothing on the screen, holds a person's value."""
    for place, content in (written(folder) | {"screen": printed}).items():
        for value in PERSON:
            assert value.encode() not in content, f"{place} holds a value"


def assert_nothing_leaks(
    folder: Path, customers: bytes, arguments: list[str], name: str = "it.csv"
) -> None:
    deliver(folder / "landing", customers, name)
    status, printed = run(folder, arguments)
    assert status == 1
    assert b"customers" in printed
    assert_no_value(folder, printed)


@pytest.mark.parametrize("fault", first(2, FAULTS))
def test_at_the_command_line(tmp_path: Path, fault: str) -> None:
    assert_nothing_leaks(tmp_path, FAULTS[fault], COMMAND)


@pytest.mark.parametrize("fault", first(1, OTHER_FILES))
def test_where_another_file_was_delivered(tmp_path: Path, fault: str) -> None:
    name, customers = OTHER_FILES[fault]
    assert_nothing_leaks(tmp_path, customers, COMMAND, name)


@pytest.mark.parametrize("fault", first(0, UNDER_AIRFLOW))
def test_under_airflow_with_its_whole_log(tmp_path: Path, fault: str) -> None:
    assert_nothing_leaks(tmp_path, FAULTS[fault], ["-c", DAG])


@pytest.mark.parametrize("fault", first(0, FEEDS))
def test_where_another_feed_holds_a_persons_value(tmp_path: Path, fault: str) -> None:
    deliver(tmp_path / "landing", CSV)
    spoil(tmp_path / "landing", *FEEDS[fault])
    status, printed = run(tmp_path, COMMAND)
    table = FEEDS[fault][0]
    if status == 1:  # more bad rows than a check tolerates
        assert f"landing.{table}." in printed.decode()
    else:
        assert status == 0
        files = tmp_path / "home" / "published" / "quarantined_rows" / "*" / "data.parquet"
        quarantined = duckdb.sql(f"select distinct table_name from '{files}'").fetchall()
        assert (table,) in quarantined
    assert_no_value(tmp_path, printed)


@pytest.mark.parametrize("step", first(1, LATER_STEPS))
def test_where_a_later_step_fails_over_a_value(tmp_path: Path, step: str) -> None:
    """A copy of the project, in which one line fails over the person's name."""
    project = tmp_path / "project"
    for folder in ("include", "dbt_project", "expectations"):
        shutil.copytree(
            PROJECT_ROOT / folder,
            project / folder,
            ignore=shutil.ignore_patterns("__pycache__", "target"),
        )
    file, text, instead, expected = LATER_STEPS[step]
    content = (project / file).read_text(encoding="utf-8")
    assert text in content
    (project / file).write_text(content.replace(text, instead, 1), encoding="utf-8")
    deliver(tmp_path / "landing", CSV)
    status, printed = run(tmp_path, COMMAND, PYTHONPATH=str(project / "include"))
    assert status == 1, printed.decode()
    assert expected in printed.decode()
    assert_no_value(tmp_path, printed)
