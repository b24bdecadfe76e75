"""What the DAG's tasks after ``publish`` run: is there something to approve, and the release.

Between them waits Airflow's own task ``approve``, which a second person answers on its pages
(life cycle, sections 7.4 and 7.5).
"""

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

from reporting.core.errors import BadCall
from reporting.core.run import CHINA, Run
from reporting.core.settings import Settings, load_settings
from reporting.core.workspace import is_held
from reporting.store.month_order import chain
from reporting.store.run_marks import now
from reporting.store.submission_ledger import RunState, acting, current_actor, run_states
from reporting.submission import approval, keys, release, review

APPROVE, REJECT = "Approve", "Reject"
AGAIN = timedelta(minutes=10)  # until an earlier month is released

log = logging.getLogger(__name__)
Request = Mapping[str, Any]


def request(run: Run, settings: Settings) -> dict[str, Any] | None:
    """What ``publish`` hands to the approver: the build, a subject and a text in Markdown.

    None where there is nothing to approve.
    """
    state = approval.built_state(run, settings)
    shown = review.review(state, settings)
    return {
        "month": f"{run.month:%Y-%m}",
        "is_supplement": run.is_supplement,
        "as_of": run.as_of.isoformat(),
        "run_id": state.run_id,
        "files_digest": state.files_digest,
        "subject": f"Release the month {shown.subject}?",
        "body": shown.markdown(),
    }


def needs_approval(built: Request | None) -> bool:
    """Whether a person must decide: there is a build, and this machine can release it.

    Raises BadCall if the build rests on another that was replaced since.
    """
    if built is None:
        log.info(
            "the month is released already: it was reproduced, and there is nothing to approve"
        )
        return False
    settings = load_settings()
    approval.require_fresh_up_to(run_of(built), settings)
    if words := keys.missing(settings):
        log.warning("month %s stays built: %s", built["month"], words)
        return False
    return True


def release_month(built: Request, decision: Mapping[str, Any] | None) -> str:
    """Act on the answer to ``approve``: release the run, or decline it and fail.

    Without an answer, as in a run without a scheduler, the run is released if the ledger holds a
    valid approval. Waits while an earlier month is neither released nor declined. Returns what was
    done, which Airflow shows.
    """
    settings = load_settings()
    with _as_answerer(decision, settings):
        return _act_on(decision, built, settings)


def _act_on(decision: Mapping[str, Any] | None, built: Request, settings: Settings) -> str:
    run = run_of(built)
    state = approval.known_state(run, settings)
    if decision is not None and not (state and state.state == approval.RELEASED):
        _decide(run, built, decision, settings)
    elif state is None or state.state not in (approval.APPROVED, approval.RELEASED):
        return f"{run.label} waits for approval: reporting approve {run.options}"
    if not is_held(settings):
        _wait_for_earlier_months(run, settings)
    delivered = release.release(run, settings, now)
    return f"{run.label} is released; {len(delivered)} files delivered"


def _decide(run: Run, built: Request, decision: Mapping[str, Any], settings: Settings) -> None:
    actor = current_actor()
    reason = str((decision.get("params_input") or {}).get("reason") or "")
    shown = (built["run_id"], built["files_digest"])
    act: dict[str, Any] = {"shown": shown, "where": "Airflow"}
    if REJECT in decision["chosen_options"]:
        approval.decline(run, settings, now(), reason=reason or "no reason", **act)
        raise BadCall(f"{run.label} was declined by {actor} ({reason}); run it again")
    state, answered_at = approval.known_state(run, settings), _answered_at(decision)
    if state is not None and state.state == approval.DECLINED and _is_later(state, answered_at):
        raise BadCall(f"{run.label} was declined by {state.decided_by} since; run it again")
    if not _is_approved_by(actor, shown, answered_at, state):
        approval.approve(run, settings, now(), reason=reason, **act)


def _is_approved_by(
    actor: str, shown: tuple[str, str], answered_at: datetime | None, state: RunState | None
) -> bool:
    """Whether the newest decision is this one, as when the task is run a second time.

    A later answer is another decision: it renews an approval that has expired.
    """
    return (
        state is not None
        and state.state == approval.APPROVED
        and state.decided_by == actor
        and shown == (state.run_id, state.files_digest)
        and (answered_at is None or _is_later(state, answered_at))
    )


def _is_later(state: RunState, answered_at: datetime | None) -> bool:
    """Whether the decision in the ledger is later than an answer, to the second."""
    if answered_at is None or state.decided_at is None:
        return False
    return answered_at.replace(microsecond=0) <= state.decided_at


def _answered_at(decision: Mapping[str, Any]) -> datetime | None:
    """When the person answered, on China's clock as in the ledger; None if Airflow has not said."""
    answered = decision.get("responded_at")
    if answered is None:
        return None
    return datetime.fromisoformat(str(answered)).astimezone(CHINA).replace(tzinfo=None)


def _wait_for_earlier_months(run: Run, settings: Settings) -> None:
    """Have Airflow run this task again later while an earlier month may still be released."""
    from airflow.sdk.exceptions import AirflowRescheduleException

    states = {one.run: one.state for one in run_states(settings)}
    waiting = [
        one.month
        for one in chain(run, settings)
        if states.get(one.run) not in (approval.RELEASED, approval.DECLINED)
    ]
    if waiting:
        state = approval.built_state(run, settings)
        approval.require_valid(state, settings, now())
        log.info("%s waits until %s is released", run.label, f"{waiting[0]:%Y-%m}")
        raise AirflowRescheduleException(datetime.now(UTC) + AGAIN)  # type: ignore[no-untyped-call]


def as_builder(settings: Settings) -> Any:
    """The block in which a task builds: in the name of who triggered its run.

    A run without a scheduler works in the name of who started the process.
    """
    if is_held(settings):
        return nullcontext()
    from airflow.sdk import get_current_context

    user = get_current_context()["dag_run"].triggering_user_name
    return acting(f"airflow:{user or 'scheduler'}")


def _as_answerer(decision: Mapping[str, Any] | None, settings: Settings) -> Any:
    """The block in which a task decides and releases: in the name of who answered."""
    if decision is None and is_held(settings):
        return nullcontext()
    user = (decision or {}).get("responded_by_user") or {}
    return acting(f"airflow:{user.get('name') or user.get('id') or 'scheduler'}")


def run_of(built: Request) -> Run:
    """The run that ``publish`` has built."""
    return Run(
        datetime.fromisoformat(f"{built['month']}-01").date(),
        datetime.fromisoformat(built["as_of"]),
        bool(built.get("is_supplement")),
    )
