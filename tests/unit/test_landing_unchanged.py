"""What was landed is what is read: a changed, vanished or damaged file is named, and only then."""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import fsspec
import pytest
from support.small_landing import GOOD, SmallLanding

from reporting.core.errors import BrokenDelivery, DataNotFit
from reporting.core.settings import Settings
from reporting.landing import land
from reporting.landing.land import blame_damaged_file
from reporting.pipeline.landing_unchanged import landed_files, note_files, require_unchanged
from reporting.store.build_store import open_store
from reporting.transform.dbt import DbtFailed
from reporting.transform.dbt_session import call_dbt

FILE = "transactions/transactions.parquet"


class Landed(SmallLanding):
    """A landing zone that was landed: what the later steps find."""

    def note(self) -> None:
        report = self.land()
        with open_store(self.run, self.settings, read_only=False) as store:
            note_files(store, report.states, report.hashed)

    @property
    def file(self) -> Path:
        return self.landing / FILE

    def fault_of_a_step(self) -> str:
        """What a step says that finds the landing zone as it is now."""
        with pytest.raises(BrokenDelivery) as caught, landed_files(self.run, self.settings):
            self.query("select bit_xor(hash(transactions)) from raw.transactions")
        return str(caught.value)


@pytest.fixture
def landed(tmp_path: Path) -> Landed:
    lender = Landed(tmp_path)
    lender.note()
    return lender


