"""Whoever reads the published database sees one build, whole, of this home and no other."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.small_disk import mounted

from reporting.core.database import apply_limits, new_database
from reporting.core.errors import DataNotFit
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
from reporting.store.build_store import open_store
from reporting.store.publish import in_one_piece, remove_superseded, write_tables
from reporting.store.published import BUILDS, partition
from reporting.store.published_database import build_database, open_published
from reporting.why import facts

TABLES = (
    "reportable_population",
    "repayment_status",
    "internal_score_feed",
    "repayment_history",
    "built_months",
)
CHECKS = "data_quality_results"
JOINED = "select " + ", ".join(f"(select any_value(run_id) from marts.{one})" for one in TABLES)

# A round: opens the database, says so, and reads many times while a build is published; by one
# connection, or each time by a new one. Says whether every read was of one build.
READER = f"""
import duckdb, sys
while sys.stdin.readline():
    connection = duckdb.connect(sys.argv[1], read_only=True)
    print("open", flush=True)
    rows = []
    for _ in range(20):
        if sys.argv[2] == "anew":
            connection.close()
            connection = duckdb.connect(sys.argv[1], read_only=True)
        rows.append(connection.execute({JOINED!r}).fetchone())
    connection.close()
    print(all(len(set(row)) == 1 for row in rows), flush=True)
"""
SHOWN = f"""
import duckdb, sys
print(*duckdb.connect(sys.argv[1], read_only=True).execute({JOINED!r}).fetchone())
"""


def publish_build(settings: Settings, build: str, month: str = "2026-05") -> None:
    publish_build_of_tables(settings, build, month, TABLES)
    build_database(settings)


def publish_build_of_tables(
    settings: Settings, build: str, month: str, tables: tuple[str, ...]
) -> None:
    run = Run.of(month, None, settings)
    with duckdb.connect() as store:
        store.execute("create schema marts")
        for table in (*TABLES, CHECKS):
            store.execute(
                f"create table marts.{table} as select date '{run.month}' as report_month, "
                f"timestamp '{run.as_of}' as as_of, '{build}' as run_id, null::varchar as built_on,"
                " account_id::varchar as account_id, account_id::varchar as customer_id, "
                "null as repayment_status, null as days_past_due, null as overdue_total, "
                "null as oldest_unpaid_due_on, null as report_date, "
                "null as layer, null as table_name, null as check_id "
                "from range(1000) as account (account_id)"
            )
        write_tables(store, run, settings, tables)


def shown(database: Path) -> set[str]:
    """The builds that a plain reader finds in the tables; in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", SHOWN, str(database)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(done.stderr)
    return set(done.stdout.split())


def month_answered(settings: Settings) -> date:
    with open_published(settings) as connection:
        return facts.month_to_answer(connection, None)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "it's home")


@pytest.mark.parametrize("way", ["anew", "held"])
def test_a_reader_sees_one_build_during_five_rebuilds(settings: Settings, way: str) -> None:
    publish_build(settings, "0")
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(settings.published_database), way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        for build in range(1, 6):
            reader.stdin.write("read\n")
            reader.stdin.flush()
            assert reader.stdout.readline() == "open\n"
            publish_build(settings, str(build))
            assert reader.stdout.readline() == "True\n"
        reader.stdin.close()
    assert shown(settings.published_database) == {"5"}
    assert len(list((settings.published / BUILDS).iterdir())) == 2  # this one and the one before


def test_a_partition_holds_one_file_and_keeps_its_name(settings: Settings) -> None:
    for build in ("a", "b"):
        publish_build(settings, build)
    for table in TABLES:
        folder = partition(settings, table, Run.of("2026-05", None, settings).month)
        found = duckdb.execute("from glob(?)", [f"{folder}/*"]).fetchall()
        assert found == [(f"{folder}/data.parquet",)]


def test_an_answer_rests_on_the_months_that_the_database_shows(settings: Settings) -> None:
    for month in ("2026-05", "2026-06"):
        publish_build(settings, "0", month)
        if month == "2026-05":
            shown_before = settings.published_database.read_bytes()
    assert month_answered(settings) == date(2026, 6, 1)
    settings.published_database.write_bytes(shown_before)  # June's files are there, its view is not
    assert month_answered(settings) == date(2026, 5, 1)


def test_a_build_that_was_half_removed_goes_with_the_next_run(settings: Settings) -> None:
    publish_build(settings, "0")
    builds = settings.published / BUILDS
    (half := builds / ".000000-00000000.partial").mkdir()
    (foreign := builds / ".DS_Store").touch()
    publish_build(settings, "1")
    with exclusive(settings):
        assert not half.exists()
    assert foreign.exists()
    with open_published(settings) as published:
        assert set(published.execute(JOINED).fetchone() or ()) == {"1"}


def test_a_supplement_that_was_stopped_before_its_tables_goes_with_the_next_run(
    settings: Settings,
) -> None:
    label = "2026-05@20260612T000000"
    folder = settings.submissions / "N101W1100H0017" / label
    folder.mkdir(parents=True)
    (folder / "clear.txt").write_text("clear", encoding="utf-8")
    settings.published.mkdir(parents=True)
    (mark := settings.published / f".{label}.unfinished").touch()
    remove_superseded(Run.of("2026-06", None, settings), settings)
    assert not folder.exists()
    assert not mark.exists()


