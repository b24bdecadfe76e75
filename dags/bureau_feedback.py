"""The bureau's answers: fetched and read every hour of the day; it builds nothing.

Wiring only: the task is one function of ``reporting.pipeline``, imported when it runs.
"""

from airflow.sdk import CronTriggerTimetable, dag, task


@task(retries=0)  # the next hour tries again
def read() -> str:
    """Fetch and read new answers; fails if a file is no answer, or the bureau is not reached."""
    from reporting.pipeline.feedback_task import read_answers

    return read_answers()


def alert_on_failure(context):  # type: ignore[no-untyped-def]  # the SDK has no public name for its context
    """Alert that the answers were not read."""
    from reporting.pipeline.airflow import alert_on_failure

    alert_on_failure(context)


@dag(
    schedule=CronTriggerTimetable("0 8-20 * * *", timezone="Asia/Shanghai"),
    catchup=False,  # one reading finds every answer that has come
    on_failure_callback=alert_on_failure,
    max_active_runs=1,
    tags=["credit reporting"],
    default_args={"owner": "pipeline"},
    doc_md=__doc__,
)
def bureau_feedback() -> None:
    """Read the bureau's answers."""
    read()


bureau_feedback()
