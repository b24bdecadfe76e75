"""The daily watch of the landing zone and of the bureau's deadline; it builds nothing.

Wiring only: the task is one function of ``reporting.pipeline``, imported when it runs.
"""

from airflow.sdk import CronTriggerTimetable, Param, dag, task

# A run triggered by hand may have no logical date; ``run_after`` is the time from which it may run.
MOMENT = "{{ params.day or (logical_date or dag_run.run_after).isoformat() }}"


@task(retries=0)  # a broken file stays broken until it is redelivered
def look(moment: str) -> None:
    """Check every feed and the deadline, and send alerts."""
    from reporting.pipeline.airflow import run_watch

    run_watch(moment)


def alert_on_failure(context):  # type: ignore[no-untyped-def]  # the SDK has no public name for its context
    """Alert which task failed, unless the watch has sent its error."""
    from reporting.pipeline.airflow import alert_on_failure

    alert_on_failure(context)


@dag(
    schedule=CronTriggerTimetable("0 7 * * *", timezone="Asia/Shanghai"),
    catchup=False,  # yesterday's landing zone is gone
    on_failure_callback=alert_on_failure,
    max_active_runs=1,
    params={
        "day": Param(
            None,
            type=["null", "string"],
            pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            title="Day of the watch",
            description="YYYY-MM-DD, such as 2026-06-02. Empty: the day of the run in China.",
        ),
    },
    tags=["credit reporting"],
    default_args={"owner": "pipeline"},
    doc_md=__doc__,
)
def daily_landing_watch() -> None:
    """Watch the landing zone."""
    look(MOMENT)


daily_landing_watch()
