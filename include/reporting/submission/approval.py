"""Four eyes: a second person approves a built run, or declines it (life cycle, section 7)."""

from datetime import datetime, timedelta

from reporting.core.errors import BadCall
from reporting.core.run import Run
from reporting.core.safe_text import require_impersonal
from reporting.core.settings import Settings
from reporting.store.month_order import (
    chain,
    released_states,
    require_finished,
    require_fresh,
    require_newest_month,
    stale_runs,
)
from reporting.store.published import built_runs, unfinished_months
from reporting.store.published_database import build_database
from reporting.store.submission_ledger import (
    Event,
    RunState,
    append,
    current_actor,
    run_states,
)
from reporting.submission.build import UNKNOWN
from reporting.submission.repair import writing

APPROVED, DECLINED, RELEASED = "APPROVED", "DECLINED", "RELEASED"
NOT_A_PERSON = ("airflow:scheduler", UNKNOWN)


def built_state(run: Run, settings: Settings) -> RunState:
    """The run's state in the ledger, if it is built to its end.

    Raises BadCall otherwise: while its mark stands, or where the ledger knows no build with the run
    id that is published, as of a store that an older version built.
    """
    state = known_state(run, settings)
    published = {one.run: one.run_id for one in built_runs(settings)}
    if (
        run.label in unfinished_months(settings)
        or state is None
        or published.get(run) != state.run_id
    ):
        raise BadCall(f"month {run.label} is not built to its end; run it again")
    return state


def known_state(run: Run, settings: Settings) -> RunState | None:
    """The run's state in the ledger; None where the ledger does not know it."""
    found = (one for one in run_states(settings) if one.run == run)
    return next(found, None)


def newest_run(month: str, as_of: str | None, settings: Settings) -> Run:
    """The run of a month that a command is about: that of the cut-off, else the newest one.

    Raises BadCall where the month is not built.
    """
    run = Run.of(month, as_of, settings)
    built = [one.run for one in built_runs(settings) if one.month == run.month]
    if not built:
        raise BadCall(f"month {run.label} is not built; `reporting run --month {run.label}` first")
    if as_of and run not in built:
        raise BadCall(
            f"month {run.label} was built at {built[-1].as_of.isoformat()}, "
            f"not at {run.as_of.isoformat()}; leave --as-of out"
        )
    return built[built.index(run)] if as_of else built[-1]


def approve(
    run: Run,
    settings: Settings,
    at: datetime,
    *,
    reason: str = "",
    shown: tuple[str, str] | None = None,
    where: str = "command",
) -> RunState:
    """Approve a run in the name of the current actor; returns its state afterwards.

    ``shown`` are the run id and files digest that the person has seen; a build since then is not
    approved. Raises BadCall where the run may not be approved, or not by this person.
    """
    with writing(settings):
        state = built_state(run, settings)
        require_open(state)
        require_fresh_up_to(run, settings)
        require_may_approve(state, current_actor(), settings)
        _require_shown(state, shown, "approve it again")
        return _decide(APPROVED, state, settings, at, reason, where)


def decline(
    run: Run,
    settings: Settings,
    at: datetime,
    *,
    reason: str,
    shown: tuple[str, str] | None = None,
    where: str = "command",
) -> RunState:
    """Decline a run in the name of the current actor, with the reason; returns its state.

    ``shown`` as in ``approve``: a build that the person has not seen is not declined.
    """
    with writing(settings):
        state = built_state(run, settings)
        require_open(state)
        if not reason.strip():
            raise BadCall(f"month {run.label}: say why it is declined")
        _require_shown(state, shown, "decide again")
        return _decide(DECLINED, state, settings, at, reason, where)


def _require_shown(state: RunState, shown: tuple[str, str] | None, then: str) -> None:
    if shown is not None and shown != (state.run_id, state.files_digest):
        raise BadCall(
            f"month {state.run.label} was built again since it was shown; look at it and {then}"
        )


def _decide(
    event: str, state: RunState, settings: Settings, at: datetime, reason: str, where: str
) -> RunState:
    require_impersonal("the reason", reason)
    append(
        settings,
        at,
        [
            Event(
                event=event,
                report_month=state.report_month,
                as_of=state.as_of,
                run_id=state.run_id,
                sha256=state.files_digest,
                details={"reason": reason, "where": where},
            )
        ],
    )
    build_database(settings)
    return built_state(state.run, settings)


