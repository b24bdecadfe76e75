"""The month, step by step: land, check, build, check, build records, check, publish.

The command line runs the steps in one process, the DAG as one task each; both call these functions.
A step that finds the month unfit raises; later steps are skipped and an alert is sent.
"""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial, wraps
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import duckdb

from reporting.alerts.alert import Alert, Fault
from reporting.alerts.send import send_alert
from reporting.checks.evaluate import evaluate_layer
from reporting.checks.results import (
    CheckResult,
    ChecksFailed,
    forget,
    require_fit,
    results_of,
    saved_reports,
)
from reporting.core import interrupts, safe_text
from reporting.core.database import interrupted_as_others
from reporting.core.errors import (
    BadCall,
    BadHome,
    BrokenDelivery,
    HomeInUse,
    MachineFault,
    NothingToSend,
    ReportingError,
)
from reporting.core.product_policy import read_policy
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive, private_folder, require_address_space
from reporting.landing.land import LandingReport, land_feeds
from reporting.monitoring import configuration
from reporting.pages import month_checks
from reporting.pages.renew import renew_after
from reporting.pipeline import landing_unchanged, reproduction, supplement
from reporting.records import (
    earlier_months,
    files,
    hash_key,
    lines,
    notices,
    recount,
    validate,
)
from reporting.store import (
    carried_forward,
    month_order,
    provenance,
    published,
    published_database,
    run_marks,
)
from reporting.store.build_store import open_store, remove_old_stores
from reporting.store.publish import (
    in_one_piece,
    publish_tables,
    remove_superseded,
    write_tables,
)
from reporting.store.submission_ledger import bureau_facts
from reporting.submission import build, repair
from reporting.transform import spark
from reporting.transform.dbt import dbt_build, dbt_parsing

Step = Callable[[Run, Settings], str | None]

log = logging.getLogger(__name__)

MODELS = tuple(
    f"path:models/{folder}" for folder in ("staging", "ledger", "marts", "carried_forward")
)
PORTFOLIO = "path:models/portfolio"  # always built by DuckDB, whichever engine built the marts
RECORDS = "path:models/bureau"
JOURNAL = "path:models/journal"


def step(function: Step) -> Step:
    """Run a step under the lock of the home folder; send an alert if it stops the month."""
    name = function.__name__

    @wraps(function)
    def run_alone(run: Run, settings: Settings) -> str | None:
        with (
            _alert_on_failure(name, run, settings),
            _name_what_is_lacking(name, run, settings),
            exclusive(settings),
            interrupted_as_others(),
        ):
            require_address_space()
            begins = name == STEPS[0].__name__
            run_marks.note(settings, run.label, name, run_marks.WORKING, begins=begins)
            said = function(run, settings)
            interrupts.require_none()
            if name == STEPS[-1].__name__:
                run_marks.clear(settings, run.label)
            else:
                run_marks.note(settings, run.label, name, run_marks.BETWEEN)
            return said

    return run_alone


@contextmanager
def _name_what_is_lacking(step: str, run: Run, settings: Settings) -> Iterator[None]:
    """Raise MachineFault if the block fails for lack of a resource, such as space on a disk."""
    try:
        yield
    except Exception as error:
        if isinstance(error, ReportingError):
            words = error.lack
        else:
            words = safe_text.of_lack(error, settings.home.resolve())
        if words:
            raise MachineFault(
                f"month {run.label}, step {step}: {words}; correct that and run the month again"
            ) from None
        raise


@contextmanager
def _alert_on_failure(step: str, run: Run, settings: Settings) -> Iterator[None]:
    """Send one alert if the block ends with an error, except for a wrong call or Ctrl-C.

    The person who made the call or pressed Ctrl-C sees the result at the terminal. It is no error
    that a supplement has nothing to send. A run that SIGTERM ends is found by the daily watch.
    """
    try:
        yield
    except BadHome as error:
        _send_alert(step, run, settings, error)
        raise
    except HomeInUse:  # the mark is the other run's
        raise
    except (BadCall, NothingToSend, KeyboardInterrupt):
        if interrupts.received() != signal.SIGTERM:  # which no person gives at a terminal
            run_marks.clear(settings, run.label)
        raise
    except Exception as error:
        _send_alert(step, run, settings, error)
        raise


