"""A built month, approved by a second person, sealed and delivered: what may go wrong does not."""

import errno
import gzip
import os
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, date, timedelta
from pathlib import Path

import duckdb
import pytest
from support.gnupg_keys import needs_gpg
from support.killed import killed_before
from support.lender_months import Lender, build
from support.nightly import first
from support.released_answers import Released
from support.released_months import AT, FIRST, SECOND, approve, query, release_month

from reporting.cli.months import as_values
from reporting.core.errors import BadCall, DataNotFit, MachineFault, ReportingError
from reporting.core.run import CHINA, OWN_PART, Run
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive
from reporting.monitoring import watch
from reporting.monitoring.submission_watch import submission_results
from reporting.pages import published_months, renew
from reporting.pipeline import release_tasks, steps
from reporting.store import month_order, month_state, published_database
from reporting.store.published import partition
from reporting.store.submission_ledger import acting, current_actor, ledger_views, run_states
from reporting.submission import (
    approval,
    feedback,
    release,
    repair,
    review,
    transport,
    verify,
)

pytestmark = needs_gpg


def clear_files(settings: Settings) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in settings.submissions.glob(f"*/{FIRST}/*.txt")}


def decrypted(settings: Settings, path: Path) -> bytes:
    """The content of a sealed file, by gpg itself: this folder has everybody's secret keys."""
    home = ["--homedir", str(settings.key_folder), "--batch", "--quiet", "--trust-model", "always"]
    opened = subprocess.run(
        [shutil.which("gpg") or "", *home, "--decrypt", str(path)], check=True, capture_output=True
    )
    return gzip.decompress(opened.stdout)


def test_a_month_is_built_approved_released_and_delivered(settings: Settings) -> None:
    clear = clear_files(settings)
    assert len(clear) >= 3
    assert {row[0] for row in query(settings, "select state from marts.submissions")} == {"BUILT"}
    approve(settings, FIRST)
    delivered = release_month(settings, FIRST)
    assert {one.file_name for one in delivered} == set(clear)
    assert clear_files(settings) == {}  # clear text leaves with the release
    for path in settings.outbox.rglob("*.enc"):
        assert decrypted(settings, path) == clear[f"{path.stem}.txt"]
    archived = sorted((settings.ledger / "archive").iterdir())
    assert {path.name.removesuffix(".gpg") for path in archived} == set(clear)
    assert all(decrypted(settings, path) == clear[path.stem] for path in archived)
    assert verify.faults(settings) == []
    audit = query(settings, "select distinct event, actor from marts.audit_log order by all")
    assert audit == [("APPROVED", "os:bo"), ("RELEASED", current_actor())]
    rows = query(
        settings,
        "select distinct state, built_by, approved_by, unanswered = records from marts.submissions "
        f"where report_month = '{FIRST}-01'",
    )
    assert rows == [("RELEASED", "os:anna", "os:bo", True)]
    order = query(
        settings, "select file_name from marts.submission_events where event = 'DELIVERED'"
    )
    kinds = [name[22:25] for (name,) in order if name.startswith(order[0][0][:14])]
    assert kinds == ["110", "220", "210"]
    assert release_month(settings, FIRST) == []  # nothing is left to do


def test_what_was_sent_is_a_table_in_whole_yuan(released: Released) -> None:
    settings = released.settings
    sent = query(
        settings, "select account_id, rpy_status, tot_overd, acct_bal from marts.as_reported"
    )
    known = query(
        settings,
        "select account_id, repayment_status, overdue_total, balance from marts.repayment_status "
        f"semi join marts.as_reported using (account_id) where report_month = '{FIRST}-01'",
    )
    as_known = {account: values for account, *values in known}
    assert len(sent) > 20
    for account, status, overdue, balance in sent:
        of_account = as_known[account]
        assert status == of_account[0]
        assert abs(overdue - of_account[1]) < 1 or (overdue, of_account[1] > 0) == (1, True)
        assert abs(balance - of_account[2]) < 1 or (balance, of_account[2] > 0) == (1, True)


def test_the_builder_cannot_approve_in_any_role(settings: Settings) -> None:
    for by in ("os:anna", "airflow:Anna", "airflow:scheduler"):
        with pytest.raises(BadCall, match=f"{by} (built it and|is no person and) cannot approve"):
            approve(settings, FIRST, by)
    with pytest.raises(BadCall, match="not approved; another person than os:anna: reporting appr"):
        release_month(settings, FIRST)
    assert not settings.outbox.exists()


