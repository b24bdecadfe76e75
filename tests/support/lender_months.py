"""A home folder with a landing zone, and the months that were built from it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.pipeline import steps
from reporting.store.published_database import open_published

MONTHS = ["2026-03", "2026-04", "2026-05"]
WORLD_MONTHS = [f"2023-{number:02d}" for number in range(1, 9)]
SHARED = Path(__file__).parents[3] / "shared"  # input that may be there or not


@dataclass(frozen=True)
class Lender:
    """A home folder with a landing zone and the months that were built from it."""

    settings: Settings
    months: list[str]

    def run(self, month: str) -> Run:
        """A month at its default cut-off."""
        return Run.of(month, None, self.settings)

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the published database."""
        with open_published(self.settings) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def rows(self, table: str, month: str) -> list[dict[str, Any]]:
        """A month of a published table as dictionaries."""
        with open_published(self.settings) as connection:
            cursor = connection.execute(
                f"select * from marts.{table} where report_month = ?",
                [date.fromisoformat(f"{month}-01")],
            )
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def build(settings: Settings, *months: str, as_of: str | None = None) -> Lender:
    """Run months through every step of the pipeline, each at its default cut-off unless given."""
    for month in months:
        steps.run_month(Run.of(month, as_of, settings), settings)
    return Lender(settings, list(months))


def settings_in(folder: Path, **choices: Any) -> Settings:
    """Settings of a home of its own."""
    return Settings(home=folder / "home", landing=str(folder / "landing"), **choices)
