"""Enter a record without fault into the state (lifecycle 12)."""

from bureau_simulator.layouts import AGREEMENT, PERSON
from bureau_simulator.records import Record, Values
from bureau_simulator.state import PERSON_SEGMENTS, State, joined


def enter(state: State, record: Record, file_id: int, line: int) -> None:
    """Store the key of a record and what it says. The caller holds the transaction."""
    state.sql.execute(
        "insert into records values (?, ?, ?, ?, ?)",
        (record.layout.record_type, joined(record), record.report_date, file_id, line),
    )
    if record.layout is PERSON:
        _enter_person(state, record)
    elif record.layout is AGREEMENT:
        _enter_agreement(state, record)
    else:
        _enter_account(state, record)


def _enter_person(state: State, record: Record) -> None:
    stored = state.person(record)
    where = dict(zip(record.layout.key, record.key, strict=True))
    if stored is None:
        every = {tag: value for values in record.segments.values() for tag, value in values.items()}
        _insert(state, "persons", every | {"FirstRptDate": record.report_date})
        return
    # BBR002 has kept out segments older than the stored ones.
    news = {
        tag: value for key in PERSON_SEGMENTS for tag, value in record.segments.get(key, {}).items()
    }
    if record.report_date > stored["RptDate"]:
        news |= record.base
    news["FirstRptDate"] = min(stored["FirstRptDate"], record.report_date)
    _update(state, "persons", news, where)


def _enter_agreement(state: State, record: Record) -> None:
    code = record.base["ContractCode"]
    stored = state.row("select * from agreements where ContractCode = ?", code)
    said = record.base | record.segments["CreditLimSgmt"]
    if stored is None:
        _insert(state, "agreements", said | {"FirstRptDate": record.report_date})
        return
    first = min(stored["FirstRptDate"], record.report_date)
    news = said if record.report_date > stored["RptDate"] else {}
    _update(state, "agreements", news | {"FirstRptDate": first}, {"ContractCode": code})


def _enter_account(state: State, record: Record) -> None:
    code, date = record.base["AcctCode"], record.report_date
    stored = state.account(code)
    news: Values = {}
    for key in "CF":  # in force is the one with the newest report date
        if key in record.segments and date >= (stored[f"From{key}"] if stored else ""):
            news |= record.segments[key] | {f"From{key}": date}
    if stored is None:
        _insert(state, "accounts", record.base | news | {"FirstRptDate": date})
    else:
        if date > stored["RptDate"]:
            news |= record.base
        news["FirstRptDate"] = min(stored["FirstRptDate"], date)
        _update(state, "accounts", news, {"AcctCode": code})
    _enter_performance(state, record, {"AcctCode": code, "RptDate": date})


def _enter_performance(state: State, record: Record, of_record: Values) -> None:
    """Months, recoveries, special transactions and the closing of one account record."""
    month = record.segments.get("H")
    if month is not None:
        _insert(state, "months", of_record | {"RptDateCode": record.code} | month)
        if record.code in ("20", "32"):
            _insert(state, "closings", of_record | {"CloseDate": month["CloseDate"]})
    if "J" in record.segments:
        _insert(state, "recoveries", of_record | record.segments["J"])
    for position, item in enumerate(record.items.get("K", ()), start=1):
        _insert(state, "special_transactions", of_record | {"position": str(position)} | item)


def _insert(state: State, table: str, values: Values) -> None:
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    state.sql.execute(f"insert into {table} ({names}) values ({marks})", tuple(values.values()))


def _update(state: State, table: str, values: Values, where: Values) -> None:
    changes = ", ".join(f"{name} = ?" for name in values)
    condition = " and ".join(f"{name} = ?" for name in where)
    state.sql.execute(
        f"update {table} set {changes} where {condition}", (*values.values(), *where.values())
    )
