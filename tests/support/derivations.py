"""Two derivations of one mart, compared field by field."""

from typing import Any

PLACES = ("delivered", "good", "duplicates", "superseded", "after_cut_off", "quarantined")


def differences(
    expected: list[dict[str, Any]], found: list[dict[str, Any]]
) -> dict[tuple[str, str], tuple[Any, Any]]:
    """Every field in which two derivations differ, by account and column."""
    by_account = {row["account_id"]: row for row in found}
    assert {row["account_id"] for row in expected} == by_account.keys()
    return {
        (row["account_id"], column): (value, by_account[row["account_id"]][column])
        for row in expected
        for column, value in row.items()
        if str(value) != str(by_account[row["account_id"]][column])
    }
