"""After a fault no file outside of the private folders holds a value of a person."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from small_landing import GOOD

PRIVATE = {"secure", "work", "submissions"}
PERSON = ["欧阳测试独", "110101199001011234", "13900007777", "only@person.example", "独一路9号"]
HEADER = "customer_id,name,id_type,id_number,sex,birth_date,phone,email,address,recorded_at"
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
OTHER_FILES: dict[str, tuple[str, bytes]] = {
    "cut off inside its compression": ("it.csv.gz", gzip.compress(CSV * 50, mtime=0)[:-9]),
    "compressed by its name alone": ("it.csv.gz", CSV),
    "Parquet by its name alone": ("it.parquet", CSV),
}
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
            duckdb.sql(f"copy (select {row}) to '{file}' (format parquet)")
    (landing / "customers" / name).write_bytes(customers)


def written(folder: Path) -> dict[str, bytes]:
    home = folder / "home"
    return {
        str(path): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.relative_to(home).parts[0] not in PRIVATE
    }


def assert_nothing_leaks(
    folder: Path, customers: bytes, arguments: list[str], name: str = "it.csv"
) -> None:
    deliver(folder / "landing", customers, name)
    plain = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    places = {"REPORTING_HOME": str(folder / "home"), "REPORTING_LANDING": str(folder / "landing")}
    done = subprocess.run(
        [sys.executable, *arguments], env=plain | places, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"table customers" in done.stdout + done.stderr
    for place, content in (written(folder) | {"screen": done.stdout + done.stderr}).items():
        for value in PERSON:
            assert value.encode() not in content, f"{place} holds a value"


@pytest.mark.parametrize("fault", FAULTS)
def test_at_the_command_line(tmp_path: Path, fault: str) -> None:
    assert_nothing_leaks(tmp_path, FAULTS[fault], COMMAND)


@pytest.mark.parametrize("fault", OTHER_FILES)
def test_where_another_file_was_delivered(tmp_path: Path, fault: str) -> None:
    name, customers = OTHER_FILES[fault]
    assert_nothing_leaks(tmp_path, customers, COMMAND, name)


@pytest.mark.parametrize("fault", ["a field too many", "another encoding", "nothing readable"])
def test_under_airflow_with_its_whole_log(tmp_path: Path, fault: str) -> None:
    assert_nothing_leaks(tmp_path, FAULTS[fault], ["-c", DAG])
