"""The submission ledger: files are only added, and a changed or missing one is found."""

import hashlib
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from reporting.core.errors import BadCall, DataNotFit
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
from reporting.monitoring.submission_watch import submission_results
from reporting.store import submission_ledger as ledger
from reporting.store.published_database import build_database, open_published
from reporting.store.submission_ledger import Event
from reporting.submission import verify
from reporting.submission.repair import rebuild_if_behind

OTHER_LAYOUT = "update submission.layout set digest = 'of another version'"
WITHOUT_HASH = "alter table submission.ledger_head drop column sha256"
MAY = date(2026, 5, 1)
CUT_OFF = datetime(2026, 6, 3)
AT = datetime(2026, 6, 3, 9)


def of_run(event: str, run_id: str = "r1", digest: str = "d1", reason: str = "") -> Event:
    return Event(
        event=event,
        report_month=MAY,
        as_of=CUT_OFF,
        run_id=run_id,
        sha256=digest,
        details={"reason": reason} if reason else {},
    )


def write(settings: Settings, *events: Event, by: str = "os:anna") -> int:
    with exclusive(settings), ledger.acting(by):
        return ledger.append(settings, AT, events)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_who_declined_a_month_that_was_delivered_by_hand_is_not_its_approver(
    settings: Settings,
) -> None:
    write(settings, of_run("BUILT"))
    write(settings, of_run("DECLINED", reason="no"), by="os:bo")
    write(settings, of_run("RELEASED"), by="os:cai")
    approved = "select state, is_approved from submission.run_states"
    with ledger.ledger_views(settings) as connection:
        assert connection.execute(approved).fetchall() == [("RELEASED", False)]
    write(settings, of_run("APPROVED"), by="os:bo")
    with ledger.ledger_views(settings) as connection:
        assert connection.execute(approved).fetchall() == [("RELEASED", True)]


def test_a_refusal_by_hand_that_the_bureaus_own_answer_replaces_leaves_no_code(
    settings: Settings,
) -> None:
    of_file = {"reporter_code": "N101W1100H0017", "file_name": "f.txt"}
    write(settings, of_run("BUILT"))
    write(settings, replace(of_run("RELEASED"), built_name="f.txt", records=5, **of_file))
    write(settings, Event(event="REFUSED", code="ABF000", **of_file))
    answered = "select state, refusal_code from submission.file_states"
    with ledger.ledger_views(settings) as connection:
        assert connection.execute(answered).fetchall() == [("REFUSED", "ABF000")]
    write(settings, Event(event="ANSWERED", **of_file))
    with ledger.ledger_views(settings) as connection:
        assert connection.execute(answered).fetchall() == [("ANSWERED", None)]


def test_a_batch_is_a_numbered_file_that_names_the_one_before(settings: Settings) -> None:
    assert write(settings, of_run("BUILT"), Event(event="BUILT", built_name="f.txt")) == 1
    assert write(settings, of_run("APPROVED", reason="looked"), by="os:bo") == 2
    first, second = ledger.batches(settings)
    assert [first.name, second.name] == ["00000001.parquet", "00000002.parquet"]
    assert oct(first.stat().st_mode)[-3:] == "640"
    rows = duckdb.sql(
        f'select batch, position, version, previous_sha256, "at", actor, event, details '
        f"from read_parquet(['{first}', '{second}']) order by batch, position"
    ).fetchall()
    stamp = (1, "", AT, "os:anna", "BUILT", None)
    assert rows[:2] == [(1, 1, *stamp), (1, 2, *stamp)]
    assert rows[2][:2] == (2, 1)
    assert rows[2][3] == hashlib.sha256(first.read_bytes()).hexdigest()
    assert rows[2][4:] == (AT, "os:bo", "APPROVED", '{"reason": "looked"}')
    assert ledger.broken_batches(settings) == []


