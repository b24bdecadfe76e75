"""What other DAGs learn of a finished month: an event of the asset that the last step updates.

The event has the month as its partition key, so a DAG that is scheduled on the asset by partition
runs once for each month, and the build in its extra: run id, cut-off, and each file with its
records and hash. No value of a row and no one's name is in it.
"""

from typing import Any

from reporting.core.database import filled
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.store.submission_ledger import ledger_views, run_states

FILES = """
select reporter_code as reporter, built_name as name, records, sha256
from marts.submission_events
where event = 'BUILT' and built_name is not null and batch = (
    select max(batch) from marts.submission_events where event = 'BUILT' and run_id = $run_id
)
order by all
"""


def announce(run: Run, settings: Settings) -> None:
    """Describe the month in the events of the running task's outlets."""
    from airflow.sdk import get_current_context

    context = get_current_context()
    for outlet in context["task"].outlets:
        event = context["outlet_events"][outlet]
        event.extra.update(described(run, settings))
        event.add_partitions(f"{run.month:%Y-%m}")


def described(run: Run, settings: Settings) -> dict[str, Any]:
    """A built run in values that JSON can hold; without a build, its month and cut-off alone."""
    state = next((one for one in run_states(settings) if one.run == run), None)
    known = {"run": run.label, "as_of": run.as_of.isoformat()}
    if state is None:
        return known
    with ledger_views(settings) as connection:
        found = connection.execute(filled(FILES, run_id=state.run_id))
        columns = [column[0] for column in found.description or ()]
        files = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    return known | {
        "run_id": state.run_id,
        "files_digest": state.files_digest,
        "records": sum(file["records"] for file in files),
        "files": files,
    }
