"""Richer persons for a random book: family, work, schooling and homes that change over time."""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

from .raw_rows import RawBook, moment, resident_id

Row = dict[str, Any]


def _contact(dice: Random) -> Row:
    number = dice.randint(0, 9999)
    return {
        "mobile_number": dice.choice((None, "", f"1380000{number:04d}")),
        "email": dice.choice((None, "", f"p{number}@example.com")),
    }


def _family(dice: Random) -> Row:
    """Married or not, the spouse named or not; a spouse of the unmarried is left in the data."""
    named = dice.random() < 0.7
    return {
        "marital_status": dice.choice((None, "10", "20", "21", "22", "23", "30", "40", "90", "99")),
        "spouse_name": f"配偶{dice.randint(1, 9)}" if named else dice.choice((None, "")),
        "spouse_id_type": dice.choice((None, "10", "2")) if named else None,
        "spouse_id_number": dice.choice((None, "", "P7654321")) if named else None,
    }


def _schooling(dice: Random) -> Row:
    level = dice.choice((None, "10", "20", "30", "60", "99"))
    degrees = ("2", "3", "4") if level in ("10", "20") else (None, "5", "9")
    return {"education_level": level, "academic_degree": dice.choice(degrees)}


def _work(dice: Random) -> Row:
    return {
        "employment_status": dice.choice((None, "11", "17", "24", "27", "31", "70", "91", "99")),
        "employer_name": dice.choice((None, "", "甲 & 乙 <测试> 公司", "测试公司")),
    }


def _home(dice: Random) -> Row:
    return {
        "residence_address": dice.choice((None, "", "测试路 1 号", '测试路 2 号 "西" & 3 号')),
        "residence_district": dice.choice((None, "", "110105", "330106")),
    }


def _identity(dice: Random) -> Row:
    """A new name, another document, or a birth date that makes a minor of the borrower."""
    born_on = date(2009, 1, 1) + timedelta(days=dice.randint(0, 500))
    number = dice.randint(0, 499)
    return dice.choice(
        (
            {"name": f"测试新{number}"},
            {"id_type": "2", "id_number": f"P{number:07d}"},
            {"birth_date": born_on, "sex": "2", "id_type": "10"}
            | {"id_number": resident_id(born_on, "2", number)},
        )
    )


CHANGES: tuple[Callable[[Random], Row], ...] = (_contact, _family, _schooling, _work, _home)
LATER = (*CHANGES, *CHANGES, _identity)


def enrich_people(book: RawBook, seed: int, first: date, last: date) -> None:
    """Fill in every person, and let the lives of most change once or twice."""
    dice = Random(seed)  # noqa: S311 - test data, no secret
    for row in list(book.tables["customers"]):
        for change in CHANGES:
            row.update(change(dice))
        for _ in range(dice.choice((0, 0, 1, 1, 2))):
            on = first + timedelta(days=dice.randint(0, (last - first).days))
            newer = row | dice.choice(LATER)(dice)
            newer["recorded_at"] = max(row["recorded_at"], moment(on)) + timedelta(hours=1)
            book.tables["customers"].append(newer)
            row = newer  # noqa: PLW2901 - a life goes on from its last version
