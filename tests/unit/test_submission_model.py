"""The rules of the life cycle, tried as a model before any system: nothing twice, nothing lost.

Random stories over account-months without values (life cycle, sections 2, 3, 5 and 9).
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from oracle.submission_model import (
    DROPPED,
    Build,
    Cell,
    File,
    Key,
    Model,
    NotNowError,
    Reading,
    SentTwiceError,
)

OTHER_CONTENT, SAME_CONTENT = "ABE001", "ABR006"  # what the bureau's codes ask for
ACCOUNTS = {"a": "R1", "b": "R1", "c": "R1", "d": "R2"}  # and their institutions
VERDICTS = ("REPORTED", "REPORTED", "NOTICE_PENDING", "WITHDRAWN", "ACCOUNT_NOT_IN_THE_DATA")
MONTHS = 6

STORIES = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    max_examples=200,
    stateful_step_count=60,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

number = st.integers(0, 30)


class Store(RuleBasedStateMachine):
    """A lender that builds and releases months, rows that come late, and a bureau that answers."""

    is_lenient = False

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(for_good={OTHER_CONTENT}, is_lenient=self.is_lenient)
        self.clock = 0
        self.rows: dict[Cell, list[tuple[int, Reading]]] = {}

    # --- what is known

    def read_at(self, as_of: int) -> Callable[[Cell], Reading]:
        """What is known of an account-month at a cut-off."""

        def read(cell: Cell) -> Reading:
            blank = Reading("REPORTED", institution=ACCOUNTS[cell[0]])
            known = [reading for day, reading in self.rows.get(cell, []) if day <= as_of]
            return (known or [blank])[-1]

        return read

    def learn(self, cell: Cell, verdict: str, is_faulty: bool) -> None:
        self.clock += 1
        reading = Reading(verdict, self.clock, is_faulty, ACCOUNTS[cell[0]])
        self.rows.setdefault(cell, []).append((self.clock, reading))

    def build(self, key: Key) -> Build | None:
        inputs = sum(day <= key[1] for rows in self.rows.values() for day, _ in rows)
        return self.model.build(key, sorted(ACCOUNTS), self.read_at(key[1]), inputs)

    def months(self) -> list[int]:
        """The months that are built."""
        return sorted({month for month, _ in self.model.builds})

    def waiting(self) -> list[Key]:
        """The runs that are not released."""
        return sorted(set(self.model.builds) - set(self.model.released))

    # --- what happens

    @rule(
        account=st.sampled_from(sorted(ACCOUNTS)),
        month=st.integers(0, MONTHS - 1),
        verdict=st.sampled_from(VERDICTS),
        is_faulty=st.booleans(),
    )
    def a_row_comes(self, account: str, month: int, verdict: str, is_faulty: bool) -> None:
        self.learn((account, month), verdict, is_faulty)

    @precondition(lambda self: self.model.released)
    @rule(choice=number, account=st.sampled_from(sorted(ACCOUNTS)))
    def a_month_is_dropped(self, choice: int, account: str) -> None:
        self.learn((account, choice % MONTHS), DROPPED, False)

    @precondition(lambda self: len(self.months()) < MONTHS)
    @rule(is_approved=st.booleans())
    def the_next_month_is_run(self, is_approved: bool) -> None:
        self.clock += 1
        self.run((len(self.months()), self.clock), is_approved)

    @precondition(lambda self: self.model.builds)
    @rule(choice=number, is_later=st.booleans(), is_approved=st.booleans())
    def a_run_is_run_again(self, choice: int, is_later: bool, is_approved: bool) -> None:
        keys = self.waiting() or sorted(self.model.builds)
        month, as_of = keys[choice % len(keys)]
        self.clock += 1
        self.run((month, self.clock if is_later else as_of), is_approved)

    @precondition(lambda self: self.model.released)
    @rule(is_approved=st.booleans())
    def a_supplement_is_run(self, is_approved: bool) -> None:
        self.clock += 1
        self.run((self.model.newest_released()[0], self.clock), is_approved)

    @precondition(lambda self: self.waiting())
    @rule(choice=number, is_approved=st.sampled_from((True, True, True, False)))
    def a_run_is_decided(self, choice: int, is_approved: bool) -> None:
        keys = self.waiting()
        key = keys[choice % len(keys)]
        self.attempt(lambda: self.model.decide(key, "APPROVED" if is_approved else "DECLINED"))

    @precondition(lambda self: self.waiting())
    @rule(choice=number)
    def a_run_is_released(self, choice: int) -> None:
        keys = self.waiting()
        self.attempt(lambda: self.model.release(keys[choice % len(keys)]))

    @precondition(lambda self: self.waiting())
    @rule()
    def the_earliest_run_is_released(self) -> None:
        self.attempt(lambda: self.model.release(self.waiting()[0]))

    @precondition(lambda self: self.model.unanswered())
    @rule(choice=number, rejected=st.sets(st.integers(0, 8), max_size=3), is_final=st.booleans())
    def a_file_is_answered(self, choice: int, rejected: set[int], is_final: bool) -> None:
        file = self.a_file(choice)
        records = [one for one in self.model.builds[file[0]].records if one.file == file]
        subjects = [one.subject for one in records if not one.is_withheld]
        code = OTHER_CONTENT if is_final else SAME_CONTENT
        listed = {subjects[place]: code for place in rejected if place < len(subjects)}
        self.model.answer(file, listed)

    @precondition(lambda self: self.model.unanswered())
    @rule(choice=number)
    def a_file_is_refused(self, choice: int) -> None:
        self.model.refuse(self.a_file(choice), "ABF000")

    @precondition(lambda self: any(self.model.refused(key) for key in self.model.released))
    @rule(choice=number)
    def refused_files_are_sent_again(self, choice: int) -> None:
        keys = [key for key in self.model.released if self.model.refused(key)]
        self.attempt(lambda: self.model.send_again(keys[choice % len(keys)]))

    def a_file(self, choice: int) -> File:
        files = self.model.unanswered()
        return files[choice % len(files)]

    def run(self, key: Key, is_approved: bool) -> None:
        """Run a month, and approve it at once or not."""
        self.attempt(lambda: self.build(key))
        if is_approved and key in self.waiting():
            self.attempt(lambda: self.model.decide(key, "APPROVED"))

    def attempt(self, command: Callable[[], object]) -> None:
        """A command that may be refused, and then changes nothing."""
        try:
            command()
        except NotNowError:
            return

    # --- what must hold

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        self.model.require_sent_once()

    @invariant()
    def nothing_is_lost(self) -> None:
        self.require_nothing_lost(sorted(self.model.released))
        built = sorted(self.model.builds)
        if built and not self.model.is_stale(built[-1]):
            self.require_nothing_lost(self.model.chain((MONTHS, self.clock + 1), False))

    def require_nothing_lost(self, chain: list[Key]) -> None:
        """Property 2: what a run found is sent, or pending with a cause, or dropped."""
        model = self.model
        pending = model.pending_before(chain)
        stand = {one.cell for one in model.records(chain) if stands(model.state(one))}
        dropped = {cell for key in chain for cell in model.builds[key].dropped}
        for key in chain:
            assert model.builds[key].found <= stand | set(pending) | dropped, key
        assert all(pending.values())
        assert not stand & set(pending), "a month is sent and pending"

    def teardown(self) -> None:
        """Every store comes to an end: all is answered and put right, and nothing is pending."""
        model = self.model
        for file in model.unanswered():
            model.answer(file, {})
        for account in ACCOUNTS:
            for month in range(MONTHS):
                known = self.read_at(self.clock)((account, month))
                is_dropped = known.verdict == DROPPED
                self.learn((account, month), DROPPED if is_dropped else "REPORTED", False)
        for month in self.months():
            if model.own(month) not in model.released:
                self.clock += 1
                self.go_round((month, self.clock))
        if model.released:
            self.clock += 1
            self.go_round((model.newest_released()[0], self.clock))
        # what is dropped since is left to the next month's run: a supplement of nothing is none
        read = self.read_at(self.clock)
        pending = model.pending_before(sorted(model.released))
        assert {cell for cell in pending if read(cell).verdict != DROPPED} == set()
        for key in self.waiting():  # a supplement may stay if it would send nothing that is wanted
            build = model.builds[key]
            assert build.is_supplement
            wanted = {one.cell for one in build.records if read(one.cell).verdict != DROPPED}
            assert model.is_stale(key) or not wanted

    def go_round(self, key: Key) -> None:
        if self.build(key) is None:
            return
        self.model.decide(key, "APPROVED")
        self.model.release(key)
        for file in self.model.unanswered():
            self.model.answer(file, {})


def stands(state: str) -> bool:
    """Whether a record stands in a file and is not rejected."""
    return state in ("BUILT", "RELEASED", "ACCEPTED")


class LenientStore(Store):
    """A store that sends refused files of any released run again."""

    is_lenient = True


def test_nothing_is_sent_twice_nothing_is_lost_and_every_store_comes_to_an_end() -> None:
    run_state_machine_as_test(Store, settings=STORIES)


@pytest.mark.nightly
def test_the_same_over_many_more_stories() -> None:
    run_state_machine_as_test(Store, settings=settings(STORIES, max_examples=2000))


def test_random_stories_find_that_only_the_newest_released_run_may_be_sent_again() -> None:
    with pytest.raises(SentTwiceError):
        run_state_machine_as_test(LenientStore, settings=settings(STORIES, max_examples=500))


def pended_by_the_next_month(store: Store) -> Key:
    """May is refused, and June, which carries its records, is built; returns the key of May."""
    model = store.model
    store.go_round((0, 1))
    store.build((1, 2))
    model.decide((1, 2), "APPROVED")
    model.release((1, 2))
    for file in model.unanswered():
        model.refuse(file, "ABF000")
    june = store.build((2, 3))
    assert june is not None
    assert {cell for one in june.records if (cell := one.cell)} == {
        (account, month) for account in ACCOUNTS for month in (1, 2)
    }
    return (1, 2)


def test_a_refused_file_sent_again_makes_the_next_month_stale() -> None:
    store = Store()
    may = pended_by_the_next_month(store)
    store.model.send_again(may)
    assert store.model.is_stale((2, 3))
    for file in store.model.unanswered():
        store.model.refuse(file, "ABF000")
    assert not store.model.is_stale((2, 3)), "the facts are those that it read"


def test_a_refused_file_whose_records_went_with_the_next_month_is_not_sent_again() -> None:
    for kind, expected in ((Store, NotNowError), (LenientStore, SentTwiceError)):
        store = kind()
        may = pended_by_the_next_month(store)
        store.model.decide((2, 3), "APPROVED")
        store.model.release((2, 3))
        with pytest.raises(expected):
            store.model.send_again(may)
            store.nothing_is_sent_twice()


def test_a_record_is_rejected_twice_and_goes_out_a_third_time() -> None:
    store = Store()
    store.build((0, 1))
    store.model.decide((0, 1), "APPROVED")
    store.model.release((0, 1))
    for file in store.model.unanswered():
        store.model.answer(file, {("210", "R1", "a", 0): OTHER_CONTENT} if "R1" in file else {})
    assert store.build((0, 2)) is None, "the same content is not sent again"
    for as_of in (3, 5):
        store.rows["a", 0] = [(as_of, replace(store.read_at(0)(("a", 0)), content=as_of))]
        store.build((0, as_of))
        store.model.decide((0, as_of), "APPROVED")
        store.model.release((0, as_of))
        (file,) = store.model.unanswered()
        store.model.answer(file, {("210", "R1", "a", 0): OTHER_CONTENT} if as_of == 3 else {})
    states = [store.model.state(one) for one in store.model.records(store.model.released)]
    assert states.count("REJECTED") == 2
    assert states.count("ACCEPTED") == 4
