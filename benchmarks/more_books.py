"""Books made from the lender's for a single question: a constant number of accounts, many accounts.

Both keep the form of the book they are made from; no value in them is drawn again.
"""

import os
import shutil
from datetime import date
from pathlib import Path

import duckdb

from book import aside, build
from reporting.core.raw_contract import raw_contract
from reporting.core.run import previous_month
from reporting.synthetic.lender import SQL, generate

LAST_MONTH = date(2026, 5, 1)  # of every book of the lender
WORDS = SQL / "01_words.sql"  # holds the macro check_digit
# One for each copy of a book; the lender's own areas are others.
AREAS = (
    *("120101", "130102", "210102", "330106", "350102"),
    *("370102", "420106", "510107", "610113"),
)


def lenders_book(target: Path, accounts: int, months: int, parts: int, seed: int = 7) -> None:
    """The lender's book, its purchases split into so many parts, a file per feed and month."""
    source = target.with_name(f".{target.name}-source")
    generate(source, accounts, months, seed)
    build(source, target, parts)
    shutil.rmtree(source)


def constant_book(target: Path, accounts: int, months: int, seed: int = 7) -> None:
    """A book whose accounts were all opened before its first month and stay open.

    Three in five of the lender's accounts are such. Who signs, signs before the first month: so
    that an early month reports as many as a late one.
    """
    source, kept = (target.with_name(f".{target.name}-{name}") for name in ("source", "kept"))
    generate(source, accounts * 5 // 3, months, seed)
    first_month = LAST_MONTH
    for _ in range(months - 1):
        first_month = previous_month(first_month)
    shutil.rmtree(kept, ignore_errors=True)
    with duckdb.connect() as engine:
        engine.execute("set memory_limit = '6GB'")
        engine.execute(
            f"""
            create table kept as
            select account_id, parent_account_id, customer_id
            from '{source}/accounts/accounts.parquet'
            where closed_on is null and opened_on < date '{first_month}';
            create table subjects as
            select account_id as subject from kept
            union select parent_account_id from kept
            union select customer_id from kept
            """
        )
        for file in sorted(source.rglob("*.parquet")):
            path = kept / file.relative_to(source)
            path.parent.mkdir(parents=True, exist_ok=True)
            columns = [row[0] for row in engine.execute(f"describe from '{file}'").fetchall()]
            subject = "account_id" if "account_id" in columns else "customer_id"
            early = ", ".join(
                f"least({column}, timestamp '{first_month}') as {column}"
                for column in ("occurred_at", "recorded_at")
            )
            rows = f"select * replace ({early})" if file.parent.name == "consents" else "select *"
            engine.execute(
                f"copy ({rows} from '{file}' where {subject} in (from subjects)) to '{path}' "
                "(format parquet, compression zstd)"
            )
    build(kept, target, 1)
    for folder in (source, kept):
        shutil.rmtree(folder)


def many_books(source: Path, target: Path, copies: int) -> None:
    """The book and its copies side by side, every id of a copy with a letter in front.

    The persons of a copy have the same names; a valid resident ID moves to another area.
    """
    with aside(target) as folder, duckdb.connect() as engine:
        engine.execute("set memory_limit = '6GB'")
        # some of the words are about a book's first month; the one used here is not
        engine.execute("set variable first_month = date '2000-01-01'")
        engine.execute(WORDS.read_text(encoding="utf-8"))
        for table in raw_contract():
            for file in sorted((source / table.name).glob("*.parquet")):
                own = folder / table.name / file.name
                own.parent.mkdir(parents=True, exist_ok=True)
                os.link(file, own)
                for number in range(1, copies):
                    engine.execute(
                        f"copy (select {_renamed(table.column_names, number)} from '{file}') "
                        f"to '{own.with_stem(f'{file.stem}-{number}')}' "
                        "(format parquet, compression zstd)"
                    )


def _renamed(columns: tuple[str, ...], number: int) -> str:
    letter = chr(ord("A") + number - 1)
    renamed = {column: f"'{letter}' || {column}" for column in columns if column.endswith("_id")}
    if "id_number" in columns:
        body = f"'{AREAS[number - 1]}' || substr(id_number, 7, 11)"
        renamed["id_number"] = (
            "case when regexp_full_match(id_number, '[1-9][0-9]{16}[0-9X]') "
            "and check_digit(left(id_number, 17)) = right(id_number, 1) "
            f"then {body} || check_digit({body}) else id_number end"
        )
    return ", ".join(f"{renamed.get(column, column)} as {column}" for column in columns)
