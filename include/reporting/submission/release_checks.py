"""The conditions of a release: nothing is written before all of them hold (section 8.2)."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reporting.core import atomic
from reporting.core.database import filled, in_memory, parquet_rows
from reporting.core.errors import BadCall, DataNotFit
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.records import recount
from reporting.store.month_order import chain, require_newest_month, require_published
from reporting.store.published import published_file, unfinished_months
from reporting.store.published_database import open_published
from reporting.store.submission_ledger import RunState, ledger_views, require_head, run_states
from reporting.submission import keys, transport
from reporting.submission.approval import DECLINED, RELEASED, require_fresh_up_to, require_valid
from reporting.submission.build import FROZEN, files_digest
from reporting.submission.repair import ARCHIVE

# A record of a run that was sent in a file before. A person is known by the identity. The subject
# is a column, so that records are joined by it and not only by their day.
RECORDS = (
    "(select *, case when record_type = '110' then identity_hash else subject_id end as subject "
    "from marts.submission_records)"
)
SENT_TWICE = f"""
select
    built.record_type,
    built.subject_id,
    built.report_date,
    sent.file_name
from {RECORDS} as built
inner join {RECORDS} as sent
    on built.record_type = sent.record_type
    and built.reporter_code = sent.reporter_code
    and built.report_date = sent.report_date
    and built.subject = sent.subject
where
    built.report_month = $month
    and built.as_of = $as_of
    and built.state = 'BUILT'
    and sent.state in ('RELEASED', 'ACCEPTED')
order by all
limit 1
"""

SUBJECTS = {"110": "customer", "210": "account", "220": "agreement"}
SERIAL = slice(26, 29)  # of a file name (bureau interface, 1.2)
LAST_SERIAL = 999


@dataclass(frozen=True)
class BuiltFile:
    """A clear file of a run that is about to be released."""

    reporter_code: str
    built_name: str
    file_name: str  # the name under which it is sent
    sha256: str | None  # None of a file of an older version that is gone
    size: int | None
    records: int
    path: Path


def require_releasable(state: RunState, settings: Settings, at: datetime) -> list[BuiltFile]:
    """The files of a run, if every condition of a release holds, in the order of section 8.2.

    Raises BadCall where the run may not be released now, DataNotFit where a file or the ledger is
    not what it was.
    """
    files = built_files(state, settings)
    _require_unchanged(state, files)
    for name, digest in frozen_digests(state, settings).items():
        source = frozen_source(name, state, settings)
        if not source.is_file() or atomic.sha256(source) != digest:
            raise changed(source)
    require_valid(state, settings, at)
    require_in_order(state.run, settings)
    require_fresh_up_to(state.run, settings)
    stored = published_file(settings, "reconciliation", state.run)
    with in_memory() as connection:  # as the run stored it; a month of an older version has none
        relation = parquet_rows(stored) if stored.is_file() else recount.STORED
        recount.require_closed(connection, state.run, relation)
    _require_not_sent(state.run, settings)
    keys.require_keys(settings)
    transport.require_transport(settings)
    require_head(settings)
    require_known_files(settings)
    return files


def require_none_released(settings: Settings) -> None:
    """Require that no month was released as usual: only before may one be entered by hand."""
    with ledger_views(settings) as connection:
        usual = connection.execute(
            "select min(report_month) from marts.submission_events where event = 'RELEASED' "
            "and built_name is null and reference is null "
            "and json_extract_string(details, '$.already_delivered') is null"
        ).fetchall()[0][0]
    if usual is not None:
        raise BadCall(
            f"{usual:%Y-%m} was released as usual; --already-delivered is for the months before "
            "the first usual release"
        )


def require_enterable(run: Run, settings: Settings) -> None:
    """Require that a month may be entered as already delivered (life cycle, section 13.5).

    It is built to its end, the months before it are released, and the keys of lender and archive
    work. What was sent was sent: it may be stale, and no approval is needed.
    """
    if run.label in unfinished_months(settings):
        raise BadCall(f"month {run.label} is not built to its end; run it again")
    require_in_order(run, settings)
    keys.require_keys(settings, (keys.LENDER, keys.ARCHIVE))
    require_head(settings)
    require_known_files(settings)


def built_files(state: RunState, settings: Settings) -> list[BuiltFile]:
    """The clear files of the run's newest build, with the names under which they are sent."""
    with ledger_views(settings) as connection:
        rows = connection.execute(
            filled(
                "select reporter_code, built_name, sha256, bytes, records "
                "from marts.submission_events where event = 'BUILT' and built_name is not null "
                "and batch = (select max(batch) from marts.submission_events where event = 'BUILT' "
                "and run_id = $run_id and report_month = $month and as_of = $as_of) order by all",
                run_id=state.run_id,
                month=state.report_month,
                as_of=state.as_of,
            )
        ).fetchall()
        used = {
            name
            for (name,) in connection.execute(
                "select distinct file_name from marts.submission_events "
                "where event = 'RELEASED' and file_name is not null"
            ).fetchall()
        }
    files = []
    for reporter, name, digest, size, records in rows:
        sent_as = free_name(name, used)
        used.add(sent_as)
        path = settings.submissions / reporter / state.run.label / name
        files.append(BuiltFile(reporter, name, sent_as, digest, size, records, path))
    return files


def refused_names(state: RunState, settings: Settings) -> dict[tuple[str, str], str]:
    """The files of a released run that the bureau refused whole: name as built -> name as sent."""
    with ledger_views(settings) as connection:
        rows = connection.execute(
            filled(
                "select reporter_code, built_name, file_name from submission.file_states "
                "where state = 'REFUSED' and report_month = $month and as_of = $as_of order by all",
                month=state.report_month,
                as_of=state.as_of,
            )
        ).fetchall()
    return {(reporter, built): sent for reporter, built, sent in rows}


