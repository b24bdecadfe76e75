"""The raw contract: which tables, columns and types a lender delivers (contracts, section 1).

``dbt_project/models/staging/sources.yml`` is its only source; dbt and the landing check read it.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reporting.core.config_files import read_yaml
from reporting.core.settings import DBT_PROJECT

SOURCES = DBT_PROJECT / "models" / "staging" / "sources.yml"


@dataclass(frozen=True)
class RawColumn:
    """One column: ``type`` as DuckDB writes it, ``is_required`` = a file without it is broken."""

    name: str
    type: str
    is_required: bool
    is_personal: bool


@dataclass(frozen=True)
class RawTable:
    """One feed: ``key`` identifies a fact, ``is_required`` = the feed must be there with rows."""

    name: str
    key: tuple[str, ...]
    is_required: bool
    columns: tuple[RawColumn, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns in the order of the contract."""
        return tuple(column.name for column in self.columns)


def _column(entry: dict[str, Any]) -> RawColumn:
    meta = entry["config"]["meta"]
    return RawColumn(
        name=entry["name"],
        type=entry["data_type"].replace(" ", "").upper(),
        is_required=meta["required"],
        is_personal=meta.get("personal", False),
    )


def _table(entry: dict[str, Any]) -> RawTable:
    meta = entry["config"]["meta"]
    columns = tuple(_column(column) for column in entry["columns"])
    return RawTable(entry["name"], tuple(meta["key"]), meta["required"], columns)


def raw_contract() -> tuple[RawTable, ...]:
    """The tables of facts that a lender delivers, in the order of the file."""
    return _tables_of("raw")


def control_totals() -> RawTable:
    """The optional feed that states rows and amount of each delivered file."""
    (table,) = _tables_of("control")
    return table


@lru_cache
def _tables_of(source: str) -> tuple[RawTable, ...]:
    document = read_yaml(SOURCES)
    found = next(one for one in document["sources"] if one["name"] == source)
    return tuple(_table(entry) for entry in found["tables"])