def _send_alert(step: str, run: Run, settings: Settings, error: Exception) -> None:
    """Send an alert of what stopped the month, without a value of a row; never raises."""
    results = _results_so_far(run, settings)
    fault = None
    if isinstance(error, ChecksFailed):  # the message says which; they may not be readable
        results = results or list(error.report.results)
    else:
        fault = Fault.in_step(step, _words(step, error, settings), _owner(error))
    names = [one.__name__ for one in STEPS]
    done = names[: names.index(step)] if step in names else []
    alert = Alert.stopped(run, settings, results, fault, done)
    delivered = send_alert(alert, settings)
    if any(delivered.get(one) for one in alert.audiences):  # who only hears of the end cannot act
        run_marks.settle(settings, run.label, step)
        renew_after(settings, [run.month], are_checks_new=False)  # its page shows the alert


def _words(step: str, error: Exception, settings: Settings) -> str:
    """An error as text; an error of the machine, such as a full disk, with its step and folder."""
    words = safe_text.of_error(error)
    if isinstance(error, ReportingError) or not safe_text.is_of_machine(error):
        return words
    return f"{words} (step {step}, folder {settings.home.resolve()})"


def _results_so_far(run: Run, settings: Settings) -> list[CheckResult]:
    """The results of the month's checks; none if they cannot be read, such as on a full disk."""
    try:
        return results_of(run, settings)
    except (OSError, duckdb.Error) as error:
        log.warning("%s: its checks cannot be read (%s)", run.label, type(error).__name__)
        return []


def _owner(error: BaseException) -> str:
    """The audience of an error: data_delivery for a broken landing zone, else pipeline."""
    return "data_delivery" if isinstance(error, BrokenDelivery) else "pipeline"


@step
def land(run: Run, settings: Settings) -> None:
    """Check the structure of the landing zone and begin a fresh build store over it.

    Raises NothingToSend where a supplement has nothing pending.
    """
    configuration.require_fit(settings)
    repair.finish_interrupted(settings)
    configuration.require_notice_text(run)
    month_order.require_order(run, settings)
    released = reproduction.released_run(run, settings)
    if run.is_supplement and released is None:
        supplement.require_pending(run, settings)
    key = hash_key.hash_key(settings, published.key_checks(settings))
    if settings.engine == "spark":
        spark.require_installed()
    private_folder(run.folder(settings))
    forget(run, settings)
    policy = read_policy(settings)
    rules = provenance.rules_digest(policy)
    carried = carried_forward.find(run, rules, settings)
    inputs = reproduction.landing_files(run, settings) if released else None
    if inputs is not None:
        reproduction.require_there(run, inputs, settings)
    report = land_feeds(run, settings, carried.texts_known if carried else None, inputs)
    if inputs is not None:
        reproduction.require_same_files(run, report.hashed, inputs)
    if carried and not carried.covers(report.contents):
        log.warning(
            "%s: files that the month before has read are gone or changed; %s",
            *(run.label, carried_forward.FULL_REBUILD),
        )
        carried = None
    for warning in report.warnings:
        log.warning("%s: %s", run.label, warning)
    with open_store(run, settings, read_only=False) as connection:
        facts = bureau_facts(settings, released.ledger_upto if released else None)
        earlier = month_order.chain(run, settings)
        earlier_months.create_history(connection, run, earlier, settings, facts)
        carried_forward.create_brought_forward(connection, run, settings, carried)
        landing_unchanged.note_files(connection, report.states, report.hashed)
        carried_forward.note_inputs(connection, rules, report.contents, report.untidy)
        hash_key.create_hash_key(connection, key)
        validate.prepare(connection)
        connection.execute("create schema if not exists marts")
        built_on = earlier[-1].run_id if earlier else None
        _note_provenance(connection, run, policy, report)
        check = hash_key.key_check(key)
        run_id = provenance.run_id(
            run, settings, policy, report.input_digest, built_on, check, facts.digest
        )
        connection.execute(
            "create or replace table marts.built_months as "
            "select ?::date as report_month, ?::timestamp as as_of, ?::varchar as run_id, "
            "?::varchar as built_on, ?::varchar as key_check, ?::bigint as ledger_upto, "
            "?::varchar as bureau_digest, ?::boolean as is_supplement",
            [
                *(run.month, run.as_of, released.run_id if released else run_id, built_on, check),
                *(facts.upto, facts.digest, run.is_supplement),
            ],
        )
        connection.execute("create or replace view marts.runs as from marts.built_months")


