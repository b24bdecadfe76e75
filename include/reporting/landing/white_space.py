"""SQL that trims white space from texts and reads words for NULL as NULL (contracts, section 1).

Trimming a column of a hundred million ids costs more than all other work on it in a month, so
``extremes`` of a column and ``may_be_untidy`` of a text find out cheaply whether it is needed, and
``tidied`` does it.
"""

# what Unicode calls white space, and the four separators that Python's str.strip takes too
WHITE_SPACE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
NULL_WORDS = ("NULL", "null", "(null)", r"\N")

_WORDS = ", ".join(f"'{word}'" for word in NULL_WORDS)


def trimmed(column: str) -> str:
    """SQL: a text without white space at its ends."""
    return f"trim({column}, '{WHITE_SPACE}')"


def is_null_word(column: str) -> str:
    """SQL: whether a text is, blanks aside, a word that other systems write for NULL."""
    return f"{trimmed(column)} in ({_WORDS})"


def tidied(column: str) -> str:
    """SQL: a trimmed text; NULL for an empty one and for a word for NULL."""
    text = trimmed(column)
    return f"case when {text} not in ('', {_WORDS}) then {text} end"


def extremes(column: str) -> str:
    """SQL: the least and the greatest text of a column, and of the signs at their ends: a list."""
    return f"[min({column}), max({column}), min({column}[-1]), max({column}[-1])]"


def may_hold_untidy(found: list[str | None]) -> bool:
    """Whether a column with these extremes may hold a text that ``tidied`` would change."""
    least, greatest, *ends = (text or "" for text in found)
    if found[0] is None:  # no text at all
        return False
    outside = min(least, *ends) < "!" or max(greatest, *ends) >= "{"
    return outside or any(least <= word <= greatest for word in NULL_WORDS)


def may_be_untidy(column: str) -> str:
    """SQL: true for every text that ``tidied`` would change, with some false positives.

    One byte at each end is compared: all white space lies below ``!`` or beyond ASCII.
    """
    ends = (column, f"{column}[-1]")
    outside = " or ".join(f"{end} < '!' or {end} >= '{{'" for end in ends)
    return f"({outside} or {column} in ({_WORDS}))"
