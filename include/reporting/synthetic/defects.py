"""Plant defects in a synthetic book and list each: what is wrong, where, which check must find it.

The classes stand in ``defects.yml``. Each class has customers of its own, so that two defects never
meet in one account; its victims are drawn by hashing the seed, so that the same call gives the same
book and the same journal.
"""

import dataclasses
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import duckdb
from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass as checked

from reporting.core.config_files import read_yaml
from reporting.core.database import literal
from reporting.core.errors import BadCall
from reporting.core.raw_contract import RawTable, raw_contract
from reporting.synthetic.deliveries import SPOILERS

CLASSES = Path(__file__).with_name("defects.yml")
ASIDE = "copy, _account, _owner"  # what a changed row knows beside its own columns
VICTIMS = 5  # rows of each class
GOOD_TEXT = 50  # good rows beside them in a file of text
JOURNAL = """
    create table planted (
        defect varchar, kind varchar, table_name varchar, field varchar, row_key varchar,
        recorded_at timestamp, account_id varchar, customer_id varchar, seen_in varchar,
        rule varchar, is_consequence boolean
    )
"""
# Feeds with few rows of their own get a good one for each open account, so that there are victims.
MADE_FOR_IT = {
    "disputes": """
        select 'DX' || account_id as dispute_id, account_id, opened_on + 10 as received_on,
            'wrong amount' as claim, null::date as disputed_month, opened_on + 10 as annotated_on,
            opened_on + 20 as answered_on, 'upheld' as outcome, null::varchar as remark,
            opened_on + interval 21 day as recorded_at, 'first' as file
    """,
    "adverse_notices": """
        select 'NX' || account_id as notice_id, account_id, opened_on + 3 as episode_started_on,
            'sms' as channel, 'v1' as text_version, opened_on + interval 40 day as sent_at,
            opened_on + interval 41 day as delivered_at, opened_on + interval 42 day as recorded_at,
            'first' as file
    """,
}
ALONG = "create table along (defect varchar, kind varchar, subject varchar, rule varchar)"

# Whose each row is: accounts, agreements and customers with the customer behind them, their life,
# and whether the account (or one of the customer's) is open and reported.
LIVES = """
    create table lives as
    with accounts as (
        select
            account_id, max(customer_id) as owner, max(product_code) as product_code,
            max(reporter_code) as reporter_code, min(opened_on) as opened_on,
            max(closed_on) as closed_on, max(parent_account_id) as agreement_id
        from feed_accounts group by account_id
    ),
    signed as (
        select customer_id as owner, product_code, reporter_code
        from feed_consents
        where document_code = 'CREDIT_REPORTING_AUTHORIZATION'
        group by all
        having count_if(action = 'withdrawn') = 0
            and min(recorded_at) < learnt_by() - interval 40 day
    ),
    judged as (
        select accounts.*, signed.owner is not null and closed_on is null
            and opened_on < learnt_by() - interval 40 day as is_reported
        from accounts left join signed using (owner, product_code, reporter_code)
    )
    select account_id as subject, owner, opened_on, closed_on, is_reported from judged
    union all
    select agreement_id, max(owner), null, null, bool_or(is_reported)
    from judged where agreement_id is not null group by agreement_id
    union all
    select owner, owner, min(opened_on),
        case when bool_and(closed_on is not null) then max(closed_on) end, bool_or(is_reported)
    from judged group by owner
"""


@checked(frozen=True)
class Defect:
    """One class of defects: a line of ``defects.yml``."""

    id: str
    kind: Literal["row", "key", "delivery", "statistics"]
    field: str
    seen_in: Literal["quarantine", "check", "verdict", "place", "structure", "nothing"]
    rule: str
    effect: Literal["replace", "add", "again", "remove", "csv", "already", "sql", "file"] = (
        "replace"
    )
    to: str = ""
    also: dict[str, str] = dataclasses.field(default_factory=dict)
    where: str = "true"
    along: str = ""
    key: str = ""  # what names the row in a check, where it is not the row's own key
    copies: int = 1
    pairs: bool = False  # the row copied is part of the defect, too

    @property
    def table(self) -> str:
        """The feed in which it is planted."""
        return self.id.partition(".")[0]


