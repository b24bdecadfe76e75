"""The bureau's answers: which files it has judged, and which records it rejects (section 9).

An answer is read whole or not at all. It is complete: every record of its file that it does not
list is accepted. Decrypted content exists in memory alone.
"""

import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from reporting.core import atomic
from reporting.core.database import filled, in_memory, literal, parquet_rows
from reporting.core.errors import BadCall, DataNotFit
from reporting.core.run import Run
from reporting.core.safe_text import require_impersonal
from reporting.core.settings import Settings
from reporting.core.workspace import private_folder
from reporting.records.hash_key import hash_key
from reporting.store.published import journal_file, key_checks
from reporting.store.published_database import build_database, open_published
from reporting.store.submission_ledger import Event, append, ledger_views
from reporting.submission import envelope, transport
from reporting.submission.repair import SET_ASIDE, alert, writing

# Folders of the inbox beside SET_ASIDE. A person moves an answer that was set aside to `settled`
# once it is dealt with.
NEW, READ, SETTLED = "new", "read", "settled"
SUFFIX = ".enc"
FLAG = 29  # the place in a file name that is 1 in an answer (bureau interface, 1.2)
CREATED_ON = slice(14, 22)  # of a file name: the day of the cut-off
HEADER = re.compile(
    r"A050(?P<kind>\d{3}).{7}(?P<reporter>.{14})(?P<created_on>\d{8})\d{6}0(?P<messages>\d{7})"
)
CODE = "[A-Z0-9]{6}"
LINE = re.compile(
    rf"(?P<code>{CODE})反馈消息：(?P<tag>[^：]*)消息内容：(?P<text>.*?)原出错记录：(?P<record>.*)"  # noqa: RUF001
)
OF_A_FILE = ("ABF", "ABN", "ABH")  # families of codes that refuse a file whole


class NotAnAnswer(DataNotFit):
    """A file of the inbox that counts for nothing: it is set aside for a person to look at."""


@dataclass(frozen=True)
class Sent:
    """A released file, as an answer is compared with it."""

    reporter_code: str
    built_name: str
    file_name: str
    run: Run
    records: int
    state: str
    answered_by: str  # who stated the answer, or the name of the bureau's; empty without one
    answered_on: date | None
    is_by_hand: bool
    sent_again_as: str | None  # under this name, after it was refused whole


@dataclass(frozen=True)
class Outcome:
    """What one answer said."""

    name: str
    words: str
    rejected: int = 0
    is_refused: bool = False
    codes: tuple[str, ...] = ()  # one of each message


@dataclass
class Read:
    """The outcomes of a call, and the files that count for nothing, each with its reason."""

    outcomes: list[Outcome] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def read_answers(paths: Sequence[Path], settings: Settings, now: Callable[[], datetime]) -> Read:
    """Read the answers in some files; without any, fetch and read what is new.

    A file that was read before changes nothing. One that is no answer to a file of ours is moved to
    ``inbox/refused`` and listed in the result's ``faults``; the others are read all the same.
    Raises BadCall where a file that is named is not there.
    """
    if missing := [path for path in paths if not path.is_file()]:
        raise BadCall(f"feedback {missing[0]}: there is no such file; name an answer of the bureau")
    done, reasons = Read(), {}
    with writing(settings):
        inbox = private_folder(settings.inbox)
        if not paths:
            transport.fetch(settings, lambda name, size: _was_read(name, size, settings))
            fetched = sorted(private_folder(inbox / NEW).glob(f"*{SUFFIX}"))
            paths = [path for path in fetched if not _was_set_aside(path, settings)]
        for path in paths:
            try:
                done.outcomes.append(_read(path, settings, now))
                _move(path, inbox / READ)
            except (NotAnAnswer, envelope.NotGenuine) as fault:
                reasons[path.name] = str(fault)
                is_named = isinstance(fault, envelope.NotGenuine)
                done.faults.append(str(fault) if is_named else f"feedback {path.name}: {fault}")
                _move(path, inbox / SET_ASIDE)
        if settings.published_database.is_file() and done.outcomes:
            build_database(settings)
        alert(settings, reasons)
    return done


def answer_by_hand(
    file_name: str,
    code: str | None,
    reason: str,
    settings: Settings,
    now: Callable[[], datetime],
) -> Outcome:
    """Record what the bureau said in another way: it accepts a file, or refuses it with a code.

    Raises BadCall where the file was never released, is answered already, or the reason is missing.
    """
    if not reason.strip():
        raise BadCall(f"file {file_name}: say how the bureau answered (--reason)")
    require_impersonal("--reason", reason)
    if code is not None and not (re.fullmatch(CODE, code) and code.startswith(OF_A_FILE)):
        raise BadCall(
            f"code {code!r} refuses no whole file; such a code has six capital letters and digits, "
            f"and begins with {', '.join(OF_A_FILE)}"
        )
    with writing(settings):
        sent = _sent(file_name, settings)
        if sent is None:
            raise BadCall(f"file {file_name} was never released")
        if sent.state in ("ANSWERED", "REFUSED"):
            raise BadCall(f"file {file_name} is answered already; see reporting ledger")
        append(
            settings,
            now(),
            [_verdict(sent, code, 0, "", "", {"by_hand": True, "reason": reason})],
        )
        if settings.published_database.is_file():
            build_database(settings)
    return _outcome(sent, code, 0)


