"""The worked example of the interface as rows of records, and their past, told row by row.

Sources: bureau interface, sections 6.2 to 6.5: the revolving account HB000001 from January to
August; the same ledger under a consent of 2023-04-15 (6.4, trap 8) as HB000002, with its April; the
draw JB000001 from March to June. A book is a dictionary of records by name, so that a test can
spoil one by its name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import duckdb

from reporting.records.elements import elements, filled_elements

Row = dict[str, Any]
Book = dict[str, Row]

CODE = "N101W1100H0017"
NO_END = date(2099, 12, 31)

# What these products never send, with the type of the column.
NEVER_SENT = {
    **dict.fromkeys(("flag", "credit_id", "j_rpy_status", "j_acct_status"), "varchar"),
    **dict.fromkeys(("prid_acct_bal", "used_amt", "not_isu_bal", "rpy_prct"), "bigint"),
    **dict.fromkeys(("j_overd_prd", "j_tot_overd", "credit_rest"), "bigint"),
}
KINDS = {"Dat": "date", "Int": "bigint"}  # of an element, by how its type begins
NO_SEGMENT = dict.fromkeys((f"seg_{letter}" for letter in "cfdegijk"), False)

# Changes that turn a record into one of recovered arrears (code 40).
RECOVERY: Row = {
    "rpt_date_code": "40",
    "rpt_date": date(2023, 6, 18),
    "seg_h": False,
    "seg_j": True,
    "j_rpy_status": "N",
    "j_acct_status": "1",
    "j_overd_prd": 0,
    "j_tot_overd": 0,
}

# Segment H as the interface prints it; the columns by their names in the record.
REVOLVING = """
rpt_date rpt_date_code acct_status acct_bal rem_rep_prd five_cate five_cate_adj_date rpy_status \
overd_prd tot_overd overd_princ oved31_60 oved61_90 cur_rpy_amt act_rpy_amt lat_rpy_date
01-31 31 1 1200 1 1 01-05 * 0    0    0    0    0    0    0 01-05
02-28 30 1 2600 3 1 01-05 N 0    0    0    0    0 1200 1200 02-09
03-31 30 2 2800 2 2 03-31 1 1 2021 2000    0    0 2000    0 02-09
04-30 30 2 2800 1 2 03-31 2 2 2556 2500 2000    0  500    0 02-09
05-31 30 2 2800 0 2 03-31 3 3 2898 2800  500 2000  300    0 02-09
06-30 30 1  800 1 1 06-18 M 0    0    0    0    0    0 2923 06-18
07-31 30 1    0 0 1 06-18 N 0    0    0    0    0  800  800 07-10
08-15 20 3    0 0 1 06-18 C 0    0    0    0    0    0    0 07-10
"""
DRAW = """
rpt_date rpt_date_code acct_status acct_bal rem_rep_prd rpy_status cur_rpy_amt act_rpy_amt \
lat_rpy_date
03-31 31 1 3000 3 *    0    0 03-05
04-30 30 1 2000 2 N 1000 1000 04-05
05-31 30 1 1000 1 N 1000 1000 05-05
06-05 20 3    0 0 C 1000 1000 06-05
"""
TEXTS = {"rpt_date_code", "acct_status", "five_cate", "rpy_status"}


# Of a record that was neither sent nor rejected before.
SENT_ONCE = {"is_rejected_content": False, "is_sent_already": False}


def person(**changes: Any) -> Row:
    """Record 110: first basic information, nothing known but what is asked for."""
    segments = {f"seg_{name}": True for name in ("fcs", "sps", "edu", "octpn", "rednc", "mlg")}
    return {
        **marks(),
        **segments,
        "customer_id": "C1",
        "rpt_date": date(2023, 1, 31),
        "rpt_date_code": "10",
        "sex": "1",
        "dob": date(1990, 3, 7),
        "mari_status": "10",
        "spo_name": None,
        "edu_level": "20",
        "aca_degree": "4",
        "emp_status": "99",
        "cpn_name": None,
        "updated_on": date(2023, 1, 31),
        **changes,
    }


def marks() -> Row:
    """The three marks of the example's person, who does not exist, and the institution."""
    return {
        "name": "测试甲",
        "id_type": "10",
        "id_num": "110105199003078510",
        "reporter_code": CODE,
    }


def clean_book() -> Book:
    """The records of the example and the file of its account records."""
    book = {f"hb-{row['month'][5:]}": row for row in revolving("HB000001", date(2023, 1, 5))}
    april = next(row for row in revolving("HB000002", date(2023, 4, 15)) if row["seg_c"])
    draws = {f"jb-{row['month'][5:]}": row for row in drawn()}
    opened, ended = date(2023, 1, 31), date(2023, 8, 15)
    return book | draws | {
        "late": april,
        "person": person(),
        "agreement": agreement("HB000001", opened),
        "agreement ended": agreement(
            "HB000001", ended, rpt_date_code="20", con_status="2"
        ),
        "late agreement": agreement("HB000002", date(2023, 4, 30)),
        "draw agreement": agreement("JA000001", date(2023, 3, 31)),
        "file": {
            "file_name": f"{CODE}2023090321000010.txt",
            "header": f"A0502102.0.0  {CODE}2023090300000000000013",
            "line_count": 13,
        },
    }  # fmt: skip


