"""A product for every combination of rule values, under a code that says them."""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

from reporting.core.settings import DBT_PROJECT

SEED = DBT_PROJECT / "seeds" / "product_policy.csv"
GRACE_DAYS = (0, 1, 3, 40)
DUE_BASES = ("full_bill", "minimum_due")
PREPAYMENTS = ("reduces_unbilled", "credits_next_due")
WITHDRAWALS = ("run_off", "stop")
ACCOUNT_TYPES = ("R1", "R4")
REPORTING_BASES = ("authorization", "contract")
# the orders of the seed's products first: the plain case is the first of each list
PARTS = ("penalty", "fee", "interest", "principal")
ALLOCATION_ORDERS = tuple(">".join(order) for order in itertools.permutations(PARTS))
DIMENSIONS = (
    GRACE_DAYS,
    DUE_BASES,
    PREPAYMENTS,
    ALLOCATION_ORDERS,
    WITHDRAWALS,
    ACCOUNT_TYPES,
    REPORTING_BASES,
)


def product_code(  # one argument per rule value
    grace_days: int = 0,
    due_basis: str = "full_bill",
    prepayment: str = "reduces_unbilled",
    allocation_order: str = ALLOCATION_ORDERS[0],
    on_withdrawal: str = "run_off",
    account_type: str = "R1",
    reporting_basis: str = "authorization",
) -> str:
    """The code of a combination, such as ``G3_FULL_REDUCES_PFIL_RUN_R1_AUTHORIZATION``."""
    order = "".join(
        {"penalty": "P", "fee": "F", "interest": "I", "principal": "L"}[part]
        for part in allocation_order.split(">")
    )
    words = [due_basis, prepayment, on_withdrawal, reporting_basis]
    due, left_over, withdrawal, basis = (word.partition("_")[0].upper() for word in words)
    return f"G{grace_days}_{due}_{left_over}_{order}_{withdrawal}_{account_type}_{basis}"


def combinations() -> Iterator[tuple[str, dict[str, str]]]:
    """Every product code with the rule values it stands for."""
    for values in itertools.product(*DIMENSIONS):
        grace, due, prepayment, order, withdrawal, account_type, basis = values
        code = product_code(*values)  # type: ignore[arg-type]  # in the order of DIMENSIONS
        yield (
            code,
            {
                "account_type": str(account_type),
                "reporting_basis": str(basis),
                "grace_days": str(grace),
                "allocation_order": str(order),
                "due_basis": str(due),
                "prepayment": str(prepayment),
                "on_withdrawal": str(withdrawal),
            },
        )


def write_policies(target: Path) -> Path:
    """The seed's products and one of every combination, as a policy file."""
    with SEED.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    by_type = {row["account_type"]: row for row in reversed(rows)}
    for code, values in list(combinations()):
        rows.append(by_type[values["account_type"]] | values | {"product_code": code})
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return target
