"""Raw rows in few words, for hand-made and for random books; all persons are synthetic."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from .population import check_digit
from .staging import TABLES

Row = dict[str, Any]

REPORTER = "N101W1100H0017"
AUTHORIZATION = "CREDIT_REPORTING_AUTHORIZATION"


def amount(value: str | int | Decimal) -> Decimal:
    """CNY with two places."""
    return Decimal(value).quantize(Decimal("0.01"))


def resident_id(birth_date: date, sex: str, serial: int, area: str = "110101") -> str:
    """A test resident ID number whose check digit, birth date and sex agree."""
    last = serial % 500 * 2 + (1 if sex == "1" else 0)
    first_17 = f"{area}{birth_date:%Y%m%d}{last:03d}"
    return first_17 + check_digit(first_17)


def moment(day: date, clock: str = "12:00:00") -> datetime:
    """A day and a time of day."""
    return datetime.combine(day, time.fromisoformat(clock))


@dataclass
class RawBook:
    """Raw tables being filled; every row is recorded an hour after the fact unless said."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: {table: [] for table in TABLES})

    def add(self, table: str, recorded_at: datetime, **values: Any) -> Row:
        """One row; columns that are not given are NULL."""
        row = dict.fromkeys(TABLES[table].columns) | values | {"recorded_at": recorded_at}
        unknown = set(row) - set(TABLES[table].columns)
        if unknown:
            raise KeyError(f"{table} has no columns {sorted(unknown)}")
        self.tables[table].append(row)
        return row

    def customer(self, customer_id: str, birth_date: date, sex: str = "1", **values: Any) -> Row:
        """A person with a valid resident ID."""
        serial = sum(customer_id.encode())
        defaults: Row = {
            "name": f"测试{customer_id}",
            "id_type": "10",
            "id_number": resident_id(birth_date, sex, serial),
            "sex": sex,
            "birth_date": birth_date,
            "recorded_at": datetime(2020, 1, 1),
        }
        return self.add("customers", customer_id=customer_id, **(defaults | values))

    def account(
        self, account_id: str, customer_id: str, product_code: str, opened_on: date, **values: Any
    ) -> Row:
        """An account, recorded when it closes at the latest."""
        day = values.get("closed_on") or opened_on
        defaults: Row = {"reporter_code": REPORTER, "recorded_at": moment(day, "23:00:00")}
        if values.get("closed_on"):
            defaults["closure_kind"] = "settled"
        return self.add(
            "accounts",
            account_id=account_id,
            customer_id=customer_id,
            product_code=product_code,
            opened_on=opened_on,
            **(defaults | values),
        )

    def limit(self, account_id: str, effective_on: date, credit_limit: str, **values: Any) -> Row:
        """A limit of an account or an agreement."""
        defaults: Row = {"change_reason": "initial", "recorded_at": moment(effective_on)}
        return self.add(
            "credit_limits",
            account_id=account_id,
            effective_on=effective_on,
            credit_limit=amount(credit_limit),
            **(defaults | values),
        )

    def consent(
        self, customer_id: str, product_code: str, occurred_at: datetime, **values: Any
    ) -> Row:
        """A consent event, by default a signature of the authorization."""
        defaults: Row = {
            "consent_event_id": f"E{len(self.tables['consents']) + 1:06d}",
            "reporter_code": REPORTER,
            "document_code": AUTHORIZATION,
            "document_version": "v1",
            "document_sha256": "58e4d117493c0501bea9f870e73c64d08d87896b9bdbb4132debc0520cafbd57",
            "action": "signed",
            "channel": "app",
            "recorded_at": occurred_at + timedelta(hours=1),
        }
        return self.add(
            "consents",
            customer_id=customer_id,
            product_code=product_code,
            occurred_at=occurred_at,
            **(defaults | values),
        )

    def transaction(
        self, account_id: str, kind: str, occurred_at: datetime, value: str | int, **values: Any
    ) -> Row:
        """Money that moved."""
        defaults: Row = {
            "transaction_id": f"T{len(self.tables['transactions']) + 1:06d}",
            "recorded_at": occurred_at + timedelta(hours=1),
        }
        return self.add(
            "transactions",
            account_id=account_id,
            transaction_type=kind,
            occurred_at=occurred_at,
            amount=amount(value),
            **(defaults | values),
        )

    def bill(
        self, account_id: str, statement_on: date, due_on: date, principal: str | int, **values: Any
    ) -> Row:
        """A bill or an instalment; interest and fee are zero unless given."""
        defaults: Row = {
            "bill_id": f"B{len(self.tables['bills']) + 1:06d}",
            "interest_due": amount(0),
            "fee_due": amount(0),
            "recorded_at": moment(statement_on, "01:00:00"),
        }
        return self.add(
            "bills",
            account_id=account_id,
            statement_on=statement_on,
            due_on=due_on,
            principal_due=amount(principal),
            **(defaults | values),
        )

    def notice(
        self, account_id: str, episode_started_on: date, sent_at: datetime, **values: Any
    ) -> Row:
        """An advance notice, delivered at once."""
        defaults: Row = {
            "notice_id": f"N{len(self.tables['adverse_notices']) + 1:06d}",
            "channel": "sms",
            "text_version": "v1",
            "delivered_at": sent_at,
            "recorded_at": sent_at + timedelta(hours=1),
        }
        return self.add(
            "adverse_notices",
            account_id=account_id,
            episode_started_on=episode_started_on,
            sent_at=sent_at,
            **(defaults | values),
        )
