"""The daily watch of the landing zone and of the bureau's deadline; it builds nothing.

Wiring only: the task is one function of ``reporting.orchestration``, imported when it runs.
"""

from airflow.sdk import CronTriggerTimetable, Param, dag, task

# A run that somebody triggers may have no logical date; it has the moment from which it may run.
MOMENT = "{{ params.day or (logical_date or dag_run.run_after).isoformat() }}"


@task(retries=0)  # what is broken stays broken until somebody delivers it anew
def look(moment: str) -> None:
    """Look at every feed, and tell whom it concerns."""
    from reporting.pipeline.airflow import run_watch

    run_watch(moment)


def alert_on_failure(context):  # type: ignore[no-untyped-def]  # the SDK has no public name for its context
    """Send what failed, unless the watch has sent it."""
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
    doc_md=__doc__,
)
def daily_landing_watch() -> None:
    """Watch the landing zone."""
    look(MOMENT)


daily_landing_watch()
