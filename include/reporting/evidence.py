"""What a failed check is about: a digest of the rows that failed, and a few of their keys.

The digest is equal as long as the same rows fail; a waiver is remembered by it. The keys are shown
to people, so only pseudonymous ids pass: what could be a name, an address, an identity or a
telephone number is left out.
"""

import hashlib
from dataclasses import dataclass

import duckdb

EXAMPLES = 3
AN_ID = r"[A-Za-z0-9_.:| -]{1,80}"
PERSONAL = r"(.*[^0-9])?([1-9][0-9]{16}[0-9Xx]|[1-9][0-9]{14}|1[3-9][0-9]{9})([^0-9].*)?"


@dataclass(frozen=True)
class Evidence:
    """The rows behind a failed check."""

    digest: str
    examples: tuple[str, ...]  # the first keys in their order, at most three


def of_rows(
    store: duckdb.DuckDBPyConnection, table: str, failing: str, key: str | None, rows: int
) -> Evidence:
    """The evidence of a failed check: ``failing`` finds its rows, ``key`` names each of them.

    Without a key the number of the failing rows is all that is known.
    """
    if key is None:
        return Evidence(_digest(f"{rows} rows"), ())
    found = store.execute(
        f"""
        with failing as (
            select cast({key} as varchar) as row_key {failing.replace("{batch}", table)}
        )
        select
            count(*),
            -- an even number of equal keys would vanish by themselves
            bit_xor(md5_number(concat(row_key, ':', copies))),
            min(row_key, {EXAMPLES}) filter (
                where regexp_full_match(row_key, '{AN_ID}')
                and not regexp_full_match(row_key, '{PERSONAL}')
            )
        from (select row_key, count(*) as copies from failing group by all)
        """
    ).fetchall()
    keys, combined, examples = found[0]
    return Evidence(_digest(f"{keys} keys {combined}"), tuple(examples or ()))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