def test_a_month_that_was_stopped_while_it_was_published_stays_as_it_was(
    settings: Settings,
) -> None:
    for month in ("2026-04", "2026-05"):
        publish_build(settings, "0", month)
    may = Run.of("2026-05", None, settings)
    with suppress(KeyboardInterrupt), in_one_piece(may, settings):
        publish_build_of_tables(settings, "1", "2026-05", ("repayment_status", CHECKS))
        raise KeyboardInterrupt
    publish_build(settings, "2", "2026-04")  # another act, after which the database is built
    publish_build(settings, "3", "2026-04")
    with open_published(settings) as connection:
        found = [
            connection.execute(
                f"select distinct run_id from marts.{table} where report_month = '{may.month}'"
            ).fetchall()
            for table in (*TABLES, CHECKS)
        ]
    # but for the checks, which say why it stops when it is run again
    assert found == [*[[("0",)]] * len(TABLES), [("1",)]]


def test_a_moved_home_shows_its_own_data(settings: Settings, tmp_path: Path) -> None:
    publish_build(settings, "a")
    moved = Settings(home=tmp_path / "moved")
    settings.home.rename(moved.home)
    with pytest.raises(OSError, match="No files found"):
        shown(moved.published_database)  # nothing, rather than what another place holds
    with open_published(moved) as connection:
        assert connection.execute(JOINED).fetchone() == ("a",) * len(TABLES)
    assert shown(moved.published_database) == {"a"}


def test_a_copied_home_never_shows_what_the_old_one_published_later(
    settings: Settings, tmp_path: Path
) -> None:
    publish_build(settings, "a")
    copied = Settings(home=tmp_path / "copied")
    shutil.copytree(settings.home, copied.home)
    publish_build(settings, "b")
    assert shown(copied.published_database) == {"a"}
    publish_build(settings, "c")
    with pytest.raises(OSError, match="No files found"):
        shown(copied.published_database)
    with open_published(copied) as connection:
        assert connection.execute(JOINED).fetchone() == ("a",) * len(TABLES)
    assert shown(copied.published_database) == {"a"}
    assert shown(settings.published_database) == {"c"}


def test_a_copy_that_cannot_be_written_is_read_from_memory(
    settings: Settings, tmp_path: Path
) -> None:
    publish_build(settings, "a")
    copied = Settings(home=tmp_path / "copied")
    shutil.copytree(settings.home, copied.home)
    (copied.work).write_text("no folder")  # so that no run may work there, whoever asks
    shutil.rmtree(settings.home)
    with open_published(copied) as connection:
        assert connection.execute(JOINED).fetchone() == ("a",) * len(TABLES)
    shutil.rmtree(copied.published / BUILDS)
    with pytest.raises(DataNotFit, match="is damaged, or of another folder or version"):
        open_published(copied)


NOTES = """
import duckdb, os, sys
with duckdb.connect(sys.argv[1]) as c:
    c.execute("create table notes (what varchar)")
c = duckdb.connect(sys.argv[1])
c.execute("insert into notes values ('call them')")
os._exit(9)
"""


def test_a_log_that_a_killed_analyst_left_goes_with_the_next_publication(
    settings: Settings,
) -> None:
    publish_build(settings, "a")
    database = settings.published_database
    subprocess.run([sys.executable, "-c", NOTES, str(database)], check=False)
    log = database.with_name(f"{database.name}.wal")
    assert log.is_file()
    publish_build(settings, "b")
    assert not log.exists()
    assert shown(database) == {"b"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "3m") as folder:
        yield folder


def fill(folder: Path, leave: int) -> None:
    free = shutil.disk_usage(folder).free
    (folder / "ballast").write_bytes(b"x" * max(0, free - leave))


@pytest.mark.parametrize("left", [0, 4096, 16_384, 65_536, 200_000, 300_000])
def test_a_full_disk_leaves_the_database_as_it_was(small_disk: Path, left: int) -> None:
    settings = Settings(home=small_disk / "home")
    publish_build(settings, "a")
    fill(small_disk, left)
    with pytest.raises((OSError, duckdb.Error, DataNotFit)):
        publish_build(settings, "b")
    assert shown(settings.published_database) == {"a"}
    (small_disk / "ballast").unlink()
    publish_build(settings, "b")
    assert shown(settings.published_database) == {"b"}


def test_a_checkpoint_that_fails_gives_no_database_its_name(small_disk: Path) -> None:
    final = small_disk / "build.duckdb"
    with pytest.raises((duckdb.Error, DataNotFit)), new_database(final) as connection:
        connection.execute("set checkpoint_threshold = '1GB'")
        connection.execute("create table t as select hash(i) as h from range(100000) as r (i)")
        # what was written stands in the log alone
        assert len([*small_disk.glob(".build.duckdb.*.partial.wal")]) == 1
        fill(small_disk, 0)
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


def test_what_does_not_fit_into_memory_is_spilled_into_a_private_folder(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    run = Run.of("2026-05", None, settings)
    run.folder(settings).mkdir(parents=True)
    duckdb.connect(str(run.build_store(settings))).close()
    with open_store(run, settings) as store, duckdb.connect() as memory:
        apply_limits(memory, settings)
        for connection in (store, memory):
            (spill,) = connection.execute("select current_setting('temp_directory')").fetchall()[0]
            assert settings.work in Path(spill).parents
