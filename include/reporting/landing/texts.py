"""Find the columns of delivered files whose texts must be trimmed; only these are trimmed.

Every file is inspected once; the result is kept with its digest and carried forward.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

from reporting.landing.files import DeliveredFile, Feed
from reporting.landing.select_sql import reader, source_column
from reporting.landing.white_space import (
    NULL_WORDS,
    extremes,
    is_null_word,
    may_be_untidy,
    may_hold_untidy,
    tidied,
)

Untidy = Mapping[str, int]  # the columns of a file to tidy, and the NULL words in each


def find_untidy(
    feed: Feed, files: list[DeliveredFile], known: Mapping[str, Untidy]
) -> dict[str, Untidy]:
    """The columns to tidy of each file, by path; ``known`` are files inspected before."""
    found: dict[str, Untidy] = {file.path: known.get(file.path, {}) for file in files}
    layout = attrgetter("layout")
    unknown = sorted((file for file in files if file.path not in known), key=layout)
    for _, alike in groupby(unknown, layout):
        found |= _look_through(feed, list(alike))
    return found


def _look_through(feed: Feed, files: list[DeliveredFile]) -> dict[str, Untidy]:
    """Inspect all texts by cheap tests, then the suspected columns by an exact one."""
    source = reader(feed.table, files, feed.zone)
    suspected = _texts(feed, files[0])
    for question, is_suspicious in (
        (extremes, may_hold_untidy),
        (lambda column: f"bool_or({may_be_untidy(column)})", bool),
    ):
        if not suspected:
            return {}
        questions = ", ".join(map(question, suspected))
        (answers,) = feed.connection.execute(f"select {questions} from {source}").fetchall()
        found = zip(suspected, answers, strict=True)
        suspected = [column for column, answer in found if is_suspicious(answer)]
    if not suspected:
        return {}
    counts = ", ".join(
        f"count_if({tidied(column)} is distinct from {column}), count_if({is_null_word(column)})"
        for column in suspected
    )
    rows = feed.connection.execute(
        f"select substr({source_column(files[0])}, {len(feed.zone.prefix) + 1}), {counts} "
        f"from {source} group by all"
    ).fetchall()
    return {
        path: {
            column: words
            for column, changed, words in zip(suspected, numbers[::2], numbers[1::2], strict=True)
            if changed
        }
        for path, *numbers in rows
    }


def _texts(feed: Feed, file: DeliveredFile) -> list[str]:
    """The contract's columns that a file holds as text: of a CSV file all."""
    return [
        column.name
        for column in feed.table.columns
        if column.name in file.usable and (file.is_csv or column.type == "VARCHAR")
    ]


def trimmed_whole(file: DeliveredFile) -> DeliveredFile:
    """A CSV file with every column trimmed, without inspecting which columns need it."""
    return replace(file, untidy=file.usable) if file.is_csv else file


def null_words(feed: Feed, untidy: Mapping[str, Untidy]) -> list[str]:
    """A warning for each column with words for NULL."""
    total = sum((Counter(columns) for columns in untidy.values()), Counter[str]())
    return [
        f"table {feed.table.name}, column {name}: {count:,} values are a word for NULL "
        f"({', '.join(NULL_WORDS)}); they are read as missing"
        for name, count in sorted(total.items())
        if count
    ]