def _read(path: Path, settings: Settings, now: Callable[[], datetime]) -> Outcome:
    digest = atomic.sha256(path)
    with ledger_views(settings) as connection:
        known = connection.execute(
            "select distinct reference from marts.submission_events "
            f"where event in ('ANSWERED', 'REFUSED') and sha256 = {literal(digest)}"
        ).fetchall()
    if known:
        ((name,),) = known
        if name != path.name:
            raise NotAnAnswer(f"has the bytes of {name}, which was read before")
        return Outcome(path.name, "was read before; nothing changes")
    answered = _answered_name(path.name)
    messages = _messages(envelope.open_answer(path, settings), answered)
    sent = _sent(answered, settings)
    if sent is None:
        raise NotAnAnswer("answers a file that was never released")
    _require_open(sent, settings)
    of_file = [one["code"] for one in messages if one["code"].startswith(OF_A_FILE)]
    if of_file and (len(of_file) < len(messages) or any(one["record"] for one in messages)):
        raise NotAnAnswer("refuses the file and lists records")
    if of_file:
        append(settings, now(), [_verdict(sent, of_file[0], 0, path.name, digest, {})])
        return _outcome(sent, of_file[0], 0)
    ids = _record_ids(sent, [one["record"] for one in messages], settings)
    rejected = [
        Event(
            event="REJECTED",
            reporter_code=sent.reporter_code,
            file_name=sent.file_name,
            record_id=record_id,
            code=one["code"],
            details={"tag": one["tag"]},
        )
        for record_id, one in zip(ids, messages, strict=True)
    ]
    count = len(set(ids))
    append(settings, now(), [_verdict(sent, None, count, path.name, digest, {}), *rejected])
    return replace(_outcome(sent, None, count), codes=tuple(one["code"] for one in messages))


def _verdict(
    sent: Sent, code: str | None, rejected: int, name: str, digest: str, details: dict[str, object]
) -> Event:
    return Event(
        event="REFUSED" if code else "ANSWERED",
        reporter_code=sent.reporter_code,
        file_name=sent.file_name,
        built_name=None,
        code=code,
        reference=name or None,
        sha256=digest or None,
        records=rejected,
        details=details,
    )


def _outcome(sent: Sent, code: str | None, rejected: int) -> Outcome:
    if code:
        return Outcome(sent.file_name, f"refused whole ({code})", sent.records, True, (code,))
    words = f"{sent.records - rejected:,} accepted, {rejected:,} rejected"
    return Outcome(sent.file_name, words, rejected)


