"""The published database can be opened, whatever a program left beside the one before it."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

import duckdb
import pytest

from reporting.core.errors import BadCall, DataNotFit
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.store.publish import in_one_piece
from reporting.store.published import UNFINISHED, published_file
from reporting.store.published_database import (
    build_database,
    is_outdated,
    layout_digest,
    open_published,
)

HEADERS, BLOCK = 3 * 4096, 262_144  # bytes of DuckDB's format

A_TOOL = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1])
connection.execute("create table notes (what varchar)")
connection.execute("insert into notes values ('call them about March')")
print("written", flush=True)
time.sleep(600)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home folder with a published database, in which no month is built."""
    settings = Settings(home=tmp_path)
    settings.published.mkdir()
    build_database(settings)
    return settings


@contextmanager
def tool_that_writes(database: Path) -> Iterator[int]:
    """A process that has written into the database and holds it open; killed at the end."""
    tool = subprocess.Popen(
        [sys.executable, "-c", A_TOOL, str(database)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert tool.stdout is not None
        assert tool.stdout.readline() == "written\n"
        yield tool.pid
    finally:
        tool.kill()
        tool.wait()


def header_lost(file: BinaryIO) -> None:
    file.write(b"damaged " * 1000)


def cut_off(file: BinaryIO) -> None:
    file.truncate(20_000)


def blocks_changed(file: BinaryIO) -> None:
    """A byte in every block after the three headers: the catalog is damaged, too."""
    end = file.seek(0, io.SEEK_END)
    for block in range(HEADERS, end, BLOCK):
        file.seek(block + 100)
        file.write(b"damaged ")


@pytest.mark.parametrize("damage", [header_lost, cut_off, blocks_changed])
def test_a_damaged_database_is_written_anew_by_who_reads_it(
    settings: Settings, damage: Callable[[BinaryIO], None], caplog: pytest.LogCaptureFixture
) -> None:
    with settings.published_database.open("r+b") as file:
        damage(file)
    with open_published(settings) as connection:
        views = "select count(*) > 10 from marts.data_dictionary"
        assert connection.execute(views).fetchall() == [(True,)]
    assert caplog.messages == [f"{settings.published_database} was damaged and is written anew"]
    open_published(settings).close()
    assert len(caplog.messages) == 1


def test_a_damaged_table_is_seen_by_acts_and_readers(settings: Settings) -> None:
    damage_table(settings.published_database, layout_digest().encode())
    with (
        duckdb.connect(str(settings.published_database), read_only=True) as connection,
        pytest.raises(duckdb.IOException, match="Corrupt database file"),
    ):
        connection.execute("from submission.layout").fetchall()
    assert is_outdated(settings)
    build_database(settings)
    assert not is_outdated(settings)
    damage_table(settings.published_database, layout_digest().encode())
    open_published(settings).close()
    assert not is_outdated(settings)


def damage_table(database: Path, value: bytes) -> None:
    """Change the block of the table that holds a value."""
    content = database.read_bytes()
    place = content.index(value)
    assert content.count(value) == 1
    database.write_bytes(content[:place] + b"x" + content[place + 1 :])


def test_a_disk_that_does_not_answer_is_not_taken_for_damage(settings: Settings) -> None:
    settings.published_database.unlink()
    settings.published_database.symlink_to("/proc/self/mem")  # to read its beginning is an EIO
    with pytest.raises(duckdb.IOException, match="Input/output error"):
        open_published(settings)
    with pytest.raises(duckdb.IOException, match="Input/output error"):
        is_outdated(settings)
    assert settings.published_database.is_symlink()


def test_months_published_by_half_are_shown_by_no_new_database(settings: Settings) -> None:
    (settings.published / UNFINISHED.format("2026-05")).touch()
    settings.published_database.write_bytes(b"")
    with pytest.raises(DataNotFit, match=r"month 2026-05 was stopped .* must be run again"):
        open_published(settings)
    assert settings.published_database.read_bytes() == b""


def test_a_supplement_that_is_published_again_counts_for_nothing_until_it_is_whole(
    settings: Settings,
) -> None:
    run = Run(date(2026, 5, 1), datetime(2026, 6, 15), is_supplement=True)
    of_run = published_file(settings, "runs", run)
    of_run.parent.mkdir(parents=True, exist_ok=True)
    of_run.touch()
    with suppress(KeyboardInterrupt), in_one_piece(run, settings):
        raise KeyboardInterrupt
    assert not of_run.exists()


def test_a_supplement_published_by_half_keeps_no_reader_out(settings: Settings) -> None:
    (settings.published / UNFINISHED.format("2026-05@20260615T000000")).touch()
    settings.published_database.write_bytes(b"")
    open_published(settings).close()
    assert not is_outdated(settings)


def test_a_database_in_which_somebody_writes_is_not_taken_for_damaged(settings: Settings) -> None:
    with (
        tool_that_writes(settings.published_database) as process,
        pytest.raises(BadCall, match=rf"\(process {process}\), which may write in it"),
    ):
        open_published(settings)


def test_the_log_of_a_killed_tool_does_not_keep_the_next_publication_shut(
    settings: Settings,
) -> None:
    database = settings.published_database
    with tool_that_writes(database):
        pass
    left = database.with_name("reporting.duckdb.wal")
    assert left.is_file()

    build_database(settings)

    assert not left.exists()
    with open_published(settings) as connection:
        tables = connection.execute("select table_name from duckdb_tables()").fetchall()
    # what somebody keeps in it goes with the file
    assert ("notes",) not in tables