def test_only_named_approvers_may_approve(settings: Settings) -> None:
    named = settings.model_copy(update={"approvers": ("cy",)})
    with pytest.raises(BadCall, match="os:bo is not among REPORTING_APPROVERS"):
        approve(named, FIRST)
    approve(named, FIRST, "os:Cy")
    approve(settings, FIRST)  # is checked again at the release
    with pytest.raises(BadCall, match="os:bo is not among REPORTING_APPROVERS"):
        release_month(named, FIRST)


def test_an_approval_expires(approved: Settings) -> None:
    run = approval.newest_run(FIRST, None, approved)
    late = AT + timedelta(days=7, seconds=1)
    with pytest.raises(BadCall, match="the approval of os:bo expired on 2026-06-10"):
        release.release(run, approved, lambda: late)
    assert release.release(run, approved, lambda: AT + timedelta(days=7))


def test_a_declined_month_is_not_released_and_stops_the_later_ones(settings: Settings) -> None:
    run = approval.newest_run(FIRST, None, settings)
    with pytest.raises(BadCall, match="say why"):
        approval.decline(run, settings, AT, reason=" ")
    with acting("os:bo"):
        approval.decline(run, settings, AT, reason="too many closings")
    with pytest.raises(BadCall, match=r"was declined by os:bo \(too many closings\); run it again"):
        release_month(settings, FIRST)
    approve(settings, SECOND)
    with pytest.raises(BadCall, match=f"{FIRST} was declined by os:bo"):
        release_month(settings, SECOND)
    approve(settings, FIRST)  # the newest decision counts
    assert release_month(settings, FIRST)


def test_months_are_released_in_order(settings: Settings) -> None:
    approve(settings, SECOND)
    with pytest.raises(BadCall, match=f"{FIRST} is built and not released; release it first"):
        release_month(settings, SECOND)


def test_an_approval_is_for_what_was_shown(settings: Settings) -> None:
    run, another = approval.newest_run(FIRST, None, settings), ("another", "build")
    with pytest.raises(BadCall, match="built again since it was shown"):
        approve(settings, FIRST, shown=another)
    with acting("os:bo"), pytest.raises(BadCall, match="built again since it was shown"):
        approval.decline(run, settings, AT, reason="too many closings", shown=another)
    assert approval.built_state(run, settings).state == "BUILT"


def test_a_reason_with_a_persons_number_is_kept_nowhere(released: Released) -> None:
    settings, reason = released.settings, "wrong of 110101199001011234"
    run = approval.newest_run(SECOND, None, settings)
    words = "the reason holds what looks like a person's number"
    with acting("os:bo"), pytest.raises(BadCall, match=words):
        approval.decline(run, settings, AT, reason=reason)
    with pytest.raises(BadCall, match=words):
        approve(settings, SECOND, reason=reason)
    with pytest.raises(BadCall, match="--reason holds what looks like"):
        release.enter_delivered(run, reason, settings, lambda: AT)
    with pytest.raises(BadCall, match="--reason holds what looks like"):
        feedback.answer_by_hand(released.file("210"), None, reason, settings, lambda: AT)
    assert approval.built_state(run, settings).state == "BUILT"


def answer_in_airflow(settings: Settings, by: str, days: int, month: str = FIRST) -> str:
    """The task `release` a minute after a person has answered, so many days after the build."""
    state = approval.built_state(approval.newest_run(month, None, settings), settings)
    built = {
        "month": month,
        "as_of": state.as_of.isoformat(),
        "is_supplement": False,
        "run_id": state.run_id,
        "files_digest": state.files_digest,
    }
    answered = AT.replace(tzinfo=CHINA) + timedelta(days=days)
    decision = {
        "chosen_options": ["Approve"],
        "responded_at": answered.astimezone(UTC),
        "responded_by_user": {"name": by},
        "params_input": {"reason": "seen"},
    }
    with pytest.MonkeyPatch.context() as patch, exclusive(settings):
        patch.setattr(release_tasks, "now", lambda: answered + timedelta(minutes=1))
        patch.setattr(release_tasks, "load_settings", lambda: settings)
        return release_tasks.release_month(built, decision)


