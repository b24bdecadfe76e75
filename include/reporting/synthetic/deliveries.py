"""Faulty deliveries: functions that spoil the files of a book, by name.

Each function takes the folder of one feed as it was delivered and leaves it spoilt. The classes of
``defects.yml`` with the effect ``file`` name one of them.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb

from reporting.core.database import literal


def _file(feed: Path) -> Path:
    return feed / f"{feed.name}.parquet"


def _rewrite(feed: Path, query: str, name: str | None = None, options: str = "") -> Path:
    """Replace the feed's file by the rows of a query over it (``{file}``); returns the new file."""
    old = _file(feed)
    new = feed / (name or f".{old.name}")
    with duckdb.connect() as engine:
        engine.execute(f"copy ({query.format(file=literal(old))}) to {literal(new)} {options}")
    if name is None:
        new.replace(old)
        return old
    old.unlink()
    return new


def _truncated(feed: Path) -> None:
    content = _file(feed).read_bytes()
    _file(feed).write_bytes(content[: len(content) // 2])


def _empty(feed: Path) -> None:
    _file(feed).write_bytes(b"")


def _garbage(feed: Path) -> None:
    _file(feed).write_text("the export job failed\n", encoding="utf-8")


def _not_delivered(feed: Path) -> None:
    shutil.rmtree(feed)


def _without_rows(feed: Path) -> None:
    for path in feed.glob("*.parquet"):
        if path != _file(feed):
            path.unlink()
    _rewrite(feed, "from {file} limit 0")


def _column_missing(feed: Path) -> None:
    _rewrite(feed, "select * exclude (amount) from {file}")


def _column_renamed(feed: Path) -> None:
    _rewrite(feed, "select * rename (amount as amt) from {file}")


def _column_added(feed: Path) -> None:
    _rewrite(feed, "select *, 'x' as loyalty_points from {file}")


def _column_of_other_type(feed: Path) -> None:
    _rewrite(feed, "select * replace ('many' as amount) from {file}")


def _other_feed(feed: Path) -> None:
    shutil.copy(feed.parent / "bills" / "bills.parquet", _file(feed))


def _in_another_encoding(feed: Path) -> None:
    path = _rewrite(feed, "from {file}", f"{feed.name}.csv", "(header)")
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))


def _csv_without_header(feed: Path) -> None:
    _rewrite(feed, "from {file}", f"{feed.name}.csv", "(header false)")


def _csv_with_semicolons(feed: Path) -> None:
    _rewrite(feed, "from {file}", f"{feed.name}.csv", "(header, delimiter ';')")


def _as_csv(feed: Path) -> None:
    _rewrite(feed, "from {file}", f"{feed.name}.csv", "(header)")


def _reordered(feed: Path) -> None:
    _rewrite(feed, "from {file} order by hash(columns(*))", None)


def _in_two_files(feed: Path) -> None:
    shutil.copy(_file(feed), feed / "part.parquet")
    _rewrite(feed, "from {file} where hash(transaction_id) % 2 = 0")
    whole = feed / "part.parquet"
    rest = f"from {literal(whole)} where hash(transaction_id) % 2 = 1"
    with duckdb.connect() as engine:
        engine.execute(f"copy ({rest}) to {literal(feed / 'other.parquet')}")
    whole.unlink()


def _file_twice(feed: Path) -> None:
    shutil.copy(_file(feed), feed / "again.parquet")


def _in_other_folders(feed: Path) -> None:
    folder = feed / "account_id=WRONG" / "year=1999"
    folder.mkdir(parents=True)
    _file(feed).rename(folder / _file(feed).name)


def _product_unknown(feed: Path) -> None:
    _rewrite(
        feed,
        "select * replace (case when product_code = 'BAITIAO' then 'MYSTERY' else product_code end"
        " as product_code) from {file}",
    )


SPOILERS: dict[str, Callable[[Path], None]] = {
    "truncated": _truncated,
    "empty": _empty,
    "garbage": _garbage,
    "not_delivered": _not_delivered,
    "without_rows": _without_rows,
    "column_missing": _column_missing,
    "column_renamed": _column_renamed,
    "column_added": _column_added,
    "column_of_other_type": _column_of_other_type,
    "other_feed": _other_feed,
    "in_another_encoding": _in_another_encoding,
    "csv_without_header": _csv_without_header,
    "csv_with_semicolons": _csv_with_semicolons,
    "as_csv": _as_csv,
    "reordered": _reordered,
    "in_two_files": _in_two_files,
    "file_twice": _file_twice,
    "in_other_folders": _in_other_folders,
    "product_unknown": _product_unknown,
}
