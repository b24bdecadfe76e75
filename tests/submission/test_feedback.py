"""What an answer of the bureau means, and what is no answer: nothing counts by half."""

import re
from datetime import date
from pathlib import Path

import duckdb
import pytest
from rich.console import Console
from support.gnupg_keys import needs_gpg
from support.nightly import first
from support.released_answers import HEADER, Released, message
from support.released_months import AT, FIRST, SECOND, approve, at, copy_of, query, release_month

from reporting.cli import submission as commands
from reporting.cli.months import as_values, overview
from reporting.core.errors import BadCall, DataNotFit
from reporting.core.settings import Settings
from reporting.monitoring import submission_watch
from reporting.pipeline import feedback_task, steps
from reporting.pipeline.airflow import reporting_variables
from reporting.store.month_order import run_of
from reporting.store.published_database import OF_RECORDS, build_database
from reporting.submission import feedback
from reporting.submission.approval import next_act

pytestmark = needs_gpg


def test_an_answer_without_messages_accepts_every_record(released: Released) -> None:
    name = released.file("210")
    released.answer(name)
    (outcome,) = released.read().outcomes
    assert outcome.words == f"{len(released.lines[name]):,} accepted, 0 rejected"
    assert released.states(name) == {"ACCEPTED": len(released.lines[name])}
    other = released.file("110")
    assert released.states(other) == {"RELEASED": len(released.lines[other])}
    assert [path.name for path in (released.settings.inbox / "read").iterdir()] == [
        f"{name[:29]}1.enc"
    ]


def test_what_is_listed_is_rejected_and_the_rest_accepted(released: Released) -> None:
    name = released.file("210")
    first, second = released.lines[name][:2]
    # a record may have several messages
    released.answer(name, message(first), message(first, "BLE012"), message(second, "ABR006"))
    (outcome,) = released.read().outcomes
    assert outcome.rejected == 2
    assert released.states(name) == {"REJECTED": 2, "ACCEPTED": len(released.lines[name]) - 2}
    codes = query(
        released.settings,
        "select feedback_code from marts.submission_records where state = 'REJECTED' order by all",
    )
    assert codes == [("ABR006",), ("BLE011",)]
    rejected = "from marts.pending_now where held_back_by = 'REJECTED'"
    assert len(query(released.settings, rejected)) == 2
    page = released.settings.month_page(FIRST).read_text(encoding="utf-8")
    accepted, rejected = query(
        released.settings,
        "select sum(accepted), sum(rejected) from marts.submissions "
        f"where report_month = '{FIRST}-01'",
    )[0]
    assert f"{accepted} records accepted" in page  # the answer alone renews it
    assert f"{rejected} records rejected" in page
    kept = query(released.settings, "select details from marts.submission_events")
    assert not any("110101199001011234" in str(details) for (details,) in kept)
    for table in OF_RECORDS:  # each is what the view says that fills it
        shown = query(released.settings, f"from submission.{table} order by all")
        assert shown == query(released.settings, f"from submission.{table}_now order by all")
    assert query(released.settings, "select count(*) from marts.repair_queue")[0][0] >= 2
    assert query(
        released.settings,
        "select sum(accounts) from marts.reconciliation where item = 'rejected ABR006'",
    ) == [(1,)]


@pytest.mark.parametrize(
    ("day", "expected"),
    first(2, [(10, ["warning"]), (14, ["critical"]), (9, []), (13, ["warning"])]),
)
def test_a_rejected_record_is_watched_until_it_is_sent_again(
    released: Released, day: int, expected: list[str]
) -> None:
    name = released.file("210")
    released.answer(name, message(released.lines[name][0]))
    released.read()  # on 3 June
    found = submission_watch.submission_results(date(2026, 6, day), released.settings)
    repairs = [
        one.severity for one in found if one.is_open and one.check_id.endswith("repairs.due")
    ]
    assert repairs == expected