@lru_cache
def load_classes(path: Path = CLASSES) -> tuple[Defect, ...]:
    """Every class of defects."""
    return TypeAdapter(tuple[Defect, ...]).validate_python(read_yaml(path))


def classes_named(names: Sequence[str]) -> tuple[Defect, ...]:
    """The classes of these names; without names, all that can be combined in one book.

    Raises BadCall for a name that is no class.
    """
    every = {one.id: one for one in load_classes()}
    for name in names:
        if name not in every:
            raise BadCall(f"--defect {name}: is no class of defects; see {CLASSES}")
    if names:
        named = tuple(every[name] for name in dict.fromkeys(names))
        files = [one.table for one in named if one.effect == "file"]
        if len(files) != len(set(files)):
            raise BadCall("--defect: one delivery of a feed can go wrong in one way at a time")
        return named
    return tuple(one for one in every.values() if one.kind in ("row", "key"))


def plant(
    engine: duckdb.DuckDBPyConnection, seed: int, classes: tuple[Defect, ...], journal: Path
) -> None:
    """Plant the classes in the book that the engine has built, and write the journal.

    The views of the deliveries are replaced by what is delivered now: rows of ``again_<feed>`` come
    in the later file, rows of the tables ``text_<feed>`` as CSV. Raises BadCall where the journal
    is not a CSV file.
    """
    if journal.suffix != ".csv":
        raise BadCall(f"--defects {journal}: the journal is a CSV file; end its name in .csv")
    engine.execute(JOURNAL)
    engine.execute(ALONG)
    # the usual cut-off of the book's last month
    engine.execute("create macro learnt_by() as getvariable('ends_before') + interval 2 day")
    engine.execute("create macro last_month() as getvariable('ends_before') - interval 1 month")
    tables = {table.name: table for table in raw_contract()}
    needed = {one.table for one in classes if one.kind in ("row", "key")} & set(MADE_FOR_IT)
    for name in sorted(tables, key="accounts".__ne__):  # the others are made from the accounts
        _take(engine, tables[name])
        if name in needed:
            engine.execute(
                f"insert into feed_{name} by name {MADE_FOR_IT[name]} "
                "from feed_accounts where file = 'first' and closed_on is null"
            )
    engine.execute(LIVES)
    engine.execute(
        "create table agreements_of_one as select parent_account_id from feed_accounts "
        "group by all having count(distinct account_id) = 1"
    )
    engine.execute("create table spoilt_already (owner varchar)")
    for one in load_classes():
        if one.effect == "already":
            engine.execute(
                f"insert into spoilt_already select owner from feed_{one.table} as feed "
                f"join lives on lives.subject = feed.{_subject(tables[one.table])} "
                f"where {one.where}"
            )
    numbers = {one.id: number for number, one in enumerate(load_classes())}
    for one in classes:
        _plant_one(engine, tables[one.table], one, (seed, numbers[one.id]))
    for table in tables.values():
        _follow(engine, table)
    for name in feeds_as_text(engine):
        _add_good_text(engine, tables[name], seed)
    for table in tables.values():
        for view, file in ((f"out_{table.name}", "first"), (f"again_{table.name}", "later")):
            engine.execute(
                f"create or replace view {view} as select * exclude (file) "
                f"from feed_{table.name} where file = '{file}'"
            )
    journal.parent.mkdir(parents=True, exist_ok=True)
    aside = journal.with_name(f".{journal.name}")
    engine.execute(f"copy (from planted order by all) to {literal(aside)} (header)")
    aside.replace(journal)


def _take(engine: duckdb.DuckDBPyConnection, table: RawTable) -> None:
    """A feed's deliveries as one table that can be changed."""
    columns = ", ".join(f"{one.name}::{one.type} as {one.name}" for one in table.columns)
    files = {f"out_{table.name}": "first", f"again_{table.name}": "later"}
    known = {row[0] for row in engine.execute("select view_name from duckdb_views()").fetchall()}
    every = " union all ".join(
        f"select {columns}, '{file}' as file from {view}"
        for view, file in files.items()
        if view in known
    )
    engine.execute(f"create table feed_{table.name} as {every}")