def next_act(settings: Settings, at: datetime) -> str:
    """What is to be done next for the earliest month that is built and not released, and how.

    Empty where every built month is released, or where an older version built it.
    """
    published = {one.run: one.run_id for one in built_runs(settings)}
    states, stale = run_states(settings), stale_runs(settings)
    newest = max((one.report_month for one in states if one.state == RELEASED), default=None)
    for state in states:
        if state.state != RELEASED and published.get(state.run) != state.run_id:
            continue  # replaced by a build at another cut-off, or removed
        if state.state != RELEASED and state.run.is_supplement and state.run.month != newest:
            continue  # overtaken by the next month, which takes what it would have sent
        month = state.run.options
        if state.run in stale:
            return (
                f"{state.run.label} is stale, what it rests on has changed: reporting run {month}"
            )
        if state.state == DECLINED:
            return (
                f"{state.run.label} was declined: correct the data, then reporting run {month}; "
                f"if it was declined by mistake, reporting approve {month}"
            )
        if state.state == APPROVED and at.replace(tzinfo=None) > _expires(state, settings):
            return f"{_expired(state, settings)}: reporting approve {month}"
        if state.state == APPROVED:
            return f"release it: reporting release {month}"
        if state.state != RELEASED:
            others = ", ".join(state.builders)
            return f"approve it (another person than {others}): reporting approve {month}"
    return ""


def require_valid(state: RunState, settings: Settings, at: datetime) -> None:
    """Require an approval of this very build that another person gave and that has not expired."""
    label = state.run.label
    if state.state == DECLINED:
        raise BadCall(f"{label} was declined by {_name(state)} ({state.reason}); run it again")
    if state.decided_by is None or state.decided_at is None or state.state == "BUILT":
        if state.decision == APPROVED and state.decision_run_id != state.run_id:
            raise BadCall(
                f"the approval of {_name(state)} is for build {state.decision_run_id}, "
                f"the files are of build {state.run_id}; approve it again"
            )
        others = f"another person than {', '.join(state.builders)}"
        raise BadCall(
            f"month {label} is not approved; {others}: reporting approve {state.run.options}"
        )
    require_may_approve(state, state.decided_by, settings)
    if at.replace(tzinfo=None) > _expires(state, settings):
        raise BadCall(_expired(state, settings))


def _expires(state: RunState, settings: Settings) -> datetime:
    """When the approval of a run expires, on China's clock."""
    return (state.decided_at or datetime.min) + timedelta(days=settings.approval_days)


def _expired(state: RunState, settings: Settings) -> str:
    expires = _expires(state, settings)
    return f"the approval of {_name(state)} expired on {expires:%Y-%m-%d}; approve it again"


def require_may_approve(state: RunState, actor: str, settings: Settings) -> None:
    """Require a person who has not built this run and who is among the approvers, if set."""
    if UNKNOWN in state.builders:
        raise BadCall(f"no one knows who built {state.run.label}; run it again, then approve it")
    if actor in NOT_A_PERSON:
        raise BadCall(f"{actor} is no person and cannot approve {state.run.label}")
    if person(actor) in {person(builder) for builder in state.builders}:
        raise BadCall(f"{actor} built it and cannot approve it")
    if settings.approvers and person(actor) not in {name.casefold() for name in settings.approvers}:
        raise BadCall(
            f"{actor} is not among REPORTING_APPROVERS ({', '.join(settings.approvers)}) and "
            "cannot approve it"
        )


def require_fresh_up_to(run: Run, settings: Settings) -> None:
    """Refuse a run if it, or a month before it, rests on what has changed or is half published.

    And a supplement that the next month's release has overtaken.
    """
    require_finished(run, settings)
    require_newest_month(run, released_states(settings))
    of_it = [one for one in built_runs(settings) if one.run == run]
    require_fresh([*chain(run, settings), *of_it], settings)


def person(actor: str) -> str:
    """The name of an actor, without its kind and case: one person may act in several ways."""
    return actor.partition(":")[2].casefold()


def _name(state: RunState) -> str:
    return state.decided_by or "no one"


def require_open(state: RunState) -> None:
    """Refuse a released run: what is released never changes."""
    if state.state == RELEASED:
        raise BadCall(f"month {state.run.label} is released; what is released never changes")
