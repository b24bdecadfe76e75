"""Nothing delivered is passed over: every file is read, or stops the run and the watch by name."""

import gzip
import os
import socket
from datetime import date
from pathlib import Path

import duckdb
import fsspec
import pytest
from support.small_landing import CSV_ROW, TRANSACTIONS_HEADER, SmallLanding

from reporting.core.errors import BrokenDelivery
from reporting.core.settings import Settings
from reporting.landing.land import land_feeds
from reporting.monitoring.watch import watch


@pytest.fixture
def lender(tmp_path: Path) -> SmallLanding:
    return SmallLanding(tmp_path)


def files_read(lender: SmallLanding) -> list[str]:
    """The files whose transactions are landed."""
    lender.land()
    found = lender.query("select _file from raw.transactions order by _file")
    return [file for (file,) in found]


def said_by_watch(lender: SmallLanding) -> str:
    """What the daily watch finds wrong with the structure of the transactions."""
    results = {one.check_id: one for one in watch(date(2026, 6, 2), lender.settings)}
    one = results["watch.transactions.structure"]
    return one.now if one.is_open else ""


def stops(lender: SmallLanding) -> str:
    """The line that stops the landing check; the watch says the same."""
    message = lender.fault(BrokenDelivery)
    assert said_by_watch(lender) == message
    return message


@pytest.mark.parametrize(
    "name",
    [
        *("_ingest_date=2026-05-31/part-0.parquet", "_2026-05/part-0.parquet", "_part-0.parquet"),
        *("a.PARQUET", "a.parq", "a.pq", "a.parquet.snappy", "a.parquet.gz", "a.zstd.parquet"),
        *("x.tmp/part-0.parquet", "_SUCCESS/part-0.parquet", "metadata/part-0.parquet"),
    ],
)
def test_a_file_is_read_whatever_its_folder_and_its_usual_suffix(
    lender: SmallLanding, name: str
) -> None:
    lender.path("transactions/transactions.parquet").unlink()
    lender.parquet("transactions", file=f"transactions/{name}")
    assert files_read(lender) == [f"transactions/{name}"]
    assert said_by_watch(lender) == ""


def test_only_what_writers_leave_is_passed_over(lender: SmallLanding) -> None:
    left = ["_SUCCESS", "_temporary/0/t.parquet", "_committed_1", "_started_1", "t.parquet.crc"]
    left += ["t.inprogress", "t.csv.tmp", ".t.parquet", ".crc/t.csv", "day=1/_temporary/t.csv"]
    for name in left:
        lender.path(f"transactions/{name}").write_bytes(b"half written")
    (lender.landing / "transactions" / ".gone").symlink_to("nowhere")
    assert files_read(lender) == ["transactions/transactions.parquet"]
    assert lender.land().warnings == ()
    assert said_by_watch(lender) == ""


@pytest.mark.parametrize(
    "name",
    [
        *("march.xlsx", "_metadata", "t.csv.bz2", "t.txt", "_temporary", "t.parquet.old"),
        *("committed_1", "tmp", "t.crc.bak", "day=1/notes.md", "metadata/v1.json"),
    ],
)
def test_any_other_file_stops_by_name(lender: SmallLanding, name: str) -> None:
    lender.path(f"transactions/{name}").write_bytes(b"PK")
    assert f"table transactions, file transactions/{name}: is neither" in stops(lender)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("_delta_log/00000000000000000000.json", "Delta"),
        ("part=1/_delta_log/00000000000000000000.json", "Delta"),
        ("metadata/v1.metadata.json", "Iceberg"),
    ],
)
def test_a_table_with_a_log_of_its_own_stops(lender: SmallLanding, name: str, kind: str) -> None:
    lender.path(f"transactions/{name}").write_text("{}")
    message = stops(lender)
    assert str(Path("transactions", name).parent) in message
    assert f"{kind} table, which has a log of its own" in message


