"""dbt by hand: change a model, build it on a copy of a month's build store, compare the outcome.

The copy lies in the month's private folder and is kept between calls, so that one call can build
and the next one show. Neither the month's store nor anything published is changed.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import duckdb

from reporting.core import atomic
from reporting.core.database import literal
from reporting.core.errors import BadCall
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive, private_folder
from reporting.store.build_store import open_store
from reporting.store.published import TABLES, built_runs, published_file, tables_of
from reporting.transform.dbt import run_dbt

FOLDER = "by_hand"  # in the month's private folder
EXAMPLES = 5
OURS = ("--vars", "--target", "-t", "--profile", "--project-dir", "--profiles-dir", "--target-path")
SELECT = ("-s", "--select", "-m", "--models")
OF_PYTHON = ("data_quality_results", "landing_files", "built_months", "runs")  # no model makes them
OF_FILES = {"reconciliation": "step <> 'file'"}  # rows that are counted in the written files
DIFFERENCES = """
with published as (  -- rows of one key are numbered: a key may be doubled
    select *, row_number() over (partition by {keys}) as copy
    from read_parquet({file}, hive_partitioning = false)
    where {models_rows}
),

by_hand as (
    select *, row_number() over (partition by {keys}) as copy
    from marts.{table}
    where report_month = {month} and {models_rows}
),

compared as (
    select
        {key} as key,
        {only_published} as is_only_published,
        {only_by_hand} as is_only_by_hand,
        [{changed}] as changed
    from published
    full join by_hand on {same_key} and published.copy = by_hand.copy
)

select
    count(*) filter (is_only_published) as only_published,
    count(*) filter (is_only_by_hand) as only_by_hand,
    count(*) filter (is_changed) as changed,
    [{per_column}] as per_column,
    list(key || ': ' || array_to_string(list_filter(changed, lambda one: one is not null), ', ')
        order by key) filter (is_changed)[:{examples}] as examples
from (
    select
        *,
        not is_only_published and not is_only_by_hand
        and len(list_filter(changed, lambda one: one is not null)) > 0 as is_changed
    from compared
)
"""


@dataclass(frozen=True)
class Difference:
    """How a table that was built by hand differs from the published one; counts are rows."""

    table: str
    only_published: int
    only_by_hand: int
    changed: int
    columns: dict[str, int]  # column -> changed rows in which it differs
    examples: list[str]  # key: column before -> after

    @property
    def is_any(self) -> bool:
        """Whether there is a difference."""
        return bool(self.only_published or self.only_by_hand or self.changed)


def run_by_hand(run: Run, settings: Settings, arguments: list[str], is_fresh: bool) -> None:
    """Run dbt with the run's variables on the copy; its output goes to the terminal.

    The copy is made where there is none, where the month was built since, and if ``is_fresh``.
    Raises BadCall without arguments or a build store, or where rows with personal data would be
    printed; DbtFailed if dbt fails.
    """
    if not arguments:
        raise BadCall("give dbt's arguments after --, such as: -- build -s repayment_status+")
    if ours := [word for word in arguments if word.partition("=")[0] in OURS]:
        raise BadCall(f"{ours[0]} is given by the month; leave it out")
    _require_no_rows_with_personal_data(arguments)
    copy = _copy(run, settings, is_fresh)
    from dbt.cli.exceptions import DbtUsageException

    try:
        with exclusive(copy):
            run_dbt(run, copy, *arguments, is_quiet=False)
    except DbtUsageException as error:
        raise BadCall(f"dbt: {' '.join(str(error).split())}") from None


def _require_no_rows_with_personal_data(arguments: list[str]) -> None:
    """Refuse to print rows of anything but published tables: others hold names and numbers."""
    if "show" not in arguments:
        return
    places = [place + 1 for place, word in enumerate(arguments) if word in SELECT]
    shown = [  # the option takes every word up to the next option
        name
        for place in places
        for name in takewhile(lambda word: not word.startswith("-"), arguments[place:])
    ]
    if any(word.startswith("--inline") for word in arguments) or not {*shown} <= {*TABLES}:
        raise BadCall(
            "dbt show prints rows, and only published tables have none with personal data: give "
            "one with -s, such as -s repayment_status"
        )
    if not shown:
        raise BadCall("give the table to show with -s, such as -s repayment_status")


def _copy(run: Run, settings: Settings, is_fresh: bool) -> Settings:
    """The settings of the folder that holds the copy of the store, under the store's own name."""
    store = run.build_store(settings)
    if not store.is_file():
        raise BadCall(
            f"month {run.label} has no build store (the newest {settings.kept_build_stores} are "
            f"kept): run `reporting run {run.options}` first"
        )
    by_hand = _settings_of_the_copy(run, settings)
    copy = run.build_store(by_hand)
    if is_fresh or not copy.is_file() or copy.stat().st_mtime_ns < store.stat().st_mtime_ns:
        with exclusive(settings):
            atomic.remove(by_hand.home)
            private_folder(by_hand.home)
            private_folder(by_hand.work)
            private_folder(copy.parent)
            with atomic.replaced(copy) as aside:
                shutil.copyfile(store, aside)
    return by_hand


