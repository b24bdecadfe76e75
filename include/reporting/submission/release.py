"""Release an approved run: seal its files, commit, and deliver (life cycle, section 8)."""

import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reporting.core import atomic
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import private_folder
from reporting.store.submission_ledger import (
    FILE_MODE,
    Event,
    RunState,
    append,
    ledger_views,
)
from reporting.submission import envelope, keys, transport
from reporting.submission.approval import (
    RELEASED,
    built_state,
    known_state,
)
from reporting.submission.release_checks import (
    BuiltFile,
    changed,
    frozen_digests,
    frozen_source,
    refused_names,
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
    delivery fails.
    """
    with writing(settings):
        state = known_state(run, settings)
        if state is not None and state.state == RELEASED:
            delivered = deliver(settings, now)
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
        return deliver(settings, now)


def _commit(
    state: RunState,
    files: list[BuiltFile],
    tables: Mapping[str, str],
    settings: Settings,
    at: datetime,
) -> None:
    """Steps 1 to 5: prepare one folder aside, write the batch RELEASED, put the parts in place.

    ``tables``: the hashes of the published tables that are frozen with the run; none where files
    are sent again.
    """
    nonce, label = secrets.token_hex(8), state.run.label
    folder = settings.ledger / PARTIAL.format(nonce)
    private_folder(folder)
    events = []
    for file in files:
        sealed_name = f"{Path(file.file_name).stem}.enc"
        outbox = private_folder(folder / OUTBOX / file.reporter_code / label)
        archive = private_folder(folder / ARCHIVE)
        sealed = envelope.seal(
            file.path, outbox / sealed_name, archive / f"{file.file_name}.gpg", settings
        )
        if sealed.sha256 != file.sha256:
            atomic.delete(folder)
            raise changed(file.path)
        events.append(
            Event(
                event="RELEASED",
                report_month=state.report_month,
                as_of=state.as_of,
                run_id=state.run_id,
                reporter_code=file.reporter_code,
                file_name=file.file_name,
                built_name=file.built_name,
                sha256=sealed.sha256,
                bytes=sealed.size,
                records=file.records,
                sealed_sha256=sealed.sealed_sha256,
                sealed_bytes=sealed.sealed_size,
                details={
                    "archive_sha256": sealed.archive_sha256,
                    "keys": {
                        "lender": settings.lender_key,
                        "bureau": settings.bureau_key[:1],
                        "archive": list(settings.archive_key),
                    },
                },
            )
        )
    frozen = [_freeze(*one, state, folder, settings) for one in tables.items()]
    atomic.sync(folder)
    of_run = Event(
        event="RELEASED",
        report_month=state.report_month,
        as_of=state.as_of,
        run_id=state.run_id,
        sha256=state.files_digest,
        bytes=sum(file.size for file in files),
        records=sum(file.records for file in files),
        details={"nonce": nonce},
    )
    append(settings, at, [of_run, *events, *frozen])
    finish(folder, nonce, settings)


def _freeze(name: str, digest: str, state: RunState, folder: Path, settings: Settings) -> Event:
    """Copy a published table of the run for good, as its build wrote it (section 6)."""
    source = frozen_source(name, state, settings)
    target = folder / RUNS / state.run.label
    target.mkdir(parents=True, exist_ok=True)
    copy = shutil.copyfile(source, target / f"{name}.parquet")
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
    waiting = undelivered(settings)
    done = []
    for label, reporter, file_name, records, digest in waiting:
        sealed = settings.outbox / reporter / label / f"{Path(file_name).stem}.enc"
        delivered = transport.deliver(sealed, digest, settings)
        append(
            settings,
            now(),
            [
                Event(
                    event="DELIVERED",
                    reporter_code=reporter,
                    file_name=file_name,
                    details={
                        "channel": delivered.channel,
                        "remote_name": delivered.remote_name,
                    },
                )
            ],
        )
        done.append(Delivery(reporter, file_name, records, delivered.channel))
    rebuild_if_behind(settings)
    return done


def undelivered(settings: Settings) -> list[tuple[str, str, str, int, str]]:
    """The released files not delivered: label, institution, name, records, hash of the .enc."""
    with ledger_views(settings) as connection:
        rows = connection.execute(
            "select label, reporter_code, file_name, records, sealed_sha256 "
            "from submission.file_states where state = 'RELEASED' order by batch, reporter_code, "
            "array_position(['110', '220', '210'], substr(built_name, 23, 3)), "
            "file_name"
        ).fetchall()
    return [(label, reporter, name, records, sha) for label, reporter, name, records, sha in rows]
