"""Runs after the own run of a month: supplements, reproductions, and refused files sent again.

One lender and its bureau over two months (life cycle, sections 2, 6 and 9).
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from support.circles import Circle, circle_of
from support.gnupg_keys import needs_gpg
from support.lender_months import settings_in

from reporting.core.errors import BadCall, DataNotFit, NothingToSend
from reporting.core.run import Run
from reporting.pipeline import supplement
from reporting.store.submission_ledger import bureau_facts
from reporting.submission import verify
from reporting.synthetic import lender

pytestmark = [needs_gpg, pytest.mark.nightly]  # shorter tests hold parts of it

MARCH, APRIL = "2026-03", "2026-04"
FIRST, SECOND, THIRD, LAST = "2026-04-10", "2026-04-12", "2026-04-14T09:30:00", "2026-05-20"
KEPT = ("ledger", "secure")  # with the landing zone, all that a reproduction needs


@dataclass
class Story:
    """The lender and its bureau after the story, and what was seen on the way."""

    circle: Circle
    said: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """March is rejected in part and repaired by a supplement; a file of April is refused."""
    settings = settings_in(tmp_path_factory.mktemp("supplements"))
    lender.generate(Path(settings.landing), accounts=60, months=4, seed=11)
    with circle_of(settings) as circle:
        story = Story(circle)
        said = story.said
        circle.go_round(MARCH, "--reject", "3=ABR006", "--seed", "5")
        said["rejected"] = _records(circle, MARCH, "REJECTED")
        said["pending"] = {
            account for (account,) in circle.query("select account_id from marts.pending_now")
        }
        said["own journal"] = _journal(circle, "data")

        assert circle.run(MARCH, FIRST) is None
        said["supplement"] = circle.query(
            "select record_type, subject_id, report_date from marts.submission_records "
            "where is_supplement order by all"
        )
        said["strings"] = circle.query(
            "select account_id, history_24 from marts.repayment_history order by all"
        )
        circle.send(MARCH)
        circle.answer("--reject", "1=ABE001", "--seed", "2")
        said["rejected again"] = _records(circle, MARCH, "REJECTED", is_supplement=True)

        said["cannot be sent"] = circle.run(MARCH, SECOND)
        said["after that"] = circle.query("select count(*) from marts.runs")[0][0]

        assert circle.run(APRIL) is None
        circle.send(APRIL)
        said["refused"] = _sent_files(circle)[-1]
        refusal = f"{Path(said['refused']).stem}.enc=ABF000"
        circle.answer("--refuse", refusal, "--reject", "1=BBR000", "--reject-type", "110")
        said["person"] = circle.query(
            "select subject_id, report_date from marts.submission_records "
            "where record_type = '110' and state = 'REJECTED'"
        )
        said["rejected with it"] = len(_records(circle, APRIL, "REJECTED"))
        with pytest.raises(BadCall) as caught:
            circle.release(APRIL)
        said["not there"] = str(caught.value)
        said["reproduced"] = circle.run(APRIL)
        said["again"] = circle.release(APRIL)
        facts = bureau_facts(circle.settings)
        said["facts"] = (facts, bureau_facts(circle.settings, facts.upto))
        circle.answer()
        said["nothing to do"] = circle.release(APRIL)
        circle.go_round(APRIL, as_of=LAST)
        yield story


def _sent_files(circle: Circle) -> list[str]:
    rows = circle.query(
        "select file_name from marts.submission_events where event = 'RELEASED' "
        f"and file_name is not null and report_month = '{APRIL}-01' order by batch, file_name"
    )
    return [name for (name,) in rows]


def _records(
    circle: Circle, month: str, state: str, is_supplement: bool = False
) -> list[tuple[Any, ...]]:
    return circle.query(
        "select record_type, subject_id, report_date from marts.submission_records "
        f"where report_month = '{month}-01' and state = '{state}' "
        f"and is_supplement = {is_supplement} order by all"
    )


def _journal(circle: Circle, part: str) -> bytes:
    folder = circle.settings.published / "submission_records" / f"report_month={MARCH}-01"
    return (folder / f"{part}.parquet").read_bytes()


def test_a_supplement_sends_what_was_pending_and_nothing_else(story: Story) -> None:
    assert len(story.said["rejected"]) == 3
    sent = {(subject, day) for kind, subject, day in story.said["supplement"] if kind == "210"}
    assert {(subject, day) for _, subject, day in story.said["rejected"]} <= sent
    assert {subject for subject, _ in sent} <= story.said["pending"]


def test_a_supplement_leaves_the_own_run_of_its_month_as_it_is(story: Story) -> None:
    assert _journal(story.circle, "data") == story.said["own journal"]
    owned = story.circle.query("select count(*) from marts.built_months")
    assert owned == [(2,)]


def test_a_supplement_has_a_page_of_its_own_about_what_it_sends(story: Story) -> None:
    settings = story.circle.settings
    runs = story.circle.query("select report_month, as_of, is_supplement from marts.runs")
    labels = [Run(*row).label for row in runs if row[2]]
    assert len(labels) > 1
    front = (settings.pages / "index.html").read_text(encoding="utf-8")
    for label in labels:
        page = settings.month_page(label).read_text(encoding="utf-8")
        assert "<small>Supplement</small>" in page
        assert '<section id="files">' in page
        assert '<section id="statuses">' not in page  # those of its month did not change
        assert settings.check_page(label).is_file()
        assert f"{quote(label)}/index.html" in front


def test_the_strings_after_a_supplement_end_with_its_month(story: Story) -> None:
    rejected = {subject for kind, subject, _ in story.said["rejected"] if kind == "210"}
    sent = dict(
        story.circle.query(
            "select account_id, repayment_status from marts.submission_records "
            f"where record_type = '210' and report_month = '{MARCH}-01' and state <> 'WITHHELD' "
            f"and report_date > '{MARCH}-01'"
        )
    )
    strings = dict(story.said["strings"])
    assert rejected
    assert all(strings[account][-1] == status for account, status in sent.items())
    assert {len(string) for string in strings.values()} == {24}


def test_content_that_was_rejected_is_not_sent_again_unchanged(story: Story) -> None:
    assert len(story.said["rejected again"]) == 1
    assert "no pending record of 2026-03 can be sent" in story.said["cannot be sent"]
    assert "1 WITHHELD H08" in story.said["cannot be sent"]
    assert story.said["after that"] == 2, "a supplement without a record is published"


def test_a_supplement_without_anything_pending_ends_with_a_line(tmp_path: Path) -> None:
    run = Run(date(2026, 3, 1), datetime(2026, 4, 10), is_supplement=True)
    with pytest.raises(NothingToSend, match="nothing is pending for 2026-03"):
        supplement.require_pending(run, settings_in(tmp_path))


def test_the_bureau_holds_what_was_reported(story: Story) -> None:
    held = story.circle.months_held()
    assert held == story.circle.months_reported()
    assert len(held) > 50
    assert verify.faults(story.circle.settings) == []


def test_a_refused_file_is_sent_again_with_the_same_bytes(story: Story) -> None:
    said, refused = story.said, story.said["refused"]
    assert said["rejected with it"] > 5
    assert "`reporting run --month 2026-04` first" in said["not there"]
    assert said["reproduced"].endswith("same bytes")
    (delivery,) = said["again"]
    assert delivery.file_name[:26] == refused[:26]
    assert int(delivery.file_name[26:29]) > int(refused[26:29])
    assert said["nothing to do"] == []
    hashes = story.circle.query(
        "select distinct sha256 from marts.submission_events where event = 'RELEASED' "
        f"and file_name in ('{refused}', '{delivery.file_name}')"
    )
    assert len(hashes) == 1
    # left is the person whom the bureau rejected, and the account that it does not know without
    assert [kind for kind, *_ in _records(story.circle, APRIL, "REJECTED")] == ["110", "210"]
    assert not list(story.circle.settings.submissions.glob("*/*/*.txt"))


def test_facts_are_the_same_when_they_are_read_as_of_their_batch(story: Story) -> None:
    """A run is built from the facts of a batch, and is reproduced from that batch's number."""
    now, as_of_their_batch = story.said["facts"]
    assert now.rejected
    assert now == as_of_their_batch


