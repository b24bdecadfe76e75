"""The floor of the benchmarks does the program's work: the same verdicts, the same files."""

import importlib.util
from pathlib import Path
from types import ModuleType

import duckdb
from support.lender_months import MONTHS, Lender

from reporting.core.run import Run
from reporting.core.settings import PROJECT_ROOT


def _floor() -> ModuleType:
    spec = importlib.util.spec_from_file_location("floor", PROJECT_ROOT / "benchmarks" / "floor.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_floor_equals_the_first_months_of_a_store(lender_book: Lender, tmp_path: Path) -> None:
    floor, settings = _floor(), lender_book.settings
    carried: Path | None = None
    for month, compared in zip(MONTHS, ("files", "records", "records"), strict=True):
        run = Run.of(month, None, settings)
        out, carry = tmp_path / month / "files", tmp_path / month / "carried"
        with duckdb.connect() as engine:
            floor.report_month(engine, Path(settings.landing), run, out, bring=carried, carry=carry)
            counts = floor.differences(
                engine, run, out, settings.home, is_first_month=carried is None
            )
        assert counts == {"repayment_status": 0, "reportable_population": 0, compared: 0}, month
        assert list(out.rglob("*.txt"))
        carried = carry
