"""Which run is meant, what it rests on, and may it run now? (life cycle, section 2)

The runs of a store form one sequence, ordered by month and cut-off. An own run reports every
reportable account of its month; once it is released, a later run of the month is a supplement.
"""

import logging
from datetime import datetime

import duckdb

from reporting.core.errors import BadCall
from reporting.core.run import Run, next_month, previous_month
from reporting.core.settings import Settings
from reporting.store.published import BuiltRun, built_months, built_runs, unfinished_own_runs
from reporting.store.submission_ledger import RunState, bureau_facts, run_states

log = logging.getLogger(__name__)


def run_of(month: str, as_of: str | None, settings: Settings) -> Run:
    """The run that a month and a cut-off mean (life cycle, section 2.1).

    Without a cut-off: the released run of the month, which is reproduced; else the later of the
    usual cut-off and that of the last build, so that a rebuild never loses rows that its month
    already used; the log says when the later one is kept. Raises BadCall for an invalid month or
    cut-off, or where no run may have this cut-off; DataNotFit if a published file is damaged.
    """
    run = Run.of(month, as_of, settings)
    released = released_states(settings)
    of_month = [one.run for one in released if one.report_month == run.month]
    if of_month:
        return _run_of_released_month(run, as_of, of_month, released)
    if as_of:
        return run
    known = max(
        (one.as_of for one in built_months(settings) if one.month == run.month), default=run.as_of
    )
    if known > run.as_of:
        log.warning(
            "%s: the cut-off of its last build, %s, is kept: it is later than the usual one",
            *(run.label, known.isoformat()),
        )
        return Run(run.month, known)
    return run


def _run_of_released_month(
    run: Run, as_of: str | None, of_month: list[Run], released: list[RunState]
) -> Run:
    """A released run of the month, which is reproduced, or a supplement of the newest one."""
    if as_of is None:
        return next(one for one in of_month if not one.is_supplement)
    if run in of_month:
        return of_month[of_month.index(run)]
    last = max(released, key=lambda one: one.as_of)
    if run.as_of <= last.as_of:
        raise BadCall(
            f"month {run.label} is released, and --as-of {run.as_of.isoformat()} is no cut-off of "
            f"a released run; give one later than {last.as_of.isoformat()} for a supplement, or "
            "leave --as-of out to reproduce the month"
        )
    supplement = Run(run.month, run.as_of, is_supplement=True)
    require_newest_month(supplement, released)
    return supplement


def released_states(settings: Settings) -> list[RunState]:
    """The runs that are released, in the order of the sequence."""
    return [one for one in run_states(settings) if one.released_at is not None]


def is_released(run: Run, settings: Settings) -> bool:
    """Whether a run is released; it is then reproduced and never replaced."""
    return any(one.run == run for one in released_states(settings))


def chain(run: Run, settings: Settings) -> list[BuiltRun]:
    """The runs that a run rests on, oldest first; the last one is its predecessor (section 2.2).

    The own runs of all earlier months, released or only built, and the released supplements before
    it; that of a supplement also holds the own run of its month.
    """
    released = {one.run for one in released_states(settings)}
    return _chain(run, built_runs(settings), released)


def _chain(run: Run, built: list[BuiltRun], released: set[Run]) -> list[BuiltRun]:
    return [one for one in built if _goes_before(one.run, run, one.run in released)]


def _goes_before(one: Run, run: Run, is_released: bool) -> bool:
    """Whether a run belongs to the chain of another one."""
    if (one.month, one.as_of) >= (run.month, run.as_of):
        return False
    if one.is_supplement:
        return is_released
    return one.month < run.month or run.is_supplement


def require_order(run: Run, settings: Settings) -> None:
    """Refuse a run after a gap or a stale run, or with an earlier cut-off than those before."""
    _require_cut_off_after_releases(run, settings)
    require_finished(run, settings)
    before = chain(run, settings)
    require_published(run, before, settings)
    _require_later_cut_off(run, before)
    earlier = [one.month for one in before if not one.is_supplement]
    missing = next_month(max(earlier, default=previous_month(run.month)))
    if missing < run.month or (run.is_supplement and missing == run.month):
        raise BadCall(
            f"month {run.label} cannot be built before {missing:%Y-%m}: "
            f"run `reporting run --month {missing:%Y-%m}` first"
        )
    require_fresh(before, settings)


def require_fresh(built: list[BuiltRun], settings: Settings) -> None:
    """Refuse runs that rest on what has changed since (life cycle, section 2.4).

    Their predecessor was built again, or the bureau has refused or rejected something since that
    the build has not read. What is released does not change any more.
    """
    reasons = _stale(settings)
    for one in built:
        if one.run in reasons:
            raise BadCall(reasons[one.run])


def stale_runs(settings: Settings) -> list[Run]:
    """The runs that rest on what has changed since, or on a run that does, oldest first."""
    return list(_stale(settings))


