"""A statement in words: the one content that text, page and JSON show alike.

The first parts are read out to the customer, the verdict first; the details on request.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from reporting.statement.facts import BY_STATE, Account, Pending, Record, Standing, Statement
from reporting.statement.language import Language, Words, record_fields
from reporting.why.facts import WITHOUT_SIGNATURE, QuarantinedRow

# Where an account stands if its newest record says how it is repaid.
WITH_CONTENT = (Standing.IN_REPORT, Standing.SENT, Standing.PREPARED)
LAST = {Standing.IN_REPORT: "last_in_report", Standing.PREPARED: "last_prepared"}  # sentences
MOST_MONTHS = 6  # overdue months that are read out one by one


@dataclass(frozen=True)
class Value:
    """An element of a record: its column and value as sent, its name, and its value in words."""

    column: str
    value: str
    label: str
    text: str


@dataclass(frozen=True)
class Entry:
    """A record: what it is, what became of it, and what it says."""

    record_type: str
    report_date: date
    report_date_code: str
    state: str
    file_name: str | None
    heading: str
    state_text: str
    remarks: list[str]
    values: list[Value]


@dataclass(frozen=True)
class Section:
    """The records of one account, of the person, or of the agreements."""

    account_id: str | None
    heading: str
    remarks: list[str]
    records: list[Entry]


@dataclass(frozen=True)
class AccountPart:
    """What is read out of an account, or of several accounts that stand alike."""

    account_ids: list[str]
    product_code: str
    reporter_code: str
    standing: str
    reason_code: str | None
    heading: str
    lines: list[str]


@dataclass(frozen=True)
class PendingPart:
    """A pending month and why it is pending."""

    account_id: str
    month: date
    held_back_by: str


@dataclass(frozen=True)
class Document:
    """A statement in one language."""

    language: str
    customer_id: str
    month: date
    verdict: str  # the code of the standing
    title: str
    intro: list[str]
    answer: list[str]
    accounts: list[AccountPart]
    pending_months: list[PendingPart]
    pending: list[str]
    dispute: list[str]
    notes: list[str]
    details: list[Section]
    headings: dict[str, str]


def document_of(statement: Statement, language: Language) -> Document:
    """A statement in the words of a language."""
    words = Words(language)
    return Document(
        language=language.value,
        customer_id=statement.customer_id,
        month=statement.month,
        verdict=statement.standing.value,
        title=words.say("title"),
        intro=_intro(statement, words),
        answer=_answer(statement, words),
        accounts=[_account_part(group, statement, words) for group in _alike(statement.accounts)],
        pending_months=[
            PendingPart(one.account_id, one.month, one.held_back_by)
            for account in statement.accounts
            for one in account.pending
        ],
        pending=_pending(statement, words),
        dispute=[words.say("dispute")],
        notes=[
            words.how_to_dispute(statement.as_of.date()),
            words.say("dispute_complaint"),
            words.say("others"),
        ],
        details=_details(statement, words),
        headings={
            name: words.say(f"head_{name}")
            for name in (
                "answer",
                "accounts",
                "pending",
                "dispute",
                "notes",
                "details",
                "on_request",
            )
        },
    )


def _intro(statement: Statement, words: Words) -> list[str]:
    month = words.month(statement.month)
    lines = [
        words.say(
            "intro",
            customer=statement.customer_id,
            month=month,
            as_of=f"{statement.as_of:%Y-%m-%d %H:%M}",
        )
    ]
    if statement.wanted:
        lines.append(words.say("other_month", wanted=words.month(statement.wanted), month=month))
    return lines


def _answer(statement: Statement, words: Words) -> list[str]:
    """The verdict, and the number of accounts that have come so far."""
    standing = statement.standing
    others = (*statement.person_records, *statement.agreement_records)
    records = [one for account in statement.accounts for one in account.reached(standing)]
    records = records or [one for one in others if BY_STATE[one.state] is standing]
    since = words.month(min(one.report_date for one in records)) if records else ""
    if standing in WITH_CONTENT and standing is not statement.of_accounts:
        parts = dict.fromkeys(words.of_code("record_type", one.record_type) for one in records)
        lines = [
            words.say(f"only_{standing}", since=since, parts=words.together(parts)),
            words.say(f"repayment_{statement.of_accounts}"),
        ]
    else:
        lines = [words.say(f"verdict_{standing}", since=since)]
    if len(statement.accounts) > 1:
        counted = {
            one: sum(account.standing is one for account in statement.accounts) for one in Standing
        }
        counts = [words.say(f"count_{one}", count=many) for one, many in counted.items() if many]
        total = len(statement.accounts)
        lines.append(words.say("counts", total=total, parts=words.together(counts)))
    reporters = {account.reporter_code for account in statement.accounts}
    if len(reporters) == 1:  # else each account names its own
        lines.append(_reporter(reporters.pop(), words))
    return lines


def _alike(accounts: list[Account]) -> list[list[Account]]:
    """The accounts in groups of which one may be said, the furthest first."""
    groups: dict[tuple[object, ...], list[Account]] = {}
    for account in sorted(accounts, key=lambda one: list(Standing).index(one.standing)):
        row, newest = account.row or {}, _newest(account)
        days = [one.report_date for one in account.reached(account.standing)]
        key = (
            *(account.standing, account.product_code, account.reporter_code),
            *(row.get(name) for name in ("reason_code", "document_code", "document_version")),
            *(row.get(name) for name in ("decided_at", "withdrawn_at", "reporters_named")),
            account.account_id if account.adverse else None,
            newest.values.get("rpy_status") if newest else None,
            min(days).replace(day=1) if days else None,  # since when
        )
        groups.setdefault(key, []).append(account)
    return list(groups.values())


def _newest(account: Account) -> Record | None:
    """The newest record that says how the account stands."""
    reached = account.reached(account.standing)
    return reached[-1] if reached and account.standing in WITH_CONTENT else None


def _account_part(group: list[Account], statement: Statement, words: Words) -> AccountPart:
    account = group[0]
    row = account.row
    has_several_reporters = len({one.reporter_code for one in statement.accounts}) > 1
    return AccountPart(
        account_ids=[one.account_id for one in group],
        product_code=account.product_code,
        reporter_code=account.reporter_code,
        standing=account.standing.value,
        reason_code=row["reason_code"] if row else None,
        heading=_heading(group, words),
        lines=[
            _standing(group, words),
            *([_reporter(account.reporter_code, words)] if has_several_reporters else []),
            *_of_month(group, statement, words),
            *_basis(group, words),
            *_newest_content(group, words),
            *_adverse(group, words),
            *_under_way(group, words),
            *_checked([row for one in group for row in one.quarantined], words),
        ],
    )


def _heading(group: list[Account], words: Words) -> str:
    return words.say(
        "accounts" if len(group) > 1 else "account",
        product=words.of_code("product", group[0].product_code),
        count=len(group),
        accounts=words.together(one.account_id for one in group),
    )


def _reporter(code: str, words: Words) -> str:
    return words.say("reporter", reporter=words.of_code("reporter", code))


def _standing(group: list[Account], words: Words) -> str:
    standing = group[0].standing
    days = [one.report_date for account in group for one in account.reached(standing)]
    return words.say(f"standing_{standing}", since=words.month(min(days)) if days else "")


def _of_month(group: list[Account], statement: Statement, words: Words) -> list[str]:
    """Why the month is not reported, and what would change it."""
    row, month = group[0].row, words.month(statement.month)
    if row is None:
        return [words.say("not_in_data", month=month)]
    code = row["reason_code"]
    if row["is_reportable"]:
        return []
    reason = words.of_reason(code)
    if group[0].standing is Standing.NOT_REPORTED:
        said = "reason"
    else:
        said = "of_months" if len(group) > 1 else "of_month"
    later = group[0].sent_about(statement.month)
    if (
        later is not None and later.sent_at is not None
    ):  # by a run after the one that is answered for
        return [words.say("of_month_later", month=month, day=words.day(later.sent_at.date()))]
    lines = [words.say(said, month=month, reason=reason)]
    if code in WITHOUT_SIGNATURE and any(
        one.table_name == "consents" for one in statement.quarantined
    ):
        lines.append(words.say("event_waits"))
    return lines


def _basis(group: list[Account], words: Words) -> list[str]:
    """The document under which an account is reported, or by which it is not."""
    row = group[0].row
    lines: list[str] = []
    if row is None:
        return []
    code = row["reason_code"]
    if row["consent_event_id"] and row["decided_at"]:
        title = words.title(row["document_code"], row["document_version"])
        day, version = words.day(row["decided_at"]), row["document_version"]
        is_basis = row["is_reportable"] or group[0].records
        said = "signed" if is_basis else "signed_without_effect"
        said = "withdrawn" if code == "AUTHORIZATION_WITHDRAWN" else said
        lines.append(words.say(said, title=title, version=version, day=day))
    if row["is_in_run_off"]:
        lines.append(words.say("run_off", day=words.day(row["withdrawn_at"])))
    if code == "AUTHORIZED_AFTER_MONTH_END" and row["first_signed_at"]:
        lines.append(words.say("signed_later", day=words.day(row["first_signed_at"])))
    if code == "REPORTER_NOT_NAMED" and row["reporters_named"]:
        named = (words.of_code("reporter", one) for one in row["reporters_named"].split(", "))
        lines.append(words.say("reporters_named", reporters=words.together(named)))
    return lines


def _newest_content(group: list[Account], words: Words) -> list[str]:
    """What the newest record says: status, balance and overdue amount."""
    account, record = group[0], _newest(group[0])
    if record is None or "rpy_status" not in record.values:
        return []
    values = record.values
    status = words.of_code("repayment_status", values["rpy_status"])
    if len(group) > 1:
        return [words.say("last_of_several", status=status)]
    lines = [
        words.say(
            LAST.get(account.standing, "last"),
            day=words.day(record.report_date),
            status=status,
            amounts=words.say(
                "balance_and_overdue" if values.get("tot_overd") else "balance",
                balance=words.yuan(values.get("acct_bal", 0)),
                overdue=words.yuan(values.get("tot_overd", 0)),
            ),
        )
    ]
    row = account.row
    if row and row["notice_delivered_at"] and row["is_reportable"]:
        lines.append(words.say("notified", day=words.day(row["notice_delivered_at"])))
    return lines


def _adverse(group: list[Account], words: Words) -> list[str]:
    """The months reported as overdue, or to be; an account with any stands alone in its group."""
    lines = []
    for said, is_sent in (("adverse", True), ("adverse_built", False)):
        months = [
            words.say(
                "adverse_month",
                month=words.month(one.report_date),
                status=words.of_code("repayment_status", one.values["rpy_status"]),
            )
            for one in group[0].adverse
            if (one.state != "BUILT") is is_sent
        ]
        if len(months) > MOST_MONTHS:
            lines.append(words.say(f"{said}_many", count=len(months), newest=months[-1]))
        elif months:
            lines.append(words.say(said, months=words.together(months)))
    return lines


def _under_way(group: list[Account], words: Words) -> list[str]:
    """Months that are less far than the account, and those that were sent only at a second try."""
    lines = []
    for state, standing in BY_STATE.items():
        later = [one for account in group for one in account.reached(standing)]
        months = dict.fromkeys(words.month(one.report_date) for one in later)
        if months and state in ("RELEASED", "BUILT") and standing is not group[0].standing:
            state_text = words.of_code("record_state", state)
            lines.append(words.say("under_way", months=words.together(months), state=state_text))
        again = dict.fromkeys(words.month(one.report_date) for one in later if one.before)
        if again and standing in WITH_CONTENT:
            said = "again_built" if state == "BUILT" else "again_sent"
            lines.append(words.say(said, months=words.together(again)))
    return lines


def _checked(rows: Iterable[QuarantinedRow], words: Words) -> list[str]:
    """Which kinds of the data have rows in quarantine."""
    tables = dict.fromkeys(words.of_code("table", row.table_name) for row in rows)
    return [words.say("checked", tables=words.together(tables))] if tables else []


def _faults(rows: Iterable[QuarantinedRow], words: Words) -> list[str]:
    """What is wrong with rows in quarantine, each fault of a kind of data once."""
    faults = dict.fromkeys((row.table_name, rule) for row in rows for rule in row.rule_ids)
    return [
        words.say(
            "fault",
            table=words.of_code("table", table),
            rule=words.of_code("row_rule", rule),
        )
        for table, rule in faults
    ]


def _pending(statement: Statement, words: Words) -> list[str]:
    """Every pending month and why, months of one cause together."""
    lines = []
    for account in statement.accounts:
        months: dict[str, list[str]] = {}
        for one in account.pending:
            months.setdefault(_cause(one, account, words), []).append(words.month(one.month))
        lines += [
            words.say(
                "pending", account=account.account_id, months=words.together(held), cause=cause
            )
            for cause, held in months.items()
        ]
    return lines + _checked(statement.quarantined, words)


def _cause(pending: Pending, account: Account, words: Words) -> str:
    """What a month waits for; of a withheld or rejected record also the rules or the answer."""
    cause = words.of_cause(pending.held_back_by)
    record = next(
        (
            one
            for one in reversed(account.records)
            if one.report_date.replace(day=1) == pending.month
        ),
        None,
    )
    if record and pending.held_back_by == "WITHHELD" and record.rule_ids:
        return words.say("with_rules", cause=cause, rules=record.rule_ids)
    if record and pending.held_back_by == "REJECTED" and record.feedback_code:
        meaning = words.of_answer(record.feedback_code)
        return words.say("with_answer", cause=cause, meaning=meaning)
    return cause


def _details(statement: Statement, words: Words) -> list[Section]:
    """Every record, by account, newest first."""
    sections = [
        Section(
            account.account_id,
            _heading([account], words),
            _faults(account.quarantined, words),
            [_entry(one, words) for one in reversed(account.records)],
        )
        for account in statement.accounts
        if account.records or account.quarantined
    ]
    for name, records in (
        ("head_person", statement.person_records),
        ("head_agreements", statement.agreement_records),
    ):
        if records:
            entries = [_entry(one, words) for one in reversed(records)]
            sections.append(Section(None, words.say(name), [], entries))
    if statement.quarantined:
        faults = _faults(statement.quarantined, words)
        sections.append(Section(None, words.say("head_faults"), faults, []))
    return sections


def _entry(record: Record, words: Words) -> Entry:
    return Entry(
        record_type=record.record_type,
        report_date=record.report_date,
        report_date_code=record.report_date_code,
        state=record.state,
        file_name=record.file_name,
        heading=words.say(
            "record",
            day=words.day(record.report_date),
            record_type=words.of_code("record_type", record.record_type),
            code=words.of_code(f"code_{record.record_type}", record.report_date_code),
        ),
        state_text=words.of_code("record_state", record.state),
        remarks=_remarks(record, words),
        values=_values(record, words),
    )


def _remarks(record: Record, words: Words) -> list[str]:
    """In which file a record is, what the bureau said of it, and what was before it."""
    if record.file_name is None:
        lines = [words.say("in_no_file", rules=record.rule_ids or "-")]
    elif record.sent_at:
        sent = words.day(record.sent_at)
        lines = [words.say("file", file=record.file_name, sent=sent)]
    else:
        lines = [words.say("file_not_sent", file=record.file_name)]
    if record.state == "REJECTED":
        code = record.feedback_code
        lines.append(
            words.say("rejected", code=code, meaning=words.of_answer(code))
            if code
            else words.say("refused")
        )
    if record.record_type == "110":
        lines.append(words.say("contents_hidden"))
    # an earlier record that is withheld or rejected, as a rule once; nothing else is built again
    for state, code in dict.fromkeys(record.before):
        if state in ("REJECTED", "WITHHELD") and record.state != "WITHHELD":
            meaning = words.of_answer(code) if code else words.of_code("record_state", state)
            lines.append(words.say(f"after_{state}", meaning=meaning))
    return lines


def _values(record: Record, words: Words) -> list[Value]:
    """Each element that was sent, in words; of a person's record its parts, without contents."""
    if record.state == "WITHHELD":
        return []
    if record.record_type == "110":
        parts = words.together(words.of_code("segment_110", one) for one in record.segments)
        return [Value("segments", ",".join(record.segments), words.say("segments"), parts)]
    return [
        Value(one.column, str(value), words.label(one), words.value(one, value))
        for one in record_fields()
        if (value := record.values.get(one.column)) is not None
    ]