def test_a_new_answer_of_the_same_person_renews_an_expired_approval(settings: Settings) -> None:
    held = settings.model_copy(update={"bureau_key": ()})
    with pytest.raises(BadCall, match="REPORTING_BUREAU_KEY"):
        answer_in_airflow(held, "bo", days=0)
    run = approval.newest_run(FIRST, None, settings)
    late = AT.replace(tzinfo=CHINA) + timedelta(days=8)
    assert approval.next_act(settings, late) == (
        "the approval of airflow:bo expired on 2026-06-10; approve it again: "
        f"reporting approve --month {FIRST}"
    )
    with pytest.raises(BadCall, match="expired on 2026-06-10; approve it again"):
        release.release(run, settings, lambda: late)
    assert "is released" in answer_in_airflow(settings, "bo", days=8)


def test_an_answer_gives_way_to_a_decision_that_came_after_it(settings: Settings) -> None:
    run = approval.newest_run(SECOND, None, settings)  # it waits for the first month
    with acting("os:cy"):
        approval.decline(run, settings, AT + timedelta(hours=2), reason="too many closings")
    state = approval.known_state(run, settings)
    assert state is not None
    with pytest.raises(BadCall, match=f"{SECOND} was declined by os:cy since; run it again"):
        answer_in_airflow(settings, "bo", days=0, month=SECOND)
    assert approval.built_state(run, settings).state == "DECLINED"