def require_same_rules(connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings) -> None:
    """Refuse a run whose code, seeds or policy changed since it landed: its id would not say so."""
    landed = dict(connection.execute("from main.digests").fetchall())
    now = provenance.digests(read_policy(settings))
    if changed := sorted(kind for kind, digest in now.items() if landed.get(kind) != digest):
        raise BadCall(
            f"{' and '.join(changed)} changed while month {run.label} was built; run it again"
        )


def _note_provenance(
    connection: duckdb.DuckDBPyConnection, run: Run, policy: Path, report: LandingReport
) -> None:
    """Record what the run is made from: the digests of each kind, and the files it reads."""
    digests = provenance.digests(policy) | {"landing": report.input_digest}
    connection.execute("create or replace table main.digests (kind varchar, sha256 varchar)")
    connection.executemany("insert into main.digests values (?, ?)", list(digests.items()))
    connection.execute(
        "create or replace table marts.landing_files as "
        "select ?::date as report_month, unnest(?::varchar[]) as file, "
        "unnest(?::varchar[]) as sha256",
        [run.month, list(report.hashed), list(report.hashed.values())],
    )


@step
def check_landing(run: Run, settings: Settings) -> None:
    """Check the landed rows as a whole."""
    with landing_unchanged.landed_files(run, settings):
        _check("landing", run, settings)


@step
def build_marts(run: Run, settings: Settings) -> None:
    """Stage the rows and build the ledger and the marts: who is reportable, and each status."""
    with landing_unchanged.landed_files(run, settings):
        if settings.engine == "spark":
            spark.build(run, settings, *MODELS)
            if not run.is_supplement:
                dbt_build(run, settings, PORTFOLIO)
        else:
            dbt_build(
                run, settings, "path:seeds", *MODELS, *([] if run.is_supplement else [PORTFOLIO])
            )


@step
def check_marts(run: Run, settings: Settings) -> None:
    """Check the marts before anything is written from them."""
    _check("marts", run, settings)


@step
def build_records(run: Run, settings: Settings) -> None:
    """Build the records in the bureau's format and evaluate its rules on them."""
    with open_store(run, settings, read_only=False) as connection:
        validate.prepare(connection)  # also where the step is run again on a store
    dbt_build(run, settings, RECORDS)
    with open_store(run, settings, read_only=False) as connection:
        validate.judge(connection)


@step
def check_records(run: Run, settings: Settings) -> None:
    """Check the records before they are written into files."""
    _check("records", run, settings)


@step
def publish(run: Run, settings: Settings) -> str | None:
    """Write submission files and notices, publish the month, and alert on warnings and answers.

    A released run is compared with what was released instead: returns the result in words. Raises
    NothingToSend where no pending record of a supplement can be sent yet.
    """
    released = reproduction.released_run(run, settings)
    with open_store(run, settings, read_only=False) as connection:
        if released is None:
            require_same_rules(connection, run, settings)
            month_order.require_unchanged_history(connection, run, settings)
        if not published_database.is_of_this_place(
            connection, settings
        ):  # the home was copied or moved
            (upto,) = connection.execute("select ledger_upto from marts.built_months").fetchall()[0]
            facts = bureau_facts(settings, upto)
            earlier = month_order.chain(run, settings)
            earlier_months.create_history(connection, run, earlier, settings, facts)
    build_journal(run, settings)
    with open_store(run, settings, read_only=False) as connection:
        if released is not None:
            said = reproduction.compare(connection, run, released, settings)
            send_alert(Alert.reproduced(run, settings, [one.__name__ for one in STEPS]), settings)
            return said
        if run.is_supplement:
            supplement.require_sendable(connection, run)
        recount.require_closed(connection, run)
        _create_quality_results(connection, run, settings)
        with in_one_piece(run, settings):
            remove_superseded(run, settings)
            written = files.write_submissions(connection, run, settings.submissions)
            recount.count_files(connection, settings.submissions, run, written)
            recount.require_closed(connection, run)
            if not run.is_supplement:
                notices.write_notices(connection, run, settings)
            write_tables(connection, run, settings)
            build.record_build(connection, run, settings, written)
            published_database.build_database(settings, run)
        if not run.is_supplement:
            carried_forward.carry_forward(connection, run, settings)
    remove_old_stores(settings)
    send_alert(Alert.ended(run, settings, results_of(run, settings)), settings)
    repair.alert_after_run(settings)  # the next act need not look
    renew_after(settings, [run.month])  # its page shows the alert
    return None


