"""The floor: a month by hand, in straight DuckDB SQL, as fast as one honest script does it.

What `reporting run` does for a month, in one process and one in-memory database: every feed at the
cut-off with its versions resolved and its row rules evaluated, the replay of every open account,
the verdicts, the records 110, 210 and 220 as hashed submission files, and the bureau's rules
evaluated on every record.

With `--carry FOLDER` a month carries forward what the next brings forward with `--bring FOLDER`:
the sums of what is settled, the rows of what is open, and what was sent. The later month then reads
what was recorded since, and from the beginning only the accounts whose past that changes. It takes
for granted what holds in these books: nothing is recorded before it happens, no correction moves a
row into the month before, no key's versions name two accounts, and nothing is delivered late.

Left out is what the program does beside it: the landing check, the SHA-256 of the delivered files,
Great Expectations, dbt, the quarantine and the counts of the feeds, the other marts (groups,
scores, notices due, history, pending months), values that the bureau cannot take, the keyed hashes
and the journal of the records, publication, and the records of pending months; without `--carry`
what is carried forward, too. Records that break an E rule are left out of the files.

`--compare HOME` compares the result with what the program published there.
"""

import argparse
import hashlib
import shutil
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from reporting.core.raw_contract import raw_contract
from reporting.core.run import Run, previous_month
from reporting.core.settings import DBT_PROJECT, load_settings
from reporting.records.files import header
from reporting.records.lines import layouts
from reporting.records.rules import Record, hits, load_rules

SQL = Path(__file__).with_suffix("")
SENT = ("sent_210", "sent_220", "sent_110")
CARRIED = ("accounts", "payments", "bills", "month_ends", *SENT)
SEEDS = (
    *("product_policy", "reporters", "five_tier_classes", "repayment_statuses"),
    *("codes_sex", "codes_marital_status", "codes_education_level", "codes_academic_degree"),
    *("codes_employment_status", "codes_id_type"),
)
FREE_TEXTS = {  # only these can hold a character that XML escapes
    *("name", "id_num", "cell_phone", "email", "spo_name", "spo_id_type", "spo_id_num"),
    *("cpn_name", "resi_addr", "resi_dist", "apply_busi_dist"),
}
NOT_XML = r"[\x00-\x1F\x7F\x{FFFE}\x{FFFF}]"
# The newest version of each key: only keys that came more than once are compared.
NEWEST = """
create view known_{feed} as
with known as not materialized (
    from raw_{feed} where recorded_at <= as_of() and {is_complete}
),
repeated as (
    select hash({key}) as key_hash from known group by key_hash having count(*) > 1
)
from known where hash({key}) not in (from repeated)
union all
from (
    from (select distinct * from known where hash({key}) in (from repeated))
    qualify recorded_at = max(recorded_at) over (partition by {key})
        and count(*) over (partition by {key}, recorded_at) = 1
)
"""
# What a record builds on leaves too, or the record does not.
BATCH_RULES = """
with agreements as (
    select distinct reporter_code, agreement_id
    from record_220 anti join broken
        on record_type = '220' and agreement_id = subject_id
        and record_220.reporter_code = broken.reporter_code
        and record_220.report_date = broken.report_date
    union
    select reporter_code, agreement_id from sent_220
),

people as (
    select distinct reporter_code, name, id_type, id_num
    from record_110 anti join broken
        on record_type = '110' and customer_id = subject_id
        and record_110.reporter_code = broken.reporter_code
    union
    select reporter_code, name, id_type, id_num from sent_110
)

insert into broken by name
select '210' as record_type, reporter_code, account_id as subject_id, report_date
from record_210
anti join (
    from record_210
    semi join agreements using (reporter_code, agreement_id)
    semi join people using (reporter_code, name, id_type, id_num)
) as known using (reporter_code, account_id, report_date)
"""
# An agreement does not end while the closing of its account is held.
HELD_CLOSINGS = """
insert into broken by name
select '220' as record_type, reporter_code, agreement_id as subject_id, report_date
from record_220 semi join broken
    on record_type = '210' and agreement_id = subject_id
    and record_220.reporter_code = broken.reporter_code
    and record_220.report_date = broken.report_date
where con_status = '2'
"""

