"""The two languages of a statement: sentences, and the words of codes, dates and amounts."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from reporting.core.config_files import Code, Text, read_entries
from reporting.core.seeds import feedback_code, reasons, seed_rows

HERE = Path(__file__).parent
NO_END = date(2099, 12, 31)  # what a record says of a day that is not agreed


class Language(StrEnum):
    """A language of statements."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True)
class Sentence:
    """A sentence in both languages, with placeholders."""

    name: Code
    en: Text
    zh: Text


@dataclass(frozen=True)
class Field:
    """An element of a record: its column, how its value is written, and what it is called."""

    column: Code
    form: Code
    en: Text
    zh: Text


@lru_cache
def sentences() -> dict[str, Sentence]:
    """Every sentence by its name."""
    found = read_entries(HERE / "sentences.yml", Sentence, "name")
    return {one.name: one for one in found}


@lru_cache
def record_fields() -> tuple[Field, ...]:
    """Every element that a statement shows, in its order."""
    return read_entries(HERE / "fields.yml", Field, "column")


class Words:
    """The words of one language."""

    def __init__(self, language: Language) -> None:
        """Words of this language; the seeds are read when they are first needed."""
        self.language = language
        self._is_chinese = language is Language.ZH

    def say(self, sentence: str, **values: object) -> str:
        """A sentence with its placeholders filled in."""
        one = sentences()[sentence]
        return (one.zh if self._is_chinese else one.en).format(**values)

    def of_code(self, kind: str, code: str) -> str:
        """What a code means; a code without words stands for itself."""
        return self._codes.get((kind, code), code)

    def title(self, document_code: str, version: str | None) -> str:
        """The title of a consent document."""
        known = self._titles
        return known.get((document_code, version)) or known.get(
            (document_code, None), document_code
        )

    def of_reason(self, code: str) -> str:
        """What a customer is answered about a verdict: why, and what would change it."""
        reason = reasons()[code]
        return reason.to_customer_zh if self._is_chinese else reason.to_customer

    def of_cause(self, code: str) -> str:
        """What a pending month waits for, such as its notice, as part of a sentence."""
        if ("pending_cause", code) in self._codes or code not in reasons():
            return self.of_code("pending_cause", code)
        return self.of_reason(code).rstrip("。.")

    def of_answer(self, code: str) -> str:
        """What a feedback code of the bureau means."""
        known = feedback_code(code)
        if known is None:
            return code
        return known.meaning_zh if self._is_chinese else known.meaning

    def how_to_dispute(self, on: date) -> str:
        """How to object at the lender, as the advance notice says that is in use on a day."""
        used = [row for row in seed_rows("notice_texts") if row["used_from"] <= on.isoformat()]
        newest = max(used, key=lambda row: (row["used_from"], row["text_version"]))
        return newest[self._column("how_to_dispute")]

    def together(self, parts: Iterable[str]) -> str:
        """The parts of an enumeration."""
        return ("、" if self._is_chinese else ", ").join(parts)

    def day(self, day: date) -> str:
        """A day, such as 31 May 2026."""
        if self._is_chinese:
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {day:%B} {day.year}"

    def month(self, day: date) -> str:
        """The month of a day, such as May 2026."""
        return f"{day.year}年{day.month}月" if self._is_chinese else f"{day:%B} {day.year}"

    def yuan(self, amount: object) -> str:
        """An amount of whole yuan, as records hold it."""
        return self.say("yuan", value=f"{amount:,}")

    def value(self, field: Field, value: Any) -> str:
        """The value of an element as a person reads it."""
        match field.form:
            case "day":
                day = self.day(value)
                text = self.say("no_end", day=day) if value == NO_END else day
            case "month":
                text = self.month(date.fromisoformat(f"{value}-01"))
            case "yuan":
                text = self.yuan(value)
            case "periods" | "months":
                text = self.say(field.form, value=value)
            case "repayment_status":  # with the sign that a credit report shows
                words = self.of_code(field.form, value)
                text = self.say("status", code=value, words=words)
            case _:  # a kind of codes, or a text, which has no words
                text = self.of_code(field.form, str(value))
        return text

    def label(self, field: Field) -> str:
        """What an element is called."""
        return field.zh if self._is_chinese else field.en

    def _column(self, name: str) -> str:
        return f"{name}_zh" if self._is_chinese else name

    @cached_property
    def _codes(self) -> dict[tuple[str, str], str]:
        """The words of every code of the seeds, by kind and code."""
        meaning, name = self._column("meaning"), self._column("name")
        found = {(row["kind"], row["code"]): row[meaning] for row in seed_rows("code_words")}
        for seed, kind, code, words in (
            ("repayment_statuses", "repayment_status", "repayment_status", meaning),
            ("five_tier_classes", "five_tier_class", "five_tier_class", meaning),
            ("product_names", "product", "product", name),
            ("reporters", "reporter", "reporter_code", name),
            ("row_rules", "row_rule", "rule_id", self._column("sentence")),
        ):
            found |= {(kind, row[code]): row[words] for row in seed_rows(seed)}
        return found

    @cached_property
    def _titles(self) -> dict[tuple[str, str | None], str]:
        title = self._column("title")
        rows = seed_rows("consent_texts")
        return {
            **{
                (row["document_code"], None): row[title] for row in rows
            },  # of a version without row
            **{(row["document_code"], row["document_version"]): row[title] for row in rows},
        }
