"""A store that the version before the ledger built goes on: entered, answered, built on, released.

The story "Store of today's version" of the life cycle. How the store was made says
tests/fixtures/README.md.
"""

import tarfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.gnupg_keys import needs_gpg, with_keys
from support.lender_months import Lender
from support.released_answers import message, sealed_answer
from support.released_months import approve, at, query, release_month

from reporting.core.errors import BadCall, DataNotFit
from reporting.core.settings import PROJECT_ROOT, Settings
from reporting.pages import renew
from reporting.pipeline import steps
from reporting.records.hash_key import hash_key
from reporting.records.sent_values import fill_values
from reporting.store.month_order import run_of
from reporting.store.published_database import open_published
from reporting.store.submission_ledger import acting, run_states
from reporting.submission import approval, feedback, release, verify

pytestmark = needs_gpg

STORE = PROJECT_ROOT / "tests" / "fixtures" / "store_before_the_ledger.tar.xz"
FIRST, SECOND, THIRD = "2026-03", "2026-04", "2026-05"
KINDS = ["BUILT", "RELEASED", "DELIVERED"]


@pytest.fixture
def older(tmp_path: Path, keys: dict[str, object]) -> Settings:
    with tarfile.open(STORE) as packed:
        packed.extractall(tmp_path, filter="data")
    settings = Settings(home=tmp_path / "home", landing=str(tmp_path / "landing"))
    return with_keys(settings, keys)


def enter(settings: Settings, month: str, reason: str = "on a disk") -> list[release.Delivery]:
    run = approval.newest_run(month, None, settings)
    with acting("os:anna"):
        return release.enter_delivered(run, reason, settings, at)


def clear(settings: Settings, month: str) -> dict[str, str]:
    """The clear files of a month by name."""
    paths = settings.submissions.glob(f"*/{month}/*.txt")
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with open_published(settings) as connection:
        return connection.execute(sql).fetchall()


def test_an_older_store_is_read_without_any_act(older: Settings) -> None:
    found = rows(older, "select cause, count(*) > 0 from marts.repair_queue group by all")
    assert found == [("WITHHELD", True)]
    states = "select distinct report_month::varchar, state from marts.submissions order by all"
    assert rows(older, states) == [(f"{month}-01", "BUILT") for month in (FIRST, SECOND, THIRD)]


@pytest.mark.nightly
def test_months_carried_by_hand_are_entered_answered_and_built_upon(older: Settings) -> None:
    lines = {name: text.splitlines()[1:] for name, text in clear(older, SECOND).items()}
    files = {month: sorted(clear(older, month)) for month in (FIRST, SECOND)}
    todays = clear(older, THIRD)
    for month in (FIRST, SECOND):
        assert sorted(one.file_name for one in enter(older, month)) == files[month]
        assert clear(older, month) == {}
        assert enter(older, month) == []  # nothing is left to do
    events = query(
        older,
        "select event, actor, list(distinct report_month::varchar) from marts.submission_events "
        "group by event, actor, batch order by batch",
    )
    kinds = [event for event, *_ in events]
    assert list(dict.fromkeys(kinds)) == KINDS
    assert kinds.count("DELIVERED") == sum(map(len, files.values()))
    assert {actor for event, actor, _ in events if event == "BUILT"} == {"unknown"}
    assert {actor for event, actor, _ in events if event != "BUILT"} == {"os:anna"}
    assert not list(older.outbox.rglob("*.enc"))
    assert verify.faults(older) == []
    (audit,) = query(older, "select distinct event, reason from marts.audit_log")
    assert audit == ("RELEASED", "on a disk")

    for name in files[FIRST]:
        feedback.answer_by_hand(name, None, "letter", older, at)
    one = next(name for name in files[SECOND] if name[22:25] == "210")
    quoted = lines[one][0]
    for name in files[SECOND]:
        sealed_answer(older, name, *([message(quoted, "ABR006")] if name == one else []))
    read = feedback.read_answers([], older, at)
    assert (read.faults, sum(one.rejected for one in read.outcomes)) == ([], 1)
    states = "select state, count(*) from marts.submission_records where report_month = '{}-01' "
    accepted = "and state <> 'WITHHELD' group by all order by all"
    assert [state for state, _ in query(older, states.format(FIRST) + accepted)] == ["ACCEPTED"]

    with acting("os:anna"):
        steps.run_month(run_of(THIRD, None, older), older)
    again = clear(older, THIRD)
    assert sorted(again) == sorted(todays)
    differing = [name for name in again if again[name].splitlines()[1:] != content(todays[name])]
    assert differing == [name for name in again if name[:14] == one[:14] and name[22:25] == "210"]
    (name,) = differing
    new = set(again[name].splitlines()[1:]) - set(content(todays[name]))
    assert new == {quoted}  # the source has corrected nothing
    assert set(content(todays[name])) < set(again[name].splitlines()[1:])
    approve(older, THIRD)
    assert len(release_month(older, THIRD)) == len(again)
    assert verify.faults(older) == []
    assert query(older, "select * from marts.repair_queue where cause = 'REJECTED'") == []
    with pytest.raises(BadCall, match=f"{THIRD} was released as usual; --already-delivered is"):
        enter(older, THIRD)


def content(text: str) -> list[str]:
    return text.splitlines()[1:]