def build_journal(run: Run, settings: Settings) -> None:
    """Build the month's journal and the marts that follow from it: what was sent or withheld."""
    with open_store(run, settings, read_only=False) as connection:
        lines.build_lines(connection, run)
    dbt_build(run, settings, JOURNAL)


STEPS: tuple[Step, ...] = (
    land,
    check_landing,
    build_marts,
    check_marts,
    build_records,
    check_records,
    publish,
)


def run_month(
    run: Run, settings: Settings, started: Callable[[str], None] = lambda _: None
) -> str | None:
    """Run every step of the month, in order; ``started`` is called with the name of each.

    Returns what is to be said of a run that published nothing: a released run was reproduced, or a
    supplement has nothing to send.
    """
    try:
        return _run_steps(run, settings, started)
    except NothingToSend as said:
        return str(said)


def _run_steps(run: Run, settings: Settings, started: Callable[[str], None]) -> str | None:
    said = None
    with ExitStack() as stack:
        with _alert_on_failure(STEPS[0].__name__, run, settings):
            stack.enter_context(exclusive(settings))
            require_address_space()  # with too little, the imports beside would never end
        do_beside = stack.enter_context(beside())
        # work of some seconds that does not need the store: imports while files are hashed, and
        # dbt's parsing of the project, kept in the month's folder, while landed rows are checked
        do_beside(partial(import_module, "reporting.checks.gx"))
        for one in STEPS:
            started(one.__name__)
            said = one(run, settings)
            if one is land:
                do_beside(dbt_parsing(run, settings))
    return said


@contextmanager
def beside() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Run tasks in another thread, one after the other; wait for them at the end of the block.

    Their errors are ignored here, since they recur in the step that needs the task. After an
    interrupt the thread is not waited for: Python may keep the lock of an interrupted import, and
    the thread would never end.
    """
    things: SimpleQueue[Callable[[], object] | None] = SimpleQueue()

    def do_them() -> None:
        for thing in iter(things.get, None):
            with suppress(Exception):
                thing()

    thread = Thread(target=do_them, name="beside", daemon=True)
    thread.start()
    try:
        yield things.put
    finally:
        things.put(None)
        if not isinstance(sys.exception(), KeyboardInterrupt):
            thread.join()


def _check(layer: str, run: Run, settings: Settings) -> None:
    if month_order.is_released(run, settings):
        return  # a reproduction: its bytes are compared
    report = evaluate_layer(layer, run, settings, month_checks.write_checks)
    if report.critical_failures and run.is_supplement:
        require_fit(report)  # its results stand on the page of its checks alone
    if report.critical_failures:
        # the month stops, but its results are published for the person who investigates
        try:
            with open_store(run, settings, read_only=False) as connection:
                connection.execute("create schema if not exists marts")
                _create_quality_results(connection, run, settings)
                publish_tables(connection, run, settings, ("data_quality_results",))
            renew_after(settings, [run.month])
        finally:  # whatever happens to the pages, the failed checks are what must be reported
            require_fit(report)


def _create_quality_results(
    connection: duckdb.DuckDBPyConnection, run: Run, settings: Settings
) -> None:
    files_ = [str(path) for path in saved_reports(run, settings)]
    connection.execute(
        "create or replace table marts.data_quality_results as "
        "select months.report_month, months.as_of, months.run_id, "
        "results.* exclude (new_rows_only) "
        "from read_parquet(?) as results cross join marts.built_months as months",
        [files_],
    )
