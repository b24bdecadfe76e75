"""Whether the marts are what the replay says, field by field."""

from typing import Any
from zlib import crc32

from oracle.book import ExpectedMonth, expected
from oracle.raw_rows import RawBook

from properties.fast_build import FastBuild, Rows

PLACES = ("delivered", "good", "duplicates", "superseded", "after_cut_off", "quarantined")


def differences(wanted: Rows, found: Rows) -> dict[str, dict[str, tuple[Any, Any]]]:
    """By account: every column whose value is not the wanted one, as (wanted, found)."""
    wanted_rows = {row["account_id"]: row for row in wanted}
    found_rows = {row["account_id"]: row for row in found}
    assert len(found_rows) == len(found), "an account has two rows"
    different = {}
    for account_id in sorted(wanted_rows.keys() | found_rows.keys()):
        one, other = wanted_rows.get(account_id), found_rows.get(account_id)
        if one is None or other is None:
            different[account_id] = {"row": (one, other)}
            continue
        columns = {
            name: (value, other[name])
            for name, value in one.items()
            if str(value) != str(other[name])
        }
        if columns:
            different[account_id] = columns
    return different


def disagreements(build: FastBuild, book: RawBook) -> dict[str, Any]:
    """Where the marts of a book are not what the replay of the book says.

    Of about half of the accounts a record was sent before: only these may run off.
    """
    ids = {str(row["account_id"]) for row in book.tables["accounts"]}
    sent = {one for one in ids if crc32(one.encode()) % 2}
    wanted = expected(
        book.tables,
        build.policy,
        build.run.month,
        build.run.as_of,
        build.settings.notice_lead_days,
        sent,
    )
    return compare(wanted, build.marts(book, sent))


def compare(wanted: ExpectedMonth, marts: dict[str, Rows]) -> dict[str, Any]:
    """The differences of both marts by account, and of the feed counts by table."""
    found = {
        mart: differences(getattr(wanted, mart), marts[mart])
        for mart in ("repayment_status", "reportable_population")
    }
    places = {row["table_name"]: [row[place] for place in PLACES] for row in marts["feed_counts"]}
    found["feed_counts"] = {
        table: (want, places[table])
        for table, counts in wanted.staged.counts.items()
        if (want := [counts.get(place, 0) for place in PLACES]) != places[table]
    }
    return {mart: where for mart, where in found.items() if where}
