"""What happened: the outcome of a month or of a daily watch, and who must act on it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

from reporting.checks.results import CheckResult
from reporting.core.run import Run, deadline
from reporting.core.settings import Settings
from reporting.store import month_state

SUBMITTED = "watch.deadline.submitted"
WATCH, WATCH_ITSELF, DEADLINE = "watch.", "watch.run", "watch.deadline."  # ids of the daily watch
ANSWERS_UNREAD = "watch.answers_unread"  # like the watch's, no month resolves it
BATCH = "batch."  # ids of checks that compare a month with those before
FEEDBACK = "feedback."  # ids about the bureau's answers
WITHHELD = "secure.validated_records"  # a failing row of this table is a withheld record
LAST_MONTH = "9999-12"
RELEASING = ("needs_approval", "approve", "release")  # tasks: their errors end with the release
Outcome = Literal["stopped", "warned", "built", "released", "watched", "answered"]


@dataclass(frozen=True)
class Fault:
    """An error outside the checks: an id for it, its one line, and the audience that must act."""

    id: str
    line: str
    audience: str

    @classmethod
    def in_step(cls, step: str, line: str, audience: str) -> "Fault":
        """An error that stopped a step of a month."""
        return cls(step_id(step), line, audience)


@dataclass(frozen=True)
class Alert:
    """The outcome of a month's run, a daily watch or the bureau's answers, for every audience.

    ``page`` and ``docs`` locate the page of the month (empty: none) and the documents; ``files``
    says which submission files are in place, ``figures`` compares the month with the one before
    (both empty: not known); ``done`` holds the ids of resolved faults, besides the passed checks;
    ``unreleased`` the runs that are not released and delivered (None: not known);
    ``is_delivery_due``: a key of the bureau is named, so that a deadline is met by delivery.
    """

    month: str
    as_of: datetime
    outcome: Outcome
    results: Sequence[CheckResult]
    due_on: date
    page: str = ""
    docs: str = "docs"
    fault: Fault | None = None
    done: frozenset[str] = frozenset()
    unreleased: frozenset[str] | None = None
    is_delivery_due: bool = False
    files: str = ""
    figures: str = ""

    @classmethod
    def stopped(
        cls,
        run: Run,
        settings: Settings,
        results: Sequence[CheckResult],
        fault: Fault | None = None,
        steps_done: Iterable[str] = (),
    ) -> "Alert":
        """A month that ended with an error; ``results`` are those of every layer checked so far.

        ``fault`` is the error, unless the error only reports that these checks failed.
        """
        done = frozenset(map(step_id, steps_done))
        return cls(
            *(run.label, run.as_of, "stopped", results),
            fault=fault,
            done=done,
            files=month_state.files(run, settings),
            **_of(run, settings),
            page=_page_of_stopped(run, settings, fault),
        )

    @classmethod
    def ended(cls, run: Run, settings: Settings, results: Sequence[CheckResult]) -> "Alert":
        """A month that was built and written, with or without warnings."""
        outcome: Outcome = "warned" if any(map(needs_a_person, results)) else "built"
        page = settings.address_of(settings.month_page(run.label))
        unreleased = month_state.unreleased(settings)
        of_run = {**_of(run, settings), "page": page, "unreleased": unreleased}
        is_delivery_due = bool(settings.bureau_key)
        return cls(
            *(run.label, run.as_of, outcome, results), is_delivery_due=is_delivery_due, **of_run
        )

    @classmethod
    def released(cls, run: Run, settings: Settings) -> "Alert":
        """A run that is released, and every file that waited delivered."""
        return cls.reproduced(run, settings, [])

    @classmethod
    def reproduced(cls, run: Run, settings: Settings, steps: Iterable[str]) -> "Alert":
        """A released run that was built again with the same bytes: none of its steps fails now."""
        due_on, docs = deadline(run.month, settings), documents(settings)
        done, unreleased = frozenset(map(step_id, steps)), month_state.unreleased(settings)
        of_run: dict[str, Any] = {"docs": docs, "done": done, "unreleased": unreleased}
        return cls(run.label, run.as_of, "released", [], due_on, **of_run)

    @classmethod
    def watched(
        cls,
        day: date,
        month: date,
        settings: Settings,
        results: Sequence[CheckResult],
        fault: Fault | None = None,
    ) -> "Alert":
        """A daily look at the landing zone; ``month`` is the next one to report."""
        done = frozenset() if fault else frozenset({WATCH_ITSELF})
        as_of, due_on = datetime.combine(day, time()), deadline(month, settings)
        return cls(
            f"{month:%Y-%m}",
            as_of,
            "watched",
            results,
            due_on,
            docs=documents(settings),
            fault=fault,
            done=done,
            unreleased=month_state.unreleased(settings),
        )

    @classmethod
    def answered(
        cls,
        at: datetime,
        month: date,
        settings: Settings,
        results: Sequence[CheckResult],
        done: Iterable[str],
        fault: Fault | None = None,
    ) -> "Alert":
        """What the bureau rejected or refused; ``month`` is the newest one that is built.

        ``done`` are the ids alerted earlier that are resolved, as when records are sent again;
        ``fault`` is why the answers could not be read.
        """
        return cls(
            f"{month:%Y-%m}",
            at.replace(tzinfo=None),
            "answered",
            results,
            deadline(month, settings),
            docs=documents(settings),
            fault=fault,
            done=frozenset(done),
        )

    def open_checks(self, audience: str) -> list[CheckResult]:
        """The failed checks of an audience, without those of severity ``info``.

        Critical checks come first, then checks by the number of records that they withhold, then
        those of the month as a whole, since they concern more people than a single row.
        """
        theirs = [r for r in self.results if needs_a_person(r) and r.owner == audience]
        return sorted(
            theirs,
            key=lambda r: (
                r.severity != "critical",
                -r.rows_failing if r.table_name == WITHHELD else 0,
                not r.check_id.startswith(BATCH),
            ),
        )

    @property
    def audiences(self) -> list[str]:
        """Who has something to do.

        A stopped month alerts only the owners of its critical checks, who can restart it. Owners of
        warnings are alerted when there are files for which the warnings matter.
        """
        open_results = [r for r in self.results if needs_a_person(r)]
        if self.outcome == "stopped":
            open_results = [r for r in open_results if r.severity == "critical"]
        fault = [self.fault.audience] if self.fault else []
        return sorted({*fault, *(result.owner for result in open_results)})

    @property
    def heals_up_to(self) -> str:
        """The last month whose alerts this one may resolve.

        The landing zone does not depend on the next month: a daily watch may resolve all alerts.
        Neither do the bureau's answers, and a release delivers the files of others that wait.
        """
        is_of_all = self.outcome in ("watched", "answered", "released")
        return LAST_MONTH if is_of_all else self.month

    def ids(self, audience: str) -> list[str]:
        """The ids of everything that this alert reports to an audience."""
        fault = [self.fault.id] if self.fault and self.fault.audience == audience else []
        return [*fault, *(result.check_id for result in self.open_checks(audience))]

    def severities(self, audience: str) -> list[tuple[str, str, str]]:
        """Month, id and severity of everything that this alert reports to an audience."""
        known = {one.check_id: one.severity for one in self.open_checks(audience)}
        return [(self.month, one, known.get(one, "critical")) for one in self.ids(audience)]

    def findings(self, audience: str) -> list[str]:
        """What it reports to an audience, for comparison with another watch of the same day."""
        fault = [self.fault] if self.fault and self.fault.audience == audience else []
        checks = self.open_checks(audience)
        return [
            *(f"{one.id}: {one.line}" for one in fault),
            *(f"{one.severity} {one.check_id}" for one in checks),
        ]

    def is_over(self, alerted_id: str, month: str) -> bool:
        """Whether an id that was alerted for this or an earlier month is resolved now.

        A built month has evaluated every check and finished every step. It resolves no id of the
        daily watch except the deadline that it met (``_is_met``). A check of its own month's rows
        alone is resolved when that month is built again and passes. Whether a rejected record is
        sent again is seen where the bureau's answers are alerted. A supplement is not compared with
        the months before (``BATCH``). An error of a release ends when its run is released and
        delivered, or is there no more.
        """
        if alerted_id in map(step_id, RELEASING):
            return self.unreleased is not None and month not in self.unreleased
        if self.outcome == "answered" or alerted_id.startswith(FEEDBACK):
            return alerted_id in self.done
        results = [result for result in self.results if result.check_id == alerted_id]
        is_of_month = self.outcome == "released" or any(one.new_rows_only for one in results)
        is_unseen = not results and alerted_id.startswith(BATCH) and "@" in self.month
        if is_unseen or (is_of_month and month != self.month):
            return False
        if results:
            return not any(map(needs_a_person, results))
        if self.outcome in ("warned", "built"):
            return self._is_met(alerted_id) or not alerted_id.startswith(WATCH)
        return alerted_id in self.done

    def _is_met(self, alerted_id: str) -> bool:
        """Whether a deadline is met by the build; delivery is seen by the next daily watch."""
        waits = alerted_id == SUBMITTED and self.is_delivery_due
        return alerted_id.startswith(DEADLINE) and not waits


def step_id(step: str) -> str:
    """The id of a step's error in the memory of open alerts."""
    return f"step.{step}"


def needs_a_person(result: CheckResult) -> bool:
    """Whether a result must alert a person."""
    return result.is_open and result.severity in ("critical", "warning")


def documents(settings: Settings) -> str:
    """The location of the folder docs/ for links: a URL, or the folder itself."""
    return settings.docs_url.rstrip("/") or "docs"


def _page_of_stopped(run: Run, settings: Settings, fault: Fault | None) -> str:
    """The month's page; that of its checks where a fault or a supplement left none of this run."""
    has_own = fault is None and not run.is_supplement
    page = settings.month_page(run.label) if has_own else settings.check_page(run.label)
    return settings.address_of(page)


def _of(run: Run, settings: Settings) -> dict[str, Any]:
    return {
        "due_on": deadline(run.month, settings),
        "docs": documents(settings),
        "figures": month_state.figures(run, settings),
    }