def _messages(content: bytes, answered: str) -> list[dict[str, str]]:
    """The message lines of an answer; NotAnAnswer if header, count or a line is not right.

    The header names the record type and the institution of the file that is answered, and a time
    of creation: that of the answered file or of the answer, so never before the day in the name.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise NotAnAnswer("is not UTF-8") from None
    # not splitlines(), which would also cut at a line separator (U+2028) in a quoted record
    header, *lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    head = HEADER.fullmatch(header)
    if head is None:
        raise NotAnAnswer("has no header of an answer")
    if (head["kind"], head["reporter"]) != (answered[22:25], answered[:14]):
        raise NotAnAnswer("has the header of an answer to another file")
    if head["created_on"] < answered[CREATED_ON]:
        raise NotAnAnswer("has the header of an answer to an earlier file")
    if int(head["messages"]) != len(lines):
        raise NotAnAnswer(f"counts {int(head['messages'])} messages and holds {len(lines)}")
    found = [LINE.fullmatch(line) for line in lines]
    if broken := [number for number, one in enumerate(found, 2) if one is None]:
        raise NotAnAnswer(f"line {broken[0]} is no message")
    return [one.groupdict() for one in found if one is not None]


def _answered_name(name: str) -> str:
    """The name of the file that an answer is about."""
    stem = name.partition(".")[0]
    if len(stem) != FLAG + 1 or stem[FLAG] != "1":
        raise NotAnAnswer("has not the name of an answer")
    return f"{stem[:FLAG]}0.txt"


def _sent(file_name: str, settings: Settings) -> Sent | None:
    """A file as it was released under this name, with its newest answer."""
    with ledger_views(settings) as connection:
        rows = connection.execute(
            filled(
                """
            with answers as (
                select reporter_code, file_name, max_by(event, batch) as state,
                    max_by(coalesce(reference, actor), batch) as answered_by,
                    max("at")::date as answered_on,
                    bool_or(json_extract_string(details, '$.by_hand') is not null)
                        and count(*) = 1 as is_by_hand
                from marts.submission_events
                where event in ('ANSWERED', 'REFUSED')
                group by all
            )
            select sent.reporter_code, sent.built_name, sent.file_name, sent.report_month,
                sent.as_of, contains(newest.label, '@'),
                sent.records, coalesce(answers.state, 'RELEASED'),
                coalesce(answers.answered_by, ''), answers.answered_on,
                coalesce(answers.is_by_hand, false),
                nullif(newest.file_name, sent.file_name)
            from marts.submission_events as sent
            inner join submission.file_states as newest
                on sent.reporter_code = newest.reporter_code
                and sent.built_name = newest.built_name
            left join answers
                on sent.reporter_code = answers.reporter_code
                and sent.file_name = answers.file_name
            where sent.event = 'RELEASED' and sent.file_name = $file_name
            """,
                file_name=file_name,
            )
        ).fetchall()
    if not rows:
        return None
    reporter, built, sent, month, as_of, is_supplement, *rest = rows[0]
    return Sent(reporter, built, sent, Run(month, as_of, is_supplement), *rest)


def _require_open(sent: Sent, settings: Settings) -> None:
    """Require that a file has no answer, or only one by hand and nothing of it was sent since.

    What a person stated is replaced once by the bureau's own file. A second, different answer, or
    one that comes too late, is an incident (life cycle, section 9).
    """
    if sent.answered_on is None:
        return
    words = f"{sent.file_name} was answered by {sent.answered_by} on {sent.answered_on}"
    if not sent.is_by_hand:
        raise NotAnAnswer(f"{words}, and in another way")
    again = sent.sent_again_as or _sent_again(sent, settings)
    if again:
        raise NotAnAnswer(f"{words}, and its records were sent again since (file {again})")


def _sent_again(sent: Sent, settings: Settings) -> str | None:
    """A file released after a file's answer, with a record in the place of a rejected one of it.

    Of an account that is one about the same month, of a person or an agreement any.
    """
    with open_published(settings) as connection:
        rows = connection.execute(
            filled(
                """
            select min(again.file_name)
            from marts.submission_records as mine
            inner join marts.submission_records as again
                on mine.record_type = again.record_type
                and mine.reporter_code = again.reporter_code
                and mine.subject_id = again.subject_id
                and (
                    mine.record_type <> '210'
                    or date_trunc('month', mine.report_date)
                    = date_trunc('month', again.report_date)
                )
            inner join submission.file_states as files
                on again.reporter_code = files.reporter_code
                and again.file_name = files.file_name
            inner join submission.file_states as answered
                on mine.reporter_code = answered.reporter_code
                and mine.file_name = answered.file_name
            where mine.file_name = $file_name and mine.reporter_code = $reporter_code
                and mine.state = 'REJECTED' and files.batch > answered.answer_batch
            """,
                file_name=sent.file_name,
                reporter_code=sent.reporter_code,
            )
        ).fetchall()
    return rows[0][0] if rows else None


def _record_ids(sent: Sent, lines: list[str], settings: Settings) -> list[str]:
    """The ids of the records that an answer quotes, found by the hash of their lines.

    All or nothing: with a line that is not ours, the record that it means would count as accepted.
    """
    key = hash_key(settings, key_checks(settings))
    journal = journal_file(settings, sent.run)
    with in_memory() as connection:
        known = dict(
            connection.execute(
                f"select content_sha256, record_id from {parquet_rows(journal)} "
                f"where file_name = {literal(sent.built_name)}"
            ).fetchall()
        )
    hashes = [hmac.digest(key, line.encode(), "sha256").hex() for line in lines]
    if strange := [number for number, one in enumerate(hashes, 2) if one not in known]:
        raise NotAnAnswer(f"line {strange[0]} quotes a record that {sent.file_name} does not hold")
    return [known[one] for one in hashes]


def _was_read(name: str, size: int, settings: Settings) -> bool:
    path = settings.inbox / READ / name
    return path.is_file() and path.stat().st_size == size


def _was_set_aside(fetched: Path, settings: Settings) -> bool:
    """Whether a person looks at this very file already; it is then removed where it was fetched.

    A mended file of the same name and size is another one.
    """
    aside = [settings.inbox / folder / fetched.name for folder in (SET_ASIDE, SETTLED)]
    digest = atomic.sha256(fetched)
    known = any(path.is_file() and atomic.sha256(path) == digest for path in aside)
    if known:
        atomic.remove(fetched)
    return known


def _move(path: Path, folder: Path) -> None:
    """Move a file of the inbox; one that a person named elsewhere is copied."""
    path, folder = path.resolve(), private_folder(folder).resolve()
    target = folder / path.name
    if path.parent.parent == folder.parent:
        path.replace(target)
    elif path != target:
        with atomic.replaced(target) as aside:
            aside.write_bytes(path.read_bytes())
    atomic.sync_folder(folder)
