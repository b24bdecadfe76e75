"""The product policy: what a lender decides per product (contracts, section 1).

The seed ``product_policy.csv`` applies, unless the setting ``REPORTING_POLICY`` names another file
with the same columns. A fault is reported with its line and column.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints
from pydantic.dataclasses import dataclass

from reporting.core.config_files import Code, read_rows
from reporting.core.errors import BadCall
from reporting.core.seeds import seed_path
from reporting.core.settings import Settings

# The documents that hold the Personal User Information Inquiry and Reporting Authorization; every
# other document of the customer's set authorizes nothing (contracts, section 1).
AUTHORIZING = ("CREDIT_REPORTING_AUTHORIZATION",)
PARTS = ("penalty", "fee", "interest", "principal")


def _ranks_every_part(order: str) -> str:
    if sorted(order.split(">")) != sorted(PARTS):
        raise ValueError(f"must hold {', '.join(PARTS)} once each, joined by >")
    return order


def _authorizes(document: str) -> str:
    if document not in AUTHORIZING:
        raise ValueError(f"must be a document that authorizes reporting: {', '.join(AUTHORIZING)}")
    return document


# Codes of the bureau (bureau interface, section 3.5), of which no rule of a record asks.
RepayMode = Annotated[str, StringConstraints(pattern=r"^(1[1-59]|2[1239]|3[1239]|90)$")]
RepayFrequency = Annotated[str, StringConstraints(pattern=r"^(0[1-8]|1[234]|99)$")]
BusinessDetail = Annotated[
    str, StringConstraints(pattern=r"^(1[123]|21|3[123]|4[12]|5[123]|71|8[12]|9[129]|A1|B2)$")
]
Count = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}$")]
AuthorizingDocument = Annotated[Code, AfterValidator(_authorizes)]
PayingOrder = Annotated[str, AfterValidator(_ranks_every_part)]


@dataclass(frozen=True)
class PolicyRow:
    """One product; the fields are the columns of the file, in their order."""

    product_code: Code
    account_type: Literal["R1", "R4"]
    reporting_basis: Literal["authorization", "contract"]
    document_code: AuthorizingDocument
    repay_mode: RepayMode
    repay_frequency: RepayFrequency
    business_detail: BusinessDetail
    grace_days: Count
    allocation_order: PayingOrder
    due_basis: Literal["full_bill", "minimum_due"]
    prepayment: Literal["reduces_unbilled", "credits_next_due"]
    on_withdrawal: Literal["run_off", "stop"]


def read_policy(settings: Settings) -> Path:
    """Validate the policy in force and return the path of its file.

    Raises BadCall naming file, line and column if the file is missing or has a fault.
    """
    path = settings.policy.resolve() if settings.policy else seed_path("product_policy")
    if not path.is_file():
        raise BadCall(f"setting REPORTING_POLICY: there is no file {path}; name a policy CSV")
    if not read_rows(path, PolicyRow, unique=[("product_code",)]):
        raise BadCall(f"{path}: holds no product; add a row per product")
    return path
