"""Release an approved run: seal its files, commit, and deliver (life cycle, section 8)."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from reporting.alerts.alert import Alert
from reporting.alerts.send import send_alert
from reporting.core import atomic
from reporting.core.errors import BadCall, DataNotFit, MachineFault, ReportingError
from reporting.core.run import Run
from reporting.core.safe_text import of_error, require_impersonal
from reporting.core.settings import Settings
from reporting.core.workspace import private_folder
from reporting.records.hash_key import hash_key
from reporting.records.sent_values import fill_values, require_same_records
from reporting.store.published import built_months, key_checks, published_file
from reporting.store.submission_ledger import (
    FILE_MODE,
    Event,
    RunState,
    append,
    batches,
    ledger_views,
)
from reporting.submission import envelope, keys, transport
from reporting.submission.approval import (
    RELEASED,
    built_state,
    known_state,
)
from reporting.submission.build import FROZEN, JOURNAL, delivered_files, record_unknown_build
from reporting.submission.release_checks import (
    BuiltFile,
    built_files,
    changed,
    frozen_digests,
    frozen_source,
    refused_names,
    require_enterable,
    require_none_released,
    require_releasable,
    require_sendable_again,
)
from reporting.submission.repair import (
    ARCHIVE,
    OUTBOX,
    PARTIAL,
    RUNS,
    finish,
    rebuild_if_behind,
    writing,
)

SEALED_AT_ONCE = 2  # files: one is compressed while GnuPG ends another
BY_HAND = "by hand"  # channel of files that were delivered before the ledger knew them


@dataclass(frozen=True)
class Delivery:
    """A released file, and whether the bureau has it."""

    reporter_code: str
    file_name: str
    records: int
    channel: str


def release(run: Run, settings: Settings, now: Callable[[], datetime]) -> list[Delivery]:
    """Release a run and deliver its files; of a released run, do what is not done yet.

    That is to send refused files again, whose bytes a reproduction left in place, and to deliver
    what waits. Nothing is written before every condition of section 8.2 holds. Raises BadCall where
    the run may not be released, DataNotFit where a file or the ledger is not what it was, or a
    delivery fails; once the run is released, the line says so.
    """
    with _once_released(run, settings), writing(settings):
        state = known_state(run, settings)
        if state is not None and state.state == RELEASED:
            delivered = _deliver_released(run, settings, now)
            refused = refused_names(state, settings)
            if delivered or not refused:
                return delivered
            files, tables = require_sendable_again(state, refused, settings), {}
        else:
            state = built_state(run, settings)
            with keys.keyring(settings):  # one agent for all checks: it has the passphrase
                files = require_releasable(state, settings, now())
            tables = frozen_digests(state, settings)
        with keys.keyring(settings):
            _commit(state, files, tables, settings, now())
        return _deliver_released(run, settings, now)


def enter_delivered(
    run: Run, reason: str, settings: Settings, now: Callable[[], datetime]
) -> list[Delivery]:
    """Enter a month whose files were carried by hand as released and delivered (section 13.5).

    Nothing leaves, so it needs one person. Raises BadCall where the month may not be entered, or
    without a reason; DataNotFit where a file is not what was built.
    """
    if not reason.strip():
        raise BadCall(f"month {run.label}: say how its files were delivered (--reason)")
    require_impersonal("--reason", reason)
    with _once_released(run, settings), writing(settings):
        require_none_released(settings)
        state = known_state(run, settings)
        if state is None or state.state != RELEASED:
            with keys.keyring(settings):
                require_enterable(run, settings)
                state = _known_or_entered(run, settings, now())
                files = built_files(state, settings)
                _require_as_built(files)
                tables = frozen_digests(state, settings)
                _commit(state, files, tables, settings, now(), reason)
        return _deliver_released(run, settings, now)


def _known_or_entered(run: Run, settings: Settings, at: datetime) -> RunState:
    """The state of a build; the batch BUILT of one of an older version is written first."""
    built = next(one for one in built_months(settings) if one.run == run)
    state = known_state(run, settings)
    if state is None or state.run_id != built.run_id:
        files = delivered_files(run, settings)
        folders = {one.name: settings.submissions / one.reporter_code / run.label for one in files}
        clear = {name: folder / name for name, folder in folders.items()}
        there = {name: path for name, path in clear.items() if path.is_file()}
        journal = published_file(settings, FROZEN[JOURNAL], run)
        require_same_records(journal, there, hash_key(settings, key_checks(settings)))
        record_unknown_build(built, files, settings, at)
    return built_state(run, settings)


def _require_as_built(files: list[BuiltFile]) -> None:
    for file in files:
        if file.path.is_file() and atomic.sha256(file.path) != file.sha256:
            raise DataNotFit(
                f"file {file.path} was changed since it was built; restore it from a backup"
            )


def _commit(
    state: RunState,
    files: list[BuiltFile],
    tables: Mapping[str, str],
    settings: Settings,
    at: datetime,
    by_hand: str | None = None,
) -> None:
    """Steps 1 to 5: prepare one folder aside, write the batch RELEASED, put the parts in place.

    ``tables``: the hashes of the published tables that are frozen with the run; none where files
    are sent again. ``by_hand``: the reason of a run that was delivered already. Of it nothing goes
    to the outbox, and a clear file that is gone leaves no copy.
    """
    nonce = secrets.token_hex(8)
    folder = settings.ledger / PARTIAL.format(nonce)
    private_folder(folder)
    try:
        with ThreadPoolExecutor(SEALED_AT_ONCE) as pool:
            events = [
                *pool.map(
                    lambda file: _released(file, state, folder, settings, by_hand is not None),
                    files,
                )
            ]
        frozen = [_freeze(*one, state, folder, settings) for one in tables.items()]
        if by_hand is not None:
            frozen = [_with_values(one, files, state, folder, settings) for one in frozen]
        atomic.sync(folder)
    except BaseException:  # from the batch on, the folder is finished and not removed
        atomic.delete(folder)
        raise
    entered = {} if by_hand is None else {"already_delivered": True, "reason": by_hand}
    of_run = Event(
        event="RELEASED",
        report_month=state.report_month,
        as_of=state.as_of,
        run_id=state.run_id,
        sha256=state.files_digest,
        bytes=sum(file.size or 0 for file in files),
        records=sum(file.records for file in files),
        details={"nonce": nonce} | entered,
    )
    append(settings, at, [of_run, *events, *frozen])
    finish(folder, nonce, settings)


@contextmanager
def _once_released(run: Run, settings: Settings) -> Iterator[None]:
    """Say of an error after the commit that the release stands, and how it is ended."""
    known = len(batches(settings))
    try:
        yield
    except (ReportingError, OSError, duckdb.Error) as error:
        is_refused = isinstance(error, BadCall) and len(batches(settings)) == known
        if is_refused or not _is_released(run, settings):
            raise
        words = f"{run.label} is released, but not done: {of_error(error)}"
        if isinstance(error, ReportingError):
            raise type(error)(words) from error
        raise MachineFault(f"{words}; see to it and give the same command again") from error


def _is_released(run: Run, settings: Settings) -> bool:
    try:
        state = known_state(run, settings)
    except (ReportingError, OSError, duckdb.Error):
        return False
    return state is not None and state.state == RELEASED


def _deliver_released(run: Run, settings: Settings, now: Callable[[], datetime]) -> list[Delivery]:
    """Deliver what waits, now that the run is released, and resolve the alerts of its release."""
    delivered = deliver(settings, now)
    send_alert(Alert.released(run, settings), settings)
    return delivered


def _released(
    file: BuiltFile, state: RunState, folder: Path, settings: Settings, is_by_hand: bool
) -> Event:
    """Seal a clear file into the folder of the release; the event that says it is released."""
    event = Event(
        event="RELEASED",
        report_month=state.report_month,
        as_of=state.as_of,
        run_id=state.run_id,
        reporter_code=file.reporter_code,
        file_name=file.file_name,
        built_name=file.built_name,
        sha256=file.sha256,
        bytes=file.size,
        records=file.records,
    )
    if is_by_hand and not file.path.is_file():
        return event
    outbox = private_folder(folder / OUTBOX / file.reporter_code / state.run.label)
    archive = private_folder(folder / ARCHIVE)
    for_bureau = None if is_by_hand else outbox / f"{Path(file.file_name).stem}.enc"
    sealed = envelope.seal(file.path, for_bureau, archive / f"{file.file_name}.gpg", settings)
    if sealed.sha256 != file.sha256:
        raise changed(file.path)
    used: dict[str, object] = {"lender": settings.lender_key, "archive": list(settings.archive_key)}
    if not is_by_hand:
        used["bureau"] = settings.bureau_key[:1]
    return replace(
        event,
        sealed_sha256=sealed.sealed_sha256,
        sealed_bytes=sealed.sealed_size,
        details={"archive_sha256": sealed.archive_sha256, "keys": used},
    )


def _with_values(
    event: Event, files: list[BuiltFile], state: RunState, folder: Path, settings: Settings
) -> Event:
    """The frozen journal of an older version with the values that its clear files hold."""
    if event.reference != JOURNAL:
        return event
    frozen = folder / RUNS / state.run.label / f"{JOURNAL}.parquet"
    clear = {file.built_name: file.path for file in files if file.path.is_file()}
    key = hash_key(settings, key_checks(settings))
    with atomic.replaced(frozen) as aside:
        fill_values(frozen, clear, key, aside)
        aside.chmod(FILE_MODE)
    return replace(event, sha256=atomic.sha256(frozen), bytes=frozen.stat().st_size)


def _freeze(name: str, digest: str, state: RunState, folder: Path, settings: Settings) -> Event:
    """Copy a published table of the run for good, as its build wrote it (section 6)."""
    source = frozen_source(name, state, settings)
    copy = folder / RUNS / state.run.label / f"{name}.parquet"
    copy.parent.mkdir(parents=True, exist_ok=True)
    # with its time, by which the published database sees that it shows this very table
    atomic.copy(source, copy)
    copy.chmod(FILE_MODE)
    if atomic.sha256(copy) != digest:
        raise changed(source)
    return Event(
        event="RELEASED",
        report_month=state.report_month,
        as_of=state.as_of,
        run_id=state.run_id,
        reference=name,
        sha256=digest,
        bytes=copy.stat().st_size,
    )


def deliver(settings: Settings, now: Callable[[], datetime]) -> list[Delivery]:
    """Deliver every released file that is not delivered, in the order of release (section 8.4)."""
    done = []
    for one in undelivered(settings):
        delivered = transport.Delivered(BY_HAND, "") if one.is_by_hand else _sent(one, settings)
        details = {"channel": delivered.channel, "remote_name": delivered.remote_name}
        append(
            settings,
            now(),
            [
                Event(
                    event="DELIVERED",
                    reporter_code=one.reporter_code,
                    file_name=one.file_name,
                    details=details,
                )
            ],
        )
        done.append(Delivery(one.reporter_code, one.file_name, one.records, delivered.channel))
    rebuild_if_behind(settings)
    return done


def _sent(file: "Waiting", settings: Settings) -> transport.Delivered:
    folder = settings.outbox / file.reporter_code / file.label
    sealed = folder / f"{Path(file.file_name).stem}.enc"
    return transport.deliver(sealed, file.sealed_sha256, settings)


@dataclass(frozen=True)
class Waiting:
    """A released file that is not delivered: its run, its envelope, and who carried it."""

    label: str
    reporter_code: str
    file_name: str
    records: int
    sealed_sha256: str
    is_by_hand: bool


def undelivered(settings: Settings) -> list[Waiting]:
    """The released files that are not delivered, in the order in which they are delivered."""
    with ledger_views(settings) as connection:
        rows = connection.execute(
            "select label, reporter_code, file_name, records, "
            "sealed_sha256, batch in (select batch from marts.submission_events "
            "where json_extract_string(details, '$.already_delivered') is not null) "
            "from submission.file_states where state = 'RELEASED' order by batch, "
            "reporter_code, array_position(['110', '220', '210'], substr(built_name, 23, 3)), "
            "file_name"
        ).fetchall()
    return [Waiting(*row) for row in rows]