def test_a_failure_after_the_commit_says_that_the_month_is_released(
    approved: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def away(*_: object) -> None:
            raise transport.NotTransported("file x was not delivered; give the command again")

        patch.setattr(transport, "deliver", away)
        words = f"{FIRST} is released, but not done: file x was not delivered"
        with pytest.raises(transport.NotTransported, match=words):
            release_month(approved, FIRST)
    run = approval.newest_run(FIRST, None, approved)
    waits = f"{FIRST} is released; 6 of its files wait for delivery."
    assert month_state.files(run, approved) == waits
    known = as_values(approved)
    assert known["waiting_files"] == {FIRST: 6}
    assert release_month(approved, FIRST)
    assert as_values(approved)["waiting_files"] == {}


def test_a_disk_that_is_full_after_the_commit_says_that_the_month_is_released(
    approved: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(approved.outbox))

        patch.setattr(repair, "build_database", full)
        with pytest.raises(MachineFault, match=f"{FIRST} is released, but not done: no space"):
            release_month(approved, FIRST)
    assert len(release_month(approved, FIRST)) == 6


def test_checks_of_a_later_run_are_not_taken_for_those_of_the_build(settings: Settings) -> None:
    run = approval.newest_run(SECOND, None, settings)
    state = replace(approval.built_state(run, settings), run_id="another")
    words = "checks: not known: a later run was stopped by a check"
    assert any(words in line for line in review.review(state, settings).lines())


def test_the_deadline_is_met_by_delivery_where_keys_are_named(settings: Settings) -> None:
    assert deadlines(settings) == {
        "watch.deadline.built": "nothing due",
        "watch.deadline.submitted": f"{FIRST} is late, it was due on 2026-04-10, "
        f"{SECOND} is late, it was due on 2026-05-10",
    }
    approve(settings, FIRST)
    release_month(settings, FIRST)
    said = deadlines(settings)["watch.deadline.submitted"]
    assert said == f"{SECOND} is late, it was due on 2026-05-10"
    assert deadlines(settings.model_copy(update={"bureau_key": ()})) == dict.fromkeys(
        ("watch.deadline.built", "watch.deadline.submitted"), "nothing due"
    )


def deadlines(settings: Settings) -> dict[str, str]:
    """What the daily watch says of the deadlines when both months are long due."""
    results = watch.watch(date(2026, 5, 12), settings)
    return {one.check_id: one.now for one in results if one.check_id.startswith("watch.deadline")}


@pytest.mark.parametrize("kind", ["archive", "runs"])
def test_the_daily_watch_finds_what_is_lost_of_the_last_months_and_on_mondays_of_all(
    approved: Settings, kind: str
) -> None:
    release_month(approved, FIRST)
    tuesday, monday_later, tuesday_later = date(2026, 6, 2), date(2026, 7, 6), date(2026, 7, 7)
    for day in (tuesday, monday_later, tuesday_later):
        assert lost_on(approved, day) == "whole"
    lost = next(path for path in (approved.ledger / kind).rglob("*") if path.is_file())
    kept = lost.read_bytes()
    lost.write_bytes(kept + b" ")
    assert lost_on(approved, tuesday) == f"file {lost} was changed"
    lost.unlink()
    for day in (tuesday, monday_later):
        assert lost_on(approved, day) == f"file {lost} is missing"
    assert verify.faults(approved) == [f"file {lost} is missing"]
    assert lost_on(approved, tuesday_later) == "whole"
    lost.write_bytes(kept)
    shutil.rmtree(approved.ledger / "events")
    assert lost_on(approved, tuesday).startswith("batch 1, 2")
    assert deadlines(approved) == {"watch.deadline.built": "nothing due"}


def lost_on(settings: Settings, day: date) -> str:
    """What the daily watch says of the ledger."""
    results = submission_results(day, settings)
    return next(one.now for one in results if one.check_id == "watch.ledger.whole")


def test_a_build_that_was_released_after_a_later_run_was_stopped_is_shown_as_released(
    settings: Settings,
) -> None:
    results = partition(settings, "data_quality_results", date.fromisoformat(f"{FIRST}-01"))
    with duckdb.connect() as connection:
        connection.execute(
            "create table stopped as select * replace ('another' as run_id, false as passed, "
            f"'critical' as severity, false as is_waived) from '{results / OWN_PART}'"
        )
        (results / OWN_PART).unlink()  # the build that readers see has a link to it
        connection.execute(f"copy stopped to '{results / OWN_PART}' (format parquet)")
    published_database.build_database(settings)
    assert shown_state(settings) == "stopped"
    approve(settings, FIRST)
    release_month(settings, FIRST)
    assert shown_state(settings) == "released"
    page = settings.month_page(FIRST).read_text(encoding="utf-8")
    assert "wait for delivery" not in page
    assert "Nothing of this run is published" not in page
    assert "The results of its checks are not known" in page
    assert "No critical check failed" not in page


def shown_state(settings: Settings) -> str:
    """How far the pages say that the first month came."""
    with published_months.published_months(settings) as connection:
        states = published_months.month_states(connection, settings)
    return next(state.state for state in states if state.label == FIRST)


@pytest.mark.parametrize("what", ["clear file", "journal", "gone"])
def test_a_file_that_was_changed_is_not_released(approved: Settings, what: str) -> None:
    path = next(approved.submissions.glob(f"*/{FIRST}/*.txt"))
    if what == "journal":
        path = next((approved.published / "submission_records").glob(f"*={FIRST}-01/*"))
    if what == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(DataNotFit, match=rf"file .*{path.name} was changed since it was built"):
        release_month(approved, FIRST)
    assert [one.state for one in run_states(approved)] == ["APPROVED", "BUILT"]
    assert list(approved.ledger.glob(".release*")) == []
    assert list(approved.outbox.rglob("*.enc")) == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("select * replace (step <> 'ledger' as is_closed)", "does not close: .* step ledger"),
        ("select * replace (date '2020-01-01' as report_month)", "has no reconciliation"),
    ],
)  # fmt: skip
def test_a_month_that_does_not_reconcile_is_not_released(
    settings: Settings, spoil: str, words: str
) -> None:
    path = partition(settings, "reconciliation", date.fromisoformat(f"{FIRST}-01")) / OWN_PART
    with duckdb.connect() as connection:
        connection.execute(f"create table spoiled as {spoil} from '{path}'")
        path.unlink()  # the build that readers see has a link to it
        connection.execute(f"copy spoiled to '{path}' (format parquet)")
    published_database.build_database(settings)
    approve(settings, FIRST)
    with pytest.raises(DataNotFit, match=words):
        release_month(settings, FIRST)
    assert not list(settings.outbox.rglob("*.enc"))


@pytest.mark.parametrize("record_type", ["110", "210"])
def test_a_record_that_was_sent_before_is_not_released(
    released: Released, record_type: str
) -> None:
    settings = released.settings
    journal = settings.ledger / "runs" / FIRST / "records.parquet"
    later = partition(settings, "submission_records", date.fromisoformat(f"{SECOND}-01")) / OWN_PART
    with duckdb.connect() as connection:  # as if a record of the second month was in the first
        connection.execute(f"create table spoiled as from '{journal}'")
        connection.execute(
            "insert into spoiled by name select later.* replace ("
            "sent.report_month as report_month, sent.as_of as as_of, sent.file_name as file_name) "
            f"from '{later}' as later inner join (select distinct reporter_code, record_type, "
            "report_month, as_of, file_name from spoiled where state <> 'WITHHELD') as sent "
            "using (reporter_code, record_type) where later.state <> 'WITHHELD' "
            "and record_type = ? order by later.record_id limit 1",
            [record_type],
        )
        connection.execute(f"copy spoiled to '{journal}' (format parquet)")
    published_database.build_database(settings)
    approve(settings, SECOND)
    with pytest.raises(DataNotFit, match=rf"^{record_type} of .* is sent already \(file .*\); run"):
        release_month(settings, SECOND)


