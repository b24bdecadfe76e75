"""Control totals: each file is as long as its source says; and no file declares absurd rows."""

from pathlib import Path

import duckdb
import pytest
from support.small_landing import GOOD, SmallLanding

from reporting.checks.evaluate import evaluate_layer
from reporting.core.errors import BrokenDelivery

HEADER = "table_name,file_name,row_count,amount_total,recorded_at"
MAY = "2026-05-02 08:00:00"
COLUMNS = "file, is_delivered, has_total, rows_landed, rows_stated"


@pytest.fixture
def lender(tmp_path: Path) -> SmallLanding:
    return SmallLanding(tmp_path)


def state(lender: SmallLanding, *totals: str) -> list[str]:
    """Deliver these control totals and land; the files that are not as stated."""
    lender.path("control_totals/t.csv").write_text("\n".join([HEADER, *totals]))
    lender.land()
    return failing(lender, "landing.delivered_files.as_stated")


def failing(lender: SmallLanding, check_id: str) -> list[str]:
    suite_rows = {
        "landing.delivered_files.as_stated": "has_total and not coalesce(is_delivered and "
        "rows_landed = rows_stated and amount_landed = coalesce(amount_stated, amount_landed), "
        "false)",
        "landing.delivered_files.total_given": "is_total_expected and not has_total",
    }
    found = lender.query(f"select file from raw.delivered_files where {suite_rows[check_id]}")
    return sorted({file for (file,) in found})


def test_without_control_totals_no_file_is_expected_to_have_one(lender: SmallLanding) -> None:
    report = lender.land()
    assert report.warnings == ()
    assert lender.query(
        "select count(*), count_if(has_total), count_if(is_total_expected) from raw.delivered_files"
    ) == [(len(GOOD), 0, 0)]


@pytest.mark.parametrize(
    "name",
    ["transactions/day=1/t.parquet", "day=1/t.parquet", "t.parquet", " t.parquet\u3000"],
)
def test_a_file_is_found_by_its_path_or_by_a_name_that_it_has_alone(
    lender: SmallLanding, name: str
) -> None:
    lender.path("transactions/transactions.parquet").unlink()
    lender.parquet("transactions", file="transactions/day=1/t.parquet")
    assert state(lender, f"transactions,{name},1,12.34,{MAY}") == []
    assert lender.query(f"select {COLUMNS} from raw.delivered_files where has_total") == [
        ("transactions/day=1/t.parquet", True, True, 1, 1)
    ]


def test_a_name_that_two_files_have_is_no_name_of_a_file(lender: SmallLanding) -> None:
    for day in (1, 2):
        lender.parquet("transactions", file=f"transactions/day={day}/t.parquet")
    assert state(lender, f"transactions,t.parquet,1,,{MAY}") == ["transactions/t.parquet"]


@pytest.mark.parametrize(
    "total",
    [
        *("transactions,transactions.parquet,2,12.34", "transactions,transactions.parquet,1,12.35"),
        *("transactions,transactions.parquet,,", "bills,bills.parquet,1,12.33"),
        "credit_limits,credit_limits.parquet,1,4999.99",
        *("transactions,transactions.parquet,many,", "bills,bills.parquet,1,12;34"),
    ],
)
def test_a_file_that_is_not_as_stated_is_found(lender: SmallLanding, total: str) -> None:
    table = total.partition(",")[0]
    assert state(lender, f"{total},{MAY}") == [f"{table}/{table}.parquet"]


def test_a_total_of_a_file_that_was_not_delivered_is_found_and_named(lender: SmallLanding) -> None:
    assert state(lender, f"bills,gone.parquet,7,,{MAY}", f"nothing,x.csv,1,,{MAY}") == [
        "bills/gone.parquet",
        "nothing/x.csv",
    ]
    assert (
        "table control_totals: file bills/gone.parquet has a total and was not delivered"
        in lender.land().warnings
    )


@pytest.mark.parametrize(
    ("total", "named"),
    [
        ("transactions,transactions.parquet,2,,", "transactions/transactions.parquet"),
        (f",transactions.parquet,1,,{MAY}", "transactions.parquet"),
        (f",,1,,{MAY}", "without a name"),
    ],
)
def test_a_total_that_does_not_say_all_matches_nothing_unless_it_is_right(
    lender: SmallLanding, total: str, named: str
) -> None:
    assert state(lender, total) == [named]
    assert state(lender, "transactions,transactions.parquet,1,12.34,") == []


