"""Is the ledger whole? Every batch, frozen table, archived and sealed file (section 13.1)."""

from datetime import date
from pathlib import Path
from typing import Any

from reporting.core import atomic
from reporting.core.settings import Settings
from reporting.store.submission_ledger import batches, broken_batches, ledger_views
from reporting.submission.repair import ARCHIVE, RUNS


def newest_events(settings: Settings, count: int) -> list[tuple[Any, ...]]:
    """The newest events: batch, time, actor, event, month, file and records, oldest first."""
    with ledger_views(settings) as connection:
        return connection.execute(
            "select batch, strftime(\"at\", '%Y-%m-%d %H:%M:%S'), actor, event, "
            "strftime(report_month, '%Y-%m'), coalesce(file_name, built_name, reference), records "
            f"from marts.submission_events order by batch desc, position desc limit {count}"
        ).fetchall()[::-1]


def faults(settings: Settings) -> list[str]:
    """What is missing or changed, one line each, with its path; empty where all is whole."""
    found = [f"ledger batch {number} is missing or changed" for number in broken_batches(settings)]
    if found or not batches(settings):
        return found
    return _unlike(named_files(settings))


def lost_files(settings: Settings, since: date | None) -> list[str]:
    """What is missing or changed of the frozen tables and the archive, from a month on (None: all).

    The daily watch asks; the outbox is looked at by ``faults`` alone.
    """
    kept = named_files(settings, since)
    return _unlike([one for one in kept if not one[0].is_relative_to(settings.outbox)])


def _unlike(named: list[tuple[Path, str]]) -> list[str]:
    found = []
    for path, digest in named:
        if not path.is_file():
            found.append(f"file {path} is missing")
        elif atomic.sha256(path) != digest:
            found.append(f"file {path} was changed")
    return found


def named_files(settings: Settings, since: date | None = None) -> list[tuple[Path, str]]:
    """Every file that a release left for good, with the hash that the ledger holds of it."""
    of_months = f"and events.report_month >= date '{since}' " if since else ""
    with ledger_views(settings) as connection:
        rows = connection.execute(
            "select runs.label, reporter_code, file_name, reference, sha256, "
            "sealed_sha256, json_extract_string(details, '$.archive_sha256') "
            "from marts.submission_events as events inner join submission.run_states as runs "
            "on events.report_month = runs.report_month and events.as_of = runs.as_of "
            "where event = 'RELEASED' "
            f"and (file_name is not null or reference is not null) {of_months}"
            "order by batch, position"
        ).fetchall()
    found = []
    for label, reporter, name, reference, clear, sealed, archived in rows:
        if reference:
            found.append((settings.ledger / RUNS / label / f"{reference}.parquet", clear))
            continue
        if archived:  # else delivered by hand, and its clear file was gone
            found.append((settings.ledger / ARCHIVE / f"{name}.gpg", archived))
        if sealed:  # else delivered by hand
            found.append((settings.outbox / reporter / label / f"{Path(name).stem}.enc", sealed))
    return found