def require_sendable_again(
    state: RunState, refused: dict[tuple[str, str], str], settings: Settings
) -> list[BuiltFile]:
    """The refused files of a released run, if their bytes may be sent again (section 9).

    Needs no approval, since the bytes are those that were approved. Raises BadCall where another
    run was released since, which took their records over, or where their bytes are not there.
    """
    names = ", ".join(sorted(refused.values()))
    newest = [one for one in run_states(settings) if one.state == RELEASED][-1]
    if newest.run != state.run:
        raise BadCall(
            f"{state.label}: {names} was refused and its records were sent with "
            f"{newest.label}, or wait for the next run; nothing to release"
        )
    files = [
        one
        for one in built_files(state, settings)
        if (one.reporter_code, one.built_name) in refused
    ]
    for file in files:
        if not file.path.is_file():
            raise BadCall(
                f"{state.label}: {names} was refused; to send the same bytes again, give "
                f"`reporting run {state.run.options}` first, which builds them again; if the "
                "content was at fault, run the next month or a supplement"
            )
        if atomic.sha256(file.path) != file.sha256:
            raise changed(file.path)
    keys.require_keys(settings)
    transport.require_transport(settings)
    require_head(settings)
    require_known_files(settings)
    return files


def free_name(built_name: str, used: set[str]) -> str:
    """The name to send a file under: as built, or with the next serial that was never sent."""
    if built_name not in used:
        return built_name
    start = built_name[: SERIAL.start]
    serial = 1 + max(int(name[SERIAL]) for name in used if name.startswith(start))
    if serial > LAST_SERIAL:
        raise DataNotFit(
            f"file {built_name}: no serial number of its day is left; send it tomorrow"
        )
    return f"{start}{serial:03d}{built_name[SERIAL.stop :]}"


def _require_unchanged(state: RunState, files: list[BuiltFile]) -> None:
    there = atomic.sha256_of(file.path for file in files if file.path.is_file())
    for file in files:
        if file.path not in there or there[file.path] != file.sha256:
            raise changed(file.path)
    digest = files_digest((one.reporter_code, one.built_name, one.sha256) for one in files)
    if digest != state.files_digest:
        raise DataNotFit(
            f"the files of {state.run.label} are not those that were built; run the month again"
        )


def require_in_order(run: Run, settings: Settings) -> None:
    """Require that all earlier own runs are released, and that the cut-off does not go back."""
    states = {one.run: one for one in run_states(settings)}
    before = chain(run, settings)
    require_published(run, before, settings)
    for built in before:
        earlier = states.get(built.run)
        if earlier is not None and earlier.state == RELEASED:
            continue
        if earlier is not None and earlier.state == DECLINED:
            raise BadCall(
                f"{built.month:%Y-%m} was declined by {earlier.decided_by} ({earlier.reason}); "
                "run it again"
            )
        raise BadCall(
            f"{built.month:%Y-%m} is built and not released; release it first, or begin a new home"
        )
    released = [one for one in states.values() if one.state == RELEASED]
    require_newest_month(run, released)
    last = max((one.as_of for one in released), default=run.as_of)
    if run.as_of < last:
        raise BadCall(
            f"the cut-off of {run.label}, {run.as_of.isoformat()}, lies before {last.isoformat()}, "
            "at which a run was released; run the month again with that cut-off or a later one"
        )


def _require_not_sent(run: Run, settings: Settings) -> None:
    """Require that no record of the run is sent already (section 3.3)."""
    with open_published(settings) as connection:
        twice = connection.execute(filled(SENT_TWICE, month=run.month, as_of=run.as_of)).fetchall()
    for kind, subject, day, file in twice:
        raise DataNotFit(
            f"{kind} of {SUBJECTS[kind]} {subject} about {day} is sent already (file {file}); "
            "run the month again, and report this fault"
        )


def require_known_files(settings: Settings) -> None:
    """Require that the ledger knows every file in outbox and archive; else it has lost batches."""
    with ledger_views(settings) as connection:
        known = {
            Path(name).stem
            for (name,) in connection.execute(
                "select file_name from marts.submission_events where event = 'RELEASED' "
                "and file_name is not null"
            ).fetchall()
        }
    for folder, suffix in ((settings.outbox, ".enc"), (settings.ledger / ARCHIVE, ".txt.gpg")):
        for path in sorted(folder.rglob(f"*{suffix}")):
            if path.name.removesuffix(suffix) not in known:
                raise DataNotFit(
                    f"{folder.name} holds a file that the ledger does not know: {path.name}; "
                    "restore the ledger (docs/runbook.md)"
                )


def frozen_digests(state: RunState, settings: Settings) -> dict[str, str]:
    """The hashes of the tables that are frozen with a run, as its build wrote them (section 6)."""
    with ledger_views(settings) as connection:
        (details,) = connection.execute(
            filled(
                "select max_by(details, batch) from marts.submission_events "
                "where event = 'BUILT' and built_name is null and run_id = $run_id "
                "and report_month = $month and as_of = $as_of",
                run_id=state.run_id,
                month=state.report_month,
                as_of=state.as_of,
            )
        ).fetchall()[0]
    return dict(json.loads(details)["tables"])


def frozen_source(name: str, state: RunState, settings: Settings) -> Path:
    """The published file that a frozen table is a copy of."""
    return published_file(settings, FROZEN[name], state.run)


def changed(path: Path) -> DataNotFit:
    """The error of a file that is not what was built."""
    return DataNotFit(f"file {path} was changed since it was built; run the month again")