def test_an_empty_file_has_no_row(lender: SmallLanding) -> None:
    lender.parquet("transactions", file="transactions/empty.parquet", where="false")
    assert state(lender, f"transactions,empty.parquet,0,0.00,{MAY}") == []


def test_the_newest_total_by_the_cut_off_counts(lender: SmallLanding) -> None:
    bill = "bills,bills.parquet"
    newest = f"{bill},1,12.34,2026-05-04 08:00:00"
    older, later = f"{bill},9,,{MAY}", f"{bill},9,,2026-06-04 00:00:00"
    assert state(lender, older, newest, later) == []
    assert state(lender, newest, f"{bill},9,,2026-05-04 08:00:00") == ["bills/bills.parquet"]


def test_a_file_without_a_total_is_named_where_its_table_has_totals(lender: SmallLanding) -> None:
    lender.parquet("bills", file="bills/more.parquet")
    assert state(lender, f"bills,bills.parquet,1,,{MAY}") == []
    assert failing(lender, "landing.delivered_files.total_given") == ["bills/more.parquet"]


def test_an_amount_of_a_table_without_one_is_ignored_and_said(lender: SmallLanding) -> None:
    assert state(lender, f"accounts,accounts.parquet,1,5.00,{MAY}") == []
    (warning,) = lender.land().warnings
    assert warning.startswith("table control_totals, column amount_total: is ignored for accounts")


def test_a_file_of_control_totals_that_is_broken_stops_by_name(lender: SmallLanding) -> None:
    lender.path("control_totals/t.csv").write_text("table_name,file_name\n")
    assert "file control_totals/t.csv, column row_count: is missing" in lender.fault()


def test_control_totals_belong_to_what_a_run_is_made_of(lender: SmallLanding) -> None:
    without = lender.land()
    state(lender, f"bills,bills.parquet,1,,{MAY}")
    report = lender.land()
    assert report.input_digest != without.input_digest
    assert report.contents == without.contents, "a new total alone is no reason to read all anew"
    assert "control_totals/t.csv" in report.hashed
    assert "control_totals/t.csv" in report.states


def test_a_cut_file_stops_the_checks_and_is_named(lender: SmallLanding) -> None:
    state(lender, f"bills,bills.parquet,2,,{MAY}")
    warning = "table control_totals: file bills/bills.parquet has 1 rows, its total says 2"
    assert warning in lender.land().warnings
    results = evaluate_layer("landing", lender.run, lender.settings).results
    found = next(one for one in results if one.check_id == "landing.delivered_files.as_stated")
    assert (found.passed, found.severity, found.rows_failing) == (False, "critical", 1)
    assert found.example_keys == ("bills/bills.parquet:1",)
    given = next(one for one in results if one.check_id == "landing.delivered_files.total_given")
    assert given.passed


def test_a_total_may_count_the_rows_of_its_own_file(lender: SmallLanding) -> None:
    assert state(lender, f"control_totals,t.csv,1,,{MAY}") == []
    assert state(lender, f"control_totals,t.csv,2,,{MAY}") == ["control_totals/t.csv"]


def test_a_total_without_a_readable_number_is_not_said_to_be_zero(lender: SmallLanding) -> None:
    assert state(lender, f"bills,bills.parquet,many,,{MAY}", f"bills,b,1,,{MAY}") == [
        *("bills/b", "bills/bills.parquet")
    ]
    warnings = "\n".join(lender.land().warnings)
    assert "bills/bills.parquet has 1 rows, its total gives no readable number of rows" in warnings


def test_a_file_that_declares_more_rows_than_it_can_hold_stops_before_it_is_read(
    lender: SmallLanding,
) -> None:
    path = lender.path("transactions/bomb.parquet")
    rows = f"from range(5000000), (select {GOOD['transactions']}) select * exclude (range)"
    duckdb.sql(
        f"copy ({rows}) to '{path}' (format parquet, compression zstd, row_group_size 5000000)"
    )
    message = lender.fault(BrokenDelivery)
    assert "file transactions/bomb.parquet: declares 5,000,000 rows in" in message


def test_many_rows_with_keys_of_their_own_are_landed(lender: SmallLanding) -> None:
    path = lender.path("transactions/many.parquet")
    rows = f"from range(1200000), (select {GOOD['transactions']}) select * exclude (range)"
    keys = "replace ('T' || lpad(range::varchar, 12, '0') as transaction_id)"
    duckdb.sql(f"copy ({rows} {keys}) to '{path}' (format parquet, compression zstd)")
    lender.land()
    assert lender.query("select count(*) from raw.transactions") == [(1_200_001,)]
