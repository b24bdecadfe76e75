"""The published database can be opened, whatever a program left beside the one before it."""

import subprocess
import sys
from pathlib import Path

import pytest

from reporting.core.errors import DataNotFit
from reporting.core.settings import Settings
from reporting.store.published_database import build_database, open_published

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


@pytest.mark.parametrize("place", [0, 4096, 200_000])
def test_a_damaged_database_is_written_again_by_who_reads_it(
    settings: Settings, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    with settings.published_database.open("r+b") as file:
        file.seek(place)
        file.write(b"damaged " * 1000)
    with open_published(settings) as connection:
        assert connection.execute("select count(*) > 10 from marts.data_dictionary").fetchall() == [
            (True,)
        ]
    assert caplog.messages == [f"{settings.published_database} is damaged and is written again"]
    open_published(settings).close()
    assert len(caplog.messages) == 1


def test_a_database_in_which_somebody_writes_is_not_taken_for_damaged(settings: Settings) -> None:
    tool = subprocess.Popen(
        [sys.executable, "-c", A_TOOL, str(settings.published_database)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert tool.stdout is not None
    assert tool.stdout.readline() == "written\n"
    with pytest.raises(DataNotFit, match="is opened by another program"):
        open_published(settings)
    tool.kill()
    tool.wait()


def test_the_log_of_a_killed_tool_does_not_keep_the_next_publication_shut(
    settings: Settings,
) -> None:
    database = settings.published_database
    tool = subprocess.Popen(
        [sys.executable, "-c", A_TOOL, str(database)], stdout=subprocess.PIPE, text=True
    )
    assert tool.stdout is not None
    assert tool.stdout.readline() == "written\n"
    tool.kill()
    tool.wait()
    left = database.with_name("reporting.duckdb.wal")
    assert left.is_file()

    build_database(settings)

    assert not left.exists()
    with open_published(settings) as connection:
        tables = connection.execute("select table_name from duckdb_tables()").fetchall()
    # what somebody keeps in it goes with the file
    assert ("notes",) not in tables