def test_the_states_that_are_kept_are_those_of_the_newest_batch(
    settings: Settings, tmp_path: Path
) -> None:
    def states(of: Settings) -> list[str]:
        return [one.state for one in ledger.run_states(of)]

    write(settings, of_run("BUILT"))
    with ledger.ledger_views(settings) as before:
        assert states(settings) == ["BUILT"]
        write(settings, of_run("APPROVED"), by="os:bo")
        assert states(settings) == ["APPROVED"]
        assert before.execute("select count(*) from marts.submission_events").fetchall() == [(1,)]
    with ledger.ledger_views(settings, upto=1) as earlier:
        assert earlier.execute("select state from submission.run_states").fetchall() == [("BUILT",)]
    assert states(settings.model_copy(update={"home": tmp_path / "other"})) == []
    assert states(settings) == ["APPROVED"]


def test_a_batch_that_cannot_be_read_leaves_no_states_behind(settings: Settings) -> None:
    write(settings, of_run("BUILT"))
    file = ledger.batches(settings)[0]
    whole = file.read_bytes()
    file.write_bytes(whole[:40])
    with pytest.raises(duckdb.Error):
        ledger.run_states(settings)
    file.write_bytes(whole)
    assert [one.state for one in ledger.run_states(settings)] == ["BUILT"]


@pytest.mark.parametrize("what", ["changed", "missing"])
def test_the_newest_batch_is_compared_with_the_published_database(
    settings: Settings, what: str
) -> None:
    write(settings, of_run("BUILT"))
    write(settings, of_run("APPROVED", reason="looked"))
    settings.published.mkdir()
    build_database(settings)
    write(settings, of_run("DECLINED", reason="looked again"))  # killed before the next database
    assert ledger.broken_batches(settings) == []
    build_database(settings)
    newest = ledger.batches(settings)[-1]
    if what == "missing":
        newest.unlink()
    else:
        with duckdb.connect() as connection:
            connection.execute(f"create table batch as from '{newest}'")
            connection.execute("update batch set actor = 'os:eve'")
            connection.execute(f"copy batch to '{newest}' (format parquet)")
    assert ledger.broken_batches(settings) == [3]
    assert verify.faults(settings) == ["ledger batch 3 is missing or changed"]
    (whole,) = [
        one
        for one in submission_results(date(2026, 6, 4), settings)
        if one.check_id == "watch.ledger.whole"
    ]
    assert (whole.passed, whole.now) == (False, "batch 3")
    with pytest.raises(DataNotFit, match="ledger batch 3 is missing or changed; restore it"):
        write(settings, of_run("APPROVED"))


def test_a_database_of_an_older_version_opens_and_is_written_again(settings: Settings) -> None:
    write(settings, of_run("BUILT"))
    settings.published.mkdir()
    without_head = "drop table submission.ledger_head"
    for older in (
        "drop table submission.layout",
        *(f"{change}; {OTHER_LAYOUT}" for change in (without_head, WITHOUT_HASH)),
    ):
        with duckdb.connect(str(build_database(settings))) as connection:
            connection.execute(older)
        with open_published(settings) as connection:
            rows = connection.execute("select batch, sha256 from submission.ledger_head")
            expected = hashlib.sha256(ledger.batches(settings)[0].read_bytes()).hexdigest()
            assert rows.fetchall() == [(1, expected)]
        with duckdb.connect(str(build_database(settings))) as connection:
            connection.execute(older)
        with exclusive(settings):
            rebuild_if_behind(settings)
        assert ledger.published_head(settings) == ledger.require_head(settings)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_changed_or_missing_batch_is_found(settings: Settings, number: int) -> None:
    for _ in range(3):
        write(settings, of_run("BUILT"))
    file = ledger.batches(settings)[number - 1]
    whole = file.read_bytes()
    duckdb.sql(
        f"copy (select * replace ('os:eve' as actor) from read_parquet('{file}')) to '{file}'"
    )
    changed = ledger.broken_batches(settings)
    assert changed == ([number + 1] if number < 3 else [])  # the newest has no one to tell on it
    file.write_bytes(whole[:-9])
    assert number in ledger.broken_batches(settings)
    file.unlink()
    assert ledger.broken_batches(settings) == ([number, number + 1] if number < 3 else [])
    if number < 3:
        with pytest.raises(DataNotFit, match=rf"ledger batch {number} is missing or changed"):
            write(settings, of_run("BUILT"))