def _settings_of_the_copy(run: Run, settings: Settings) -> Settings:
    return settings.model_copy(update={"home": run.folder(settings) / FOLDER})


def differences(run: Run, settings: Settings) -> list[Difference]:
    """How the run's marts in the copy differ from the published ones, table by table.

    Raises BadCall where this build of the run is not published.
    """
    with open_store(run, _settings_of_the_copy(run, settings)) as connection:
        ((run_id,),) = connection.execute("select run_id from marts.built_months").fetchall()
        if (run, run_id) not in {(one.run, one.run_id) for one in built_runs(settings)}:
            raise BadCall(
                f"{run.label} as its build store has it is not published, so there is nothing to "
                f"compare with: run `reporting run {run.options}` first"
            )
        return [
            found
            for table in tables_of(run)
            if table not in OF_PYTHON
            for found in _difference(connection, table, published_file(settings, table, run), run)
        ]


def _difference(
    connection: duckdb.DuckDBPyConnection, table: str, file: Path, run: Run
) -> Iterator[Difference]:
    rows = f"read_parquet({literal(file)}, hive_partitioning = false)"
    before = [name for name, *_ in connection.execute(f"describe from {rows}").fetchall()]
    now = [name for name, *_ in connection.execute(f"describe marts.{table}").fetchall()]
    keys = TABLES[table].split(", ")
    values = [name for name in before if name in now and name not in keys]
    is_changed = {name: f'published."{name}" is distinct from by_hand."{name}"' for name in values}
    query = DIFFERENCES.format(
        table=table,
        file=literal(file),
        keys=TABLES[table],
        month=f"date '{run.month}'",
        models_rows=OF_FILES.get(table, "true"),
        key="concat_ws(' ', "
        + ", ".join(f"coalesce(published.{key}, by_hand.{key})" for key in keys)
        + ")",
        only_published="by_hand.report_month is null",
        only_by_hand="published.report_month is null",
        same_key=" and ".join(
            f"published.{key} is not distinct from by_hand.{key}" for key in keys
        ),
        changed=", ".join(
            f"case when {condition} then '{name} ' || coalesce(published.\"{name}\"::varchar, "
            f"'null') || ' -> ' || coalesce(by_hand.\"{name}\"::varchar, 'null') end"
            for name, condition in is_changed.items()
        ),
        per_column=", ".join(
            f"count(*) filter (is_changed and changed[{place}] is not null)"
            for place in range(1, len(values) + 1)
        ),
        examples=EXAMPLES,
    )
    ((published, by_hand, changed, per_column, examples),) = connection.execute(query).fetchall()
    columns = {name: count for name, count in zip(values, per_column, strict=True) if count}
    columns |= dict.fromkeys(sorted(set(before) ^ set(now)), 0)  # added or removed
    yield Difference(table, published, by_hand, changed, columns, examples or [])
