"""A password in the setting of the landing zone is repeated in no message."""

from pathlib import Path

import fsspec
import pytest

from reporting.core.errors import BadCall, ReportingError
from reporting.core.run import Run
from reporting.core.settings import Settings, without_secrets
from reporting.landing import land
from reporting.landing.zone import LandingZone


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("data/landing", "data/landing"),
        ("/data/a@b?c", "/data/a@b?c"),
        ("s3://bucket/landing", "s3://bucket/landing"),
        ("sftp://me:word@host/in", "sftp://***@host/in"),
        ("sftp://me:w/o@r?d#@host:22/in", "sftp://***@host:22/in"),
        ("https://host/in?token=word&x=1", "https://host/in?***"),
        ("https://host/in#word", "https://host/in?***"),
        ("filecache::sftp://me:word@host/in", "filecache::sftp://***@host/in"),
    ],
)
def test_an_address_is_repeated_without_user_password_and_query(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


@pytest.mark.parametrize(
    "setting", ["memory://me:word@host/no/such?token=word", "nowhere://me:word@host/x"]
)
def test_a_landing_zone_that_is_not_there_is_named_without_its_secrets(setting: str) -> None:
    with pytest.raises(BadCall, match="REPORTING_LANDING") as error:
        LandingZone.of(setting)
    assert "word" not in str(error.value)


def test_a_feed_that_is_missing_is_named_without_the_secrets_of_its_place(tmp_path: Path) -> None:
    setting = "memory://me:word@host/landing"
    fsspec.filesystem("memory").makedirs("/me:word@host/landing", exist_ok=True)
    settings = Settings(home=tmp_path, landing=setting)
    run = Run.of("2026-05", None, settings)
    with pytest.raises(ReportingError, match="customers") as error:
        land.land_feeds(run, settings)
    assert "under memory://***@host/landing/customers" in str(error.value)
    assert "word" not in str(error.value)
