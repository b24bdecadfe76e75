"""What a run would do, found out without writing anything."""

from dataclasses import dataclass

from reporting.core.raw_contract import control_totals, raw_contract
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.landing.land import delivered_files
from reporting.landing.zone import LandingZone
from reporting.monitoring import configuration
from reporting.pipeline import supplement
from reporting.store import month_order
from reporting.store.published import built_runs


@dataclass(frozen=True)
class Plan:
    """A run that may begin: its kind, what it rests on, and the files that it would read."""

    run: str
    as_of: str
    kind: str  # report, report again, reproduce, supplement
    rests_on: str | None  # the run before
    files: dict[str, int]  # feed -> files in the landing zone
    bytes: int


def plan(run: Run, settings: Settings) -> Plan:
    """Check the call, the configuration, the order of months and the landing zone.

    Raises what the run itself would raise before it reads a row: BadCall, BrokenDelivery, or
    NothingToSend for a supplement without pending records.
    """
    configuration.require_fit(settings)
    configuration.require_notice_text(run)
    month_order.require_order(run, settings)
    built = {one.run for one in built_runs(settings)}
    if month_order.is_released(run, settings):
        kind = "reproduce"
    elif run.is_supplement:
        supplement.require_pending(run, settings)
        kind = "supplement"
    else:
        is_built = any(one.month == run.month and not one.is_supplement for one in built)
        kind = "report again" if is_built else "report"
    zone = LandingZone.of(settings.landing)
    tables = [*raw_contract(), control_totals()]
    files = {table.name: delivered_files(table, zone) for table in tables}
    paths = [path for found in files.values() for path in found]
    before = month_order.chain(run, settings)
    return Plan(
        run=run.label,
        as_of=run.as_of.isoformat(),
        kind=kind,
        rests_on=before[-1].run.label if before else None,
        files={table: len(found) for table, found in files.items()},
        bytes=sum(state.size for state in zone.states(paths).values() if state),
    )