def _plant_one(
    engine: duckdb.DuckDBPyConnection, table: RawTable, one: Defect, drawn_by: tuple[int, int]
) -> None:
    """Plant one class in the book and record it in the journal."""
    feed = f"feed_{table.name}"
    if one.effect in ("sql", "file"):
        if one.effect == "sql":
            engine.execute(one.to)
        engine.execute(
            "insert into planted values (?, ?, ?, ?, ?, null, null, null, ?, ?, false)",
            [one.id, one.kind, table.name, one.field, one.key, one.seen_in, one.rule],
        )
        return
    if one.effect == "already":
        subject = _subject(table)
        _note(
            engine,
            table,
            one,
            f"(select feed.*, feed.{subject} as _account, lives.owner as _owner "
            f"from {feed} as feed left join lives on lives.subject = feed.{subject} "
            f"where {one.where})",
        )
        return
    engine.execute(f"create or replace table victims as {_victims(table, one, drawn_by)}")
    engine.execute(f"create or replace table changed as {_changed(table, one)}")
    if one.effect in ("replace", "remove", "csv"):
        same = " and ".join(
            f"feed.{column} is not distinct from victims.{column}"
            for column in (*table.key, "recorded_at")
        )
        engine.execute(f"delete from {feed} as feed using victims where {same}")
    if one.effect == "csv":
        engine.execute(
            f"create table if not exists text_{table.name} as "
            f"select * exclude ({ASIDE}) from changed limit 0"
        )
        engine.execute(
            f"insert into text_{table.name} by name select * exclude ({ASIDE}) from changed"
        )
    elif one.effect != "remove":
        file = "later" if one.effect == "again" else "first"
        engine.execute(
            f"insert into {feed} by name select * exclude ({ASIDE}), '{file}' as file from changed"
        )
    # of several copies the first one stands
    wrong = "(from changed where copy > 0)" if one.copies > 1 else "changed"
    _note(engine, table, one, "victims" if one.effect == "remove" else wrong)
    if one.pairs or one.rule == "CONFLICTING_VERSIONS":
        _note(engine, table, one, "victims")
    if one.along:
        engine.execute(
            f"insert into along select '{one.id}', '{one.kind}', {table.key[0]}, '{one.along}' "
            "from victims"
        )
        if table.name == "accounts":  # an agreement falls with its only account
            engine.execute(
                f"insert into along select '{one.id}', '{one.kind}', parent_account_id, "
                "'ACCOUNT_REJECTED' from victims "
                "where parent_account_id in (from agreements_of_one)"
            )


def _victims(table: RawTable, one: Defect, drawn_by: tuple[int, int]) -> str:
    """A few rows of the class's own customers, one of each; rows that have no other version."""
    seed, number = drawn_by
    key = ", ".join(table.key)
    subject = _subject(table)
    life = [name for name in ("opened_on", "closed_on") if name not in table.column_names]
    lives = ", ".join(["owner", "is_reported", *life])
    return f"""
        with rows as (
            select * exclude (file), count(*) over (partition by {key}) as versions
            from feed_{table.name}
        )
        select
            rows.* exclude (versions), {lives}, rows.{subject} as _account, owner as _owner,
            learnt_by() as learnt_by, learnt_by() + interval 5 day as too_late
        from rows join lives on lives.subject = rows.{subject}
        where versions = 1
            and recorded_at <= learnt_by() - interval 8 day
            and hash({seed}, 'class', owner) % {len(load_classes())} = {number}
            and owner not in (from spoilt_already)
            and ({one.where})
        qualify row_number() over (partition by owner order by hash({seed}, {key})) = 1
        order by hash({seed}, {key})
        limit {VICTIMS}
    """


