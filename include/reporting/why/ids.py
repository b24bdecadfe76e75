"""Ids that differ in form alone, compared as the macro ``without_form`` of the models does."""

# Full width, and signs of which no one sees anything, as in the macro ``half_width``.
UNSEEN = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
HALF = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.+-_@"
FULL = "".join(chr(ord(sign) + ord("\uff01") - ord("!")) for sign in HALF)
PLAIN = "[1-9A-Za-z][0-9A-Za-z]*"
SCIENTIFIC = "[0-9]+([.][0-9]+e[+]?|e[+])[0-9]+"


def without_form(expression: str) -> str:
    """SQL: an id without width, case, leading zeros, `.0` and signs; whole numbers written out."""
    half = f"translate({expression}, '{FULL}{UNSEEN}', '{HALF}')"
    plain = f"regexp_replace(lower({half}), '[^0-9a-z.+]', '', 'g')"
    is_number = f"regexp_full_match({plain}, '{SCIENTIFIC}')"
    number = f"try_cast(case when {is_number} then {plain} end as decimal(38, 0))"
    text = f"coalesce(cast({number} as varchar), {plain})"
    stripped = f"ltrim(regexp_replace({text}, '[.]0+$|[^0-9a-z]', '', 'g'), '0')"
    is_plain = f"regexp_full_match({expression}, '{PLAIN}')"
    return f"case when {is_plain} then lower({expression}) else {stripped} end"
