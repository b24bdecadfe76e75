"""What a month found, by key, and how it compares with what was planted."""

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from reporting.checks.gx import load_suite
from reporting.checks.results import LAYERS
from reporting.checks.vocabulary import failing_rows
from reporting.core.run import OWN_PART, Run
from reporting.core.settings import EXPECTATIONS, Settings
from reporting.store.build_store import open_store
from reporting.store.published import partition
from reporting.synthetic.defects import Defect

NEVER_OPEN = {"NOT_YET_OPEN", "CLOSED_EARLIER"}
# Rows whose record must not leave as if they had never been there.
OF_THE_LEDGER = ("bills", "transactions", "credit_limits")


@dataclass(frozen=True)
class Findings:
    """Everything a month found, each by the key of what it found it in."""

    quarantined: set[tuple[str, str, str]]  # table, row key, rule
    checks: set[tuple[str, str]]  # check, key
    verdicts: dict[str, str]  # account -> reason
    owners: dict[str, str]  # account or agreement -> customer
    places: set[tuple[str, str, str]]  # table, row key, place
    after_cut_off: dict[str, int]  # table -> rows
    states: dict[str, set[str]]  # account -> states of its records of the month
    later: set[tuple[str, str]]  # rejected bills of a later month


def planted_in(journal: Path) -> list[dict[str, str]]:
    """The lines of a journal."""
    with journal.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def found_in(run: Run, settings: Settings) -> Findings:
    """Read back what a month found, from what it published and from its build store."""
    month = run.month
    with open_store(run, settings) as store:
        quarantined = store.execute(
            "select table_name, row_key, rule_id from marts.quarantined_rows"
        ).fetchall()
        population = store.execute(
            "select account_id, customer_id, reason_code from marts.reportable_population "
            "where report_month = ?",
            [month],
        ).fetchall()
        agreements = store.execute(
            "select parent_account_id, any_value(customer_id) from raw.accounts "
            "where parent_account_id is not null group by all"
        ).fetchall()
        counts = store.execute("select table_name, after_cut_off from marts.feed_counts").fetchall()
        states = store.execute(
            "select subject_id, state from secure.validated_records where record_type = '210'"
        ).fetchall()
        places = {
            (table, key, place)
            for (table,) in store.execute("select table_name from marts.feed_counts").fetchall()
            for key, place in store.execute(
                f"select row_key, place from {_screened(store, table)}"
            ).fetchall()
        }
        checks = set(_failing_keys(store, run))
        later = store.execute(
            "select 'bills', row_key from staging.screened_bills where statement_on > ?",
            [run.month_end],
        ).fetchall()
    by_account: dict[str, set[str]] = {}
    for account, state in states:
        by_account.setdefault(account, set()).add(state)
    return Findings(
        quarantined=set(quarantined),
        checks=checks,
        verdicts={account: reason for account, _, reason in population},
        owners=dict(agreements) | {account: customer for account, customer, _ in population},
        places=places,
        after_cut_off=dict(counts),
        states=by_account,
        later=set(later),
    )


def _screened(store: duckdb.DuckDBPyConnection, table: str) -> str:
    found = store.execute(
        "select table_schema from information_schema.tables where table_name = ? "
        "and table_schema in ('staging', 'secure')",
        [f"screened_{table}"],
    ).fetchall()
    return f"{found[0][0]}.screened_{table}"


def _failing_keys(store: duckdb.DuckDBPyConnection, run: Run) -> Any:
    """Check and key of every row that fails a check, however many."""
    for layer, schema in LAYERS.items():
        for path in sorted((EXPECTATIONS / layer).glob("*.py")):
            suite = load_suite(path)
            for sentence in suite.EXPECTATIONS:
                rows, key = failing_rows(sentence, suite, schema, run)
                query = f"select cast({key or chr(39) * 2} as varchar) {rows}"
                for (found,) in store.execute(query).fetchall():
                    yield sentence.meta["id"], found or ""