def _changed(table: RawTable, one: Defect) -> str:
    """The victims with the class's values in them; where they come as text, every value as text."""
    values = one.also if one.effect == "remove" else {one.field: one.to} | one.also
    key = table.key[0]
    if one.effect == "add" and key not in values:
        values = values | {key: f"{key} || 'X' || copy"}
    columns = ", ".join(
        f"cast({values.get(column.name, column.name)} as "
        f"{'varchar' if one.effect == 'csv' else column.type}) as {column.name}"
        for column in table.columns
    )
    return f"select {columns}, {ASIDE} from victims, range({one.copies}) as copies (copy)"


def _subject(table: RawTable) -> str:
    """The column that names the subject of a row."""
    return "account_id" if "account_id" in table.column_names else "customer_id"


def _note(engine: duckdb.DuckDBPyConnection, table: RawTable, one: Defect, rows: str) -> None:
    """Write rows of a relation into the journal."""
    key = one.key or f"concat_ws('|', {', '.join(table.key)})"
    engine.execute(
        f"""
        insert into planted by name
        select
            '{one.id}' as defect, '{one.kind}' as kind, '{table.name}' as table_name,
            '{one.field}' as field, cast({key} as varchar) as row_key,
            try_cast(recorded_at as timestamp) as recorded_at,
            nullif(_account, _owner) as account_id, _owner as customer_id,
            '{one.seen_in}' as seen_in, '{one.rule}' as rule, false as is_consequence
        from {rows}
        """
    )


def _add_good_text(engine: duckdb.DuckDBPyConnection, table: RawTable, seed: int) -> None:
    """Deliver good rows as text too, since a column without a readable value stops a month."""
    key = f"concat_ws('|', {', '.join(table.key)})"
    columns = ", ".join(f"cast({name} as varchar) as {name}" for name in table.column_names)
    engine.execute(
        f"""
        create or replace table good_text as
        select * from feed_{table.name}
        where file = 'first' and recorded_at is not null
            and {key} not in (select row_key from planted where table_name = '{table.name}')
        order by hash({seed}, {key}), recorded_at limit {GOOD_TEXT}
        """
    )
    engine.execute(f"insert into text_{table.name} by name select {columns} from good_text")
    engine.execute(
        f"delete from feed_{table.name} as feed using good_text where "
        + " and ".join(f"feed.{name} = good_text.{name}" for name in (*table.key, "recorded_at"))
    )


def _follow(engine: duckdb.DuckDBPyConnection, table: RawTable) -> None:
    """Record the rows that fail a rule because their account or customer fails one."""
    if table.name in ("accounts", "customers"):
        return
    subject = _subject(table)
    engine.execute(
        f"""
        insert into planted by name
        select
            along.defect, along.kind, '{table.name}' as table_name, '{subject}' as field,
            cast(concat_ws('|', {", ".join(table.key)}) as varchar) as row_key, recorded_at,
            nullif(feed.{subject}, lives.owner) as account_id, lives.owner as customer_id,
            'quarantine' as seen_in, along.rule, true as is_consequence
        from feed_{table.name} as feed join along on along.subject = feed.{subject}
        join lives on lives.subject = feed.{subject}
        where coalesce(feed.recorded_at <= learnt_by(), true)
        """
    )


def planted(journal: Path) -> str:
    """A sentence on how many rows were planted."""
    with duckdb.connect() as engine:
        rows, classes = engine.execute(
            "select count(*), count(distinct defect) from read_csv(?, header = true)",
            [str(journal)],
        ).fetchall()[0]
    return f"Planted: {rows:,} defects of {classes} classes, listed in {journal}"


def spoil_files(book: Path, classes: Sequence[Defect]) -> None:
    """Apply the delivery classes to the files of a delivered book."""
    for one in classes:
        if one.effect == "file":
            SPOILERS[one.to](book / one.table)


def feeds_as_text(engine: duckdb.DuckDBPyConnection) -> set[str]:
    """The feeds with rows that are delivered as text."""
    found = engine.execute("select table_name from duckdb_tables()").fetchall()
    return {str(name).removeprefix("text_") for (name,) in found if str(name).startswith("text_")}
