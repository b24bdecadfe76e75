"""The life of account-months without values: runs, answers of the bureau, and what is pending.

A model of the life cycle, sections 2, 3, 5 and 9: what rests on what, what is stale, sent, rejected
and pending. It knows no value of a record: what a run knows of an account-month (``Reading``) is
given, and so are the records of persons and agreements, of which it knows the states alone. It is
written from the plan and takes nothing from the system, so that the two can be compared.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

ASKED = ("REPORTED", "NOTICE_PENDING", "ACCOUNT_NOT_IN_THE_DATA")  # verdicts that want a record
DROPPED = "DROPPED"  # not open in that month, or before a new authorization
ACCOUNT = "210"

Cell = tuple[str, int]  # an account and a month
Subject = tuple[str, str, str, int]  # record type, institution, who, and the month or day
Key = tuple[int, int]  # a run: month and cut-off
File = tuple[Key, str, str]  # a file of a run: institution and record type
Content = Hashable
Facts = frozenset[tuple[object, ...]]
Decision = Literal["APPROVED", "DECLINED"]


class NotNowError(Exception):
    """What was asked for is not allowed now."""


class SentTwiceError(AssertionError):
    """Two records of one subject and date are sent."""


@dataclass(frozen=True)
class Reading:
    """What a run knows of an account-month: its verdict, and what its record would hold."""

    verdict: str
    content: Content = 0
    is_faulty: bool = False  # fails a rule of level E
    institution: str = "R1"


@dataclass(frozen=True)
class Record:
    """A record that a run built."""

    key: Key
    subject: Subject
    content: Content = 0
    is_withheld: bool = False
    identity: Hashable = None  # of a person, whom the bureau knows by name and number

    @property
    def file(self) -> File:
        """The file in which it stands."""
        return (self.key, self.subject[1], self.subject[0])

    @property
    def cell(self) -> Cell | None:
        """The account-month of a record 210."""
        kind, _, who, month = self.subject
        return (who, month) if kind == ACCOUNT else None


@dataclass
class Build:
    """The newest build of a run."""

    key: Key
    is_supplement: bool
    built_on: int | None
    ledger_upto: int
    facts: Facts
    run_id: int = 0
    records: list[Record] = field(default_factory=list)
    pending: dict[Cell, str] = field(default_factory=dict)  # and the cause
    found: set[Cell] = field(default_factory=set)  # what it found reportable
    dropped: set[Cell] = field(default_factory=set)

    @property
    def files(self) -> list[File]:
        """Its files."""
        return sorted({one.file for one in self.records if not one.is_withheld})


@dataclass(frozen=True)
class Event:
    """What happened to a file: RELEASED, ANSWERED or REFUSED."""

    kind: str
    file: File
    rejected: Mapping[Subject, str] = field(default_factory=dict)  # and the code
    code: str = ""


class Model:
    """A store: its runs, its ledger, and what follows from them.

    ``is_lenient`` leaves out the condition that only files of the newest released run are sent
    again, to show that it is needed.
    """

    def __init__(self, for_good: Collection[str] = (), is_lenient: bool = False) -> None:
        self.for_good = for_good  # codes after which only other content helps
        self.is_lenient = is_lenient
        self.builds: dict[Key, Build] = {}
        self.released: list[Key] = []  # in the order of their release
        self.decisions: dict[Key, tuple[Decision, int]] = {}
        self.events: list[Event] = []
        self._answers: dict[int, dict[File, Event]] = {}  # by number of events, for speed

    # --- what the ledger says, as of its first n events

    def answers(self, upto: int | None = None) -> dict[File, Event]:
        """Of each released file its newest release, or the answer to that."""
        count = len(self.events) if upto is None else upto
        if count not in self._answers:
            self._answers[count] = {event.file: event for event in self.events[:count]}
        return self._answers[count]

    def facts(self, upto: int | None = None) -> Facts:
        """All that a build reads of the ledger: refused files and rejected records."""
        found: set[tuple[object, ...]] = set()
        for file, event in self.answers(upto).items():
            if event.kind == "REFUSED":
                found.add(("REFUSED", file, event.code))
            found |= {("REJECTED", file, *one) for one in event.rejected.items()}
        return frozenset(found)

    def state(self, record: Record, upto: int | None = None) -> str:
        """The state of a record."""
        if record.is_withheld:
            return "WITHHELD"
        event = self.answers(upto).get(record.file)
        if event is None:
            return "BUILT"
        if event.kind == "REFUSED" or record.subject in event.rejected:
            return "REJECTED"
        return "ACCEPTED" if event.kind == "ANSWERED" else "RELEASED"

    def records(self, keys: Iterable[Key]) -> list[Record]:
        """The records of some runs."""
        return [record for key in keys for record in self.builds[key].records]

    def require_sent_once(self) -> None:
        """Property 1: of a subject and date at most one record is sent. Raises SentTwiceError.

        A customer under another name or number is another person at the bureau.
        """
        sent = [
            (record.subject, record.identity)
            for record in self.records(self.released)
            if self.state(record) in ("RELEASED", "ACCEPTED")
        ]
        if len(sent) != len(set(sent)):
            raise SentTwiceError(sorted({one[0] for one in sent if sent.count(one) > 1}))

    # --- sequence

    def newest_released(self) -> Key:
        """The last of the released runs."""
        return max(self.released)

    def chain(self, key: Key, is_supplement: bool) -> list[Key]:
        """The runs that a run rests on; the last of them is its predecessor."""
        return [
            other
            for other, build in sorted(self.builds.items())
            if other < key
            and (
                other in self.released
                if build.is_supplement
                else other[0] < key[0] or is_supplement
            )
        ]

    def is_stale(self, key: Key) -> bool:
        """Whether a build rests on something that has changed."""
        build = self.builds[key]
        if key in self.released:
            return False
        before = self.chain(key, build.is_supplement)[-1:]
        return (
            build.facts != self.facts()
            or any(self.builds[one].run_id != build.built_on for one in before)
            or any(self.is_stale(one) for one in before)
        )

    def own(self, month: int) -> Key | None:
        """The own run of a month."""
        keys = (k for k, build in self.builds.items() if k[0] == month and not build.is_supplement)
        return next(keys, None)

    def kind_of(self, key: Key) -> Literal["own run", "supplement", "reproduction"]:
        """What a run of this month and cut-off is. Raises NotNowError where there is none."""
        if key in self.released:
            return "reproduction"
        last = max((as_of for _, as_of in self.released), default=key[1])
        if self.own(key[0]) not in self.released:
            if self.released and key[0] < min(self.released)[0]:
                raise NotNowError("before the first released month")
            if key[1] < last:
                raise NotNowError("the cut-off would go back")
            return "own run"
        if key[1] <= last or key[0] != self.newest_released()[0]:
            raise NotNowError("no supplement of this month and cut-off")
        return "supplement"

    # --- what is pending

    def pending_before(self, chain: list[Key], upto: int | None = None) -> dict[Cell, str]:
        """What is pending before the next run: left by the predecessor, or rejected since."""
        before = self.builds[chain[-1]] if chain else None
        pending = dict(before.pending) if before else {}
        built = [one for one in self.records(chain) if one.cell and not one.is_withheld]
        for record in built:
            was = before is not None and self.state(record, before.ledger_upto) == "REJECTED"
            if record.cell and not was and self.state(record, upto) == "REJECTED":
                pending.setdefault(record.cell, "REJECTED")
        for record in built:
            if record.cell and self.state(record, upto) != "REJECTED":
                pending.pop(record.cell, None)
        return pending

    def pending_others(self, chain: list[Key]) -> set[Subject]:
        """The records of persons and agreements that are rejected and not followed by another."""
        newest: dict[tuple[str, ...], Record] = {}
        for record in self.records(chain):
            if not record.cell and not record.is_withheld:
                newest[record.subject[:3]] = record
        return {one.subject for one in newest.values() if self.state(one) == "REJECTED"}

    def asked_before(self, month: int, chain: list[Key]) -> set[str]:
        """The accounts of which the month before wanted a record."""
        own = [one for one in chain if one[0] == month - 1 and not self.builds[one].is_supplement]
        return {cell[0] for key in own for cell in self.builds[key].found if cell[1] == month - 1}

    # --- commands

    def build(
        self,
        key: Key,
        accounts: Collection[str],
        read: Callable[[Cell], Reading],
        inputs: Hashable,
        withheld: Collection[Cell] | None = None,
        others: Collection[Record] = (),
    ) -> Build | None:
        """Run a month; None where nothing is published.

        ``read`` is what the run knows at its cut-off, and ``inputs`` stands for all of it.
        ``withheld``: the account-months that the rules withhold, where the reading does not say.
        ``others``: records of persons and agreements.
        """
        kind = self.kind_of(key)
        chain = self.chain(key, kind == "supplement")
        if kind == "reproduction":
            return None
        self._require_order(key, chain)
        predecessor = self.builds[chain[-1]].run_id if chain else None
        facts = self.facts()
        build = Build(key, kind == "supplement", predecessor, len(self.events), facts)
        build.run_id = hash((key, inputs, predecessor, facts))
        scope = self.pending_before(chain)
        if kind == "supplement" and not scope and not self.pending_others(chain):
            return None
        if kind == "own run":
            asked = self.asked_before(key[0], chain)
            own = {account: read((account, key[0])).verdict for account in accounts}
            build.found = {
                (account, key[0])
                for account, verdict in own.items()
                if verdict in ASKED[:2] or (verdict == ASKED[2] and account in asked)
            }
            scope |= {cell: "" for cell in build.found if cell not in scope}
        for cell in sorted(scope):
            self._decide(build, cell, read(cell), chain, withheld)
        build.records += others
        if build.is_supplement and not build.files:
            return None
        self._publish(build)
        return build

    def _require_order(self, key: Key, chain: list[Key]) -> None:
        """Months one after another, cut-offs that do not go back, nothing stale before."""
        months = [month for month, _ in chain]
        if self.builds and months and key[0] - months[-1] > 1:
            raise NotNowError("a month is missing")
        if self.builds and not months and key[0] > min(self.builds)[0]:
            raise NotNowError("a month is missing")
        if chain and key[1] < chain[-1][1]:
            raise NotNowError("the cut-off would go back")
        if any(self.is_stale(one) for one in chain):
            raise NotNowError("an earlier run is stale")

    def _decide(
        self,
        build: Build,
        cell: Cell,
        reading: Reading,
        chain: list[Key],
        withheld: Collection[Cell] | None,
    ) -> None:
        """A record, or the cause why the account-month stays pending, or none of both."""
        if reading.verdict == DROPPED:
            build.dropped.add(cell)
            return
        if reading.verdict != "REPORTED":
            build.pending[cell] = reading.verdict
            return
        subject = (ACCOUNT, reading.institution, *cell)
        is_withheld = cell in withheld if withheld is not None else reading.is_faulty
        if withheld is None and (subject, reading.content) in self._rejected_contents(chain):
            is_withheld = True
        if is_withheld:
            build.pending[cell] = "WITHHELD"
        build.records.append(Record(build.key, subject, reading.content, is_withheld))

    def _rejected_contents(self, chain: list[Key]) -> set[tuple[Subject, Content]]:
        """What the bureau has rejected with a code after which only other content helps."""
        answers = self.answers()
        return {
            (one.subject, one.content)
            for one in self.records(chain)
            if one.file in answers and answers[one.file].rejected.get(one.subject) in self.for_good
        }

    def _publish(self, build: Build) -> None:
        """An own run replaces its earlier build; a supplement that is not released goes."""
        for key in list(self.builds):
            is_other = self.builds[key].is_supplement and key not in self.released
            if is_other or (key[0] == build.key[0] and key not in self.released):
                del self.builds[key]
        self.builds[build.key] = build

    def run_state(self, key: Key) -> str:
        """The state of a run; a decision is for one build."""
        if key in self.released:
            return "RELEASED"
        decision, run_id = self.decisions.get(key, ("", 0))
        return decision if decision and run_id == self.builds[key].run_id else "BUILT"

    def decide(self, key: Key, decision: Decision) -> None:
        """Approve or decline a build."""
        if key in self.released or (decision == "APPROVED" and self.is_stale(key)):
            raise NotNowError("released, or stale")
        self.decisions[key] = (decision, self.builds[key].run_id)

    def release(self, key: Key) -> None:
        """Release an approved run."""
        build = self.builds[key]
        if key in self.released or self.run_state(key) != "APPROVED" or self.is_stale(key):
            raise NotNowError("released, not approved, or stale")
        if any(one not in self.released for one in self.chain(key, build.is_supplement)):
            raise NotNowError("an earlier run is not released")
        if any(as_of > key[1] for _, as_of in self.released):
            raise NotNowError("the cut-off would go back")
        if build.is_supplement and key[0] != self.newest_released()[0]:
            raise NotNowError("a supplement goes with the newest released month")
        self.released.append(key)
        self.events += [Event("RELEASED", file) for file in build.files]

    def unanswered(self) -> list[File]:
        """The files that the bureau has not answered."""
        return sorted(file for file, event in self.answers().items() if event.kind == "RELEASED")

    def answer(self, file: File, rejected: Mapping[Subject, str]) -> None:
        """The bureau's answer to a file: these records are rejected, all others accepted."""
        self._require_unanswered(file)
        self.events.append(Event("ANSWERED", file, dict(rejected)))

    def refuse(self, file: File, code: str) -> None:
        """The bureau takes no record of a file."""
        self._require_unanswered(file)
        self.events.append(Event("REFUSED", file, code=code))

    def _require_unanswered(self, file: File) -> None:
        if file not in self.unanswered():
            raise NotNowError("not sent, or answered already")

    def refused(self, key: Key) -> list[File]:
        """The files of a run that are refused."""
        found = self.answers().items()
        return sorted(file for file, one in found if file[0] == key and one.kind == "REFUSED")

    def send_again(self, key: Key) -> None:
        """Send the refused files of a run again, with the same bytes."""
        if not self.refused(key):
            raise NotNowError("no file is refused")
        if key != self.newest_released() and not self.is_lenient:
            raise NotNowError("not the newest released run")
        self.events += [Event("RELEASED", file) for file in self.refused(key)]