def test_a_file_refused_whole_holds_no_record(released: Released) -> None:
    name = released.file("210")
    released.answer(name, "ABF000反馈消息：0000消息内容：decrypt原出错记录：")  # noqa: RUF001
    (outcome,) = released.read().outcomes
    assert outcome.is_refused
    assert released.states(name) == {"REJECTED": len(released.lines[name])}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("a refusal beside a record", "refuses the file and lists records"),
        ("a strange line", "line 2 quotes a record that .* does not hold"),
        ("a count", "counts 5 messages and holds 0"),
        ("a header", "has no header of an answer"),
        ("another header", "has the header of an answer to another file"),
        ("an earlier header", "has the header of an answer to an earlier file"),
        ("a line separator", "line 2 quotes a record that .* does not hold"),
        ("no message", "line 2 is no message"),
        ("bytes", "is not UTF-8"),
        ("signer", "is not signed by the bureau"),
        ("cut off", "does not open with our key|is damaged or cut off"),
        ("a stranger", "answers a file that was never released"),
        ("a name", "has not the name of an answer"),
    ],
)
def test_what_is_no_answer_counts_for_nothing(released: Released, fault: str, words: str) -> None:
    name = released.file("210")
    line = released.lines[name][0]
    other = released.lines[released.file("220")][0]
    about = {"reporter": name[:14], "day": name[14:22], "count": 0}
    path = {
        "a refusal beside a record": lambda: released.answer(
            name,
            "ABF000反馈消息：0000消息内容：decrypt原出错记录：",  # noqa: RUF001
            message(line),
        ),
        "a strange line": lambda: released.answer(name, message(other), message(line)),
        "a count": lambda: released.answer(name, count=5),
        "a header": lambda: released.answer(name, content=b"B050"),
        "another header": lambda: released.answer(
            name,
            content=HEADER.format(kind="110", template="10", **about).encode(),
        ),
        "an earlier header": lambda: released.answer(
            name,
            content=HEADER.format(
                kind="210", template="  ", **about | {"day": "20260402"}
            ).encode(),
        ),
        "a line separator": lambda: released.answer(name, message(f"{line[:9]}\u2028{line[9:]}")),
        "no message": lambda: released.answer(name, "nothing"),
        "bytes": lambda: released.answer(name, content=b"\xff\xfe"),
        "signer": lambda: released.answer(name, signed_by="archive"),
        "cut off": lambda: released.answer(name),
        "a stranger": lambda: released.answer(name.replace("20260403", "20200403")),
        "a name": lambda: released.answer(name),
    }[fault]()
    if fault == "cut off":
        path.write_bytes(path.read_bytes()[:-60])
    if fault == "a name":
        path = path.rename(path.with_name(f"{name[:30]}.enc"))
    before = released.events()
    read = released.read()
    assert read.outcomes == []
    assert len(read.faults) == 1
    assert re.search(words, read.faults[0]), read.faults
    assert released.events() == before
    assert (released.settings.inbox / "refused" / path.name).is_file()
    assert released.states(name) == {"RELEASED": len(released.lines[name])}


def test_an_answer_that_was_set_aside_and_is_read_after_all_is_set_aside_no_more(
    released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, name = released.settings, released.file("210")
    path = released.answer(name)
    aside = settings.inbox / "refused" / path.name
    aside.parent.mkdir(exist_ok=True)
    path.rename(aside)
    monkeypatch.chdir(settings.inbox)
    read = feedback.read_answers([aside.relative_to(settings.inbox)], settings, at)
    assert [one.name for one in read.outcomes] == [name]
    assert not aside.exists()
    assert (settings.inbox / "read" / path.name).is_file()


def test_the_bytes_of_one_answer_are_no_answer_to_another_file(released: Released) -> None:
    name, other = released.file("210"), released.file("220")
    path = released.answer(name)
    content = path.read_bytes()
    released.read()
    path.with_name(f"{other[:29]}1.enc").write_bytes(content)
    (fault,) = released.read().faults
    assert f"has the bytes of {path.name}, which was read before" in fault
    assert released.states(other).keys() == {"RELEASED"}


def test_an_answer_that_is_not_there_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BadCall, match=r"nothing\.enc: there is no such file"):
        feedback.read_answers([tmp_path / "nothing.enc"], settings, at)


