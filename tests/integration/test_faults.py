"""A critical fault in any layer stops the month: one line, no file, and a person is told."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from support.lender_months import settings_in
from support.mail_server import Mailbox, receiving

from reporting.alerts import open_alerts
from reporting.core.errors import BrokenDelivery, DataNotFit
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.pages.trend import trend_page
from reporting.pipeline import steps as pipeline
from reporting.store.build_store import open_store
from reporting.store.published_database import open_published
from reporting.synthetic import lender


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with receiving() as (port, mailbox):
        connection = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": port,
            "extra": {
                "disable_ssl": True,
                "disable_tls": True,
                "from_email": "reporting@example.org",
                "to_email": "oncall@example.org",
            },
        }
        monkeypatch.setenv("AIRFLOW_CONN_REPORTING_ALERTS_SMTP", json.dumps(connection))
        yield mailbox


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "landing"
    lender.generate(folder, accounts=150, months=12, seed=3)
    return folder


def spoiled(landing: Path, target: Path, table: str, expression: str) -> None:
    """Copy a landing zone with one table rewritten."""
    for source in landing.rglob("*.parquet"):
        copy = target / source.relative_to(landing)
        copy.parent.mkdir(parents=True, exist_ok=True)
        columns = (
            f"* replace ({expression})" if source.relative_to(landing).parts[0] == table else "*"
        )
        duckdb.sql(f"copy (select {columns} from '{source}') to '{copy}' (format parquet)")


def assert_stopped(settings: Settings, run: Run, check_id: str) -> None:
    assert not list(settings.submissions.rglob("*.txt"))
    with open_published(settings) as connection:
        failed = connection.execute(
            "select check_id from marts.data_quality_results "
            "where report_month = ? and not passed and severity = 'critical'",
            [run.month],
        ).fetchall()
    assert (check_id,) in failed
    assert (settings.month_page(run.label)).is_file()
    assert '<small class="stop">Stopped</small>' in trend_page(settings).read_text(encoding="utf-8")


def test_in_the_landed_data(tmp_path: Path, landing: Path, mailbox: Mailbox) -> None:
    settings = settings_in(tmp_path)
    spoiled(
        landing,
        Path(settings.landing),
        "customers",
        "case when hash(customer_id) % 5 > 0 then name end as name",
    )
    run = Run.of("2026-04", None, settings)
    with pytest.raises(DataNotFit, match=r"landing\.customers\.name_filled"):
        pipeline.run_month(run, settings)
    assert_stopped(settings, run, "landing.customers.name_filled")
    assert len(mailbox.subjects) == 1
    assert "data_delivery] 2026-04 stopped" in mailbox.subjects[0]

    # the source delivers anew: whoever was told hears that it is over
    pipeline.run_month(run, settings.model_copy(update={"landing": str(landing)}))
    told = [s for s in mailbox.subjects[1:] if "data_delivery]" in s]
    assert len(told) == 1
    assert "2026-04 stopped" not in " ".join(mailbox.subjects[1:])
    kept = json.loads(open_alerts.memory_file(settings).read_text(encoding="utf-8"))
    assert "landing.customers.name_filled" not in json.dumps(kept)


def damaged(path: Path, column: str) -> None:
    """Overwrite the pages of one column of a Parquet file; its footer stays whole."""
    place = duckdb.execute(
        "select min(coalesce(dictionary_page_offset, data_page_offset)), "
        "sum(total_compressed_size) from parquet_metadata(?) where path_in_schema = ?",
        [str(path), column],
    ).fetchall()[0]
    content = bytearray(path.read_bytes())
    content[place[0] + 50 : place[0] + place[1]] = b"\xff" * (place[1] - 50)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("column", "met_by"),
    [("account_id", "land"), ("occurred_at", "check_landing"), ("amount", "build_marts")],
)
def test_in_a_page_of_a_delivered_file(
    tmp_path: Path, landing: Path, mailbox: Mailbox, column: str, met_by: str
) -> None:
    settings = settings_in(tmp_path)
    shutil.copytree(landing, settings.landing)
    files = sorted(Path(settings.landing, "transactions").rglob("*.parquet"))
    file = max(files, key=lambda path: path.stat().st_size)
    damaged(file, column)
    run = Run.of("2026-04", None, settings)
    steps = []
    with pytest.raises(BrokenDelivery) as caught:
        pipeline.run_month(run, settings, steps.append)
    name = file.relative_to(settings.landing)
    assert str(caught.value) == f"table transactions, file {name}: is damaged; deliver it again"
    assert steps[-1] == met_by
    assert not settings.submissions.exists()
    assert len(mailbox.subjects) == 1
    assert "data_delivery] 2026-04 stopped" in mailbox.subjects[0]


@pytest.mark.nightly
def test_in_the_marts(tmp_path: Path, landing: Path, mailbox: Mailbox) -> None:
    settings = settings_in(tmp_path).model_copy(update={"landing": str(landing)})
    run = Run.of("2026-04", None, settings)
    for step in (pipeline.land, pipeline.check_landing, pipeline.build_marts):
        step(run, settings)
    with open_store(run, settings, read_only=False) as store:
        store.execute(
            "insert into marts.reportable_population "
            "select * from marts.reportable_population where is_reportable limit 1"
        )
    with pytest.raises(DataNotFit, match=r"population\.account_once_a_month"):
        pipeline.check_marts(run, settings)
    assert_stopped(settings, run, "population.account_once_a_month")
    assert len(mailbox.subjects) == 1


@pytest.mark.nightly
def test_in_the_outgoing_records(tmp_path: Path, landing: Path, mailbox: Mailbox) -> None:
    settings = settings_in(tmp_path).model_copy(update={"landing": str(landing)})
    run = Run.of("2026-04", None, settings)
    for step in pipeline.STEPS[:5]:
        step(run, settings)
    with open_store(run, settings, read_only=False) as store:
        store.execute(
            "update marts.reportable_population "
            "set is_reportable = false, reason_code = 'NOT_AUTHORIZED' "
            "where account_id in (select min(account_id) from secure.record_210)"
        )
    with pytest.raises(DataNotFit, match=r"record_210\.reported_in_its_month"):
        pipeline.check_records(run, settings)
    assert_stopped(settings, run, "record_210.reported_in_its_month")
    assert len(mailbox.subjects) == 1