def test_without_keys_it_says_which_setting(approved: Settings) -> None:
    without = approved.model_copy(update={"bureau_key": ()})
    with pytest.raises(BadCall, match="setting REPORTING_BUREAU_KEY"):
        release_month(without, FIRST)


def test_a_released_month_is_closed(released: Released) -> None:
    settings, files = released.settings, len(released.lines)
    said = steps.run_month(month_order.run_of(FIRST, None, settings), settings)
    assert said == f"{FIRST} reproduced: {files} files, same bytes"
    with pytest.raises(BadCall, match=f"month {FIRST} is released; what is released never"):
        approve(settings, FIRST, "os:cy")
    with pytest.raises(BadCall, match=f"month 2026-02 lies before {FIRST}, the first month that"):
        build(settings, "2026-02")
    began_before = Run.of(FIRST, "2026-04-20", settings)  # an own run, as it was not released yet
    with pytest.raises(BadCall, match=f"month {FIRST} was released at .* in the meantime"):
        month_order.require_order(began_before, settings)


def test_a_lost_ledger_is_noticed_before_anything_is_sent_again(approved: Settings) -> None:
    settings = approved
    before = sorted((settings.ledger / "events").iterdir())
    release_month(settings, FIRST)
    approve(settings, SECOND)
    for batch in sorted((settings.ledger / "events").iterdir()):
        if batch not in before:
            batch.unlink()
    with pytest.raises(DataNotFit, match="ledger batch 4 is missing or changed; restore it"):
        approve(settings, SECOND)  # the published database has seen it
    settings.published_database.unlink()  # it was restored from an older backup, too
    approve(settings, SECOND)
    sealed = next(settings.outbox.rglob("*.enc"))
    with pytest.raises(ReportingError, match=r"changed since it was built|does not know"):
        release_month(settings, FIRST)
    assert sealed.is_file()


def test_the_approver_sees_at_most_thirty_lines_without_persons(settings: Settings) -> None:
    state = approval.built_state(approval.newest_run(SECOND, None, settings), settings)
    lines = review.review(state, settings).lines()
    assert len(lines) <= 30
    text = "\n".join(lines)
    assert SECOND in text
    assert state.run_id in text
    assert "overdue in all" in text
    # a figure that is only shown is none of the checks to decide by
    failed = "from marts.data_quality_results where not passed and report_month"
    severities = query(settings, f"select distinct severity {failed} = '{SECOND}-01' order by all")
    assert severities == [("info",), ("warning",)]
    assert "warning" in text
    assert "info" not in text
    assert "N: " in text  # accounts by status, in a form that Markdown leaves as it is
    names = duckdb.sql(
        f"select name, id_number from '{settings.landing}/customers/**/*.parquet'"
    ).fetchall()
    assert [value for row in names for value in row if value and value in text] == []


def test_the_page_of_the_month_says_how_far_it_came(settings: Settings) -> None:
    def said(month: str) -> str:
        return settings.month_page(month).read_text(encoding="utf-8").partition("glance")[0]

    assert "Built, and waits for approval." in said(FIRST)
    approve(settings, FIRST)
    assert "Approved by os:bo on 2026-06-03 09:00. Not released yet." in said(FIRST)
    release_month(settings, FIRST)
    assert "Released on 2026-06-03 09:00, approved by os:bo." in said(FIRST)
    assert "Built, and waits for approval." in said(SECOND)
    with acting("os:bo"):
        run = approval.newest_run(SECOND, None, settings)
        approval.decline(run, settings, AT, reason="<b>too few</b> closings")
    assert "Declined by os:bo on 2026-06-03 09:00." in said(SECOND)
    assert "Reason given: &lt;b&gt;too few&lt;/b&gt; closings" in said(SECOND)
    front = (settings.pages / "index.html").read_text(encoding="utf-8")
    assert [front.count(f'class="chip {state}"') for state in ("released", "declined")] == [1, 1]


