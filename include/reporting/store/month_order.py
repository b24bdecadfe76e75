"""May this month run now? The order of months, their cut-offs, and builds that became stale."""

import logging
from datetime import date
from itertools import pairwise

import duckdb

from reporting.core.errors import BadCall
from reporting.core.run import Run, next_month, previous_month
from reporting.core.settings import Settings
from reporting.store.published import BuiltMonth, built_months, earlier_months, unfinished_months
from reporting.store.submission_ledger import bureau_facts, run_states

log = logging.getLogger(__name__)


def run_of(month: str, as_of: str | None, settings: Settings) -> Run:
    """The run of a month. Without a cut-off: the later of the usual one and that of the last build.

    So a rebuild never loses rows that its month already used; the log says when the later one is
    kept. Raises BadCall for an invalid month or cut-off, DataNotFit if a published file is damaged.
    """
    run = Run.of(month, as_of, settings)
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


def require_order(run: Run, settings: Settings) -> None:
    """Refuse a month after a gap or a stale month, or with an earlier cut-off than those before."""
    built = built_months(settings)
    _require_not_released(run, settings)
    _require_finished(run, settings)
    _require_later_cut_off(run, built)
    earlier = [entry.month for entry in built if entry.month < run.month]
    missing = next_month(max(earlier, default=previous_month(run.month)))
    if missing < run.month:
        raise BadCall(
            f"month {run.label} cannot be built before {missing:%Y-%m}: "
            f"run `reporting run --month {missing:%Y-%m}` first"
        )
    require_fresh([one for one in built if one.month < run.month], settings)


def require_fresh(built: list[BuiltMonth], settings: Settings) -> None:
    """Refuse months that rest on what has changed since (life cycle, section 2.4).

    The month before was built again, or the bureau has refused or rejected something since that
    the build has not read. What is released does not change any more.
    """
    for month in stale_months(built):
        raise BadCall(
            f"month {month:%Y-%m} was built on an earlier build of the month before it; "
            f"run `reporting run --month {month:%Y-%m}` again first"
        )
    released = {one.run for one in run_states(settings) if one.released_at is not None}
    facts = bureau_facts(settings)
    for one in built:
        if Run(one.month, one.as_of) not in released and one.bureau_digest != facts.digest:
            raise BadCall(
                f"the bureau's answers since batch {one.ledger_upto} change what "
                f"{one.month:%Y-%m} rests on; run `reporting run --month {one.month:%Y-%m}` again"
            )


def _require_not_released(run: Run, settings: Settings) -> None:
    """Refuse a released month, a month before the first released one, and an earlier cut-off.

    A released run never changes (life cycle, section 2.1).
    """
    released = [one for one in run_states(settings) if one.released_at is not None]
    if not released:
        return
    last = max(released, key=lambda one: one.as_of)
    if run.month in {one.report_month for one in released}:
        raise BadCall(
            f"month {run.label} is released, and what is released never changes; what is learnt "
            "later goes with the next month"
        )
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


def _require_later_cut_off(run: Run, built: list[BuiltMonth]) -> None:
    """Refuse a cut-off before that of the month before: rows that it used would be lost."""
    for before in built:
        if before.month == previous_month(run.month) and run.as_of < before.as_of:
            raise BadCall(
                f"month {run.label}: its cut-off {run.as_of.isoformat()} lies before that of the "
                f"month before, {before.as_of.isoformat()}, which would lose what is known since; "
                f"give --as-of {before.as_of.isoformat()} or later"
            )


def _require_finished(run: Run, settings: Settings) -> None:
    for label in unfinished_months(settings):
        if label < run.label:
            raise BadCall(
                f"month {label} was stopped while it was published, so that its files may be of "
                f"two builds; run `reporting run --month {label}` again first"
            )


def stale_months(built: list[BuiltMonth]) -> list[date]:
    """Months whose month before was built again after them."""
    return [
        later.month
        for earlier, later in pairwise(built)
        if earlier.month == previous_month(later.month) and later.built_on != earlier.run_id
    ]


def require_unchanged_history(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings
) -> None:
    """Refuse to publish a month if an earlier month was built (again) in the meantime."""
    _require_finished(run, settings)
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
            f"run `reporting run --month {run.label}` again"
        )
    seen = connection.execute("from history.built_months order by all")
    if seen.fetchall() != earlier_months(run, settings):
        raise BadCall(
            f"month {run.label} was built on earlier months that have changed since; "
            f"run `reporting run --month {run.label}` again, one month at a time"
        )
