"""The house rules that a machine can hold: no clock, one direction, one order, one home."""

import ast
import csv
import json
import re
from pathlib import Path

from reporting.checks import guide
from reporting.cli import reference_docs
from reporting.core.raw_contract import raw_contract
from reporting.core.settings import DBT_PROJECT, PROJECT_ROOT
from reporting.transform.dbt_session import call_dbt

MODELS = DBT_PROJECT / "models"
LAYERS = ["staging", "ledger", "marts", "portfolio", "carried_forward", "bureau", "journal"]
# Which layers may read a source; what a later step makes is read by no earlier one.
READERS = {
    "raw": {"staging", "portfolio"},  # portfolio metrics measure feeds as delivered
    "policy": {"staging"},
    "brought_forward": {"staging", "ledger", "carried_forward"},
    "history": set(LAYERS) - {"carried_forward"},
    "keys": {"marts", "bureau", "journal"},
    "checks": {"bureau", "journal"},
    "run": {"journal"},
    "records": {"journal"},
}
MAY_READ = {  # sums millions of plain rows by account before they are staged
    ("int_spending", "raw")
}
CLOCK = re.compile(r"current_date|current_timestamp|\bnow\(|run_started_at|\btoday\(|getdate", re.I)


def sql_files() -> list[Path]:
    return [*MODELS.rglob("*.sql"), *(DBT_PROJECT / "macros").rglob("*.sql")]


def test_no_model_asks_what_day_it_is() -> None:
    assert len(sql_files()) > 40
    assert not [path.name for path in sql_files() if CLOCK.search(path.read_text(encoding="utf-8"))]


def test_models_and_the_sources_they_read_depend_in_one_direction(tmp_path: Path) -> None:
    where = ("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT))
    there = ("--log-path", str(tmp_path), "parse", "--target-path", str(tmp_path))
    assert call_dbt(["--quiet", *there, *where]) is None
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    models = {k: v for k, v in manifest["nodes"].items() if v["resource_type"] == "model"}
    assert len(models) > 80
    for node in models.values():
        layer = node["fqn"][1]
        for key in node["depends_on"]["nodes"]:
            if key in models:
                read = models[key]["fqn"][1]
                assert LAYERS.index(read) <= LAYERS.index(layer), f"{node['name']} reads {key}"
            elif key in manifest["sources"]:
                source = manifest["sources"][key]["source_name"]
                allowed = layer in READERS[source] or (node["name"], source) in MAY_READ
                assert allowed, f"{node['name']} reads {key}"


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


def test_a_long_model_says_why_and_no_macro_file_is_long() -> None:
    long = [path for path in sql_files() if path.read_text(encoding="utf-8").count("\n") > 120]
    for path in long:
        head = path.read_text(encoding="utf-8").partition("\nwith ")[0]
        assert "\n-- Long, because " in head, path.name
    assert len(long) < 15
    assert not [path.name for path in long if "macros" in path.parts]


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


def test_tests_share_by_their_support_package_and_use_public_names() -> None:
    tests = PROJECT_ROOT / "tests"
    own = {path.stem for path in (PROJECT_ROOT / "include" / "reporting").rglob("*.py")}
    for path in tests.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                module, names = node.module or "", [alias.name for alias in node.names]
                assert not re.search(r"(^|\.)(conftest|test_\w+)$", module), f"{path}: {module}"
                assert not [n for n in names if re.match("_[a-z]", n)], f"{path}: {names}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                private = node.value.id in own and re.match("_[a-z]", node.attr)
                assert not private, f"{path}: {node.value.id}.{node.attr}"
