"""What explains the published database: code lists, comments, saved queries and the dictionary.

Every code that a published column holds joins to its sentence in a code list; every view, table and
column has a comment, which ``duckdb_columns()``, ``information_schema`` and BI tools show, and
``marts.data_dictionary`` lists.
"""

from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from reporting.core.config_files import read_yaml
from reporting.core.database import json_rows, literal
from reporting.core.seeds import seed_path
from reporting.core.settings import DBT_PROJECT, EXPECTATIONS, Settings

_STORE = Path(__file__).parent
SAVED_QUERIES = _STORE / "saved_queries"
DESCRIBED_HERE = _STORE / "published.yml"  # what no dbt model makes

PUBLISHED_MODELS = [DBT_PROJECT / "models" / name for name in ("marts", "portfolio", "journal")]

# Seeds that are published as they are, under their own names.
SEEDS = (
    "reasons",
    "repayment_statuses",
    "five_tier_classes",
    "row_rules",
    "feedback_codes",
    "product_policy",
    "reporters",
    "product_names",
    "consent_texts",
    "code_words",
)
# Registries that are published: table -> file, and its fields under the names of the columns.
REGISTRIES = {
    "bureau_rules": (
        EXPECTATIONS / "bureau_rules.yml",
        {
            "id": "rule_id",
            "severity": "severity",
            "record": "record_type",
            "scope": "scope",
            "sentence": "sentence",
            "sentence_zh": "sentence_zh",
            "why": "why",
            "why_zh": "why_zh",
            "usual_cause": "usual_cause",
            "usual_cause_zh": "usual_cause_zh",
            "citation": "citation",
        },
    ),
    "check_guide": (
        EXPECTATIONS / "runbook.yml",
        {
            "check": "check_pattern",
            "owner": "owner",
            "hurts": "hurts",
            "hurts_zh": "hurts_zh",
            "do": "what_to_do",
            "do_zh": "what_to_do_zh",
        },
    ),
}

DICTIONARY = """
create view marts.data_dictionary as
with tables as (
    select view_name as table_name, comment from duckdb_views()
    where schema_name = 'marts' and database_name = current_database() and not internal
    union all
    select table_name, comment from duckdb_tables()
    where schema_name = 'marts' and database_name = current_database()
)

select
    tables.table_name,
    tables.comment as table_description,
    columns.column_index as position,
    columns.column_name,
    columns.data_type,
    columns.comment as description
from tables
inner join duckdb_columns() as columns
    on tables.table_name = columns.table_name
    and columns.schema_name = 'marts'
    and columns.database_name = current_database()
order by all;

create view marts.saved_queries as
select
    function_name as query_name,
    array_to_string(parameters, ', ') as parameters,
    comment as description,
    macro_definition as sql
from duckdb_functions()
where
    schema_name = 'marts'
    and database_name = current_database()
    and function_type = 'table_macro'
order by all;
"""


def create_code_lists(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Write every code list as a table of schema ``marts``, in the order of its file."""
    types = _seed_types()
    for seed in SEEDS:
        is_replaced = seed == "product_policy" and settings.policy is not None
        path = settings.policy if is_replaced else seed_path(seed)
        form = f", types = {types[seed]}" if seed in types else ""
        connection.execute(
            f"create table marts.{seed} as select * from read_csv("
            f"{literal(path)}, header = true, delim = ',', quote = '\"', "
            f"sample_size = -1{form})"
        )
    for table, (path, columns) in REGISTRIES.items():
        entries = _content(path)
        kinds = {"position": "BIGINT"} | dict.fromkeys(columns.values(), "VARCHAR")
        rows = (
            {"position": position} | {columns[field]: entry.get(field) for field in columns}
            for position, entry in enumerate(entries, 1)
        )
        connection.execute(f"create table marts.{table} as from {json_rows(rows, kinds)}")


@cache
def _content(path: Path) -> Any:
    """The content of a YAML file of ours, which stays as it is while the program runs."""
    return read_yaml(path)


def _seed_types() -> dict[str, dict[str, str]]:
    """The column types of each seed that dbt is given; all other columns have evident types."""
    project = _content(DBT_PROJECT / "dbt_project.yml")
    seeds = project["seeds"][project["name"]]
    return {
        seed: {column: str(form) for column, form in config["+column_types"].items()}
        for seed, config in seeds.items()
        if isinstance(config, dict)
    }


def create_saved_queries(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the saved queries as table macros, each with its comment."""
    # a query may use another one, which then comes first
    first = ("month_or_newest", "overdue")
    paths = sorted(SAVED_QUERIES.glob("*.sql"), key=lambda path: (path.stem not in first, path))
    for path in paths:
        connection.execute(path.read_text(encoding="utf-8"))


def describe(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the dictionary, and the description of every table and column as its comment."""
    connection.execute(DICTIONARY)
    described = descriptions()
    found = connection.execute(
        "select 'view', view_name from duckdb_views() where schema_name = 'marts' and not internal "
        "and database_name = current_database() union all "
        "select 'table', table_name from duckdb_tables() where schema_name = 'marts' "
        "and database_name = current_database() order by all"
    ).fetchall()
    columns = connection.execute(
        "select table_name, list(column_name) from duckdb_columns() where schema_name = 'marts' "
        "and database_name = current_database() group by all"
    ).fetchall()
    of_table = dict(columns)
    comments = []
    for kind, table in found:
        if table not in described:
            continue
        words, of_columns = described[table]
        comments.append(f"comment on {kind} marts.{table} is {literal(words)}")
        comments += [
            f'comment on column marts.{table}."{column}" is {literal(of_columns[column])}'
            for column in of_table[table]
            if column in of_columns
        ]
    connection.execute(";\n".join(["begin", *comments, "commit"]))


@cache
def descriptions() -> dict[str, tuple[str, dict[str, str]]]:
    """The description of each published table and of its columns, from dbt's files and ours.

    What ours says of a column of a dbt model is about a column that the published view adds.
    """
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for path in _descriptions_read():
        content = _content(path)
        for entry in (*content.get("models", ()), *content.get("seeds", ())):
            columns = {
                column["name"]: _one_line(column["description"])
                for column in entry.get("columns", ())
                if "description" in column
            }
            words, of_columns = found.get(entry["name"], ("", {}))
            as_there = found[entry["like"]][1] if "like" in entry else {}
            found[entry["name"]] = (
                _one_line(entry.get("description", words)),
                as_there | of_columns | columns,
            )
    return found


def _descriptions_read() -> tuple[Path, ...]:
    models = sorted(path for folder in PUBLISHED_MODELS for path in folder.glob("*.yml"))
    return *models, DBT_PROJECT / "seeds" / "seeds.yml", DESCRIBED_HERE


def files_read() -> tuple[Path, ...]:
    """The files of the program that the tables and comments here come from."""
    seeds = (seed_path(seed) for seed in SEEDS)
    registries = (path for path, _ in REGISTRIES.values())
    return *seeds, *registries, DBT_PROJECT / "dbt_project.yml", *_descriptions_read()


def _one_line(text: str) -> str:
    return " ".join(str(text).split())
