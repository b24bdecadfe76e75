"""A lender and its bureau, walked step by step beside the model of the life cycle and the oracle.

After every step the runs, records and pending months of the system are those of
``oracle.submission_model``; after every run its files are those of ``oracle.submissions``, tag by
tag. What only the two sides outside can know is given: what a rule withheld, and which records the
bureau rejected.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

import duckdb
from oracle.book import read_landing, read_policy
from oracle.random_books import random_book, write_rows
from oracle.random_people import enrich_people
from oracle.staging import TABLES
from oracle.submission_differences import differences, told
from oracle.submission_model import Build, Cell, File, Key, Model, Reading, Record, Subject
from oracle.submissions import Key as RecordKey
from oracle.submissions import PlannedRun, RunOutcome, identity, submissions

from reporting.core.errors import BadCall
from reporting.core.product_policy import read_policy as policy_file
from reporting.core.run import Run
from reporting.core.settings import DBT_PROJECT, Settings
from reporting.store.month_order import run_of
from reporting.store.published import built_runs
from reporting.store.submission_ledger import acting, batches, run_states
from reporting.submission import approval, feedback
from support.circles import AT, Circle

AS_OF = "%Y%m%d%H%M%S"
MONTH_SEGMENT = "AcctMthlyBlgInfSgmt"


class Landing:
    """A random book that is delivered in portions: the first large, the others late."""

    def __init__(self, settings: Settings, seed: int, accounts: int, months: int) -> None:
        self.folder = Path(settings.landing)
        self.delivered = 0
        self.dice = dice = Random(seed)  # noqa: S311 - test data, no secret
        first = date(2025, 10, 1)
        book = random_book(seed, read_policy(policy_file(settings)), accounts, first, months + 5)
        enrich_people(book, seed, date(2025, 12, 1), date(2026, 5, 1))
        self.portions: list[dict[str, list[Any]]] = [{} for _ in range(months + 1)]
        for table, rows in book.tables.items():
            for row in rows:
                place = 0 if dice.random() < 0.9 else dice.randrange(len(self.portions))
                self.portions[place].setdefault(table, []).append(row)
                if dice.random() < 0.01:  # delivered twice
                    self.portions[-1].setdefault(table, []).append(row)
        self.deliver()

    @property
    def files(self) -> int:
        """How many files are delivered; a portion may be without rows, and then without files."""
        return sum(1 for _ in self.folder.rglob("*.parquet"))

    def deliver(self) -> None:
        """Deliver the next portion, if one is left."""
        if self.delivered == len(self.portions):
            return
        portion = self.portions[self.delivered]
        with duckdb.connect() as connection:
            for table in TABLES if self.delivered == 0 else portion:
                file = self.folder / table / f"rows_{self.delivered}.parquet"
                write_rows(connection, table, portion.get(table, []), file)
        self.delivered += 1


class Walk:
    """The circle, the model and the oracle, side by side."""

    def __init__(self, circle: Circle, landing: Landing, for_good: Sequence[str]) -> None:
        self.circle, self.landing = circle, landing
        self.settings = circle.settings
        self.model = Model(for_good)
        self.planned: dict[Key, tuple[PlannedRun, AbstractSet[RecordKey]]] = {}
        self.outcomes: dict[Key, RunOutcome] = {}
        self.keys: dict[tuple[Key, Subject], RecordKey] = {}  # a record: its key in the oracle
        self.read_batches = 0
        self.seen: set[str] = set()  # kinds of runs and answers

    # --- runs

    def run(self, month: str, as_of: str | None = None) -> str | None:
        """Run a month in all three; returns what the system says where nothing is published."""
        run = run_of(month, as_of, self.settings)
        key = key_of(run.month, run.as_of)
        kind = self.model.kind_of(key)
        said = self.circle.run(month, as_of)
        self.seen.add(kind)
        if kind == "reproduction":
            assert said is not None
            assert said.endswith("same bytes"), said
        else:
            self._compare(key, run, said)
        self.check()
        return said

    def _compare(self, key: Key, run: Run, said: str | None) -> None:
        """What a run built, beside oracle and model."""
        chain = self.model.chain(key, run.is_supplement)
        planned = self._plan(run, chain)
        withheld = self._journal(run, "WITHHELD") if said is None else set()
        outcome = self._replay([*(self.planned[one] for one in chain), (planned, withheld)])[-1]
        if said is not None:  # nothing is published: no record may go out
            withheld = {built.key for built in outcome.records}
        built = self._build_model(key, outcome, withheld)
        assert (built is None) == (said is not None), said
        if built is None:
            return
        self.planned[key], self.outcomes[key] = (planned, withheld), outcome
        self.keys |= {(key, subject_of(one.key)): one.key for one in outcome.records}
        found = differences(self.settings.home, [outcome], [withheld])
        assert not found, told(found)
        assert self._journal(run, "WITHHELD", "BUILT") == {one.key for one in outcome.records}
        assert self._owed(run) == outcome.owed

    def _plan(self, run: Run, chain: list[Key]) -> PlannedRun:
        """A run as the oracle replays it: what was delivered, and what is rejected."""
        rejected = frozenset(
            (self.planned[one.key][0].key, self.keys[one.key, one.subject])
            for one in self.model.records(chain)
            if self.model.state(one) == "REJECTED"
        )
        return PlannedRun(
            run.month,
            run.as_of,
            self.settings.notice_lead_days,
            run.is_supplement,
            rejected,
            read_landing(self.landing.folder),
        )

    def _build_model(
        self, key: Key, outcome: RunOutcome, withheld: AbstractSet[RecordKey]
    ) -> Build | None:
        """The same run in the model, with the verdicts of the oracle."""
        verdicts = {
            (account, month_number(month)): verdict
            for (account, month), verdict in outcome.verdicts.items()
        }
        institutions = {cell_of(built.key): built.key[0] for built in outcome.records}
        others = [
            Record(
                key,
                subject_of(built.key),
                is_withheld=built.key in withheld,
                identity=identity(built.record) if built.key[1] == "110" else None,
            )
            for built in outcome.records
            if not cell_of(built.key)
        ]
        return self.model.build(
            key,
            sorted({account for account, month in verdicts if month == key[0]}),
            lambda cell: Reading(verdicts[cell], institution=institutions.get(cell, "")),
            self.landing.files,
            {cell for one in withheld if (cell := cell_of(one))},
            others,
        )

    def _replay(
        self, runs: Sequence[tuple[PlannedRun, AbstractSet[RecordKey]]]
    ) -> list[RunOutcome]:
        seed = DBT_PROJECT / "seeds" / "reporters.csv"
        lines = seed.read_text(encoding="utf-8").splitlines()
        districts = {line.split(",")[0]: line.split(",")[-1] for line in lines[1:]}
        policy = read_policy(policy_file(self.settings))
        planned, withheld = [one for one, _ in runs], [one for _, one in runs]
        return submissions({}, policy, districts, planned, withheld)

    def _journal(self, run: Run, *states: str) -> set[RecordKey]:
        return set(
            self.circle.query(
                "select reporter_code, record_type, subject_id, report_date "
                f"from marts.submission_records where report_month = '{run.month}' "
                f"and as_of = '{run.as_of}' and state in {(*states, '')}"
            )
        )

    def _owed(self, run: Run) -> dict[tuple[str, date], str]:
        rows = self.circle.query(
            "select account_id, owed_month, held_back_by from marts.months_owed "
            f"where report_month = '{run.month}'"
        )
        return {(account, month): cause for account, month, cause in rows}

    # --- decisions

    def decline(self, month: str) -> None:
        """Somebody declines the newest run of the month."""
        run = approval.newest_run(month, None, self.settings)
        with acting("os:bo"):
            approval.decline(run, self.settings, AT, reason="looks odd")
        self.model.decide(key_of(run.month, run.as_of), "DECLINED")
        self.check()

    def send(self, month: str, as_of: str | None = None) -> None:
        """The newest run of the month is approved and released."""
        run = approval.newest_run(month, as_of, self.settings)
        key = key_of(run.month, run.as_of)
        self.circle.send(month, as_of)
        self.model.decide(key, "APPROVED")
        self.model.release(key)
        self.check()

    def send_again(self, month: str, as_of: str | None = None) -> None:
        """The refused files of a run are reproduced and sent again."""
        said = self.run(month, as_of)
        assert said is not None
        run = run_of(month, as_of, self.settings)
        assert self.circle.release(month, as_of)
        self.model.send_again(key_of(run.month, run.as_of))
        self.check()

    # --- answers

    def receive(self, *orders: str) -> None:
        """The bureau takes and judges what has come."""
        self.circle.simulator("receive", *orders)

    def answer(self, *held: str) -> None:
        """The bureau answers all but what it holds back, and its answers are read."""
        self.circle.simulator("answer", *(word for name in held for word in ("--hold", name)))
        read = feedback.read_answers([], self.settings, lambda: AT)
        assert read.faults == []
        self._read_ledger()
        self.check()

    def answer_twice(self) -> None:
        """An answer comes a second time and changes nothing."""
        before = len(batches(self.settings))
        answer = sorted((self.circle.bureau / "out").iterdir())[0]
        doubled = self.circle.bureau / "doubled" / answer.name
        doubled.parent.mkdir(exist_ok=True)
        doubled.write_bytes(answer.read_bytes())
        assert feedback.read_answers([doubled], self.settings, lambda: AT).faults == []
        assert len(batches(self.settings)) == before
        self.check()

    def waiting(self, *types: str) -> list[str]:
        """The files of these record types that the bureau has not taken yet."""
        inbox = sorted((self.circle.bureau / "in").glob("*.enc"))
        return [path.stem for path in inbox if path.stem[22:25] in types]

    def is_stale(self) -> bool:
        """Whether the newest run is stale."""
        return self.model.is_stale(max(self.model.builds))

    def is_refused(self, month: str) -> bool:
        """Whether a file of the own run of the month is refused, and no other run is released."""
        key = self.model.own(month_number(date.fromisoformat(f"{month}-01")))
        is_newest = key is not None and key == self.model.newest_released()
        return is_newest and key is not None and bool(self.model.refused(key))

    def _read_ledger(self) -> None:
        """Give the bureau's answers to the model, as the ledger has them."""
        rows = self.circle.query(
            "select answers.batch, answers.event, answers.code, sent.report_month, sent.as_of, "
            "sent.reporter_code, substr(sent.built_name, 23, 3) "
            "from marts.submission_events as answers inner join marts.submission_events as sent "
            "on answers.file_name = sent.file_name and sent.event = 'RELEASED' "
            "where answers.event in ('ANSWERED', 'REFUSED') "
            f"and answers.batch > {self.read_batches} order by all"
        )
        for batch, event, code, month, as_of, reporter, kind in rows:
            file: File = (key_of(month, as_of), reporter, kind)
            if event == "REFUSED":
                self.model.refuse(file, code)
            else:
                self.model.answer(file, self._rejected(batch))
            self.seen.add(f"{event} {kind}")
            self.read_batches = max(self.read_batches, batch)

    def _rejected(self, batch: int) -> dict[Subject, str]:
        rows = self.circle.query(
            "select records.reporter_code, records.record_type, records.subject_id, "
            "records.report_date, min_by(events.code, events.position) "
            "from marts.submission_events as events inner join marts.submission_records as records "
            f"on events.record_id = records.record_id where events.batch = {batch} "
            "and events.event = 'REJECTED' group by all"
        )
        self.seen |= {f"REJECTED {row[1]}" for row in rows}
        return {subject_of(row[:4]): row[4] for row in rows}

    # --- what must hold after every step

    def check(self) -> None:
        """States of runs and records, what is stale, and what is pending, are the model's."""
        model = self.model
        model.require_sent_once()
        built = {key_of(one.month, one.as_of): one for one in built_runs(self.settings)}
        assert set(built) == set(model.builds)
        known = {key_of(one.report_month, one.as_of): one for one in run_states(self.settings)}
        states = {key: known[key].state for key in built}
        expected = {key: model.run_state(key) for key in model.builds}
        assert states == expected, f"{states} and not {expected}"
        waiting = [key for key in built if key not in model.released]  # nothing else is stale
        assert {key: self._is_stale(built[key].run) for key in waiting} == {
            key: model.is_stale(key) for key in waiting
        }
        assert self._states() == {
            (one.key, one.subject): model.state(one) for one in model.records(model.builds)
        }
        newest = max(model.builds)
        if not model.is_stale(newest):
            rows = self.circle.query(
                "select account_id, pending_month, held_back_by from marts.pending_now"
            )
            found = {(account, month_number(month)): cause for account, month, cause in rows}
            assert found == model.pending_before(sorted(model.builds))
        self.seen |= {"stale"} if self.is_stale() else set()

    def _is_stale(self, run: Run) -> bool:
        try:
            approval.require_fresh_up_to(run, self.settings)
        except BadCall:
            return True
        return False

    def _states(self) -> dict[tuple[Key, Subject], str]:
        rows = self.circle.query(
            "select report_month, as_of, state, reporter_code, record_type, subject_id, "
            "report_date from marts.submission_records"
        )
        states = {(key_of(*row[:2]), subject_of(row[3:])): row[2] for row in rows}
        assert len(states) == len(rows)
        return states

    def months_accepted(self) -> dict[tuple[str, str], dict[str, str]]:
        """What the bureau holds of every month, by the oracle: account code and month, tags."""
        accepted = {
            (one.key, self.keys[one.key, one.subject])
            for one in self.model.records(self.model.released)
            if self.model.state(one) == "ACCEPTED" and one.cell
        }
        segments = [
            (built.key[0] + built.key[2], built.record[MONTH_SEGMENT])
            for key in self.model.released
            for built in self.outcomes[key].records
            if (key, built.key) in accepted and MONTH_SEGMENT in built.record
        ]
        return {(code, segment["Month"]): dict(segment) for code, segment in segments}


# --- the same thing in the words of each side ----------------------------------------------------


def month_number(day: date) -> int:
    """A month as the model counts them."""
    return day.year * 12 + day.month - 1


def key_of(month: date, as_of: datetime) -> Key:
    """A run of the model."""
    return (month_number(month), int(as_of.strftime(AS_OF)))


def subject_of(key: RecordKey | tuple[Any, ...]) -> Subject:
    """Whom and when a record is about: of an account its month, else the day."""
    reporter, record_type, subject, day = key
    when = month_number(day) if record_type == "210" else int(day.strftime("%Y%m%d"))
    return (record_type, reporter, subject, when)


def cell_of(key: RecordKey) -> Cell | None:
    """The account-month of a record 210."""
    return (key[2], month_number(key[3])) if key[1] == "210" else None
