"""The product policy file: its shape is checked before anything is computed with it."""

from pathlib import Path

import pytest

from reporting.core.errors import BadCall
from reporting.core.product_policy import read_policy
from reporting.core.seeds import seed_path
from reporting.core.settings import Settings

GOOD = seed_path("product_policy").read_text(encoding="utf-8").splitlines()[:2]


def settings_with(path: Path | None) -> Settings:
    return Settings(policy=path)


def message_of(path: Path) -> str:
    with pytest.raises(BadCall) as caught:
        read_policy(settings_with(path))
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_the_seed_is_a_good_policy() -> None:
    assert read_policy(settings_with(None)) == seed_path("product_policy")


def test_another_file_may_carry_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "policy.csv"
    path.write_text("\ufeff" + "\r\n".join(GOOD) + "\r\n", encoding="utf-8", newline="")
    assert read_policy(settings_with(path)) == path


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    assert "REPORTING_POLICY" in message_of(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("product_code", ""),
        ("account_type", "R2"),
        ("reporting_basis", "law"),
        ("document_code", ""),
        ("document_code", "ZHIMA_SERVICE_AGREEMENT"),
        ("document_code", "CREDIT_REPORTING_AUTHORISATION"),
        ("repay_mode", "9 0"),
        ("repay_mode", "16"),
        ("repay_frequency", "09"),
        ("business_detail", "61"),
        ("grace_days", "-1"),
        ("grace_days", "1.5"),
        ("allocation_order", "penalty>fee>interest"),
        ("allocation_order", "penalty>fee>interest>fee"),
        ("due_basis", "half_bill"),
        ("prepayment", "kept"),
        ("on_withdrawal", "RUN_OFF"),
    ],
)
def test_a_wrong_value_is_named_with_line_and_column(
    tmp_path: Path, column: str, value: str
) -> None:
    fields = GOOD[1].split(",")
    fields[GOOD[0].split(",").index(column)] = value
    path = tmp_path / "policy.csv"
    path.write_text("\n".join([GOOD[0], GOOD[1], ",".join(fields)]))
    message = message_of(path)
    assert "line 3" in message
    assert f"column {column}" in message


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ([], "header"),
        ([GOOD[0].replace("grace_days", "grace"), GOOD[1]], "header"),
        ([GOOD[0]], "no product"),
        ([GOOD[0], GOOD[1] + ",more"], "line 2: has 13 fields"),
        ([GOOD[0], GOOD[1].rpartition(",")[0]], "line 2: has 11 fields"),
        ([GOOD[0], GOOD[1], GOOD[1]], "line 3, column product_code: stands in line 2"),
    ],
)
def test_a_wrong_shape_is_named(tmp_path: Path, lines: list[str], named: str) -> None:
    path = tmp_path / "policy.csv"
    path.write_text("\n".join(lines))
    assert named in message_of(path)


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "policy.csv"
    path.write_bytes("花呗".encode("gbk"))
    assert "UTF-8" in message_of(path)
