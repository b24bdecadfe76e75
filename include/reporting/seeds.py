"""The seeds of the dbt project as Python reads them."""

import csv

from reporting.settings import DBT_PROJECT


def seed_rows(seed: str) -> list[dict[str, str]]:
    """The rows of a seed."""
    with (DBT_PROJECT / "seeds" / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def seed_values(seed: str, *columns: str) -> list[str]:
    """The values of a seed's column; of several columns, joined by a slash."""
    return ["/".join(row[column] for column in columns) for row in seed_rows(seed)]


def sql_list(values: list[str]) -> str:
    """Texts as a SQL list, quotes and braces kept harmless."""
    quoted = ["'" + value.replace("'", "''") + "'" for value in values]
    return ("(" + ", ".join(quoted) + ")").replace("{", "{{").replace("}", "}}")