def score_rows(planted: list[dict[str, str]], before: Findings, after: Findings) -> dict[str, Any]:
    """Recall by class, and findings where nothing was planted."""
    classes: dict[str, tuple[int, int]] = {}
    late: dict[str, list[str]] = {}
    for line in planted:
        if line["rule"] == "after_cut_off":
            late.setdefault(line["table_name"], []).append(line["defect"])
            continue
        seen = _is_seen(line, after)
        if seen is not None:
            hits, number = classes.get(line["defect"], (0, 0))
            classes[line["defect"]] = (hits + seen, number + 1)
    for table, names in late.items():
        more = after.after_cut_off[table] - before.after_cut_off[table]
        hits = len(names) if more >= len(names) else max(more, 0)
        classes[names[0]] = (hits, len(names))
    return {
        "classes": classes,
        "false": _false(planted, before, after),
        "silently_clean": _silently_clean(planted, after),
    }


def _is_seen(line: dict[str, str], after: Findings) -> bool | None:
    """Whether a planted row was found by its rule; None where it can't show (a closed account)."""
    table, key, rule = line["table_name"], line["row_key"], line["rule"]
    if line["seen_in"] == "quarantine":
        return (table, key, rule) in after.quarantined
    if line["seen_in"] == "check":
        return (rule, key) in after.checks
    if line["seen_in"] == "place":
        place = {"duplicates": "duplicate"}.get(rule, rule)
        return (table, key, place) in after.places
    accounts = (
        [key] if table == "accounts" else [a for a, who in after.owners.items() if who == key]
    )
    reasons = {after.verdicts[a] for a in accounts if a in after.verdicts} - NEVER_OPEN
    return reasons == {rule} if reasons else None


def _false(planted: list[dict[str, str]], before: Findings, after: Findings) -> list[str]:
    """Findings that the clean book does not have and that no planted row explains."""
    rows = {(line["table_name"], line["row_key"]) for line in planted}
    subjects = {line["row_key"] for line in planted} | {line["account_id"] for line in planted}
    people = {line["customer_id"] for line in planted} - {""}
    found = [
        f"quarantine {rule}: {table} {key}"
        for table, key, rule in after.quarantined - before.quarantined
        if (table, key) not in rows
    ]
    for check, key in after.checks - before.checks:
        subject = key.rpartition("|")[2] if check.startswith("bureau.") else key
        owner = after.owners.get(subject, subject)
        if not key or check.startswith(("batch.", "feeds.", "groups.", "quarantine.")):
            continue  # a count of all rows, no row
        if key not in subjects and subject not in subjects and owner not in people:
            found.append(f"check {check}: {key}")
    found += [
        f"verdict {reason}: {account}"
        for account, reason in after.verdicts.items()
        if before.verdicts.get(account) != reason
        and account not in subjects
        and after.owners[account] not in people
    ]
    return sorted(found)


def _silently_clean(planted: list[dict[str, str]], after: Findings) -> int:
    """Accounts whose record left although a planted row of their ledger is in quarantine."""
    return sum(
        "BUILT" in after.states.get(line["account_id"], set())
        for line in planted
        if line["seen_in"] == "quarantine"
        and line["table_name"] in OF_THE_LEDGER
        and line["is_consequence"] == "false"
        # of an unknown account the owner is not known; after the closing is after the record
        and line["rule"] not in ("ACCOUNT_UNKNOWN", "OCCURRED_AFTER_CLOSING")
        and (line["table_name"], line["row_key"]) not in after.later
    )


def score_deliveries(one: Defect, messages: str, clean: Settings, spoilt: Settings) -> bool:
    """Whether a spoilt delivery was named, or changed nothing where it must not matter."""
    if one.seen_in == "structure":
        return all(word in messages for word in one.rule.split())
    return all(
        (partition(clean, table, date(2026, 5, 1)) / OWN_PART).read_bytes()
        == (partition(spoilt, table, date(2026, 5, 1)) / OWN_PART).read_bytes()
        for table in ("reportable_population", "repayment_status")
    )
