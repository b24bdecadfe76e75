"""How the models are joined: a join without a key compares every row with every other.

Such a join is no slower than others in a small book, and never ends in a large one.
"""

import duckdb
from support.lender_months import MONTHS, Lender

# One side is always a few rows: a seed, a text in use, or rules.
FEW_ROWS = {"batch_figures", "int_reconciled_records", "notices_due"}


def test_no_model_compares_every_row_with_every_other(lender_book: Lender) -> None:
    folder = lender_book.run(MONTHS[-1]).folder(lender_book.settings)
    compiled = sorted((folder / "dbt_target" / "compiled").rglob("models/**/*.sql"))
    assert len(compiled) > 90
    with duckdb.connect() as engine:
        engine.execute(f"attach '{folder / 'build.duckdb'}' as build (read_only); use build")
        plans = {
            path.stem: engine.execute(f"explain {path.read_text(encoding='utf-8')}").fetchall()
            for path in compiled
        }
    found = {name for name, plan in plans.items() if "BLOCKWISE_NL_JOIN" in str(plan)}
    assert found <= FEW_ROWS
