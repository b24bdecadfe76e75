"""The fingerprint of a failed check: a digest of the rows that failed, and a few of their keys.

The digest is equal as long as the same rows fail; a waiver holds for one digest. The keys are shown
to people, so only pseudonymous ids are kept: a key that could be a name, an address, an identity
number or a telephone number is left out.
"""

import hashlib
import logging
from dataclasses import dataclass

import duckdb

from reporting.core.safe_text import BETWEEN_DIGITS, PERSONAL

EXAMPLES = 3
AN_ID = r"[A-Za-z0-9_.:|>/=-]*[0-9][A-Za-z0-9_.:|>/=-]*"
LONGEST_ID = 80

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evidence:
    """The rows behind a failed check."""

    digest: str
    examples: tuple[str, ...]  # the first keys in their order, at most three


def of_rows(
    store: duckdb.DuckDBPyConnection,
    failing: str,
    key: str | None,
    otherwise: str,
    shows_keys: bool = True,
) -> Evidence:
    """The fingerprint of a failed check: ``failing`` finds its rows, ``key`` identifies each.

    Without a key the digest covers only ``otherwise``, the month and the number of failing rows; so
    it does where the rows cannot be queried (memory), since that must not hide the failure.
    """
    known = Evidence(_digest(otherwise), ())
    if key is None:
        return known
    try:
        found = store.execute(
            f"""
            with failing as (select cast({key} as varchar) as row_key {failing})
            select
                count(*),
                -- an even number of equal keys would vanish by themselves
                bit_xor(md5_number(concat(row_key, ':', copies))),
                min(row_key, {EXAMPLES}) filter (
                    where length(row_key) <= {LONGEST_ID}
                    and regexp_full_match(row_key, '{AN_ID}')
                    and not regexp_matches(row_key, '{PERSONAL}')
                    and not regexp_matches(
                        regexp_replace(row_key, '{BETWEEN_DIGITS}', '', 'g'), '{PERSONAL}'
                    )
                )
            from (select row_key, count(*) as copies from failing group by all)
            """
        ).fetchall()
    except duckdb.Error as fault:
        log.warning("the rows of a failed check could not be listed (%s)", type(fault).__name__)
        return known
    keys, combined, examples = found[0]
    return Evidence(_digest(f"{keys} keys {combined}"), tuple(examples or ()) if shows_keys else ())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