# In a later month: the codes of the accounts with pending months, of their agreements and persons.
LEFT_OUT = """
create table left_out as
select unnest([reporter_code || account_id, reporter_code || agreement_id, id_number]) as code
from accounts semi join '{pending}' using (account_id)
inner join customers using (customer_id)
"""
RECORDS_THAT_DIFFER = """
select count(*)
from (
    (from {own} except all from {theirs}) union all (from {theirs} except all from {own})
)
where regexp_extract(line, '<(AcctCode|ContractCode|IDNum)>([^<]*)<', 2) not in (from left_out)
"""

# No withdrawal of these books is outside the rules, and nothing was rejected before.
NOT_HELD = (
    "false as has_quarantined_consent, false as is_rejected_content, false as is_sent_already"
)


def main() -> None:
    """Run the floor on a book; print what it took and what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("book", type=Path, help="landing zone of Parquet files")
    parser.add_argument("--month", default="2026-05")
    parser.add_argument("--carry", type=Path, metavar="FOLDER", help="carry forward to here")
    parser.add_argument(
        "--bring", type=Path, metavar="FOLDER", help="what the month before carried forward to here"
    )
    parser.add_argument("--out", type=Path, help="where the files are kept; else they are removed")
    parser.add_argument("--memory-limit", default="12GB")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compare", type=Path, metavar="HOME", help="a home of the program")
    args = parser.parse_args()
    run = Run.of(args.month, None, load_settings())
    with tempfile.TemporaryDirectory(dir=args.book.parent) as aside:
        out = args.out or Path(aside) / "files"
        shutil.rmtree(out, ignore_errors=True)
        engine = duckdb.connect()
        engine.execute("set memory_limit = ?", [args.memory_limit])
        engine.execute("set threads = ?", [args.threads])
        engine.execute("set temp_directory = ?", [f"{aside}/spill"])
        engine.execute("set preserve_insertion_order = false")
        report_month(engine, args.book, run, out, bring=args.bring, carry=args.carry)
        if args.compare:
            found = differences(engine, run, out, args.compare, is_first_month=args.bring is None)
            for what, count in found.items():
                print(f"{what}: {count:,} differ")


def report_month(
    engine: duckdb.DuckDBPyConnection,
    book: Path,
    run: Run,
    out: Path,
    bring: Path | None = None,
    carry: Path | None = None,
) -> None:
    """The whole month: feeds, replay, verdicts, records, rules, files.

    A later month brings forward what the month before carried forward to the folder ``bring``;
    ``carry`` is where this one carries forward what the next needs.
    """
    started = time.perf_counter()

    def print_lap(what: str, since: float) -> float:
        now = time.perf_counter()
        print(f"{what:<20}{now - since:>8.2f} s")
        return now

    prepare(engine, book, run)
    lap = started
    for path in sorted(SQL.glob("*.sql")):
        engine.execute(path.read_text(encoding="utf-8"))
        lap = print_lap(path.stem, lap)
        if bring and path.stem == "0_brought_forward":
            for sent in SENT:
                engine.execute(f"insert into {sent} by name from '{bring}/{sent}.parquet'")
        if bring and path.stem == "1_parties":
            bring_forward(engine, run, bring)
            lap = print_lap("  brought forward", lap)
    ask_rules(engine)
    lap = print_lap("7_rules", lap)
    digests = write_files(engine, run, out, is_first_month=bring is None)
    lap = print_lap("8_files", lap)
    if carry:
        carry_forward(engine, carry)
        print_lap("9_carried_forward", lap)
    print_lap("floor", started)
    for path, (records, digest) in digests.items():
        print(f"{path.name} {records:>10,} records {path.stat().st_size:>14,} bytes {digest[:16]}")


def prepare(engine: duckdb.DuckDBPyConnection, book: Path, run: Run) -> None:
    """The words of the SQL, the seeds, and the feeds as views."""
    engine.execute(f"""
        create macro month_start() as date '{run.month}';
        create macro month_end() as date '{run.month_end}';
        create macro as_of() as timestamp '{run.as_of}';
        create macro digit(text, place) as coalesce(try_cast(substr(text, place, 1) as integer), 0);
        create macro yuan(amount) as
            case when amount > 0 and amount < 1 then 1 else round(amount, 0) end::bigint;
    """)
    for seed in SEEDS:
        source = f"read_csv('{DBT_PROJECT}/seeds/{seed}.csv', all_varchar = true)"
        engine.execute(f"create table {seed} as from {source}")
    # the ranks of the parts in the product's order of allocation
    ranks = ", ".join(
        f"instr(allocation_order, '{part}') as {part}_rank"
        for part in ("penalty", "fee", "interest", "principal")
    )
    engine.execute(
        f"create or replace table product_policy as select *, {ranks} from product_policy"
    )
    for table in raw_contract():
        # the largest first: DuckDB plans by the rows of the first file
        files = sorted((book / table.name).rglob("*.parquet"), key=lambda path: path.stat().st_size)
        largest_first = [str(path) for path in reversed(files)]
        columns = ", ".join(table.column_names)
        engine.execute(
            f"create view delivered_{table.name} as "
            f"select {columns} from read_parquet({largest_first})"
        )
        engine.execute(f"create view raw_{table.name} as from delivered_{table.name}")
        is_complete = " and ".join(f"{column} is not null" for column in table.key)
        key = ", ".join(table.key)
        engine.execute(NEWEST.format(feed=table.name, key=key, is_complete=is_complete))


def bring_forward(engine: duckdb.DuckDBPyConnection, run: Run, folder: Path) -> None:
    """Go on from what the month before carried forward; of the feeds read what it did not count."""
    before = Run.of(f"{previous_month(run.month):%Y-%m}", None, load_settings())
    engine.execute(f"""
        create macro as_of_before() as timestamp '{before.as_of}';
        create macro folder(carried) as '{folder}/' || carried || '.parquet';
        create table new_transactions as
        from delivered_transactions
        where
            recorded_at >= month_start() and recorded_at <= as_of()
            and (recorded_at > as_of_before() or occurred_at >= month_start());
        create table new_bills as
        from delivered_bills where recorded_at > as_of_before() and recorded_at <= as_of();
    """)
    engine.execute((SQL / "later" / "bring_forward.sql").read_text(encoding="utf-8"))


def carry_forward(engine: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write what the next month brings forward, a Parquet file each."""
    engine.execute((SQL / "later" / "carry_forward.sql").read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    for carried in CARRIED:
        engine.execute(f"copy carried_{carried} to '{folder}/{carried}.parquet'")


def ask_rules(engine: duckdb.DuckDBPyConnection) -> None:
    """Fill `broken` with the records that break an E rule and do not leave."""
    errors = [rule.id for rule in load_rules() if rule.severity == "E"]
    relations: dict[Record, str] = {
        "210": "checked_210",
        "220": f"(select *, false as has_quarantined_limit, {NOT_HELD} from record_220)",
        "110": f"(select *, {NOT_HELD} from record_110)",
    }
    found = " union all ".join(hits(record, "record", name) for record, name in relations.items())
    engine.execute(
        "create table broken as select record_type, reporter_code, subject_id, report_date "
        f"from ({found}) where list_has_any(rule_ids, {errors})"
    )
    engine.execute(BATCH_RULES)
    engine.execute(HELD_CLOSINGS)
    for record_type, layout in layouts().items():
        engine.execute(f"""
            create view leaving_{record_type} as
            from record_{record_type} as records anti join broken
                on record_type = '{record_type}' and records.{layout.subject} = subject_id
                and records.reporter_code = broken.reporter_code
                and records.report_date = broken.report_date
        """)


def write_files(
    engine: duckdb.DuckDBPyConnection, run: Run, out: Path, is_first_month: bool
) -> dict[Path, tuple[int, str]]:
    """Write the records that leave, a file per institution and type: its records and SHA-256."""
    engine.execute("set preserve_insertion_order = true")
    digests = {}
    for record_type, layout in layouts().items():
        records = f"leaving_{record_type}"
        counts = engine.execute(f"select reporter_code, count(*) from {records} group by all")
        for reporter, count in sorted(counts.fetchall()):
            path = out / reporter / f"{reporter}{run.as_of:%Y%m%d}{record_type}00010.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            engine.execute(f"""
                copy (
                    select {line(layout.envelope, layout.segments, is_first_month)}
                        as "{header(record_type, reporter, run, count)}"
                    from (
                        from {records} where reporter_code = '{reporter}'
                        order by {layout.order_by}, report_date
                    )
                ) to '{path}' (format csv, header, quote '', escape '', delimiter '\t')
            """)
            with path.open("rb") as file:
                digests[path] = (count, hashlib.file_digest(file, "sha256").hexdigest())
    return digests


def line(envelope: list[str], segments: list[dict[str, Any]], is_first_month: bool) -> str:
    """The SQL expression of a record's line.

    Every segment goes out in the first month, but for those that hold items. The few records with a
    character that XML cannot hold as it is are written by an expression of their own.
    """
    fields = {
        column for segment in segments for field in segment["fields"] for column in field.values()
    }
    texts = ", ".join(sorted(FREE_TEXTS & fields))
    plain, escaped = (
        _joined(
            [f"<{tag}>" for tag in envelope]
            + [
                part
                for segment in segments
                for part in _segment(segment, is_escaped, is_whole=is_first_month)
            ]
            + [f"</{tag}>" for tag in reversed(envelope)]
        )
        for is_escaped in (False, True)
    )
    special = rf"regexp_matches(concat({texts}), '[&<>]|{NOT_XML}')"
    return f"case when {special} then {escaped} else {plain} end"


# The parts of a line: a literal begins with "<", all else is SQL.
def _segment(segment: dict[str, Any], is_escaped: bool, is_whole: bool) -> list[str]:
    parts = [f"<{segment['tag']}>"]
    for field in segment["fields"]:
        parts += _field(field, is_escaped)
    for item in segment.get("items", []):
        parts += _segment(item, is_escaped, is_whole=False)
    parts.append(f"</{segment['tag']}>")
    if "when" not in segment or (is_whole and "items" not in segment):
        return parts
    return [f"case when {segment['when']} then {_joined(parts)} end"]


def _field(field: dict[str, Any], is_escaped: bool) -> list[str]:
    tag, column = next((key, value) for key, value in field.items() if key != "when")
    if is_escaped and column in FREE_TEXTS:
        column = (
            f"regexp_replace(replace(replace(replace({column}, '&', '&amp;'), '<', '&lt;'), "
            rf"'>', '&gt;'), '{NOT_XML}', ' ', 'g')"
        )
    parts = [f"<{tag}>", *([column] if column else []), f"</{tag}>"]
    return [f"case when {field['when']} then {_joined(parts)} end"] if "when" in field else parts


def _joined(parts: list[str]) -> str:
    """One concat; neighbouring literals become one."""
    pieces: list[str] = []
    for part in parts:
        if part.startswith("<") and pieces and pieces[-1].startswith("'<"):
            pieces[-1] = f"{pieces[-1][:-1]}{part}'"
        else:
            pieces.append(f"'{part}'" if part.startswith("<") else part)
    return f"concat({', '.join(pieces)})"


def differences(
    engine: duckdb.DuckDBPyConnection, run: Run, out: Path, home: Path, is_first_month: bool
) -> dict[str, int]:
    """In how many accounts, files and records the floor differs from what the program published.

    Every verdict, every open account's status and amounts, every byte of the submission files. In a
    later month it is the lines of the records, but for accounts with pending months, their
    agreements and persons; of a record that differs both lines count.
    """
    counts = {}
    for table, theirs, own in (
        (
            "repayment_status",
            "account_id, repayment_status, balance, overdue_total",
            "select account_id, repayment_status, greatest(balance, 0), overdue_total "
            "from status inner join accounts using (account_no)",
        ),
        (
            "reportable_population",
            "account_id, reason_code, authorized_on",
            "select account_id, reason_code, authorized_on from population",
        ),
    ):
        published = (
            f"select {theirs} from '{_published(home, table, run.month)}' "
            f"where report_month = '{run.month}'"
        )
        [(found,)] = engine.execute(
            f"select count(distinct account_id) from ((({published}) except all ({own})) "
            f"union all (({own}) except all ({published})))"
        ).fetchall()
        counts[table] = found
    submissions = home / "submissions"
    written = {path.relative_to(out): path for path in out.rglob("*.txt")}
    sent = {
        Path(path.parts[-3], path.name): path for path in submissions.glob(f"*/{run.label}/*.txt")
    }
    if is_first_month:
        counts["files"] = sum(
            name not in written
            or name not in sent
            or written[name].read_bytes() != sent[name].read_bytes()
            for name in written.keys() | sent.keys()
        )
    else:
        pending = _published(home, "months_owed", previous_month(run.month))
        read = "read_csv([{}], columns = {{'line': 'varchar'}}, delim = '\t', quote = '', skip = 1)"
        files = [
            read.format(", ".join(f"'{path}'" for path in sorted(paths.values())))
            for paths in (written, sent)
        ]
        engine.execute(LEFT_OUT.format(pending=pending))
        [(counts["records"],)] = engine.execute(
            RECORDS_THAT_DIFFER.format(own=files[0], theirs=files[1])
        ).fetchall()
    return counts


def _published(home: Path, table: str, month: date) -> Path:
    return home / "published" / table / f"report_month={month}" / "data.parquet"


if __name__ == "__main__":
    main()
