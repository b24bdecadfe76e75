"""A landing zone in an object store gives the month that the same files in a folder give."""

import gzip
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.lender_months import Lender
from support.object_store import BUCKET, ObjectStore, found_by, serving

from reporting.core.errors import BadCall, BrokenDelivery
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.monitoring.watch import watch
from reporting.pipeline import plan, steps
from reporting.synthetic import lender

FIRST, SECOND = "2026-04", "2026-05"
LATER = "transactions/2026-05.csv"
# When something was done, by the clock; and the ledger's chain, whose hashes cover such times.
TIMES = ["evaluated_at", "built_at", "at", "previous_sha256"]


@dataclass
class Zones:
    """The same files in a folder and in an object store, each with a home that reads it."""

    store: ObjectStore
    folder: Lender
    objects: Lender
    later: bytes

    def build(self, month: str) -> None:
        for one in (self.folder, self.objects):
            steps.run_month(one.run(month), one.settings)

    def home_like(self, home: Path) -> Settings:
        """A new home that reads the object store, with the same key of hashes."""
        shutil.copytree(self.folder.settings.home / "secure", home / "secure")
        return Settings(home=home, landing=self.store.landing)


def write_book(landing: Path) -> bytes:
    """A small book as Parquet, CSV and compressed CSV; returns a file that comes a month later."""
    lender.generate(landing, accounts=60, months=3, seed=3)
    with duckdb.connect() as connection:

        def csv(table: str, where: str = "true") -> bytes:
            path = landing / "rows.csv"
            connection.execute(
                f"copy (from '{landing / table}/*.parquet' where {where} order by all) "
                f"to '{path}' (format csv, header true)"
            )
            content = path.read_bytes()
            path.unlink()
            return content

        early = csv("transactions", "recorded_at < timestamp '2026-05-03'")
        later = csv("transactions", "recorded_at >= timestamp '2026-05-03'")
        consents = gzip.compress(csv("consents"), mtime=0)
    for table, name, content in (
        ("transactions", "2026-04.csv", early),
        ("consents", "year=2026/all.csv.gz", consents),
    ):
        (landing / table / f"{table}.parquet").unlink()
        (landing / table / name).parent.mkdir(exist_ok=True)
        (landing / table / name).write_bytes(content)
    return later


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zones]:
    """One month of both. Tests only read its homes."""
    base = tmp_path_factory.mktemp("object_store")
    folder = Settings(home=base / "home", landing=str(base / "landing"))
    later = write_book(base / "landing")
    with serving() as store, found_by(**store.environment):
        store.deliver(base / "landing")
        store.put("transactions/", b"")  # as a console makes a folder
        steps.run_month(Run.of(FIRST, None, folder), folder)
        zones = Zones(store, Lender(folder, []), Lender(folder, []), later)
        objects = zones.home_like(base / "home_of_objects")
        zones.objects = replace(zones.objects, settings=objects)
        steps.run_month(Run.of(FIRST, None, objects), objects)
        yield zones


def files_of(settings: Settings) -> dict[str, bytes]:
    """The submission files and manifests."""
    root = settings.submissions
    return {str(one.relative_to(root)): one.read_bytes() for one in root.rglob("*.*")}


def assert_same_months(zones: Zones) -> None:
    """The same files, byte by byte, and the same rows in every published table."""
    assert files_of(zones.objects.settings) == files_of(zones.folder.settings)
    assert any(name.endswith(".txt") for name in files_of(zones.folder.settings))
    tables = zones.folder.query(
        "select table_name, array_to_string(list(column_name) filter (column_name not in ?), ', ')"
        " from duckdb_columns() where schema_name = 'marts' group by all order by all",
        TIMES,
    )
    assert len(tables) > 30
    for table, columns in tables:
        rows = f"select {columns} from marts.{table} order by all"
        assert zones.objects.query(rows) == zones.folder.query(rows), table


def test_a_month_is_the_same_from_an_object_store_as_from_a_folder(zones: Zones) -> None:
    assert_same_months(zones)
    assert_no_copy_is_left(zones.objects.settings)


def assert_no_copy_is_left(settings: Settings) -> None:
    """No delivered file lies below the home."""
    assert not list(settings.work.glob("*.tmp"))
    assert not list(settings.home.rglob("all.csv.gz"))


def test_watch_and_plan_say_the_same_of_both(zones: Zones, tmp_path: Path) -> None:
    said = []
    for name, landing in (("a", zones.folder.settings.landing), ("b", zones.store.landing)):
        settings = Settings(home=tmp_path / name, landing=landing)
        found = [(one.check_id, one.now) for one in watch(date(2026, 5, 2), settings)]
        said.append((found, plan.plan(Run.of(FIRST, None, settings), settings)))
        assert_no_copy_is_left(settings)
    assert said[0] == said[1]