def revolving(account_id: str, authorized_on: date) -> list[Row]:
    """The months of the revolving account that end after the consent."""
    terms = {
        "acct_type": "R1",
        "open_date": date(2023, 1, 5),
        "acct_cred_line": 10000,
        "loan_amt": None,
        "due_date": NO_END,
        "repay_mode": "90",
        "repay_prd": None,
    }
    months = [month for month in monthly(REVOLVING) if month["rpt_date"] >= authorized_on]
    months[0]["rpt_date_code"] = "31"
    return [
        account(account_id, account_id, authorized_on, is_first=number == 0) | terms | month
        for number, month in enumerate(months)
    ]


def drawn() -> list[Row]:
    """The months of the draw: three instalments, each paid on its day."""
    terms = {
        "acct_type": "R4",
        "open_date": date(2023, 3, 5),
        "acct_cred_line": None,
        "loan_amt": 3000,
        "due_date": date(2023, 6, 5),
        "repay_mode": "11",
        "repay_prd": 3,
        "five_cate": "1",
        "five_cate_adj_date": date(2023, 3, 5),
        **dict.fromkeys(("overd_prd", "tot_overd", "overd_princ", "oved31_60", "oved61_90"), 0),
    }
    return [
        account("JB000001", "JA000001", date(2023, 3, 5), is_first=number == 0) | terms | month
        for number, month in enumerate(monthly(DRAW))
    ]


def monthly(table: str) -> list[Row]:
    """Segment H of a table of the example, with what it does not show."""
    header, *lines = (line.split() for line in table.strip().splitlines())
    rows = [
        {column: value_of(column, text) for column, text in zip(header, line, strict=True)}
        for line in lines
    ]
    return [
        row
        | {
            "month": f"{row['rpt_date']:%Y-%m}",
            "sett_date": row["rpt_date"],
            "oved91_180": 0,
            "oved180": 0,
            "close_date": row["rpt_date"] if row["acct_status"] == "3" else None,
        }
        for row in rows
    ]


def value_of(column: str, text: str) -> date | int | str:
    """A cell of a table in the type of its column."""
    if column.endswith("date"):
        return date.fromisoformat(f"2023-{text}")
    return text if column in TEXTS else int(text)


def account(account_id: str, agreement_id: str, authorized_on: date, is_first: bool) -> Row:
    """Segments B, C and F as far as both products share them."""
    return {
        **marks(),
        **dict.fromkeys(NEVER_SENT),
        **NO_SEGMENT,
        "account_id": account_id,
        "acct_code": CODE + account_id,
        "mcc": CODE + agreement_id,
        "authorized_on": authorized_on,
        "seg_c": is_first,
        "seg_f": is_first,
        "seg_h": True,
        "busi_lines": "1",
        "repay_freqcy": "03",
        "guar_mode": "4",
    }


def agreement(agreement_id: str, on: date, **changes: Any) -> Row:
    """Record 220: a limit of 10,000 without an end."""
    return {
        **marks(),
        "agreement_id": agreement_id,
        "contract_code": CODE + agreement_id,
        "rpt_date": on,
        "rpt_date_code": "10",
        "credit_lim": 10000,
        "con_eff_date": min(on, date(2023, 1, 5)),
        "con_exp_date": NO_END,
        "con_status": "1",
        "credit_rest": None,
        "credit_rest_code": None,
        **changes,
    }


@contextmanager
def tables(*books: Book) -> Iterator[duckdb.DuckDBPyConnection]:
    """Books as the relations that the rules read; what a row states itself is kept.

    Column ``book`` holds the place of a row's book: a book knows nothing of the others.
    """
    relations: dict[str, list[Row]] = {}
    for place, book in enumerate(books):
        for name, rows in relations_of(book).items():
            relations.setdefault(name, []).extend(row | {"book": place} for row in rows)
    with duckdb.connect() as connection:
        connection.execute("create schema secure")
        for name, rows in relations.items():
            load(connection, name, rows)
        for record_type in ("110", "210", "220"):  # what the book does not say is missing
            table = f"secure.checked_{record_type}"
            known = {name for name, *_ in connection.execute(f"describe {table}").fetchall()}
            columns = ["*"] + [
                f"cast(null as {KINDS.get(elements()[tag].type[:3], 'varchar')}) as {column}"
                for tag, column, _ in filled_elements(record_type)
                if column not in known
            ]
            connection.execute(
                f"create or replace table {table} as select {', '.join(columns)} from {table}"
            )
        yield connection