def test_pages_that_a_killed_command_left_behind_are_renewed_by_the_next(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(repair, "_renew_pages", lambda *_: None)
        approve(settings, FIRST)
    page = settings.month_page(FIRST)
    assert "Built, and waits for approval." in page.read_text(encoding="utf-8")
    with pytest.raises(BadCall):
        approve(settings, FIRST, by="os:anna")  # who built it
    assert "Approved by os:bo" in page.read_text(encoding="utf-8")


def test_pages_are_renewed_where_a_command_fails_after_its_batch(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_: Settings) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(approval, "build_database", full_disk)
    with pytest.raises(OSError, match="no space left"):
        approve(settings, FIRST)
    assert "Approved by os:bo" in settings.month_page(FIRST).read_text(encoding="utf-8")


def test_a_release_renews_all_months_from_the_earliest_that_its_records_are_about(
    released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decision renews the month alone that it is about."""
    settings = released.settings
    renewed: list[list[str]] = []
    monkeypatch.setattr(
        repair,
        "renew_after",
        lambda _, months, **__: renewed.append(sorted(f"{one:%Y-%m}" for one in months)),
    )
    os.utime(settings.pages / "index.html")  # as if it was written
    approve(settings, SECOND)
    os.utime(settings.pages / "index.html")
    release_month(settings, SECOND)
    ((earliest,),) = query(
        settings,
        "select strftime(min(report_date), '%Y-%m') from marts.submission_records "
        f"where record_type = '210' and report_month = '{SECOND}-01'",
    )
    assert earliest == FIRST  # a pending month
    assert renewed == [[SECOND], [FIRST, SECOND]]


def test_a_fault_of_a_page_stops_no_approval(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(renew, "write_front", lambda *_: {}["no such phrase"])
    approve(settings, FIRST)
    assert "the pages were not renewed: KeyError" in caplog.text
    assert {s.state for s in run_states(settings)} == {"APPROVED", "BUILT"}


def test_a_long_review_is_cut_in_its_longest_groups_and_keeps_the_others() -> None:
    groups = {"records": [f"r{number}" for number in range(20)], "status": ["*: 3"], "none": []}
    shown = review.Review("May", groups | {"checks": [f"c{number}" for number in range(20)]})
    text = shown.markdown()
    assert len([line for line in text.splitlines() if line]) == 29  # the subject stands above it
    assert "**status**\n\n- *: 3\n" in text
    assert text.count("more, see the page of the month") == 2
    assert "none" not in text
    assert text.split("**checks**")[1].split()[:4] == ["-", "c0", "-", "c1"]
    assert len(shown.lines()) <= review.MOST_LINES


@pytest.mark.parametrize("number", first(2, [60, 12, 100, 30, *range(1, 140, 7)]))
def test_a_release_that_is_killed_anywhere_is_whole_after_the_next_command(
    approved: Settings, number: int
) -> None:
    settings = approved
    clear = clear_files(settings)
    killed_before(
        number,
        settings,
        "release.release(approval.newest_run('2026-03', None, settings), settings, "
        "lambda: datetime(2026, 6, 3, 9))",
        "from reporting.submission import approval, envelope, release, transport",
    )
    was_released = run_states(settings)[0].released_at is not None
    sent_before = {path.name: path.read_bytes() for path in settings.outbox.rglob("*.enc")}
    release_month(settings, FIRST)
    assert run_states(settings)[0].state == "RELEASED"
    assert clear_files(settings) == {}
    assert verify.faults(settings) == []
    assert list(settings.ledger.glob(".*")) == []
    after = {path.name: path.read_bytes() for path in settings.outbox.rglob("*.enc")}
    assert {name.removesuffix(".enc") + ".txt" for name in after} == set(clear)
    assert was_released or not sent_before  # nothing is in the outbox before the commit
    assert sent_before.items() <= after.items()
    with ledger_views(settings) as connection:
        counted = connection.execute(
            "select event, count(*) from marts.submission_events "
            "where file_name is not null group by all order by all"
        ).fetchall()
    assert counted == [("DELIVERED", len(clear)), ("RELEASED", len(clear))]


@pytest.mark.nightly
def test_the_month_after_a_released_one_is_built_as_before(
    released: Released, built: Lender
) -> None:
    settings = released.settings
    steps.run_month(built.run(SECOND), settings)
    again = {
        path.relative_to(settings.submissions): path.read_bytes()
        for path in settings.submissions.glob(f"*/{SECOND}/*.txt")
    }
    once = {
        path.relative_to(built.settings.submissions): path.read_bytes()
        for path in built.settings.submissions.glob(f"*/{SECOND}/*.txt")
    }
    assert again == once
