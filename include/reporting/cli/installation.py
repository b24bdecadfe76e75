"""What this installation is: its versions, and its settings with where each value comes from."""

import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from dotenv import dotenv_values, load_dotenv

from reporting.core.errors import BadCall
from reporting.core.settings import Settings, without_secrets

ENV_FILE = Path(".env")  # in the current folder
PACKAGE = "credit-reporting"
ENGINES = ("duckdb", "dbt-core", "dbt-duckdb", "apache-airflow", "great-expectations")
PREFIX = "REPORTING_"


@dataclass(frozen=True)
class Value:
    """A setting: its variable, its value without secrets, where it comes from and what it means."""

    variable: str
    value: str
    source: str
    meaning: str


def read_env_file() -> None:
    """Take variables from the file ``.env``; those of the environment take precedence.

    Raises BadCall if it cannot be read.
    """
    try:
        load_dotenv(ENV_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise BadCall(f"{ENV_FILE}: is no text in UTF-8 ({type(error).__name__})") from None


def versions() -> str:
    """This program's version and those of its engines, one per line."""
    lines = [f"reporting {version(PACKAGE)}"]
    return "\n".join(lines + [f"{package} {version(package)}" for package in ENGINES])


def values(settings: Settings) -> list[Value]:
    """Every setting, in the order in which settings are declared."""
    in_file = dotenv_values(ENV_FILE)
    found = []
    for name, field in Settings.model_fields.items():
        variable = PREFIX + name.upper()
        given = os.environ.get(variable)
        if not given:  # an empty variable counts as not set
            source = "default"
        elif in_file.get(variable) == given:
            source = str(ENV_FILE)
        else:
            source = "environment"
        value = "" if (given := getattr(settings, name)) is None else given
        words = (
            ", ".join(value) if isinstance(value, tuple) else str("" if value is None else value)
        )
        found.append(Value(variable, without_secrets(words), source, field.description or ""))
    return found


def unknown_variables() -> list[str]:
    """Variables with our prefix that no setting has, such as a misspelt one."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