def test_links_are_followed_and_each_folder_is_read_once(
    lender: SmallLanding, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    lender.parquet("transactions").rename(outside / "t.parquet")
    lender.parquet("transactions", file="transactions/day=1/t.parquet")
    folder = lender.landing / "transactions"
    (folder / "a_link").symlink_to(outside)
    (folder / "again").symlink_to(folder / "day=1")
    (folder / "day=1" / "loop").symlink_to(folder)
    (outside / "loop").symlink_to(outside)
    (folder / "z.parquet").symlink_to(outside / "t.parquet")
    assert files_read(lender) == [
        "transactions/a_link/t.parquet",
        "transactions/day=1/t.parquet",
        "transactions/z.parquet",
    ]
    assert said_by_watch(lender) == ""


def test_a_link_to_nothing_stops_by_name(lender: SmallLanding) -> None:
    folder = lender.landing / "transactions"
    (folder / "gone").symlink_to(folder / "nowhere")
    assert "file transactions/gone: is a link to nothing" in stops(lender)
    (folder / "gone").unlink()
    (folder / "self.parquet").symlink_to(folder / "self.parquet")
    assert "file transactions/self.parquet: is a link to nothing" in stops(lender)


def test_a_table_that_is_no_folder_stops_by_name(lender: SmallLanding) -> None:
    lender.path("disputes").symlink_to("nowhere")
    assert "table disputes: folder" in lender.fault(BrokenDelivery)
    lender.path("disputes").unlink()
    lender.path("disputes").write_text("x")
    assert "table disputes: folder" in lender.fault(BrokenDelivery)


def test_what_is_no_regular_file_stops_by_name_and_is_never_opened(
    lender: SmallLanding, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lender.landing / "transactions"
    os.mkfifo(folder / "pipe.parquet")
    assert "file transactions/pipe.parquet: is no file (a pipe" in stops(lender)
    (folder / "pipe.parquet").unlink()
    monkeypatch.chdir(folder)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s.csv")
        assert "file transactions/s.csv: is no file (a pipe" in stops(lender)


@pytest.mark.parametrize(
    ("name", "shown"), [(b"\xff.parquet", r"'transactions/\udcff.parquet'"), (b"a\nb.csv", r"a\nb")]
)
def test_a_name_that_no_message_can_show_stops_in_one_line(
    lender: SmallLanding, name: bytes, shown: str
) -> None:
    folder = os.fsencode(lender.landing / "transactions")
    Path(os.fsdecode(folder + b"/" + name)).write_bytes(b"x")
    message = stops(lender)
    assert "\n" not in message
    message.encode()
    assert shown in message


# Compressed CSV


def compressed(lender: SmallLanding, suffix: str, rows: list[str]) -> Path:
    """Deliver one CSV file beside the Parquet file, compressed as its suffix says."""
    path = lender.path(f"transactions/2026-05{suffix}")
    content = "\n".join([f"\ufeff{TRANSACTIONS_HEADER}", *rows])
    if suffix.lower().endswith(".gz"):
        path.write_bytes(gzip.compress(content.encode()))
        return path
    plain = lender.landing / "plain"
    plain.write_text(content, encoding="utf-8")
    lines = (
        f"read_csv('{plain}', header = false, delim = '\\0', quote = '',"
        " columns = {'line': 'varchar'})"
    )
    duckdb.sql(
        f"copy (from {lines}) to '{path}'"
        " (format csv, header false, quote '', escape '', delimiter '\\0', compression zstd)"
    )
    plain.unlink()
    return path


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zst", ".CSV.GZ", ".csv.ZST"])
def test_a_compressed_csv_is_read(lender: SmallLanding, suffix: str) -> None:
    rows = [CSV_ROW.format(7, "1.50"), CSV_ROW.format(8, "abc")]
    compressed(lender, suffix, rows)
    lender.csv("\n".join([TRANSACTIONS_HEADER, CSV_ROW.format(9, "2")]))
    report = lender.land()
    assert lender.query(
        "select transaction_id, amount::varchar, _unreadable_columns, _file from raw.transactions"
        " order by 1"
    ) == [
        ("T7", "1.50", None, f"transactions/2026-05{suffix}"),
        ("T8", None, "amount", f"transactions/2026-05{suffix}"),
        ("T9", "2.00", None, "transactions/t.csv"),
    ]
    assert len(report.warnings) == 1
    assert said_by_watch(lender) == ""


def test_a_compressed_csv_in_a_folder_of_hives_style_is_read(lender: SmallLanding) -> None:
    path = compressed(lender, ".csv.gz", [CSV_ROW.format(7, "1.50")])
    moved = path.rename(lender.path("transactions/day=2026-05-01/t.csv.gz"))
    assert moved.relative_to(lender.landing).as_posix() in files_read(lender)
    assert said_by_watch(lender) == ""


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zst"])
@pytest.mark.parametrize("content", [b"", b"no archive", "cut"])
def test_a_damaged_compressed_csv_is_named(
    lender: SmallLanding, suffix: str, content: bytes | str
) -> None:
    path = compressed(lender, suffix, [CSV_ROW.format(n, n) for n in range(2000)])
    path.write_bytes(content if isinstance(content, bytes) else path.read_bytes()[:-300])
    assert f"table transactions, file transactions/2026-05{suffix}" in stops(lender)


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zst"])
def test_a_compressed_csv_that_was_cut_off_is_named_where_its_rest_looks_whole(
    lender: SmallLanding, suffix: str
) -> None:
    path = compressed(lender, suffix, [CSV_ROW.format(n, f"{n}.50") for n in range(50_000)])
    path.write_bytes(path.read_bytes()[:-4])
    assert stops(lender) == (
        f"table transactions, file transactions/2026-05{suffix}: is cut off or damaged inside its "
        "compression; deliver it again"
    )


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zst"])
def test_a_compressed_csv_of_several_parts_is_read_whole(lender: SmallLanding, suffix: str) -> None:
    path = compressed(lender, suffix, [CSV_ROW.format(7, "1.50"), ""])
    first = path.read_bytes()
    more = compressed(lender, suffix, [CSV_ROW.format(8, "2.50")]).read_bytes()
    path.write_bytes(first + more)  # the header of the second part is a row
    lender.land()
    assert lender.query(
        "select count(*) from raw.transactions where transaction_id in ('T7', 'T8')"
    ) == [(2,)]


# Behind a URL


def test_behind_a_url_the_same_files_are_read(lender: SmallLanding) -> None:
    compressed(lender, ".csv.gz", [CSV_ROW.format(7, "1.50")])
    lender.parquet("transactions", file="transactions/_2026-05/_part.parquet")
    lender.path("transactions/_SUCCESS").write_bytes(b"")
    zone = fsspec.filesystem("memory")
    zone.put(str(lender.landing), "/walked/landing", recursive=True)
    settings = Settings(home=lender.settings.home, landing="memory://walked/landing")
    try:
        report = land_feeds(lender.run, settings)
        zone.pipe("/walked/landing/transactions/_delta_log/0.json", b"{}")
        with pytest.raises(BrokenDelivery, match="Delta table"):
            land_feeds(lender.run, settings)
    finally:
        zone.rm("/walked", recursive=True)
    assert next(
        tuple(table.contents) for table in report.tables if table.name == "transactions"
    ) == (
        "transactions/2026-05.csv.gz",
        "transactions/_2026-05/_part.parquet",
        "transactions/transactions.parquet",
    )
