"""The published database can be opened, whatever a program left beside the one before it."""

import subprocess
import sys
from pathlib import Path

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


def test_the_log_of_a_killed_tool_does_not_keep_the_next_publication_shut(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.published.mkdir()
    database = build_database(settings)
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