def test_a_rejected_person_is_sent_again_by_a_supplement(story: Story) -> None:
    ((person, day),) = story.said["person"]
    states = story.circle.query(
        "select is_supplement, state, report_date from marts.submission_records "
        f"where record_type = '110' and subject_id = '{person}' and report_month = '{APRIL}-01' "
        "order by as_of"
    )
    assert states == [(False, "REJECTED", day), (True, "ACCEPTED", day)]


def test_only_the_newest_released_month_has_a_supplement(story: Story) -> None:
    with pytest.raises(BadCall, match="supplement goes with the newest released month, 2026-04"):
        story.circle.run(MARCH, "2026-05-21")
    with pytest.raises(BadCall, match="is no cut-off of a released run"):
        story.circle.run(MARCH, THIRD)


def test_every_released_run_can_be_built_again_whatever_came_since(
    story: Story, tmp_path: Path
) -> None:
    circle, home = story.circle, tmp_path / "home"
    landing = shutil.copytree(circle.settings.landing, tmp_path / "landing")
    with duckdb.connect() as connection:  # rows recorded before the cut-offs, delivered later
        connection.execute(
            "copy (select * replace ('late-' || transaction_id as transaction_id) "
            f"from read_parquet('{landing}/transactions/*.parquet') limit 40) "
            f"to '{landing}/transactions/late.parquet' (format parquet)"
        )
    (landing / "bills" / "later.txt").write_text("no feed")
    for folder in KEPT:
        shutil.copytree(circle.settings.home / folder, home / folder)
    again = Circle(
        circle.settings.model_copy(update={"home": home, "landing": str(landing)}), circle.bureau
    )
    for month, as_of in ((MARCH, None), (MARCH, FIRST), (APRIL, None), (APRIL, LAST)):
        if as_of == FIRST:
            with pytest.raises(BadCall, match=f"--month {MARCH} --as-of {FIRST}T00:00:00` first"):
                again.run(APRIL)
        said = again.run(month, as_of)
        assert said is not None
        assert said.endswith("files, same bytes"), said
    assert not list(home.glob("submissions/*/*/*.txt"))
    for table in ("months_owed", "accounts_known", "repayment_history", "submission_records"):
        then, now = (
            {path.relative_to(one): path for path in (one / "published" / table).rglob("*.parquet")}
            for one in (circle.settings.home, home)
        )
        assert then.keys() == now.keys()
        assert len(now) == 4
        for name, file in now.items():
            with duckdb.connect() as connection:
                assert not connection.execute(
                    "from read_parquet(?) except all from read_parquet(?)",
                    [str(then[name]), str(file)],
                ).fetchall()


def test_a_landing_file_that_is_gone_is_named(story: Story) -> None:
    landing = Path(story.circle.settings.landing)
    file = sorted((landing / "bills").glob("*.parquet"))[0]
    aside = file.with_suffix(".aside")
    file.rename(aside)
    try:
        with pytest.raises(DataNotFit, match=f"landing file bills/{file.name} is gone; restore it"):
            story.circle.run(MARCH)
    finally:
        aside.rename(file)
