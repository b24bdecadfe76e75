"""Code lists (bureau-interface 3). A value outside its list is answered with ABE001."""


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


# 3.1
ACCOUNT_TYPES = _codes("D1 R1 R2 R3 R4 C1")
REPORT_CODES_PERSON = _codes("10 20")
REPORT_CODES_ACCOUNT = _codes("10 20 30 31 32 40")
REPORT_CODES_AGREEMENT = _codes("10 20 30")
# 3.2
REPAYMENT_STATUSES = _codes("* # N M 1 2 3 4 5 6 7 B C D G Z")
# 3.3
_LOAN_STATUSES = _codes("1 2 3 41 42 5 6 7 8")
_CARD_STATUSES = _codes("1 2 3 31 4 51 52 6 8")
ACCOUNT_STATUSES = {
    "D1": _LOAN_STATUSES,
    "R1": _LOAN_STATUSES,
    "R4": _LOAN_STATUSES,
    "R2": _CARD_STATUSES,
    "R3": _CARD_STATUSES,
    "C1": _codes("1 2"),
}
CLOSED_STATUS = {"D1": "3", "R1": "3", "R4": "3", "R2": "4", "R3": "4", "C1": "2"}
# 3.4
FIVE_CLASSES = _codes("1 2 3 4 5 9")
# 3.5
BUSINESS_LINES = _codes("1 2 3 4 5 6")
BUSINESS_DETAILS = _codes("11 12 13 21 31 32 33 41 42 51 52 53 71 81 82 91 92 99 A1 B2")
REVOLVING_MODES = _codes("31 32 33 39")
REPAYMENT_MODES = _codes("11 12 13 14 15 19 21 22 23 29 90") | REVOLVING_MODES
REPAYMENT_FREQUENCIES = _codes("01 02 03 04 05 06 07 08 12 13 14 99")
GUARANTEE_MODES = _codes("1 2 3 4 5 6 7")
OTHER_GUARANTEES = _codes("0 1 9")
FUND_SOURCES = _codes("1 21 22 23 24 4 8")
LOAN_FORMS = _codes("1 5 9")
YES_NO = _codes("0 1")
# 3.6
LIMIT_TYPES = _codes("10 20 30 31")
AGREEMENT_STATUSES = _codes("1 2")
AGREEMENT_ENDED = "2"
# 3.7
CUSTOMER_TYPES = _codes("11 12 13 20 30 40 50 60 90")
SEXES = _codes("0 1 2 9")
EDUCATION_LEVELS = _codes("10 20 30 40 60 70 80 90 91 99")
DEGREES = _codes("1 2 3 4 5 9")
LEVELS_WITHOUT_DEGREE = _codes("30 40 60 70 80")
NO_DEGREE = _codes("5 9")
EMPLOYMENT_STATUSES = _codes("11 13 17 21 24 27 31 37 51 54 70 80 90 91 99")
EMPLOYED = _codes("11 13 17 21 24 91")
MARITAL_STATUSES = _codes("10 20 21 22 23 30 40 90 91 99")
MARRIED = _codes("20 21 22 23")
RESIDENCE_STATUSES = _codes("1 2 3 4 5 6 7 11 12 9")
# 3.8
SPECIAL_TRANSACTIONS = _codes("1 2 3 4 5 8 11 12 13 14 15 16 17 6 7 9")
# 3.9
ID_TYPES = _codes("10 1 2 5 6 8 9 A B C 20 X")
RESIDENT_ID = "10"
