"""Parameters of a test of which most run in the nightly suite alone."""

from collections.abc import Iterable
from typing import Any

import pytest


def first(number: int, values: Iterable[Any]) -> list[Any]:
    """All values, those after the first ones nightly only; a tuple is several arguments."""
    nightly = pytest.mark.nightly
    return [
        value
        if place < number
        else pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=nightly)
        for place, value in enumerate(values)
    ]
