"""The synthetic lender keeps the raw contract, tells every story, and gives the same bytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from rich.console import Console

from reporting.core.errors import BadCall
from reporting.core.settings import DBT_PROJECT
from reporting.synthetic.lender import BookSummary, generate, render

SOURCES = DBT_PROJECT / "models" / "staging" / "sources.yml"
TABLES: list[dict[str, Any]] = yaml.safe_load(SOURCES.read_text("utf-8"))["sources"][0]["tables"]
MONTH_AFTER = "(last_day(occurred_at::date) + 1)"


class Book:
    """A landing zone as delivered, its raw tables as views; `first` leaves the second extract."""

    def __init__(self, summary: BookSummary) -> None:
        self.summary = summary
        self.connection = duckdb.connect()
        for table in TABLES:
            name = table["name"]
            files = f"read_parquet('{summary.landing / name}/*.parquet')"
            self.connection.execute(f"create view {name} as from {files}")
        self.connection.execute(
            f"create view reporters as from read_csv('{DBT_PROJECT}/seeds/reporters.csv')"
        )
        self.connection.execute(
            f"create view texts as from read_csv('{DBT_PROJECT}/seeds/consent_texts.csv')"
        )
        self.connection.execute(
            "create view held as from accounts "
            "qualify row_number() over (partition by account_id order by recorded_at desc) = 1"
        )
        self.connection.execute(
            "create view moved as select distinct * from transactions "
            "where regexp_full_match(transaction_id, 'T[0-9]{8}[A-Z].*') "
            "qualify row_number() over (partition by transaction_id order by recorded_at desc) = 1"
        )

    def count(self, question: str) -> int:
        """The number of rows that `from <question>` gives."""
        row = self.connection.execute(f"select count(*) from (select 1 from {question})").fetchone()
        assert row
        return int(row[0])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    summary = generate(tmp_path_factory.mktemp("lender") / "landing", 2000, 12, 7)
    book = Book(summary)
    yield book
    book.connection.close()


def contents(landing: Path) -> dict[str, bytes]:
    """Every file of a landing zone with its bytes."""
    files = (path for path in landing.rglob("*") if path.is_file())
    return {path.relative_to(landing).as_posix(): path.read_bytes() for path in files}


def test_same_call_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "one", 300, 3, 11)
    generate(tmp_path / "two", 300, 3, 11)
    generate(tmp_path / "other", 300, 3, 12)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one") != contents(tmp_path / "other")


def test_its_own_book_is_replaced_and_nothing_is_left_aside(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    generate(landing, 100, 2, 1)
    first = contents(landing)
    generate(landing, 100, 2, 2)
    assert contents(landing) != first
    assert [path.name for path in tmp_path.iterdir()] == ["landing"]


@pytest.mark.parametrize("is_own_book_there", [False, True])
def test_foreign_files_are_not_overwritten(tmp_path: Path, is_own_book_there: bool) -> None:
    landing = tmp_path / "landing"
    if is_own_book_there:
        generate(landing, 50, 1, 1)
    (landing / "bills").mkdir(parents=True, exist_ok=True)
    (landing / "bills" / "real.csv").write_text("bill_id\n", encoding="utf-8")
    before = contents(landing)
    with pytest.raises(BadCall, match=r"bills/real\.csv.*REPORTING_LANDING"):
        generate(landing, 50, 1, 1)
    assert contents(landing) == before


def test_an_extract_that_was_put_in_the_place_of_a_synthetic_one_is_not_overwritten(
    tmp_path: Path,
) -> None:
    landing = tmp_path / "landing"
    generate(landing, 50, 1, 1)
    generate(landing, 50, 1, 2)  # its own files are replaced
    own = next(landing.glob("bills/*"))
    own.write_bytes(b"bill_id\n")
    before = contents(landing)
    with pytest.raises(BadCall, match=f"bills/{own.name}, which is no synthetic extract"):
        generate(landing, 50, 1, 1)
    assert contents(landing) == before


@pytest.mark.parametrize(
    ("accounts", "months", "seed", "named"),
    [(0, 1, 1, "accounts"), (1, 0, 1, "months"), (1, 1, -1, "seed")],
)
def test_arguments_out_of_range_are_named(
    tmp_path: Path, accounts: int, months: int, seed: int, named: str
) -> None:
    with pytest.raises(BadCall, match=f"--{named} "):
        generate(tmp_path / "landing", accounts, months, seed)
    assert not list(tmp_path.iterdir())


def test_one_account_is_a_book(tmp_path: Path) -> None:
    rows = generate(tmp_path / "landing", 1, 1, 3).rows
    assert rows["customers"] == 1
    assert rows["transactions"] > 0


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table["name"])
def test_every_feed_keeps_the_raw_contract(book: Book, table: dict[str, Any]) -> None:
    described = book.rows(f"describe {table['name']}")
    promised = [(column["name"], column["data_type"].upper()) for column in table["columns"]]
    assert [(name, kind) for name, kind, *_ in described] == promised
    required = [c["name"] for c in table["columns"] if c["config"]["meta"]["required"]]
    missing = " or ".join(f"{name} is null" for name in required)
    assert book.count(f"{table['name']} where {missing}") == 0
    assert book.count(table["name"]) == book.summary.rows[table["name"]] > 0
    key = ", ".join([*table["config"]["meta"]["key"], "recorded_at"])
    first = f"read_parquet('{book.summary.landing}/{table['name']}/{table['name']}.parquet')"
    assert book.count(f"{first} group by {key} having count(*) > 1") == 0


def test_no_identifier_looks_like_an_id_number(book: Book) -> None:
    for table in TABLES:
        for column in table["columns"]:
            if column["name"].endswith("_id"):
                digits = f"regexp_matches({column['name']}, '[0-9]{{14}}')"
                assert book.count(f"{table['name']} where {digits}") == 0
    assert book.count("accounts where not regexp_full_match(account_id, '[A-Za-z0-9]+')") == 0
    assert book.count("accounts semi join reporters using (reporter_code)") == book.count(
        "accounts"
    )


def has_right_check_digit(number: str) -> bool:
    """GB 11643: the weighted digits leave remainder 1 when divided by 11."""
    digits = [10 if sign == "X" else int(sign) for sign in reversed(number)]
    return sum(digit * 2**place for place, digit in enumerate(digits)) % 11 == 1


def test_identities_hold_but_for_the_planted_ones(book: Book) -> None:
    people = book.rows("select distinct id_number, sex, birth_date from customers")
    wrong = [number for number, *_ in people if not has_right_check_digit(number)]
    assert 0 < len(wrong) < len(people) / 100
    for number, sex, birth_date in people:
        assert len(number) == 18
        assert number[:6] in ("110101", "310101", "440103", "500103", "510104")
        assert number[6:14] == f"{birth_date:%Y%m%d}"
        assert (int(number[16]) % 2 == 1) == (sex == "1")
    assert len({number for number, *_ in people}) == len(people)
    spouses = book.rows("select spouse_id_number from customers where spouse_name is not null")
    assert spouses and all(has_right_check_digit(number) for (number,) in spouses)
    minors = (
        "held join customers using (customer_id) where opened_on < birth_date + interval 18 years"
    )
    assert 0 < book.count(minors) < 20
    assert 0 < book.count("held anti join customers using (customer_id)") < 20


def test_names_are_distinctive_and_people_consistent(book: Book) -> None:
    assert book.count("customers where not name like '测试%' or length(name) <> 6") == 0
    assert book.count("customers group by name having count(distinct customer_id) > 1") == 0
    married = "marital_status in ('20', '21', '22', '23')"
    employed = "employment_status in ('11', '13', '17', '21', '24', '91')"
    for is_due, given in ((married, "spouse_name"), (employed, "employer_name")):
        assert book.count(f"customers where not ({is_due}) and {given} is not null") == 0
        without = book.count(f"customers where {is_due} and {given} is null")
        assert 0 < without < book.count(f"customers where {is_due}") / 5
    low = "education_level in ('30', '40', '60', '70', '80')"
    assert book.count(f"customers where {low} and academic_degree not in ('5', '9')") == 0


def test_no_account_is_billed_more_than_it_spent(book: Book) -> None:
    """At no moment of the book."""
    over = """(
        with steps as (
            select account_id, occurred_at as moment, amount as spent, 0 as billed
            from moved where transaction_type in ('purchase', 'cash_draw')
            union all
            select account_id, statement_on, 0, principal_due
            from bills where bill_id not like 'BBAD%'
        )
        select * from steps
        qualify sum(billed) over (partition by account_id order by moment)
            > sum(spent) over (partition by account_id order by moment)
    )"""
    assert book.count(over) == 0


def test_no_account_is_paid_more_than_it_owes(book: Book) -> None:
    """What was paid, left-overs included, never exceeds spending, interest, fees and penalties."""
    over = """(
        with amounts as (
            select account_id, case
                when transaction_type in ('purchase', 'cash_draw', 'penalty') then amount
                when transaction_type in ('repayment', 'refund', 'waiver') then -amount
                when transaction_type = 'reversal' then amount
                else 0
            end as owed
            from moved
            union all
            select account_id, interest_due + fee_due
            from bills join held using (account_id)
            where statement_on <= least(coalesce(closed_on, date '2026-05-31'), date '2026-05-31')
                and bill_id not like 'BBAD%'
        )
        select account_id from amounts group by account_id having sum(owed) < 0
    )"""
    assert book.count(over) == 0


def test_every_row_lies_in_its_accounts_life(book: Book) -> None:
    outside = "where occurred_at::date < opened_on or occurred_at::date > closed_on"
    assert book.count(f"moved join held using (account_id) {outside}") == 0
    late_limit = "where effective_on < opened_on or effective_on > closed_on"
    assert book.count(f"credit_limits join held using (account_id) {late_limit}") == 0
    early = "where statement_on < opened_on"
    assert book.count(f"bills join held using (account_id) {early}") == 0
    assert book.count("moved where occurred_at >= timestamp '2026-06-01'") == 0


STORIES = {
    "all products": "accounts having count(distinct product_code) = 5",
    "draws under one agreement": "held group by parent_account_id having count(*) > 1",
    "revolving and draws": "held group by customer_id having count(distinct product_code) > 1",
    "opened in mid-window": "held where opened_on > date '2025-09-01'",
    "closed in mid-month": "held where day(closed_on) between 2 and 27",
    "closed on the last day": "held where closed_on = last_day(closed_on)",
    "opened and closed in a month": "held where last_day(opened_on) = last_day(closed_on)",
    "transferred": "held where closure_kind = 'transferred'",
    "draw settled early": "held where parent_account_id > '' and closed_on < matures_on - 25",
    "bills after an early settlement": "bills join held using (account_id) "
    "where statement_on > closed_on",
    "instalment known early": "bills where period_number > 1 and recorded_at < statement_on - 25",
    "instalment known late": "bills where period_number > 1 and recorded_at >= statement_on",
    "due on its statement day": "bills where due_on = statement_on",
    "interest and fee on bills": "bills where interest_due > 0 and fee_due > 0",
    "signed in a wave": "consents where campaign_code = 'UPGRADE-2025-06'",
    "wave and limit together": "consents join held using (customer_id, product_code) join "
    "credit_limits using (account_id, campaign_code) where change_reason = 'increase'",
    "new text": "consents where document_version = 'v2'",
    "withdrawn": "consents where action = 'withdrawn'",
    "signed again": "consents as back join consents as gone using (customer_id, product_code) "
    "where gone.action = 'withdrawn' and back.action = 'signed' "
    "and back.document_code = gone.document_code and back.occurred_at > gone.occurred_at",
    "other institution named": "consents anti join held "
    "using (customer_id, product_code, reporter_code)",
    "authorizes nothing": "(select customer_id, product_code from consents group by all "
    "having not bool_or(document_code = 'CREDIT_REPORTING_AUTHORIZATION'))",
    "contract without consent": "held anti join (from consents where document_code like 'CREDIT%') "
    "using (customer_id, product_code) where parent_account_id > ''",
    "contract signed late": "held where parent_account_id is not null and opened_on < (select "
    "min(occurred_at::date) from consents where consents.customer_id = held.customer_id "
    "and consents.product_code = held.product_code and document_code like 'CREDIT%')",
    "last second": "moved where transaction_type = 'repayment' and second(occurred_at) = 59",
    "on the due day": "moved join bills using (account_id) "
    "where transaction_type = 'repayment' and occurred_at::date = due_on",
    "bounced in days": "moved as back join moved as paid on back.reverses_transaction_id = "
    "paid.transaction_id where back.occurred_at < paid.occurred_at + interval 3 days",
    "bounced in a later month": "moved as back join moved as paid on back.reverses_transaction_id "
    "= paid.transaction_id where back.occurred_at > last_day(paid.occurred_at::date) + 31",
    "notice not delivered": "adverse_notices where delivered_at is null",
    "notice after the cut-off": "adverse_notices where day(sent_at) > 3",
    "notice in time": "adverse_notices where day(delivered_at) = 1",
    "known too late": f"transactions where recorded_at > {MONTH_AFTER} + 2",
    "consent known too late": f"consents where recorded_at > {MONTH_AFTER} + 2",
    "corrected": "transactions group by transaction_id having count(distinct recorded_at) > 1",
    "moved house": "customers group by customer_id having count(*) > 1",
    "delivered twice": "transactions group by all having count(*) > 1",
    "two contents": "transactions group by transaction_id, recorded_at "
    "having count(distinct amount) > 1",
    "negative amount": "transactions where amount < 0",
    "orphan": "transactions anti join accounts using (account_id)",
    "due before its statement": "bills where due_on < statement_on",
    "reversal of nothing": "transactions as back anti join transactions as paid "
    "on back.reverses_transaction_id = paid.transaction_id where transaction_type = 'reversal'",
    "dispute": "disputes where outcome is not null",
} | {
    kind: f"moved where transaction_type = '{kind}'"
    for kind in ("refund", "waiver", "penalty", "interest", "fee", "write_off", "reversal")
}


@pytest.mark.parametrize("story", STORIES)
def test_the_book_tells(book: Book, story: str) -> None:
    assert book.rows(f"select 1 from {STORIES[story]} limit 1"), story


def test_defects_stay_few(book: Book) -> None:
    again = book.count(f"read_parquet('{book.summary.landing}/transactions/redelivery.parquet')")
    odd = book.count("transactions where not regexp_full_match(transaction_id, 'T[0-9]{8}[A-Z].*')")
    assert again + odd < book.count("transactions") / 1000
    assert book.count("transactions where amount <= 0") == book.count(
        "transactions where transaction_id like 'TNEG%'"
    )
    texts = "consents semi join texts using (document_code, document_version, document_sha256)"
    assert book.count(texts) == book.count("consents")


def test_everybody_has_an_internal_score(book: Book) -> None:
    assert book.count("customers anti join internal_scores using (customer_id)") == 0


def test_months_look_like_a_book(book: Book) -> None:
    months = list(book.summary.statuses.values())
    assert len(months) == 12
    for counts in months[6:]:
        is_open = sum(counts.values()) - counts.get("C", 0) - counts.get("G", 0)
        assert 0.85 < (counts["N"] + counts["*"]) / is_open < 0.94
        assert 0.01 < counts["M"] / is_open < 0.05
    assert all(months[-1].get(status, 0) > 0 for status in "1234567B")
    lateness = [sum(month.get(status, 0) for month in months) for status in "1234"]
    assert lateness == sorted(lateness, reverse=True)
    late = sum(n for (start, _), n in book.summary.rolls.items() if start == "1")
    assert 0.2 < book.summary.rolls["1", "2"] / late < 0.4


def test_the_summary_says_that_nobody_is_real(book: Book) -> None:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(render(book.summary))
    text = capture.get()
    assert "All persons" in text and "synthetic" in text
    assert f"{book.summary.rows['transactions']:,}" in text
    assert "only documents that authorize nothing" in text
    assert "测试" not in text
