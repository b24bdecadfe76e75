"""The files of a container name what exists: no engine is needed to hold that."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from reporting.core.settings import PROJECT_ROOT, Settings

DOCKERFILE = (PROJECT_ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "compose.yml").read_text("utf-8"))
OF_A_FILE = ("_CMD", "_SECRET")  # endings that Airflow takes for its secret options


@pytest.fixture(scope="module")
def named() -> set[str]:
    """Every variable that the image or a service sets."""
    found = set(re.findall(r"\b((?:AIRFLOW__|REPORTING_)\w+)=", DOCKERFILE))
    for service in COMPOSE["services"].values():
        found |= set(service.get("environment", ()))
    assert len(found) > 15
    return found


def test_every_setting_of_ours_is_one(named: set[str]) -> None:
    ours = {f"REPORTING_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in named if name.startswith("REPORTING_")} <= ours


def test_every_option_of_airflow_is_one_and_is_read_from_a_file_only_if_secret(
    named: set[str],
) -> None:
    airflow = pytest.importorskip("airflow.configuration")
    for name in sorted(one for one in named if one.startswith("AIRFLOW__")):
        plain = next((name.removesuffix(end) for end in OF_A_FILE if name.endswith(end)), name)
        _, section, option = plain.lower().split("__")
        if plain != name:
            assert (section, option) in airflow.conf.sensitive_config_values, name
        assert option in airflow.conf.configuration_description[section]["options"], name


def test_every_file_that_the_image_copies_is_there() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M)
    assert copied
    for source in " ".join(copied).split():
        assert (PROJECT_ROOT / source).exists(), source
        assert f"!{source}" in (PROJECT_ROOT / ".dockerignore").read_text("utf-8").split()


def test_each_service_runs_a_part_of_airflow_with_all_its_secrets() -> None:
    services = {name: one for name, one in COMPOSE["services"].items() if name != "postgres"}
    assert {one["command"][1] for one in services.values()} == {
        *("db", "api-server", "scheduler", "dag-processor", "triggerer")
    }
    for service in COMPOSE["services"].values():
        assert set(service["secrets"]) <= set(COMPOSE["secrets"])
        read = set(re.findall(r"/run/secrets/(\w+)", str(service["environment"])))
        assert read == set(service["secrets"])
    for secret in COMPOSE["secrets"].values():
        assert Path(secret["file"]).parts[0] == "secrets"


def test_airflow_may_write_the_file_of_passwords() -> None:
    """It opens the file to write at every start and login; a secret is mounted read-only."""
    option = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
    for name, service in COMPOSE["services"].items():
        if name != "postgres":
            file = service["environment"][option]
            assert f"./secrets/passwords.json:{file}" in service["volumes"]


def test_the_scheduler_waits_for_the_web_server_and_may_end_its_task() -> None:
    scheduler = COMPOSE["services"]["scheduler"]
    assert scheduler["depends_on"]["api-server"]["condition"] == "service_healthy"
    assert COMPOSE["services"]["api-server"]["healthcheck"]["test"][0] == "CMD"
    assert scheduler["stop_grace_period"] == "1h"


def test_secrets_are_not_under_version_control() -> None:
    assert "secrets/" in (PROJECT_ROOT / ".gitignore").read_text("utf-8").splitlines()
