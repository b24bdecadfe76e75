"""What an element of a record may hold: what the bureau takes, and no more."""

from datetime import date

import duckdb
import pytest

from reporting.records.elements import create_functions, elements, filled_elements
from reporting.records.lines import layouts

TOO_LONG_NAME = "测" * 31
ZERO_WIDTH, LOST, PRIVATE, CONTROL = "\u200b", "\ufffd", "\ue000", "\u0085"

REAL_NAMES = [
    *(
        "José Ñúñez",
        "Þórður Þórðarson",
        "Łukasz Żółć",
        "Nguyễn Văn A",
        "Zoë O\u2019Neill",
        "Mª Ángeles",
    ),
    *(
        "Ünal Güçlü",
        "张三李四",
        "欧阳·娜娜",
        "Null Anna",
        "Nan Li",
        "尔不力·阿卜杜热合曼",
        "D\u00b4Angelo",
    ),
    *("Ōe Kenzaburō", "Søren Ærø", "Ли Юн", "นภา", "무명"),
]
NO_NAMES = [
    *(
        "None",
        "Null",
        "nan",
        "N/A",
        "#N/A",
        "#REF!",
        "<NULL>",
        "\uff2e\uff35\uff2c\uff2c",
        "\uff4e\uff4f\uff4e\uff45",
        "无",
        "undefined",
    ),
    *(
        "张&amp;三",
        "&#x5f20;三",
        "张&#19977;",
        "12345",
        "\uff11\uff12\uff13",
        "-",
        "\u3164",
        "张\u3164三",
        "张\u2800三",
    ),
    *("张〓", "〓", "□□", "锟斤拷", "烫烫烫", "ÕÅÈý", "å¼\u00a0ä\u00b8‰", "Õ\u00c5\u00c8ýÀî"),
]
GOOD = [
    ("Name", "测试甲"),
    ("Name", "阿卜杜·热合曼"),
    ("Name", "O'Brien Mary"),
    ("Name", "测" * 30),
    *(("Name", name) for name in REAL_NAMES),
    ("IDNum", "11010519900307851X"),
    ("IDNum", "E12345678"),
    ("AcctCode", "N101W1100H0017" + "A" * 46),
    ("RptDate", date(2099, 12, 31)),
    ("RptDate", date(1901, 1, 1)),
    ("Month", "2026-05"),
    ("AcctBal", 999_999_999_999_999),
    ("RpyStatus", "*"),
    ("CellPhone", "13800000000"),
    ("Email", "li.na+1@example.com"),
    ("ResiAddr", "重庆市渝中区虚构路1号 2-301"),
    ("ResiDist", "500103"),
    ("MariStatus", "20"),
    ("Name", None),
    ("AcctBal", None),
]
BAD = [
    ("Name", "测试 "),
    ("Name", "\u3000测试"),
    ("Name", TOO_LONG_NAME),
    ("Name", "测试?"),
    ("Name", "\uff1f\uff1f"),
    ("Name", f"测{ZERO_WIDTH}试"),
    ("Name", f"测{LOST}"),
    ("Name", f"测{PRIVATE}"),
    ("Name", f"å¼{CONTROL}"),
    *(("Name", f"张三{sign}") for sign in ("\ufffe", "\uffff", "\ufe01", "\U000e0100")),
    ("CpnName", "测试\u2028公司"),
    ("RepayPrd", -1),
    *(("Name", name) for name in NO_NAMES),
    *(("SpoName", name) for name in ("N/A", "未知")),
    *(("IDNum", number) for number in ("0", "00000000", "NA", "NONE", "null", "NaN")),
    ("SpoIDNum", "None"),
    ("CpnName", "NULL"),
    ("ResiAddr", "#N/A"),
    ("IDNum", "E8 000001"),
    ("IDNum", "\uff25\uff11\uff12\uff13"),
    ("IDNum", "5.00103E+17"),
    ("IDNum", "1" * 21),
    ("AcctCode", "A" * 314),
    ("RptDate", date(2100, 1, 1)),
    ("RptDate", date(1900, 12, 31)),
    ("Month", "2100-01"),
    ("AcctBal", 10**15),
    ("RemRepPrd", 1000),
    ("MngmtOrgCode", "N101W1100H001"),
    ("CellPhone", "1.99E+10"),
    ("CellPhone", "138000000001"),
    ("Email", "li na@example.com"),
    ("ResiDist", "50010"),
    ("MariStatus", "77"),
]


def holds(tag: str, value: object) -> bool:
    with duckdb.connect() as connection:
        ((answer,),) = connection.execute(
            f"select {elements()[tag].holds('given')} from (select ? as given) as one", [value]
        ).fetchall()
    assert isinstance(answer, bool)
    return answer


@pytest.mark.parametrize(("tag", "value"), GOOD)
def test_what_the_bureau_takes_holds(tag: str, value: object) -> None:
    assert holds(tag, value)


@pytest.mark.parametrize(("tag", "value"), BAD)
def test_what_the_bureau_refuses_does_not_hold(tag: str, value: object) -> None:
    assert not holds(tag, value)


def test_every_element_that_is_filled_is_defined_and_every_definition_used() -> None:
    filled = {tag for record_type in layouts() for tag, *_ in filled_elements(record_type)}
    assert filled <= set(elements())
    assert set(elements()) - filled == {"ChanTranType"}  # a constant of each item


def test_an_optional_value_that_fails_is_left_out_and_another_is_sent() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema secure")
        create_functions(connection)
        sent = connection.execute(
            "select secure.sendable_cellphone('1.99E+10'), secure.sendable_cellphone('13800000000')"
        ).fetchall()
    assert sent == [(None, "13800000000")]
