"""The house rules that a machine can hold: no clock, one direction, one order, one home."""

import ast
import csv
import re
from pathlib import Path

from reporting.checks import guide
from reporting.cli import reference_docs
from reporting.core.raw_contract import raw_contract
from reporting.core.settings import DBT_PROJECT, PROJECT_ROOT

MODELS = DBT_PROJECT / "models"
LAYERS = ["staging", "ledger", "marts", "batch", "carried_forward", "bureau"]
CLOCK = re.compile(r"current_date|current_timestamp|\bnow\(|run_started_at|\btoday\(|getdate", re.I)


def sql_files() -> list[Path]:
    return [*MODELS.rglob("*.sql"), *(DBT_PROJECT / "macros").rglob("*.sql")]


def test_no_model_asks_what_day_it_is() -> None:
    assert len(sql_files()) > 40
    assert not [path.name for path in sql_files() if CLOCK.search(path.read_text(encoding="utf-8"))]


def test_models_depend_in_one_direction_and_only_staging_reads_raw() -> None:
    layer_of = {path.stem: path.parent.name for path in MODELS.rglob("*.sql")}
    for path in MODELS.rglob("*.sql"):
        text = path.read_text(encoding="utf-8")
        layer = LAYERS.index(path.parent.name)
        for name in re.findall(r"ref\('(\w+)'\)", text):
            if name in layer_of:
                assert LAYERS.index(layer_of[name]) <= layer, f"{path.name} reads {name}"
        if path.parent.name not in ("staging", "batch"):  # a batch is looked at as delivered
            assert "source('raw'" not in text, f"{path.name} reads raw"
            assert not re.search(r"ref\('known_|versions\('", text), path.name


def test_the_reasons_stand_in_the_order_of_the_case() -> None:
    sql = (MODELS / "marts" / "reportable_population.sql").read_text(encoding="utf-8")
    case = sql[sql.index("    case") : sql.index("end as reason_code")]
    in_sql = re.findall(r"(?:then|else) '(\w+)'", case)
    with (DBT_PROJECT / "seeds" / "reasons.csv").open(encoding="utf-8", newline="") as file:
        in_seed = [row["reason_code"] for row in csv.DictReader(file)]
    assert in_sql == in_seed


def test_staging_shows_the_columns_of_the_raw_contract() -> None:
    for table in raw_contract():
        sql = (MODELS / "staging" / f"stg_{table.name}.sql").read_text(encoding="utf-8")
        shown = re.findall(r"^    (\w+),?$", sql[: sql.index("from (")], re.M)
        assert shown == list(table.column_names), table.name


def test_every_model_opens_with_what_a_row_is() -> None:
    for path in MODELS.rglob("*.sql"):
        lines = [
            line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("--")
        ]
        assert lines, f"{path.name} has no header"


def test_nothing_imports_the_dags_and_the_dags_import_inside_tasks() -> None:
    for path in (PROJECT_ROOT / "dags").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not [n for n in top if "reporting" in ast.unparse(n)], path.name
    for path in (PROJECT_ROOT / "include").rglob("*.py"):
        assert "import dags" not in path.read_text(encoding="utf-8"), path.name


def test_every_check_has_its_entry_and_the_page_is_fresh() -> None:
    assert reference_docs.PAGE.read_text(encoding="utf-8") == reference_docs.render()
    ids = re.findall(r'<a id="([^"]+)">', reference_docs.render())
    assert len(ids) == len(set(ids)) > 180
    unused = [one.check for one in guide.load() if not any(guide.entry(i) == one for i in ids)]
    assert unused == [], "an entry that no check has"
