"""The monthly report to the bureau: a month is built and checked, approved, and released.

1. `land` to `publish` build and check the month. A critical check stops it here.
2. `approve` waits for seven days for a **second person**: never the one who triggered the run.
   Answer on its tab *Required Action*.
3. `release` seals the files of an approved month and delivers them, earlier months first.
   It fails if the month is declined, or if the answer is of a person who may not approve.

Clear `approve` to get another answer. Without keys to seal with, the run ends after `publish`.
"""

# Wiring only: every step is one function of ``reporting.pipeline``, imported when the task runs.

from datetime import timedelta

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Asset, CronPartitionTimetable, Param, dag, task

# At 06:00 on the 3rd, China time; the key of a scheduled or backfilled run is the month before.
MONTHLY = CronPartitionTimetable(
    "0 6 3 * *", timezone="Asia/Shanghai", run_offset=-1, key_format="%Y-%m"
)
MONTH = "{{ partition_key or params.month or '' }}"  # a run triggered by hand has no key
MOMENT = "{{ dag_run.run_after.isoformat() }}"  # without either: the month that ended before it
AS_OF = "{{ params.as_of or '' }}"

# Updated when a month is built, with the month as partition key: what other DAGs are scheduled on.
MONTH_BUILT = Asset("credit_reporting_month")

YYYY_MM = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
CUT_OFF = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2})?$"


@task(
    retries=0,  # the same data gives the same fault: a second try would only hide it
    max_active_tis_per_dag=1,  # first steps wait for their turn: one month at a time may check it
    weight_rule="upstream",  # a month that is working goes before months that wait
)
def run_step(step: str, month: str, as_of: str, moment: str):  # type: ignore[no-untyped-def]
    """Run one step; returns the month, and after the last step the text of the approval request."""
    from reporting.pipeline.airflow import run_step

    return run_step(step, month, as_of, moment)


@task.short_circuit
def needs_approval(built):  # type: ignore[no-untyped-def]
    """Skip the later tasks if there is nothing to release, or no key to seal it with."""
    from reporting.pipeline.airflow import needs_approval

    return needs_approval(built)


@task(retries=0)
def release(built, decision) -> str:  # type: ignore[no-untyped-def]
    """Release the run that was approved; fails if it was rejected."""
    from reporting.pipeline.airflow import release_month

    return release_month(built, decision)


def alert_on_failure(context):  # type: ignore[no-untyped-def]  # the SDK has no public name for its context
    """Alert which task failed, unless the failed step has sent its error."""
    from reporting.pipeline.airflow import alert_on_failure

    alert_on_failure(context)


@dag(
    schedule=MONTHLY,
    catchup=False,
    on_failure_callback=alert_on_failure,
    max_active_runs=16,  # one that waits for approval holds no later one; month_queue has the order
    params={
        "month": Param(
            None,
            type=["null", "string"],  # the form of a backfill must let it stay empty
            pattern=YYYY_MM,
            title="Month to report",
            description="YYYY-MM, such as 2026-05. Empty: the month that ended last.",
        ),
        "as_of": Param(
            None,
            type=["null", "string"],
            pattern=CUT_OFF,
            title="Cut-off",
            description="YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS, China time. Empty: the usual day.",
        ),
    },
    tags=["credit reporting"],
    default_args={"owner": "pipeline"},
    doc_md=__doc__,
)
def monthly_credit_reporting() -> None:
    """Report one month to the bureau."""
    from reporting.pipeline.task_pages import shown

    def step(name: str, **more):  # type: ignore[no-untyped-def]  # the SDK has no public name for a task's result
        arguments = {"task_id": name, **shown(name), **more}
        return run_step.override(**arguments)(name, MONTH, AS_OF, MOMENT)

    built = step("publish", outlets=[MONTH_BUILT])
    ready = needs_approval(built)
    decision = HITLOperator(
        task_id="approve",
        owner="compliance",
        doc_md="A second person reads the month and approves or rejects it on *Required Action*.",
        subject="{{ ti.xcom_pull(task_ids='publish')['subject'] }}",
        body="{{ ti.xcom_pull(task_ids='publish')['body'] }}",
        options=["Approve", "Reject"],
        params={
            "reason": Param(
                "",
                type="string",
                title="Reason",
                description="Why you approve or reject, for the ledger. Without personal data.",
            )
        },
        response_timeout=timedelta(days=7),
    )
    (
        step("land")
        >> step("check_landing")
        >> step("build_marts")
        >> step("check_marts")
        >> step("build_records")
        >> step("check_records")
        >> built
    )
    ready >> decision >> release(built, decision.output)


monthly_credit_reporting()