def test_a_newer_version_is_refused_and_columns_of_an_older_one_are_null(
    settings: Settings,
) -> None:
    write(settings, of_run("BUILT"))
    (file,) = ledger.batches(settings)
    duckdb.sql(f"copy (select * exclude (code) from read_parquet('{file}')) to '{file}'")
    (state,) = ledger.run_states(settings)
    assert state.state == "BUILT"
    duckdb.sql(f"copy (select * replace (2 as version) from read_parquet('{file}')) to '{file}'")
    with pytest.raises(BadCall, match=r"batch 1 is of version 2, .* reads up to 1"):
        write(settings, of_run("BUILT"))


def test_no_batch_is_written_without_the_lock(settings: Settings) -> None:
    with pytest.raises(AssertionError, match="lock"):
        ledger.append(settings, AT, [of_run("BUILT")])
    assert ledger.batches(settings) == []


def test_what_a_killed_process_wrote_aside_is_removed_and_never_read(settings: Settings) -> None:
    write(settings, of_run("BUILT"))
    folder = ledger.batches(settings)[0].parent
    (folder / ".00000002.parquet.partial").write_bytes(b"half")
    assert write(settings, of_run("APPROVED"), by="os:bo") == 2
    assert sorted(path.name for path in folder.iterdir()) == [
        "00000001.parquet",
        "00000002.parquet",
    ]


@pytest.mark.parametrize(
    ("story", "state"),
    [
        ([("BUILT", "r1", "d1")], "BUILT"),
        ([("BUILT", "r1", "d1"), ("APPROVED", "r1", "d1")], "APPROVED"),
        ([("BUILT", "r1", "d1"), ("DECLINED", "r1", "d1")], "DECLINED"),
        ([("BUILT", "r1", "d1"), ("DECLINED", "r1", "d1"), ("APPROVED", "r1", "d1")], "APPROVED"),
        # a build of the same inputs with the same bytes keeps the decision; any other voids it
        ([("BUILT", "r1", "d1"), ("APPROVED", "r1", "d1"), ("BUILT", "r1", "d1")], "APPROVED"),
        ([("BUILT", "r1", "d1"), ("APPROVED", "r1", "d1"), ("BUILT", "r2", "d2")], "BUILT"),
        ([("BUILT", "r1", "d1"), ("APPROVED", "r1", "d1"), ("BUILT", "r1", "d2")], "BUILT"),
        (
            [("BUILT", "r1", "d1"), ("APPROVED", "r1", "d1"), ("RELEASED", "r1", "d1")],
            "RELEASED",
        ),
    ],
)
def test_the_state_of_a_run_follows_from_its_events(
    settings: Settings, story: list[tuple[str, str, str]], state: str
) -> None:
    for event in story:
        write(settings, of_run(*event), by="os:anna" if event[0] == "BUILT" else "os:bo")
    (found,) = ledger.run_states(settings)
    assert found.state == state
    assert found.builders == ["os:anna"]
    assert found.run_id == story[-1][1]


def test_the_actor_is_no_option_or_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    login = ledger.LOGIN_ID
    at_login = int(login.read_text()) if login.is_file() else ledger.NO_LOGIN_ID
    user = Path("/proc/self").stat().st_uid if at_login == ledger.NO_LOGIN_ID else at_login
    for variable in ("USER", "LOGNAME", "SUDO_USER", "REPORTING_ACTOR"):
        monkeypatch.setenv(variable, "somebody")
    assert ledger.current_actor() == f"os:{pwd.getpwuid(user).pw_name}"
    with ledger.acting("airflow:builder"):
        assert ledger.current_actor() == "airflow:builder"