def relations_of(book: Book) -> dict[str, list[Row]]:
    """The rows of each relation, with what the rules ask of the other records of the book."""
    records = [row for row in book.values() if "acct_code" in row]
    agreements = [row for row in book.values() if "contract_code" in row]
    people = [row for row in book.values() if "seg_fcs" in row]
    return {
        "secure.checked_210": [past(row, records) | about(row, agreements, people) | row
                               for row in records],
        "secure.checked_220": [{"is_expired_before": expired_before(row, agreements),
                                "is_followed": False,
                                "has_quarantined_limit": False,
                                "has_quarantined_consent": False} | SENT_ONCE | row
                               for row in agreements],
        "secure.checked_110": [{"has_quarantined_consent": False} | SENT_ONCE | row
                               for row in people],
        "files": [row for row in book.values() if "header" in row],
    }  # fmt: skip


def past(row: Row, records: list[Row]) -> Row:
    """What the rules of history ask of the account's other records."""
    own = [other for other in records if other["account_id"] == row["account_id"]]
    before = [other for other in own if other["rpt_date"] < row["rpt_date"]]
    months = [other for other in own if other["month"] < row["month"]]
    previous = max(months, key=lambda other: (other["month"], other["rpt_date"]), default={})
    complete = row["seg_c"] and row["seg_f"] and row["seg_h"]
    return {
        "records_on_date": sum(other["rpt_date"] == row["rpt_date"] for other in own),
        "records_in_month": sum(other["seg_h"] and other["month"] == row["month"] for other in own),
        "account_types": len({other["acct_type"] for other in own}),
        "first_open_date": min(other["open_date"] for other in own),
        "previous_month": previous.get("month"),
        "months_since_previous": months_between(previous, row),
        "previous_rpy_status": previous.get("rpy_status"),
        "previous_tot_overd": previous.get("tot_overd"),
        "previous_five_cate_adj_date": previous.get("five_cate_adj_date"),
        "is_previous_in_period": bool(previous)
        and previous["authorized_on"] == row["authorized_on"],
        "is_closed_before": any(o["seg_h"] and o["acct_status"] == "3" for o in before),
        "is_followed": False,
        "has_overdue_before": any(o["seg_h"] and o["tot_overd"] > 0 for o in before),
        "has_reversal_in_month": False,
        "has_quarantined_bill": False,
        "has_quarantined_transaction": False,
        "has_quarantined_limit": False,
        "has_quarantined_consent": False,
        "has_moved_row": False,
        "has_quarantined_owner": False,
        "has_changed_owner": False,
        **SENT_ONCE,
        "is_oldest_late_principal": row["overd_princ"] > 0,
        "is_introduced": bool(before)
        or row["rpt_date_code"] in ("10", "31")
        or (row["rpt_date_code"] in ("20", "32") and complete),
    }


def months_between(earlier: Row, later: Row) -> int | None:
    """Calendar months from one record's month to another's."""
    if not earlier:
        return None
    (from_year, from_month), (year, month) = (
        map(int, record["month"].split("-")) for record in (earlier, later)
    )
    return (year - from_year) * 12 + month - from_month


def about(row: Row, agreements: list[Row], people: list[Row]) -> Row:
    """What the rules ask of the records of the agreement and of the person."""
    named = [other for other in agreements if other["contract_code"] == row["mcc"]]
    dated = [other for other in named if other["rpt_date"] <= row["rpt_date"]]
    newest = max(dated, key=lambda other: other["rpt_date"], default={})
    identity = ("name", "id_type", "id_num")
    return {
        "agreement_limit": newest.get("credit_lim"),
        "is_agreement_known": bool(named),
        "is_person_known": any(all(p[mark] == row[mark] for mark in identity) for p in people),
    }


def expired_before(row: Row, agreements: list[Row]) -> bool:
    """Whether a record with an earlier report date ended the agreement."""
    return any(
        other["agreement_id"] == row["agreement_id"]
        and other["con_status"] == "2"
        and other["rpt_date"] < row["rpt_date"]
        for other in agreements
    )


def load(connection: duckdb.DuckDBPyConnection, name: str, rows: list[Row]) -> None:
    """Rows as a table; a column's type is that of its values."""
    kinds = {date: "date", bool: "boolean", int: "bigint", str: "varchar"}
    dated = [
        row | {"report_date": row.get("rpt_date"), "org_code": row.get("reporter_code")}
        for row in rows
    ]
    columns = {
        column: next(
            (kinds[type(row[column])] for row in dated if row.get(column) is not None),
            NEVER_SENT.get(column, "varchar"),
        )
        for column in dict.fromkeys(column for row in dated for column in row)
    }
    stated = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    connection.execute(f"create table {name} ({stated})")
    places = ", ".join("?" * len(columns))
    connection.executemany(
        f"insert into {name} values ({places})",
        [[row.get(column) for column in columns] for row in dated],
    )