def test_an_object_that_is_replaced_between_two_steps_stops_the_month(
    zones: Zones, tmp_path: Path
) -> None:
    settings = zones.home_like(tmp_path / "home")
    run = Run.of(FIRST, None, settings)
    steps.land(run, settings)
    name = "bills/bills.parquet"
    content = (Path(zones.folder.settings.landing) / name).read_bytes()
    zones.store.put(name, content)  # another time alone
    steps.check_landing(run, settings)
    zones.store.put(name, content + b" ")
    try:
        with pytest.raises(BrokenDelivery) as stopped:
            steps.build_marts(run, settings)
    finally:
        zones.store.put(name, content)
    assert str(stopped.value) == (
        f"month {FIRST}, file {name}: was changed, replaced or removed since it was landed; "
        "run the month again, beginning with land"
    )


@pytest.mark.parametrize("name", ["control_totals", "bills//b.parquet", "bills/day=1/x.xlsx"])
def test_an_object_that_cannot_be_read_stops_by_name(
    zones: Zones, tmp_path: Path, name: str
) -> None:
    settings = zones.home_like(tmp_path / "home")
    zones.store.put(name, b"PAR1")
    try:
        with pytest.raises(BrokenDelivery, match=f"file {name}: "):
            steps.land(Run.of(FIRST, None, settings), settings)
    finally:
        zones.store.client.delete_object(Bucket=BUCKET, Key=f"in/landing/{name}")
    assert_no_copy_is_left(settings)


def fault(settings: Settings, step: str = "land") -> str:
    """The one line of BadCall with which a step stops; nothing of the month is left."""
    with pytest.raises(BadCall) as stopped:
        getattr(steps, step)(Run.of(FIRST, None, settings), settings)
    assert not files_of(settings)
    assert not settings.published.exists()
    assert_no_copy_is_left(settings)
    line = str(stopped.value)
    assert "\n" not in line
    assert line.startswith("setting REPORTING_LANDING: ")
    return line


def test_a_bucket_and_a_folder_that_are_not_there_are_named(zones: Zones, tmp_path: Path) -> None:
    settings = zones.home_like(tmp_path / "home")
    for place in ("s3://no-such-bucket/landing", f"s3://{BUCKET}/no/such/folder"):
        line = fault(settings.model_copy(update={"landing": place}))
        assert f"there is no folder {place};" in line
    assert not (settings.work / FIRST / "build.duckdb").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"AWS_SECRET_ACCESS_KEY": "a-wrong-secret"},
        {"AWS_ACCESS_KEY_ID": "AKIAUNKNOWN", "AWS_SECRET_ACCESS_KEY": "a-wrong-secret"},
    ],
)
def test_wrong_credentials_are_refused_in_one_line_without_a_secret(
    zones: Zones, tmp_path: Path, wrong: dict[str, str]
) -> None:
    settings = zones.home_like(tmp_path / "home")
    with found_by(**zones.store.environment | wrong):
        line = fault(settings)
    assert f"{zones.store.landing} refuses access; check" in line
    assert not any(word in line for word in wrong.values())


def test_a_store_that_is_gone_is_named_before_and_during_a_month(
    zones: Zones, tmp_path: Path
) -> None:
    settings = zones.home_like(tmp_path / "home")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # it does not listen: a connection is refused
        gone = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{closed.getsockname()[1]}"}
        with found_by(**zones.store.environment | gone):
            line = fault(settings)
        assert f"{zones.store.landing} cannot be read (EndpointConnectionError); check" in line
        steps.land(Run.of(FIRST, None, settings), settings)
        with found_by(**zones.store.environment | gone):
            assert fault(settings, "check_landing") == line


def test_a_store_that_fails_while_files_are_copied_blames_no_file(
    zones: Zones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = zones.home_like(tmp_path / "home")

    def fails(*_: object, **__: object) -> None:
        raise OSError("a text of the store")

    with found_by(**zones.store.environment):
        monkeypatch.setattr("s3fs.S3FileSystem._get_file", fails)
        assert "cannot be read (OSError)" in fault(settings)
    assert not (settings.work / FIRST / "build.duckdb").exists()


def test_the_command_ends_with_the_same_line_and_exit_code(zones: Zones, tmp_path: Path) -> None:
    wrong = {"AWS_SECRET_ACCESS_KEY": "a-wrong-secret"}
    places = {"REPORTING_HOME": str(tmp_path / "home"), "REPORTING_LANDING": zones.store.landing}
    done = subprocess.run(
        [sys.executable, "-m", "reporting", "run", "--month", FIRST, "--dry-run"],
        env=os.environ | zones.store.environment | places | wrong,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: setting REPORTING_LANDING: {zones.store.landing} refuses")
    assert not (tmp_path / "home").exists()


@pytest.mark.nightly
def test_the_next_month_reads_what_was_delivered_since(zones: Zones) -> None:
    zones.store.put(LATER, zones.later)
    (Path(zones.folder.settings.landing) / LATER).write_bytes(zones.later)
    zones.build(SECOND)
    assert_same_months(zones)
    assert (LATER,) in zones.objects.query(
        "select file from marts.landing_files where report_month = date '2026-05-01'"
    )