def test_an_older_store_goes_on_without_a_ledger(older: Settings) -> None:
    todays = clear(older, THIRD)
    with acting("os:anna"):
        steps.run_month(run_of(THIRD, None, older), older)
    assert clear(older, THIRD) == todays
    assert [state.builders for state in run_states(older)] == [["os:anna"]]


def test_what_an_older_journal_lacks_is_read_from_the_lines(older: Settings) -> None:
    in_files = {
        text.partition("</AcctCode>")[0].partition("<AcctCode>")[2]: text
        for content in clear(older, FIRST).values()
        for text in content.splitlines()
        if "<AcctCode>" in text
    }
    enter(older, FIRST)
    sent = query(
        older,
        "select reporter_code || account_id, acct_bal, rpy_status, five_cate_adj_date::varchar "
        f"from marts.as_reported where report_month = '{FIRST}-01'",
    )
    assert len(sent) == len(in_files) > 20
    for code, balance, status, day in sent:
        for tag, value in (("AcctBal", balance), ("RpyStatus", status), ("FiveCateAdjDate", day)):
            assert f"<{tag}>{value}</{tag}>" in in_files[code]


def test_where_the_clear_files_are_gone_the_values_stay_empty(older: Settings) -> None:
    for path in older.submissions.glob(f"*/{FIRST}/*210*.txt"):
        path.unlink()
    assert len(enter(older, FIRST)) > 3
    values = "select count(*), count(acct_bal), count(rpy_status) from marts.as_reported"
    ((count, *known),) = query(older, values)
    assert count > 20
    assert known == [0, 0]
    archived = {path.name[22:25] for path in (older.ledger / "archive").iterdir()}
    assert archived == {"110", "220"}
    assert verify.faults(older) == []


def test_where_the_manifest_is_gone_too_the_page_shows_the_files_without_hashes(
    older: Settings,
) -> None:
    gone = next(older.submissions.glob(f"*/{FIRST}/*210*.txt"))
    gone.with_name("manifest.json").unlink()
    gone.unlink()
    enter(older, FIRST)
    renew.renew(older)  # raises where a page has a fault
    assert gone.name in older.month_page(FIRST).read_text(encoding="utf-8")


def test_a_month_may_be_entered_only_once_in_order_and_as_it_was(older: Settings) -> None:
    with pytest.raises(BadCall, match=r"say how its files were delivered \(--reason\)"):
        enter(older, FIRST, " ")
    with pytest.raises(BadCall, match=f"{FIRST} is built and not released; release it first"):
        enter(older, SECOND)
    without = older.model_copy(update={"archive_key": ()})
    with pytest.raises(BadCall, match="setting REPORTING_ARCHIVE_KEY: no key is named"):
        enter(without, FIRST)
    path = next(older.submissions.glob(f"*/{FIRST}/*210*.txt"))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("<AcctBal>", "<AcctBal>1"), encoding="utf-8")
    with pytest.raises(DataNotFit, match="was changed since it was built; restore it from a"):
        enter(older, FIRST)
    assert run_states(older) == []
    path.with_name("manifest.json").unlink()  # then the journal still knows its records
    with pytest.raises(DataNotFit, match=f"file {path.name} does not hold the records that were"):
        enter(older, FIRST)
    assert run_states(older) == []
    path.write_text(text, encoding="utf-8")
    without = older.model_copy(update={"bureau_key": ()})  # a lender who has no bureau's key yet
    assert enter(without, FIRST)


def test_a_build_of_nobody_is_not_approved(
    older: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(release.envelope, "seal", stopped)
        with pytest.raises(KeyboardInterrupt):
            enter(older, FIRST)
    with pytest.raises(BadCall, match=f"no one knows who built {FIRST}; run it again"):
        approve(older, FIRST)
    assert enter(older, FIRST)


def stopped(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_month_that_was_killed_while_it_was_entered_is_ended_by_the_next_release(
    older: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(release, "deliver", stopped)
        with pytest.raises(KeyboardInterrupt):
            enter(older, FIRST)
    channels = "select details from marts.submission_events where event = 'DELIVERED'"
    assert query(older, channels) == []
    assert release_month(older, FIRST)
    assert all('"by hand"' in details for (details,) in query(older, channels))


def test_the_values_read_from_lines_are_those_that_the_journal_keeps(
    built: Lender, tmp_path: Path
) -> None:
    settings, month = built.settings, "2026-03"
    journal = settings.published / "submission_records" / f"report_month={month}-01"
    files = {path.name: path for path in settings.submissions.glob(f"*/{month}/*.txt")}
    bare, filled = tmp_path / "bare.parquet", tmp_path / "filled.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create view whole as from '{journal / 'data.parquet'}'")
        names = connection.table("whole").columns
        values = names[names.index("busi_lines") :]
        left = ", ".join(names[: names.index("busi_lines")])
        connection.execute(f"copy (select {left} from whole) to '{bare}' (format parquet)")
        fill_values(bare, files, hash_key(settings, set()), filled)
        connection.execute(f"create view again as from '{filled}'")
        assert connection.table("again").columns == names
        sent = "state <> 'WITHHELD'"
        both = connection.execute(
            f"select count(*) from (from whole where {sent} except from again)"
        ).fetchall()
        assert both == [(0,)]
        kept = ", ".join(f"count({column}) > 0" for column in values)
        shown = connection.execute(f"select {kept} from again").fetchall()[0]
        assert sum(shown) > 30
