"""Where dbt stops, the error says why without a value of a row: a real dbt builds wrong models."""

from pathlib import Path

import pytest

from reporting.transform.dbt_session import call_dbt

SECRET = "110101199001011234x"  # noqa: S105 - a value that no message may hold

TABLE = "{{ config(materialized='table') }} "
CONTRACT = "{{ config(materialized='table', contract={'enforced': true}) }} "
SMALL = (
    "{{ config(materialized='table', pre_hook=\"set memory_limit = '20MB'\") }} "
    "select i, repeat(cast(i as varchar), 50) as t from range(3000000) t(i) order by t desc"
)
WORDS = {
    "select nope from (select 1 as a)": (
        'Binder Error: Referenced column "nope" not found in FROM clause!'
    ),
    "select from where": 'Parser Error: syntax error at or near "where"',
    "select * from missing_table": "Catalog Error: Table with name missing_table does not exist!",
    "select * from read_parquet('/nowhere/x.parquet')": (
        'IO Error: No files found that match the pattern "/nowhere/x.parquet"'
    ),
    "{% if execute %}{{ exceptions.raise_compiler_error('no product') }}{% endif %}": "no product",
    f"{CONTRACT} select 'x' as a": "This model has an enforced contract that failed.",
    f"{TABLE} select cast('{SECRET}' as integer) as a": "Conversion Error",
    f"{TABLE} select strptime('{SECRET}', '%Y') as a": "Invalid Input Error",
    f"{TABLE} select error('Binder Error: {SECRET}') as a": "Invalid Input Error",
    f"{CONTRACT} select null::integer as a": "Constraint Error",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of dbt with one model, called one, whose column has a contract."""
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text("name: wrong\nprofile: wrong\n")
    database = (
        f"type: duckdb, path: '{tmp_path / 'wrong.duckdb'}', settings: {{temp_directory: ''}}"
    )
    (tmp_path / "profiles.yml").write_text(
        f"wrong:\n  target: it\n  outputs:\n    it: {{{database}}}\n"
    )
    (tmp_path / "models" / "models.yml").write_text(
        "models:\n  - name: one\n    columns:\n"
        "      - {name: a, data_type: integer, constraints: [{type: not_null}]}\n"
    )
    return tmp_path


def build(project: Path, sql: str) -> list[str] | None:
    (project / "models" / "one.sql").write_text(sql)
    failed = call_dbt(
        [
            *("--quiet", "--log-level", "none", "--no-send-anonymous-usage-stats", "run"),
            *("--project-dir", str(project), "--profiles-dir", str(project)),
            *("--log-path", str(project), "--target-path", str(project / "target")),
        ]
    )
    return None if failed is None else [node.name for node in failed]


@pytest.mark.parametrize("sql", WORDS)
def test_a_model_that_fails_says_why_without_a_value(sql: str, project: Path) -> None:
    assert build(project, sql) == [f"model one: {WORDS[sql]}"]


def test_a_model_for_which_the_memory_is_too_small_says_so(project: Path) -> None:
    [words] = build(project, SMALL) or []
    assert words.startswith("model one: Out of Memory Error: ")
    assert "setting REPORTING_MEMORY_LIMIT" in words


def test_a_project_that_cannot_be_read_says_why(project: Path) -> None:
    [words] = build(project, "select * from {{ ref('nothing') }}") or []
    assert "depends on a node named 'nothing' which was not found" in words


def test_a_model_that_is_right_says_nothing(project: Path) -> None:
    assert build(project, "select 1 as a") is None