def test_the_hourly_task_reads_what_has_come(
    released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in reporting_variables(released.settings).items():
        monkeypatch.setenv(name, value)
    assert feedback_task.read_answers() == "0 answers read, 0 records rejected"
    name = released.file("210")
    released.answer(name, message(released.lines[name][0]))
    assert feedback_task.read_answers() == "1 answers read, 1 records rejected"
    released.answer(released.file("110"), count=2)
    with pytest.raises(DataNotFit, match="counts 2 messages and holds 0"):
        feedback_task.read_answers()
    monkeypatch.delenv("REPORTING_BUREAU_KEY")
    assert feedback_task.read_answers() == "no answer is expected"


def test_a_second_and_different_answer_is_an_incident(released: Released) -> None:
    name = released.file("210")
    released.answer(name)
    assert released.read().faults == []
    released.answer(name, message(released.lines[name][0]))
    (fault,) = released.read().faults
    assert f"{name} was answered by {name[:29]}1.enc on 2026-06-03, and in another way" in fault
    assert released.states(name) == {"ACCEPTED": len(released.lines[name])}


def test_an_answer_that_was_set_aside_is_not_fetched_again(
    released: Released, tmp_path: Path
) -> None:
    bureau = tmp_path / "bureau"
    (bureau / "in").mkdir(parents=True)
    (out := bureau / "out").mkdir()
    settings = released.settings.model_copy(update={"transport": "folder", "bureau_folder": bureau})
    answer = released.answer(released.file("210"), count=5)
    answer = answer.rename(out / answer.name)
    (fault,) = feedback.read_answers([], settings, at).faults
    assert "counts 5 messages and holds 0" in fault
    assert feedback.read_answers([], settings, at).faults == []
    (settled := settings.inbox / "settled").mkdir()
    (settings.inbox / "refused" / answer.name).rename(settled / answer.name)
    assert feedback.read_answers([], settings, at).faults == []
    was = answer.read_bytes()
    answer.write_bytes(was[:-1] + bytes([was[-1] ^ 1]))  # another file of the same name and size
    assert len(feedback.read_answers([], settings, at).faults) == 1


def test_an_answer_by_hand_is_replaced_once_by_the_bureaus_own(released: Released) -> None:
    name = released.file("210")
    with pytest.raises(BadCall, match="say how the bureau answered"):
        feedback.answer_by_hand(name, None, " ", released.settings, at)
    with pytest.raises(BadCall, match="was never released"):
        feedback.answer_by_hand("x.txt", None, "call", released.settings, at)
    with pytest.raises(BadCall, match="refuses no whole file"):
        feedback.answer_by_hand(name, "BLE011", "call", released.settings, at)
    with pytest.raises(BadCall, match="six capital letters and digits"):
        feedback.answer_by_hand(name, "ABF\n01", "call", released.settings, at)
    feedback.answer_by_hand(name, None, "telephone call", released.settings, at)
    assert released.states(name) == {"ACCEPTED": len(released.lines[name])}
    with pytest.raises(BadCall, match="is answered already"):
        feedback.answer_by_hand(name, None, "again", released.settings, at)
    released.answer(name, message(released.lines[name][0]))
    assert released.read().faults == []
    assert released.states(name)["REJECTED"] == 1
    (by_hand,) = query(
        released.settings, "select actor, reason from marts.audit_log where event = 'ANSWERED'"
    )
    assert by_hand[1] == "telephone call"


STALE = f"the bureau's answers since batch \\d+ change what {SECOND} rests on; run `reporting"


def test_a_built_month_is_stale_once_the_bureau_rejects_what_it_rests_on(
    released: Released,
) -> None:
    name = released.file("210")
    approve(released.settings, SECOND)
    released.answer(name)
    released.read()
    steps.month_order.require_fresh(
        steps.published.built_months(released.settings), released.settings
    )  # an acceptance makes nothing stale
    other = released.file("220")
    released.answer(other, message(released.lines[other][0], "BCR000"))
    released.read()
    with pytest.raises(BadCall, match=STALE):
        release_month(released.settings, SECOND)
    assert [run.label for run in steps.month_order.stale_runs(released.settings)] == [SECOND]
    assert next_act(released.settings, AT) == (
        f"{SECOND} is stale, what it rests on has changed: reporting run --month {SECOND}"
    )


@pytest.mark.nightly
def test_a_stale_month_is_built_again_and_approved_again(released: Released) -> None:
    approve(released.settings, SECOND)
    name = released.file("220")
    released.answer(name, message(released.lines[name][0], "BCR000"))
    released.read()
    with pytest.raises(BadCall, match=STALE):
        release_month(released.settings, SECOND)
    steps.run_month(run_of(SECOND, None, released.settings), released.settings)
    with pytest.raises(BadCall, match=r"is about build .*, the files are of build .*; approve it"):
        release_month(released.settings, SECOND)
    approve(released.settings, SECOND)
    assert release_month(released.settings, SECOND)


def queue(released: Released, columns: str) -> list[tuple[object, ...]]:
    sql = f"select {columns} from marts.repair_queue where cause = 'REJECTED' order by all"
    return query(released.settings, sql)


@pytest.mark.nightly
def test_a_rejected_record_waits_in_the_repair_queue_until_it_is_sent_again(
    released: Released,
) -> None:
    settings = released.settings.model_copy(update={"repair_days": 4})
    released.settings = settings
    name = released.file("210")
    first, second = released.lines[name][:2]
    released.answer(
        name,
        *(message(first, code) for code in ("BLR001", "BLR002", "BLR002")),
        message(second, "XYZ001"),
    )
    released.read()
    found = queue(
        released,
        "feedback_code, rule_id, sentence, faulty_elements, owner, times_rejected, due_on - "
        "rejected_at::date, first_withheld_in",
    )
    wrong = "the record 210 does not fit what the bureau holds of the account"
    assert found == [
        ("BLR001", None, wrong, "AcctBal", "pipeline", 1, 4, None),
        ("BLR002", None, wrong, "AcctBal", "pipeline", 1, 4, None),
        ("XYZ001", None, "the code is not described", "AcctBal", "pipeline", 1, 4, None),
    ]
    steps.run_month(run_of(SECOND, None, settings), settings)
    assert len(queue(released, "record_id")) == 3  # built is not sent
    again = list(settings.submissions.glob(f"*/{SECOND}/*210*.txt"))
    sent_again = {
        path.name: line
        for path in again
        for line in path.read_text(encoding="utf-8").splitlines()
        if marks(line) == marks(first)
    }
    approve(settings, SECOND)
    release_month(settings, SECOND)
    assert queue(released, "record_id") == []
    ((file, line),) = sent_again.items()
    released.answer(file, message(line, "ABE001"))
    released.read()
    assert queue(released, "feedback_code, rule_id, times_rejected, report_month::varchar") == [
        ("ABE001", "V71", 2, f"{SECOND}-01")
    ]


def marks(line: str) -> list[str]:
    return re.findall("<(?:AcctCode|RptDate)>[^<]*<", line)


def test_a_refused_file_waits_in_the_repair_queue_record_by_record(released: Released) -> None:
    name = released.file("220")
    released.answer(name, "ABF000反馈消息：0000消息内容：decrypt原出错记录：")  # noqa: RUF001
    released.read()
    found = queue(released, "feedback_code, owner, times_rejected")
    assert found == [("ABF000", "pipeline", 1)] * len(released.lines[name])


def test_what_is_withheld_keeps_its_place_in_the_repair_queue(settings: Settings) -> None:
    rows = query(
        settings,
        "select distinct cause, feedback_code, rejected_at, due_on, times_rejected "
        "from marts.repair_queue",
    )
    assert rows == [("WITHHELD", None, None, None, None)]
    count = "select count(*) from {} where report_month = '2026-03-01'"
    published = settings.published / "repair_queue" / f"report_month={FIRST}-01" / "data.parquet"
    assert query(settings, count.format("marts.repair_queue")) == query(
        settings, f"select count(*) from '{published}'"
    )


def test_an_acceptance_by_hand_is_replaced_although_later_months_say_more(
    released: Released,
) -> None:
    settings, name = released.settings, released.file("110")
    feedback.answer_by_hand(name, None, "telephone call", settings, at)
    approve(settings, SECOND)
    release_month(settings, SECOND)
    both = (
        "select subject_id from marts.submission_records where record_type = '110' "
        "and state in ('RELEASED', 'ACCEPTED') group by all having count(*) > 1"
    )
    assert query(settings, both)
    released.answer(name, message(released.lines[name][0], "BBR000"))
    assert released.read().faults == []
    assert released.states(name)["REJECTED"] == 1


@pytest.mark.nightly
def test_an_answer_by_hand_stands_once_a_record_of_its_file_was_sent_again(
    released: Released,
) -> None:
    settings, name = released.settings, released.file("210")
    feedback.answer_by_hand(name, "ABF000", "telephone call", settings, at)
    steps.run_month(run_of(SECOND, None, settings), settings)
    approve(settings, SECOND)
    release_month(settings, SECOND)
    path = released.answer(name)
    (fault,) = released.read().faults
    words = r"was answered by os:\w+ on 2026-06-03, and its records were sent again since \(file "
    assert re.search(f"{name} {words}", fault), fault
    assert (settings.inbox / "refused" / path.name).is_file()
    assert released.states(name) == {"REJECTED": len(released.lines[name])}


def contents(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    """Rows, columns and comments of every table of the published database, and its views."""
    with duckdb.connect(str(settings.published_database), read_only=True) as connection:
        found = {
            "views": connection.execute(
                "select schema_name, view_name, comment from duckdb_views() "
                "where not internal order by all"
            ).fetchall(),
            "columns": connection.execute(
                "select schema_name, table_name, column_name, data_type, comment "
                "from duckdb_columns() where not internal order by all"
            ).fetchall(),
        }
        tables = connection.execute(
            "select schema_name || '.' || table_name, comment from duckdb_tables() order by all"
        ).fetchall()
        for table, comment in tables:
            rows = connection.execute(f"from {table} order by all").fetchall()
            found[table] = [(comment,), *rows]
    return found


def test_a_database_with_new_events_is_the_one_that_is_written_from_nothing(
    released: Released, tmp_path: Path
) -> None:
    settings, name = released.settings, released.file("210")
    database = settings.published_database
    build_database(settings)  # of this place: the home is a copy
    build = [path.name for path in (settings.published / ".builds").iterdir()]
    first, second = released.lines[name][:2]
    before = database.read_bytes()

    def reject_two() -> None:
        released.answer(name, message(first), message(second, "ABR006"))
        released.read()

    def decide_after_killed_acts() -> None:
        database.write_bytes(before)
        feedback.answer_by_hand(released.file("110"), None, "telephone call", settings, at)

    rejected = []
    for act in (
        lambda: approve(settings, SECOND),
        lambda: release_month(settings, SECOND),
        reject_two,
        decide_after_killed_acts,
    ):
        act()
        # no table of a month has changed: the build stays as it was
        assert [path.name for path in (settings.published / ".builds").iterdir()] == build
        renewed = contents(settings)
        rejected.append(len(renewed["submission.rejected_records"]) - 1)
        other = copy_of(settings, tmp_path / str(len(rejected)))
        other.published_database.unlink()
        build_database(other)
        assert contents(other) == renewed
    assert rejected == [0, 0, 2, 2]


def test_the_overview_says_what_is_unanswered_and_what_is_set_aside(released: Released) -> None:
    def told() -> str:
        with console.capture() as captured:
            console.print(overview(released.settings))
        return captured.get()

    console, files = Console(width=200), len(released.lines)
    lines = told().splitlines()
    assert f"Unanswered by the bureau: {files} files" in lines, lines[-4:]
    assert "Set aside" not in told()
    name = released.file("210")
    released.answer(name)
    released.answer(released.file("110"), content=b"no answer")
    released.read()
    assert f"Unanswered by the bureau: {files - 1} files" in told().splitlines()
    assert f"Set aside: 1 answers in {released.settings.inbox / 'refused'};" in told()
    values = as_values(released.settings)
    assert (values["unanswered_files"], values["set_aside_answers"]) == (files - 1, 1)
    with console.capture() as captured:
        commands.feedback([], None, None, None, "", released.settings, console)
    assert captured.get() == "No new answer. 1 set aside before: `reporting months` says where.\n"


def test_what_a_user_has_changed_is_written_from_nothing(released: Released) -> None:
    settings, name = released.settings, released.file("210")
    with duckdb.connect(str(settings.published_database)) as connection:
        connection.execute("drop table submission.rejections")
    released.answer(name, message(released.lines[name][0]))
    released.read()
    assert len(contents(settings)["submission.rejections"]) == 1 + 1


def test_a_table_of_records_that_a_user_dropped_is_there_after_a_decision(
    released: Released,
) -> None:
    settings = released.settings
    build_database(settings)
    before = contents(settings)["submission.reconciliation"]
    with duckdb.connect(str(settings.published_database)) as connection:
        connection.execute("drop table submission.reconciliation")
    approve(settings, SECOND)
    assert contents(settings)["submission.reconciliation"] == before


def test_a_choice_that_changed_shows_with_the_next_answer(released: Released) -> None:
    settings, name = released.settings, released.file("210")
    released.settings = settings.model_copy(update={"repair_days": settings.repair_days + 7})
    released.answer(name, message(released.lines[name][0]))
    released.read()
    days = "due_on - cast(rejected_at as date)"
    assert query(settings, f"select distinct {days} from marts.repair_queue where {days} > 0") == [
        (settings.repair_days + 7,)
    ]
