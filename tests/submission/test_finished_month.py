"""What other DAGs are given of a finished month: which build it is, and its files."""

import json
from hashlib import sha256

from support.lender_months import Lender
from support.released_months import FIRST, SECOND

from reporting.core.run import Run
from reporting.pipeline.finished_month import described
from reporting.store.submission_ledger import run_states


def test_a_month_is_described_by_its_build_and_its_files(built: Lender) -> None:
    settings = built.settings
    states = {state.label: state for state in run_states(settings)}
    for month in (FIRST, SECOND):
        said = json.loads(json.dumps(described(Run.of(month, None, settings), settings)))
        assert (said["run"], said["run_id"]) == (month, states[month].run_id)
        assert said["files_digest"] == states[month].files_digest
        written = {path.name: path for path in settings.submissions.glob(f"*/{month}/*.txt")}
        assert {file["name"] for file in said["files"]} == set(written)
        for file in said["files"]:
            content = written[file["name"]].read_bytes()
            assert file["sha256"] == sha256(content).hexdigest()
            assert file["reporter"] in str(written[file["name"]])
        assert said["records"] == sum(file["records"] for file in said["files"]) > 0


def test_a_month_that_the_ledger_does_not_know_is_described_by_its_cut_off(built: Lender) -> None:
    said = described(Run.of("2031-01", None, built.settings), built.settings)
    assert said == {"run": "2031-01", "as_of": "2031-02-03T00:00:00"}
