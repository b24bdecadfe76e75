"""More records than a file may hold leave in parts: each a file of its own, in one manifest."""

import json
from pathlib import Path

import pytest

from reporting.core.errors import DataNotFit
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.pipeline import steps
from reporting.records import lines as records
from reporting.synthetic import lender

MONTH = "2026-05"
MOST = 40
HEADER_COUNT = slice(43, 50)


def months_files(settings: Settings) -> dict[str, dict[str, list[str]]]:
    """The lines of every file, by institution and name, in the order of the manifest."""
    found = {}
    for manifest in sorted(settings.submissions.glob(f"*/{MONTH}/manifest.json")):
        told = json.loads(manifest.read_text(encoding="utf-8"))
        names = [entry["name"] for entry in told["files"]]
        assert sorted(names) == sorted(path.name for path in manifest.parent.glob("*.txt"))
        found[told["reporter_code"]] = {
            name: (manifest.parent / name).read_text(encoding="utf-8").splitlines()
            for name in names
        }
    return found


def in_one_piece(files: dict[str, list[str]]) -> dict[str, list[str]]:
    """The records of each type, the parts one after another."""
    joined: dict[str, list[str]] = {}
    for name, lines in files.items():
        joined.setdefault(name[22:25], []).extend(lines[1:])
    return joined


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parts")
    lender.generate(path / "landing", accounts=300, months=6, seed=7)
    return path


@pytest.mark.nightly
def test_the_parts_hold_what_one_file_would_and_are_listed_in_one_manifest(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes = [
        Settings(home=landing / name, landing=str(landing / "landing")) for name in ("one", "many")
    ]
    run = Run.of(MONTH, None, homes[0])
    steps.run_month(run, homes[0])
    monkeypatch.setattr(records, "MOST_RECORDS_A_FILE", MOST)
    steps.run_month(run, homes[1])

    whole, parted = (months_files(settings) for settings in homes)
    assert whole.keys() == parted.keys()
    for reporter, files in parted.items():
        assert in_one_piece(files) == in_one_piece(whole[reporter])
        for lines in files.values():
            assert int(lines[0][HEADER_COUNT]) == len(lines) - 1 <= MOST
    assert max(len(files) for files in parted.values()) > max(map(len, whole.values()))
    names = [name for files in parted.values() for name in files]
    assert len(names) == len(set(names))
    assert {name[26:29] for name in names} >= {"001", "051", "101"}


@pytest.mark.nightly
def test_more_parts_than_serial_numbers_stop_the_month_in_one_line(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=landing / "too_many", landing=str(landing / "landing"))
    monkeypatch.setattr(records, "MOST_RECORDS_A_FILE", 2)
    with pytest.raises(DataNotFit, match="need more serial numbers than three digits allow"):
        steps.run_month(Run.of(MONTH, None, settings), settings)
    assert not list(settings.submissions.glob("*/*"))