def replaced(lender: Landed) -> None:
    """The same bytes and the same time under another inode."""
    aside = lender.landing.parent / "aside"
    aside.write_bytes(lender.file.read_bytes())
    before = lender.file.stat()
    aside.replace(lender.file)
    os.utime(lender.file, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(lender: Landed) -> None:
    os.truncate(lender.file, 300)


def deleted(lender: Landed) -> None:
    lender.file.unlink()


def overwritten(lender: Landed) -> None:
    """Other bytes of the same length in the same file."""
    content = lender.file.read_bytes().replace(b"purchase", b"cashdraw")
    with lender.file.open("r+b") as file:
        file.write(content)
    moved(lender)


def moved(lender: Landed) -> None:
    """Another time alone."""
    os.utime(lender.file, ns=(0, lender.file.stat().st_mtime_ns + 1))


CHANGES = [replaced, cut, deleted, overwritten]


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_is_not_as_it_was_landed_stops_a_step_before_it_begins(
    landed: Landed, change: object
) -> None:
    change(landed)  # type: ignore[operator]
    assert landed.fault_of_a_step() == (
        f"month 2026-05, file {FILE}: was changed, replaced or removed since it was landed; "
        "run the month again, beginning with land"
    )


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_during_a_step_stops_it_and_is_named(
    landed: Landed, change: object
) -> None:
    for ends_in in (None, duckdb.IOException("gone"), DataNotFit("a check failed")):
        landed.parquet("transactions")
        landed.note()
        with (
            pytest.raises(BrokenDelivery, match="was changed, replaced or removed"),
            landed_files(landed.run, landed.settings),
        ):
            change(landed)  # type: ignore[operator]
            if ends_in:
                raise ends_in


def test_another_time_alone_changes_nothing(landed: Landed) -> None:
    moved(landed)
    with landed_files(landed.run, landed.settings):
        assert landed.query("select count(*) from raw.transactions") == [(1,)]


def test_after_a_redelivery_and_a_new_land_the_step_runs(landed: Landed) -> None:
    replaced(landed)
    landed.note()
    require_unchanged(landed.run, landed.settings)


def test_how_many_files_changed_is_said(landed: Landed) -> None:
    deleted(landed)
    (landed.landing / "bills" / "bills.parquet").unlink()
    with pytest.raises(
        BrokenDelivery, match=r"file bills/bills\.parquet \(and 1 more\): was changed"
    ):
        require_unchanged(landed.run, landed.settings)


@pytest.fixture
def behind_a_url(landed: Landed) -> Iterator[Landed]:
    zone = fsspec.filesystem("memory")
    zone.put(str(landed.landing), "/unchanged/landing", recursive=True)
    landed.settings = Settings(home=landed.settings.home, landing="memory://unchanged/landing")
    landed.note()
    yield landed
    zone.rm("/unchanged", recursive=True)


def test_behind_a_url_a_change_is_named_too(behind_a_url: Landed) -> None:
    require_unchanged(behind_a_url.run, behind_a_url.settings)
    zone = fsspec.filesystem("memory")
    content = behind_a_url.file.read_bytes()
    zone.pipe(f"/unchanged/landing/{FILE}", content)
    require_unchanged(behind_a_url.run, behind_a_url.settings)  # only another time
    zone.pipe(f"/unchanged/landing/{FILE}", content.replace(b"purchase", b"cashdraw"))
    with pytest.raises(BrokenDelivery, match=f"file {FILE}: was changed"):
        require_unchanged(behind_a_url.run, behind_a_url.settings)


# Damaged pages


def spoil_amounts(lender: Landed) -> None:
    """Many rows, the pages of their amounts spoilt: the texts of the file can be read."""
    path = lender.landing / FILE
    many = f"from range(5000), (select {GOOD['transactions']}) select * exclude (range)"
    amounts = "replace ((hash(range) % 100000000 / 100)::decimal(18, 2) as amount)"
    duckdb.sql(f"copy ({many} {amounts}) to '{path}' (format parquet, compression zstd)")
    start, size = duckdb.execute(
        "select coalesce(dictionary_page_offset, data_page_offset), total_compressed_size"
        " from parquet_metadata(?) where path_in_schema = 'amount'",
        [str(path)],
    ).fetchall()[0]
    content = bytearray(path.read_bytes())
    content[start + 40 : start + size] = b"\xff" * (size - 40)
    path.write_bytes(bytes(content))
    lender.note()


def test_a_damaged_page_is_named_where_it_is_first_read(landed: Landed) -> None:
    spoil_amounts(landed)
    assert landed.fault_of_a_step() == (
        f"table transactions, file {FILE}: is damaged; deliver it again"
    )


def test_a_damaged_page_of_a_text_is_named_at_land(landed: Landed) -> None:
    path = landed.path("transactions/more.parquet")
    rows = f"from range(5000), (select {GOOD['transactions']}) select * exclude (range)"
    many = f"{rows} replace ('T' || range as transaction_id)"
    duckdb.sql(f"copy ({many}) to '{path}' (format parquet)")
    content = bytearray(path.read_bytes())
    content[200:4000] = b"\xff" * 3800
    path.write_bytes(bytes(content))
    with pytest.raises(BrokenDelivery, match=r"file transactions/more\.parquet: is damaged"):
        landed.land()


def failures_of_other_kinds() -> list[Exception]:
    """Errors that no file is to blame for: of a check, of a query, of a model's words."""
    failures: list[Exception] = [DataNotFit("a check failed"), DbtFailed("dbt stopped")]
    for sql in ("from nothing", "select no_column", "select 'x'::integer", "no sql"):
        try:
            duckdb.sql(sql).fetchall()
        except duckdb.Error as error:
            failures.append(error)
    return failures


def test_the_landing_zone_is_decoded_again_only_for_what_may_be_damage(
    landed: Landed, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Settings] = []
    monkeypatch.setattr(land, "_require_readable", looks.append)
    failures = failures_of_other_kinds()
    assert len(failures) == 6
    for failure in failures:
        with pytest.raises(type(failure)), blame_damaged_file(landed.settings):
            raise failure
    assert looks == []
    of_dbt = DbtFailed("dbt stopped")
    of_dbt.may_be_damage = True
    for failure in (duckdb.InvalidInputException("a page"), duckdb.Error("a block"), of_dbt):
        with pytest.raises(type(failure)), blame_damaged_file(landed.settings):
            raise failure
    assert looks == [landed.settings] * 3


PROFILE = """
small:
  target: only
  outputs:
    only: {type: duckdb, path: ":memory:"}
"""


@pytest.mark.parametrize(
    ("model", "is_damage"),
    [
        ("select no_column", False),
        ("select 'x'::integer as one from range(2)", False),
        ("{{ exceptions.raise_compiler_error('no') if execute }}", False),
        ("select * from read_parquet('{{ env_var(\"REPORTING_DAMAGED\") }}')", True),
    ],
)
def test_dbt_says_whether_a_file_may_be_to_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, is_damage: bool
) -> None:
    lender = Landed(tmp_path / "lender")
    spoil_amounts(lender)
    monkeypatch.setenv("REPORTING_DAMAGED", str(lender.file))
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: small\nprofile: small\n")
    (project / "profiles.yml").write_text(PROFILE)
    (project / "models" / "one.sql").write_text(f"{{{{ config(materialized='table') }}}} {model}")
    places = ["--project-dir", str(project), "--profiles-dir", str(project)]
    logs = ["--quiet", "--log-level", "none", "--log-path", str(tmp_path / "logs")]
    failed = call_dbt([*logs, "build", *places])
    assert failed is not None
    [node] = failed
    assert node.name.startswith("model one: ")
    assert node.may_be_damage == is_damage
