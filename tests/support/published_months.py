"""A home in which a month is published, without the run that would build it."""

import duckdb

from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.store import publish


def publish_month(
    run: Run, settings: Settings, key_check: str | None = None, run_id: str = "run"
) -> None:
    """Publish the month's row of ``built_months``; without ``key_check`` as an older version."""
    with duckdb.connect() as store:
        store.execute(
            "create schema marts; create table marts.built_months as select "
            f"date '{run.month}' as report_month, timestamp '{run.as_of}' as as_of, "
            f"'{run_id}' as run_id, null::varchar as built_on"
            + (f", '{key_check}' as key_check" if key_check else "")
        )
        publish.publish_tables(store, run, settings, ("built_months",))
