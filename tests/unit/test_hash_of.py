"""The number that stands for an id where millions are compared: few ids may share one."""

import re

import duckdb

from reporting.core.settings import DBT_PROJECT

HASHES = DBT_PROJECT / "macros" / "engine" / "hashes.sql"
# 16 characters that differ at the end of both halves: the hash of the text alone takes one in
# eighteen of them for another.
IDS = """
    select concat('AT', lpad(account::varchar, 8, '0'), 'P0', lpad((7 * bill)::varchar, 3, '0'),
        chr(65 + part)) as id
    from range(40000) as accounts (account), range(30) as bills (bill),
        (select unnest([0, 1, 2, 3]) as part) as parts
"""


def test_ids_of_sixteen_characters_are_told_apart() -> None:
    macro = re.search(
        r"macro default__hash_of\(text\) -%\} (.+) \{%- endmacro", HASHES.read_text("utf-8")
    )
    assert macro, "the macro is written another way; read it here as it is now"
    hash_of = macro[1].replace("{{ text }}", "id")
    counted = duckdb.sql(
        f"select count(*), count(distinct {hash_of}), count(distinct hash(id)) from ({IDS})"
    ).fetchall()[0]
    assert counted[1] == counted[0] == 4_800_000
    assert counted[2] < counted[0], "DuckDB's own hash is better now: hash_of may be simpler"