def _stale(settings: Settings) -> dict[Run, str]:
    """The stale runs, oldest first, each with the reason in words: of the earliest it rests on."""
    released = {one.run for one in released_states(settings)}
    every, facts = built_runs(settings), bureau_facts(settings)
    reasons: dict[Run, str] = {}
    for one in every:
        if one.run in released:
            continue
        before = _chain(one.run, every, released)
        if stale := [earlier.run for earlier in before if earlier.run in reasons]:
            reasons[one.run] = reasons[stale[0]]
        elif before and before[-1].run_id != one.built_on:
            reasons[one.run] = (
                f"month {one.run.label} was built on an earlier build of {before[-1].run.label}; "
                f"run `reporting run {one.run.options}` again first"
            )
        elif one.bureau_digest != facts.digest:
            reasons[one.run] = (
                f"the bureau's answers since batch {one.ledger_upto} change what "
                f"{one.run.label} rests on; run `reporting run {one.run.options}` again"
            )
    return reasons


def require_newest_month(run: Run, released: list[RunState]) -> None:
    """Refuse a supplement of another month than the newest released one (section 2.1)."""
    newest = max((one.report_month for one in released), default=run.month)
    if run.is_supplement and run.month != newest:
        raise BadCall(f"a supplement goes with the newest released month, {newest:%Y-%m}")


def cut_off_needed(run: Run, settings: Settings) -> datetime | None:
    """The cut-off that the next month, already built, will need once this supplement is released.

    None where it is not built, or where its cut-off is late enough.
    """
    built = {one.month: one for one in built_months(settings)}
    after = built.get(next_month(run.month))
    if not run.is_supplement or after is None or after.as_of >= run.as_of:
        return None
    return run.as_of


def _require_cut_off_after_releases(run: Run, settings: Settings) -> None:
    """Refuse a month before the first released one, and an earlier cut-off than a released one.

    And another own run of a released month: what is released never changes (life cycle, 2.1).
    """
    released = released_states(settings)
    if not released or any(one.run == run for one in released):
        return
    last = max(released, key=lambda one: one.as_of)
    if run.month < released[0].report_month:
        raise BadCall(
            f"month {run.label} lies before {released[0].report_month:%Y-%m}, the first month that "
            "was released; it cannot be run any more"
        )
    if run.as_of < last.as_of:
        raise BadCall(
            f"--as-of {run.as_of.isoformat()} lies before {last.as_of.isoformat()}, at which "
            f"{last.report_month:%Y-%m} was released; give {last.as_of.isoformat()} or later"
        )
    for one in released:
        if one.run.label == run.label and one.as_of != run.as_of:
            raise BadCall(
                f"month {run.label} was released at {one.as_of.isoformat()} in the meantime and is "
                f"closed; `reporting run --month {run.month:%Y-%m}` makes a supplement now"
            )


def require_published(run: Run, before: list[BuiltRun], settings: Settings) -> None:
    """Refuse a run while a released one that it rests on is not published, as after a loss."""
    there = {one.run for one in before}
    for one in released_states(settings):
        if _goes_before(one.run, run, is_released=True) and one.run not in there:
            raise BadCall(
                f"{one.label} is released and its published tables are missing; restore them, or "
                f"run `reporting run {one.run.options}` first, which builds them again"
            )


def _require_later_cut_off(run: Run, built: list[BuiltRun]) -> None:
    """Refuse a cut-off before that of a run before: rows that it used would be lost."""
    for before in built[-1:]:
        if run.as_of < before.as_of:
            raise BadCall(
                f"month {run.label}: its cut-off {run.as_of.isoformat()} lies before that of the "
                f"run before, {before.run.label} at {before.as_of.isoformat()}, which would lose "
                f"what is known since; give --as-of {before.as_of.isoformat()} or later"
            )


def require_finished(run: Run, settings: Settings) -> None:
    """Refuse a run after an own run that was stopped while it was published.

    A supplement that was stopped so counts for nothing and is removed by the next publication.
    """
    last = next_month(run.month) if run.is_supplement else run.month
    for label in unfinished_own_runs(settings):
        if label < f"{last:%Y-%m}":
            raise BadCall(
                f"month {label} was stopped while it was published, so that its files may be of "
                f"two builds; run `reporting run --month {label}` again first"
            )


def require_unchanged_history(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings
) -> None:
    """Refuse to publish a run if a run that it rests on was built (again) in the meantime."""
    require_finished(run, settings)
    _require_cut_off_after_releases(run, settings)
    landed = connection.execute("select as_of from marts.built_months").fetchall()
    if landed != [(run.as_of,)]:
        raise BadCall(
            f"month {run.label} was landed at another cut-off than {run.as_of.isoformat()}; "
            "run all its steps at one cut-off"
        )
    read = connection.execute("select bureau_digest from marts.built_months").fetchall()
    if read != [(bureau_facts(settings).digest,)]:
        raise BadCall(
            f"the bureau's answers have changed what {run.label} rests on while it was built; "
            f"run `reporting run {run.options}` again"
        )
    seen = connection.execute("from history.runs order by month, as_of")
    if seen.fetchall() != [one.row for one in chain(run, settings)]:
        raise BadCall(
            f"month {run.label} was built on earlier runs that have changed since; "
            f"run `reporting run {run.options}` again, one month at a time"
        )
