"""The landing check: what is let through as delivered, and what stops the run with one line."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import fsspec
import pytest
from support.small_landing import CSV_ROW, GOOD, TRANSACTIONS_HEADER, SmallLanding

from reporting.core.errors import BadCall
from reporting.core.raw_contract import RawTable, raw_contract
from reporting.core.run import Run
from reporting.core.seeds import seed_path
from reporting.core.settings import Settings
from reporting.landing.land import land_feeds

UCI350 = Path(__file__).resolve().parents[3] / "shared" / "data" / "uci350"


@pytest.fixture
def lender(tmp_path: Path) -> SmallLanding:
    return SmallLanding(tmp_path)


def contract(name: str) -> RawTable:
    return next(table for table in raw_contract() if table.name == name)


# What is let through


def test_every_feed_is_a_view_in_contract_order_and_type(lender: SmallLanding) -> None:
    report = lender.land()
    assert [table.name for table in report.tables] == [table.name for table in raw_contract()]
    for table in raw_contract():
        described = lender.query(
            f"from (describe raw.{table.name}) select column_name, column_type"
        )
        wanted = [(column.name, column.type) for column in table.columns]
        assert described == [*wanted, ("_unreadable_columns", "VARCHAR"), ("_file", "VARCHAR")]
    kinds = lender.query("select distinct table_type from information_schema.tables")
    assert ("VIEW",) in kinds
    assert lender.query("select amount, _unreadable_columns, _file from raw.transactions") == [
        (Decimal("12.34"), None, "transactions/transactions.parquet")
    ]
    assert report.warnings == ()
    assert report.lines()[0] == "customers: 1 rows in 1 files"


def test_the_build_store_is_private_and_fresh(lender: SmallLanding) -> None:
    store = lender.run.build_store(lender.settings)
    lender.land()
    with duckdb.connect(str(store)) as connection:
        connection.execute("create table raw.left_over as select 1 as one")
    store.with_name(f"{store.name}.wal").write_bytes(b"stale")
    lender.land()
    assert lender.query("from duckdb_tables() where table_name = 'left_over'") == []
    assert store.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in store.parent.iterdir()) == ["build.duckdb"]


def test_nothing_is_filtered(lender: SmallLanding) -> None:
    lender.parquet("transactions", file="transactions/again.parquet")
    lender.parquet(
        "transactions",
        "* replace (-1::decimal(18, 2) as amount, timestamp '2030-01-01' as recorded_at)",
        "transactions/late.parquet",
    )
    report = lender.land()
    assert next(table.rows for table in report.tables if table.name == "transactions") == 3


def test_a_folder_key_never_overrides_a_column(lender: SmallLanding) -> None:
    lender.path("transactions/transactions.parquet").unlink()
    lender.parquet("transactions", file="transactions/account_id=X/amount=9/t.parquet")
    lender.land()
    assert lender.query("select account_id, amount from raw.transactions") == [
        ("A1", Decimal("12.34"))
    ]


@pytest.mark.parametrize("folder", ["plain", "lender's [1] 数据"])
def test_odd_names_are_read(tmp_path: Path, folder: str) -> None:
    lender = SmallLanding(tmp_path / folder)
    lender.path("transactions/transactions.parquet").unlink()
    names = ["it's.parquet", "a b/款 1.parquet", "a[1].parquet", "a*.parquet", "a1.parquet"]
    for name in names:
        lender.parquet("transactions", file=f"transactions/{name}")
    lender.land()
    found = [file for (file,) in lender.query("select _file from raw.transactions")]
    assert sorted(found) == sorted(f"transactions/{name}" for name in names)


def test_an_unknown_column_is_ignored_and_named(lender: SmallLanding) -> None:
    lender.parquet("accounts", "*, {'a': [1]} as \"Überzug\"")
    report = lender.land()
    assert len(report.warnings) == 1
    assert "accounts" in report.warnings[0]
    assert "Überzug" in report.warnings[0]


def test_an_unknown_column_may_have_the_name_of_one_of_ours(lender: SmallLanding) -> None:
    columns = ", ".join(f"'mine' as {name}" for name in ("_delivered_in", "_file", "filename"))
    lender.parquet("transactions", f"*, {columns}")
    lender.land()
    assert lender.query("select _file from raw.transactions") == [
        ("transactions/transactions.parquet",)
    ]


def test_what_lies_beside_the_tables_is_ignored_and_named(lender: SmallLanding) -> None:
    lender.path("dispute/d.csv").write_text("a\n")
    lender.path("bills.csv").write_text("a\n")
    assert lender.land().warnings == (
        "file bills.csv is no raw table; it is ignored",
        "folder dispute is no raw table; it is ignored",
    )


def test_files_of_different_layout_are_read_together(lender: SmallLanding) -> None:
    """What one file lacks or leaves empty must not retype the column of the other."""
    lender.parquet(
        "bills",
        "* replace ('B2' as bill_id, 3 as fee_due, timestamp_ns '2026-05-02 08:00:00.123456789'"
        " as recorded_at), null::double as minimum_due, 7::bigint as period_number",
        "bills/second.parquet",
    )
    lender.parquet(
        "bills", "* replace ('B3' as bill_id), 1.5::decimal(5, 1) as minimum_due", "bills/3.parquet"
    )
    lender.land()
    assert lender.query(
        "select bill_id, fee_due, minimum_due, period_number, recorded_at from raw.bills order by 1"
    ) == [
        ("B1", Decimal("0.00"), None, None, datetime(2026, 5, 2, 8)),
        ("B2", Decimal("3.00"), None, 7, datetime(2026, 5, 2, 8, 0, 0, 123456)),
        ("B3", Decimal("0.00"), Decimal("1.50"), None, datetime(2026, 5, 2, 8)),
    ]


@pytest.mark.parametrize("table", ["adverse_notices", "disputes", "internal_scores"])
def test_an_optional_feed_may_be_absent_or_empty(lender: SmallLanding, table: str) -> None:
    lender.path(f"{table}/x").parent.mkdir(exist_ok=True)
    header = ",".join(contract(table).column_names)
    lender.land()
    assert lender.query(f"from raw.{table}") == []
    lender.path(f"{table}/{table}.csv").write_text(header)
    lender.land()
    assert lender.query(f"from raw.{table}") == []


# CSV


def test_a_csv_is_read_as_the_contract_says(lender: SmallLanding) -> None:
    rows = [
        '0012,A1,"re""pay,\r\nment",12.30,2026-05-01T09:30,,2026-05-02 08:00:00.123456',
        '"",A1,purchase,-5,2026-05-01,"0001",2026-05-02 08:00:00',
    ]
    for byte_order_mark in ("", "\ufeff"):
        for line_end in ("\n", "\r\n"):
            lender.csv(byte_order_mark + line_end.join([TRANSACTIONS_HEADER, *rows]))
            lender.land()
            assert lender.query("from raw.transactions") == [
                (
                    *("0012", "A1", 're"pay,\r\nment', Decimal("12.30")),
                    *(datetime(2026, 5, 1, 9, 30), None, datetime(2026, 5, 2, 8, 0, 0, 123456)),
                    *(None, "transactions/t.csv"),
                ),
                (
                    *(None, "A1", "purchase", Decimal("-5.00"), datetime(2026, 5, 1), "0001"),
                    *(datetime(2026, 5, 2, 8), None, "transactions/t.csv"),
                ),
            ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("12.340", Decimal("12.34")),
        ("+7", Decimal("7.00")),
        ("12.345", None),
        ("abc", None),
        ("1e3", None),
        ('"1,000.00"', None),
        ("12345678901234567.00", None),
    ],
)
def test_an_amount_is_never_rounded(
    lender: SmallLanding, written: str, read: Decimal | None
) -> None:
    lines = [TRANSACTIONS_HEADER, CSV_ROW.format(1, "1.00"), CSV_ROW.format(2, written), ""]
    lender.csv("\n".join(lines))
    report = lender.land()
    unreadable = "amount" if read is None else None
    assert lender.query(
        "select amount, _unreadable_columns from raw.transactions where transaction_id = 'T2'"
    ) == [(read, unreadable)]
    assert any("amount" in warning for warning in report.warnings) is (read is None)


def test_unreadable_values_are_null_and_named_in_their_row(lender: SmallLanding) -> None:
    good = "B1,A1,2026-05-01,2026-05-10,1.00,0,0,,1,12,2026-05-02 08:00:00"
    bad = "B2,A1,2025-02-30,10.05.2026,1.00,0,0,,1.5,12.0,2026-05-02 08:00:00+08:00"
    lender.path("bills/bills.parquet").unlink()
    header = ",".join(contract("bills").column_names)
    lender.path("bills/b.csv").write_text("\n".join([header, good, bad]))
    lender.land()
    assert lender.query(
        "select statement_on, due_on, period_number, period_count, recorded_at, _unreadable_columns"
        " from raw.bills where bill_id = 'B2'"
    ) == [(None, None, None, 12, None, "statement_on,due_on,period_number,recorded_at")]


def test_a_single_unreadable_value_does_not_stop_the_run(lender: SmallLanding) -> None:
    lender.csv("\n".join([TRANSACTIONS_HEADER, CSV_ROW.format(1, "abc")]))
    lender.land()
    assert lender.query("select amount, _unreadable_columns from raw.transactions") == [
        (None, "amount")
    ]


def test_a_student_is_marked_in_any_spelling_of_a_boolean(lender: SmallLanding) -> None:
    lender.path("customers/customers.parquet").unlink()
    written = ["true", "F", "1", "0", "T", "False", "", "yes"]
    lines = [
        f"C{n},n,10,1,1,1990-01-01,{text},2026-05-02 08:00:00" for n, text in enumerate(written)
    ]
    header = "customer_id,name,id_type,id_number,sex,birth_date,is_student,recorded_at"
    lender.path("customers/c.CSV").write_text("\n".join([header, *lines]))
    lender.land()
    assert lender.query(
        "select is_student, _unreadable_columns from raw.customers order by customer_id"
    ) == [
        *((value, None) for value in (True, False, True, False, True, False, None)),
        (None, "is_student"),
    ]


def test_csv_and_parquet_are_read_together(lender: SmallLanding) -> None:
    columns = "transaction_id,amount,recorded_at,occurred_at,transaction_type,account_id,note,,"
    lender.path("transactions/day=1/t.csv").write_text(
        f"{columns}\n002,3.5,2026-05-02 08:00:00,2026-05-01 00:00:00,repayment,A1,ignored,,"
    )
    report = lender.land()
    assert lender.query(
        "select transaction_id, amount, _file from raw.transactions order by 1"
    ) == [
        ("002", Decimal("3.50"), "transactions/day=1/t.csv"),
        ("T1", Decimal("12.34"), "transactions/transactions.parquet"),
    ]
    for name in ("note", "(no name)"):
        assert any(f"column {name}:" in warning for warning in report.warnings)


def test_a_policy_with_mixed_line_ends_is_landed_as_python_reads_it(
    lender: SmallLanding, tmp_path: Path
) -> None:
    text = seed_path("product_policy").read_text(encoding="utf-8")
    policy = tmp_path / "policy.csv"
    policy.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n", 2).encode())
    home, landing = lender.settings.home, str(lender.landing)
    lender.settings = Settings(home=home, landing=landing, policy=policy)
    lender.land()
    assert lender.query(
        "select count(*), min(document_code), max(on_withdrawal) from raw.product_policy"
    ) == [(text.count("\n") - 1, "CREDIT_REPORTING_AUTHORIZATION", "stop")]


@pytest.mark.parametrize("size", ["-1GB", "0GB", "much", "1e999GB"])
def test_a_memory_limit_that_is_none_names_its_setting(lender: SmallLanding, size: str) -> None:
    home, landing = lender.settings.home, str(lender.landing)
    lender.settings = Settings(home=home, landing=landing, policy=None, memory_limit=size)
    assert "setting REPORTING_MEMORY_LIMIT" in lender.fault(BadCall)


def test_the_policy_in_force_is_landed_as_text(lender: SmallLanding) -> None:
    path = lender.landing.parent / "policy.csv"
    header, huabei = seed_path("product_policy").read_text(encoding="utf-8").splitlines()[:2]
    path.write_text(f"\ufeff{header}\r\n{huabei}\r\n", encoding="utf-8", newline="")
    lender.settings = Settings(home=lender.settings.home, landing=str(lender.landing), policy=path)
    lender.land()
    assert lender.query(
        "select product_code, repay_frequency, grace_days from raw.product_policy"
    ) == [("HUABEI", "03", "0")]


# A landing zone behind a URL


@pytest.fixture
def memory_zone(lender: SmallLanding) -> Iterator[str]:
    zone = fsspec.filesystem("memory")
    zone.put(str(lender.landing), "/lender/landing", recursive=True)
    yield "memory://lender/landing"
    zone.rm("/lender", recursive=True)


def test_a_url_is_landed_as_tables_with_the_same_digest(
    lender: SmallLanding, memory_zone: str
) -> None:
    folder = lender.land()
    remote = Settings(home=lender.settings.home, landing=memory_zone, policy=None)
    report = land_feeds(lender.run, remote)
    assert (report.lines(), report.contents) == (folder.lines(), folder.contents)
    assert lender.query("select transaction_id, _file from raw.transactions") == [
        ("T1", "transactions/transactions.parquet")
    ]
    files = Settings(home=lender.settings.home, landing=lender.landing.as_uri(), policy=None)
    assert land_feeds(lender.run, files) == folder


def test_a_damaged_file_behind_a_url_is_named(lender: SmallLanding, memory_zone: str) -> None:
    fsspec.filesystem("memory").pipe("/lender/landing/bills/bills.parquet", b"PAR1")
    lender.settings = Settings(home=lender.settings.home, landing=memory_zone, policy=None)
    assert "bills/bills.parquet" in lender.fault()


def test_the_digest_follows_content_and_name(lender: SmallLanding) -> None:
    first = lender.land().input_digest
    assert lender.land().input_digest == first
    path = lender.path("bills/bills.parquet")
    renamed = path.rename(path.with_name("other.parquet"))
    second = lender.land().input_digest
    renamed.rename(path)
    lender.parquet("bills", "* replace ('B9' as bill_id)")
    third = lender.land().input_digest
    assert len({first, second, third}) == 3


# What stops the run


@pytest.mark.parametrize("setting", ["", "no/such/folder", "memory://no/such", "nowhere://x"])
def test_a_wrong_landing_setting_is_a_bad_call(lender: SmallLanding, setting: str) -> None:
    lender.settings = Settings(home=lender.settings.home, landing=setting, policy=None)
    assert "REPORTING_LANDING" in lender.fault(BadCall)


def test_a_home_that_cannot_be_written_is_a_bad_call(lender: SmallLanding) -> None:
    lender.settings.home.write_text("a file")
    assert "REPORTING_HOME" in lender.fault(BadCall)


@pytest.mark.parametrize("table", sorted(GOOD))
def test_a_required_feed_must_be_there_with_rows(lender: SmallLanding, table: str) -> None:
    folder = str(lender.landing / table)
    lender.parquet(table, where="false")
    assert f"table {table}" in lender.fault()
    path = lender.path(f"{table}/{table}.parquet")
    path.rename(path.with_suffix(".tmp"))
    assert folder in lender.fault()
    path.with_suffix(".tmp").unlink()
    path.parent.rmdir()
    message = lender.fault()
    assert folder in message
    assert f"table {table}" in message


def test_a_required_column_is_asked_of_every_file(lender: SmallLanding) -> None:
    lender.parquet("bills", "* exclude (fee_due)", "bills/2026/second.parquet")
    message = lender.fault()
    for part in ("table bills", "bills/2026/second.parquet", "column fee_due", "missing"):
        assert part in message


@pytest.mark.parametrize(
    ("table", "column", "value", "named"),
    [
        ("transactions", "amount", "12.34::double", "DOUBLE"),
        ("transactions", "amount", "12.34::decimal(18, 3)", "DECIMAL(18,3)"),
        ("transactions", "amount", "'12.34'", "VARCHAR"),
        ("transactions", "amount", "12345678901234567::decimal(38, 2)", "DECIMAL(18,2)"),
        ("transactions", "transaction_id", "17", "INTEGER"),
        ("transactions", "account_id", "'A1'::blob", "BLOB"),
        ("transactions", "occurred_at", "timestamptz '2026-05-01 09:30:00+08'", "TIME ZONE"),
        ("transactions", "occurred_at", "date '2026-05-01'", "DATE"),
        ("bills", "due_on", "timestamp '2026-05-10 00:00:00'", "TIMESTAMP"),
        ("bills", "due_on", "'2026-05-10'", "VARCHAR"),
        ("customers", "sex", "1", "INTEGER"),
        ("accounts", "account_id", "{'a': 'A1'}", "nested"),
    ],
)
def test_a_wrong_type_is_named(
    lender: SmallLanding, table: str, column: str, value: str, named: str
) -> None:
    lender.parquet(table, f"* replace ({value} as {column})")
    message = lender.fault()
    for part in (f"table {table}", f"{table}/{table}.parquet", f"column {column}", named):
        assert part in message
    assert "12.34" not in message


@pytest.mark.parametrize(
    ("column", "value"), [("period_number", "1.0::double"), ("minimum_due", "5::float")]
)
def test_a_wrong_type_of_an_optional_column_is_named(
    lender: SmallLanding, column: str, value: str
) -> None:
    lender.parquet("bills", f"*, {value} as {column}")
    assert f"column {column}" in lender.fault()


def test_a_column_delivered_twice_is_named(lender: SmallLanding) -> None:
    path = lender.parquet("transactions", "*, 'x' as amounx")
    path.write_bytes(path.read_bytes().replace(b"amounx", b"amount"))
    message = lender.fault()
    assert "transactions/transactions.parquet, column amount" in message
    lender.csv(f"{TRANSACTIONS_HEADER},Amount,,\n")
    assert "transactions/t.csv, column amount" in lender.fault()


def test_a_damaged_parquet_file_is_named(lender: SmallLanding) -> None:
    path = lender.path("transactions/more.parquet")
    whole = lender.path("transactions/transactions.parquet").read_bytes()
    for content in (b"", b"no parquet at all", whole[:-20], whole[: len(whole) // 2]):
        path.write_bytes(content)
        message = lender.fault()
        assert "table transactions, file transactions/more.parquet" in message


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"T1,A1,purchase\n", "line 2 has 3 fields instead of 7"),
        (CSV_ROW.format(1, "1").encode() + b",geheim\n", "line 2 has 8 fields instead of 7"),
        ("T1,张三,purchase,1,,,\n".encode("gbk"), "UTF-8"),
        (b'T1,"A1,purchase,1,,,\n', "quote"),
    ],
)
def test_a_malformed_csv_line_is_named_and_not_repeated(
    lender: SmallLanding, body: bytes, named: str
) -> None:
    lender.csv(TRANSACTIONS_HEADER.encode() + b"\n" + body)
    message = lender.fault()
    assert "table transactions, file transactions/t.csv" in message
    assert named in message
    assert "geheim" not in message
    assert "A1" not in message


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "header"),
        (TRANSACTIONS_HEADER.encode("utf-16"), "UTF-8"),
        (TRANSACTIONS_HEADER.replace(",", ";").encode(), "column transaction_id: is missing"),
        (b"geheim,geheim,1\n", "column transaction_id: is missing"),
    ],
)
def test_a_csv_without_the_right_header_is_named(
    lender: SmallLanding, content: bytes, named: str
) -> None:
    lender.csv(content)
    message = lender.fault()
    assert "table transactions, file transactions/t.csv" in message
    assert named in message
    assert "geheim" not in message


def test_a_csv_column_without_a_readable_value_is_of_the_wrong_type(lender: SmallLanding) -> None:
    rows = [CSV_ROW.format(n, f'"{n},50"') for n in range(3)]
    lender.csv("\n".join([TRANSACTIONS_HEADER, *rows]))
    message = lender.fault()
    for part in ("transactions/t.csv", "column amount", "DECIMAL(18,2)"):
        assert part in message


@pytest.mark.parametrize("table", ["accounts", "consents"])
def test_an_unknown_product_stops_the_run(lender: SmallLanding, table: str) -> None:
    lender.parquet(table, "* replace ('NEWLOAN' as product_code)")
    message = lender.fault()
    for part in (f"table {table}", "product_code", "NEWLOAN", "product_policy.csv"):
        assert part in message


def test_an_unknown_product_recorded_after_the_cut_off_does_not_exist_yet(
    lender: SmallLanding,
) -> None:
    lender.parquet(
        "accounts",
        "* replace ('NEWLOAN' as product_code, timestamp '2026-06-03 00:00:01' as recorded_at)",
        "accounts/late.parquet",
    )
    assert lender.land().warnings == ()


@pytest.mark.skipif(not UCI350.is_dir(), reason="the public data set is not beside the repository")
def test_the_public_data_set_lands(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, landing=str(UCI350), policy=None)
    report = land_feeds(Run(date(2005, 9, 1), datetime(2005, 10, 3)), settings)
    rows = {table.name: table.rows for table in report.tables}
    assert rows["accounts"] == rows["customers"] == 30_000
    assert rows["internal_scores"] == rows["disputes"] == 0
    assert report.warnings == ()
