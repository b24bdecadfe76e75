"""The product policy: what a lender decides per product (contracts, section 1).

The seed ``product_policy.csv`` holds, unless the setting ``REPORTING_POLICY`` names another file of
the same shape. A wrong file is a wrong configuration: it is named with its row and column.
"""

import csv
from pathlib import Path
from typing import Annotated, Literal, TextIO

from pydantic import AfterValidator, BaseModel, StringConstraints, ValidationError

from reporting.errors import BadCall
from reporting.settings import DBT_PROJECT, Settings

SEED = DBT_PROJECT / "seeds" / "product_policy.csv"
PARTS = ("penalty", "fee", "interest", "principal")


def _ranks_every_part(order: str) -> str:
    if sorted(order.split(">")) != sorted(PARTS):
        raise ValueError(f"must hold {', '.join(PARTS)} once each, joined by >")
    return order


Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$")]
Count = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}$")]
PayingOrder = Annotated[str, AfterValidator(_ranks_every_part)]


class PolicyRow(BaseModel):
    """One product; the fields are the columns of the file, in their order."""

    product_code: Code
    account_type: Literal["R1", "R4"]
    reporting_basis: Literal["authorization", "contract"]
    document_code: Code
    repay_mode: Code
    repay_frequency: Code
    business_detail: Code
    grace_days: Count
    allocation_order: PayingOrder
    due_basis: Literal["full_bill", "minimum_due"]
    prepayment: Literal["reduces_unbilled", "credits_next_due"]
    on_withdrawal: Literal["run_off", "stop"]


COLUMNS = tuple(PolicyRow.model_fields)


def read_policy(settings: Settings) -> Path:
    """Check the policy in force and return the path of its file.

    Raises BadCall naming file, row and column if the file is missing or not of the policy's shape.
    """
    path = settings.policy.resolve() if settings.policy else SEED
    if not path.is_file():
        raise BadCall(f"setting REPORTING_POLICY: there is no file {path}; name a policy CSV")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            _check_rows(path, file)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadCall(f"policy {path}: is not a UTF-8 CSV file ({error}); save it as one") from None
    return path


def _check_rows(path: Path, file: TextIO) -> None:
    reader = csv.reader(file, strict=True)
    header = tuple(next(reader, ()))
    if header != COLUMNS:
        raise BadCall(f"policy {path}: row 1 must be the header {','.join(COLUMNS)}")
    seen: set[str] = set()
    for row in filter(None, reader):
        where = f"policy {path}: row {reader.line_num}"
        if len(row) != len(COLUMNS):
            raise BadCall(f"{where} has {len(row)} fields instead of {len(COLUMNS)}; correct it")
        try:
            product = PolicyRow.model_validate(dict(zip(COLUMNS, row, strict=True)))
        except ValidationError as error:
            first = error.errors()[0]
            raise BadCall(
                f"{where}, column {first['loc'][0]}: {first['msg']}; correct it"
            ) from None
        if product.product_code in seen:
            raise BadCall(f"{where}, column product_code: {product.product_code} appears twice")
        seen.add(product.product_code)
    if not seen:
        raise BadCall(f"policy {path}: there is no product in it; add a row per product")
