"""What a sequence of runs submits: the expected records of every run, tag by tag.

The runs are replayed one after another, each on what was known at its own cut-off, with what the
runs before it sent. Sources: contracts, sections 3 (held months) and 5.

The records of a run are those that are built, before any rule withholds one. Which ones a rule
withheld is told from outside (``withheld``), so that they stay owed and are built anew; so is which
records of earlier runs the bureau had rejected when a run read its answers (life cycle, section 5).
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from .book import Rows, by
from .population import Case, came_of_age_on, consent_of, identity_holds, verdict
from .record_contents import (
    UPDATED,
    Agreement,
    Reading,
    account_code_of_time,
    account_record,
    agreement_record,
    personal_record,
    yuan,
)
from .replay import end_of, history, is_open_in, last_day, report_date, status_row
from .staging import stage
from .submission_reader import BASE_TAGS, Record

Row = dict[str, Any]
# Institution, record type, subject (customer, account or agreement id) and report date.
Key = tuple[str, str, str, date]
RunKey = tuple[date, datetime]  # month and cut-off

OWED = frozenset(("REPORTED", "NOTICE_PENDING"))
CHANGING = ("AcctBsInfSgmt", "AcctCredSgmt")  # segments C and F: first, and when they changed


@dataclass(frozen=True)
class PlannedRun:
    """One run of the sequence."""

    month: date
    as_of: datetime
    notice_lead_days: int = 0
    is_supplement: bool = False
    rejected: frozenset[tuple[RunKey, Key]] = frozenset()  # records of earlier runs
    landed: dict[str, Rows] | None = None  # what had been delivered, where that is not all

    @property
    def key(self) -> RunKey:
        """Month and cut-off."""
        return (self.month, self.as_of)

    @property
    def label(self) -> str:
        """The name of its folders."""
        return f"{self.month:%Y-%m}" + (
            f"@{self.as_of:%Y%m%dT%H%M%S}" if self.is_supplement else ""
        )


@dataclass(frozen=True)
class Built:
    """One record that a run builds."""

    key: Key
    record: Record

    @property
    def subject(self) -> tuple[str, str, str]:
        """Institution, record type and subject."""
        return self.key[:3]

    @property
    def on(self) -> date:
        """The report date."""
        return self.key[3]

    @property
    def code(self) -> str:
        """The report-time code."""
        return str(self.record[BASE_TAGS[self.key[1]]]["RptDateCode"])


@dataclass
class RunOutcome:
    """What one run submits and what is still owed after it."""

    run: PlannedRun
    records: list[Built] = field(default_factory=list)  # in file order
    owed: dict[tuple[str, date], str] = field(default_factory=dict)  # account and month: why
    verdicts: dict[tuple[str, date], str] = field(default_factory=dict)  # of all that it read

    def of_type(self, reporter: str, record_type: str) -> list[Built]:
        """One institution's records of a type, in file order."""
        return [b for b in self.records if b.key[:2] == (reporter, record_type)]

    @property
    def reporters(self) -> set[str]:
        """The institutions that submit anything."""
        return {built.key[0] for built in self.records}


# --- what a run knows ----------------------------------------------------------------------------


class Knowledge:
    """The raw tables as known at one cut-off, and how any account reads in any month."""

    def __init__(
        self,
        raw: dict[str, Rows],
        policy: dict[str, Row],
        districts: dict[str, str],
        run: PlannedRun,
        sent: Container[tuple[str, str]],
    ) -> None:
        self.sent = sent  # account and institution of the records that earlier runs sent
        staged = stage(raw, run.as_of, policy)
        good = staged.good
        self.run, self.policy, self.districts = run, policy, districts
        self.accounts = {row["account_id"]: row for row in good["accounts"]}
        self.customers = {row["customer_id"]: row for row in good["customers"]}
        rejected = {key[0] for table, key, _ in staged.quarantined if table == "customers"}
        self.rejected_customers = rejected - set(self.customers)
        self.consents = by(good["consents"], "customer_id")
        self.transactions = by(good["transactions"], "account_id")
        self.bills = by(good["bills"], "account_id")
        self.limits = by(good["credit_limits"], "account_id")
        self.notices = by(good["adverse_notices"], "account_id")

    def reading(self, account: Row, month: date) -> Reading:
        """The account in the month."""
        account_id, customer_id = account["account_id"], account["customer_id"]
        rules = self.policy[account["product_code"]]
        bills, transactions = self.bills[account_id], self.transactions[account_id]
        months, status = [], {}
        if is_open_in(account, month):
            months = history(account, transactions, bills, rules, month)
            limits = self.limits[account["parent_account_id"] or account_id]
            status = status_row(account, bills, limits, months)
        day = report_date(account, month)
        case = Case(
            account=account,
            customer=self.customers.get(customer_id),
            consents=self.consents[customer_id],
            notices=self.notices[account_id],
            policy=rules,
            month=month,
            months=months,
            as_of=self.run.as_of,
            notice_lead_days=self.run.notice_lead_days,
            is_sent=(account_id, account["reporter_code"]) in self.sent,
        )
        return Reading(
            account=account,
            customer=case.customer,
            policy=rules,
            district=account["applied_district"] or self.districts.get(account["reporter_code"]),
            bills=bills,
            transactions=transactions,
            consent=consent_of(account, case.consents, rules, day, case.is_sent),
            is_sent=case.is_sent,
            verdict=verdict(case),
            report_date=day,
            months=months,
            status=status,
        )

    def agreements(self) -> Iterator[tuple[str, str, list[Row]]]:
        """Every institution's agreements with their accounts, earliest opened first."""
        together: dict[tuple[str, str], Rows] = {}
        for row in self.accounts.values():
            code = row["parent_account_id"] or row["account_id"]
            together.setdefault((row["reporter_code"], code), []).append(row)
        for (reporter, code), rows in together.items():
            yield reporter, code, sorted(rows, key=lambda r: (r["opened_on"], r["account_id"]))


def plain(number: str | None) -> str:
    """A document number without blanks and signs, in one case."""
    return "".join(filter(str.isalnum, number or "")).lower()


def five_years_after(day: date) -> datetime:
    """The same day five years later; of 29 February the 28th."""
    leap_day = (day.month, day.day) == (2, 29)
    return datetime(day.year + 5, day.month, 28 if leap_day else day.day)


# --- one run after another -----------------------------------------------------------------------


NEVER_OPEN = ("NOT_YET_OPEN", "CLOSED_EARLIER")  # in that month, as a correction says
DROPPED = "DROPPED"  # the verdict on a month that is never owed again


class Replay:
    """The runs so far: what they decided and what they sent."""

    def __init__(
        self, raw: dict[str, Rows], policy: dict[str, Row], districts: dict[str, str]
    ) -> None:
        self.raw, self.policy, self.districts = raw, policy, districts
        self.published: dict[date, dict[str, str]] = {}
        self.given_up: set[tuple[str, date]] = set()  # never owed again
        self.in_files: list[tuple[RunKey, Built]] = []  # of all runs, rejected ones too
        self.sent: list[Built] = []  # what counts as sent for the run
        self.pending: list[Built] = []  # records 110 and 220 that are to be sent again
        self.own: dict[str, Reading] = {}

    def submit(self, run: PlannedRun, withheld: AbstractSet[Key]) -> RunOutcome:
        """Everything one run builds; what is withheld is not sent."""
        self.read_answers(run)
        sent = {(b.key[2], b.key[0]) for b in self.sent if is_account(b)}
        landed = run.landed or self.raw
        self.knowledge = Knowledge(landed, self.policy, self.districts, run, sent)
        accounts = self.knowledge.accounts
        self.own = {i: self.knowledge.reading(row, run.month) for i, row in accounts.items()}
        owed_before = self.still_owed()
        reread = {
            (account_id, month): self.knowledge.reading(accounts[account_id], month)
            for account_id, month in owed_before
            if account_id in accounts
        }
        outcome = RunOutcome(run)
        reported = [old for old in reread.values() if self.may_go_out_now(old)]
        if not run.is_supplement:
            outcome.verdicts = self.judge_month(run.month)
            reported += [own for own in self.own.values() if own.reason == "REPORTED"]
        records = self.account_records(reported, withheld)
        records += self.personal_records(reported)
        records += self.agreement_records(run, reported)
        outcome.records = sorted(records, key=lambda built: built.key)
        in_files = [built for built in outcome.records if built.key not in withheld]
        self.sent += in_files
        self.in_files += [(run.key, built) for built in in_files]
        dropped = {
            key
            for key, old in reread.items()
            if self.lies_before_consent(old) or old.reason in NEVER_OPEN or self.is_too_old(old)
        }
        self.given_up |= dropped
        outcome.verdicts |= {
            (account_id, month): DROPPED
            if (account_id, month) in dropped
            else self.why(account_id, month, reread).replace("WITHHELD", "REPORTED")
            for account_id, month in owed_before
        }
        outcome.owed = {
            (account_id, month): self.why(account_id, month, reread)
            for account_id, month in self.still_owed()
        }
        return outcome

    def read_answers(self, run: PlannedRun) -> None:
        """What counts as sent for a run, and which persons and agreements are pending for it."""
        self.sent = [built for key, built in self.in_files if (key, built.key) not in run.rejected]
        newest = {
            built.subject: (key, built) for key, built in self.in_files if not is_account(built)
        }
        self.pending = [built for key, built in newest.values() if (key, built.key) in run.rejected]

    def judge_month(self, month: date) -> dict[tuple[str, date], str]:
        """The verdict of an own run on every account; what it asks for is owed from now on."""
        vanished = self.vanished(month)
        reasons = {account_id: own.reason for account_id, own in self.own.items()}
        self.published[month] = reasons | dict.fromkeys(vanished, "REPORTED")
        reasons |= dict.fromkeys(vanished, "ACCOUNT_NOT_IN_THE_DATA")
        return {(account_id, month): reason for account_id, reason in reasons.items()}

    # --- months that are owed

    def vanished(self, month: date) -> set[str]:
        """Accounts of which the month before asked for a record and that the data lack.

        Their own row is in quarantine, or all rows of their customer are.
        """
        before = self.published.get((month - timedelta(days=1)).replace(day=1), {})
        asked = {account_id for account_id, reason in before.items() if reason in OWED}
        closed = {b.key[2] for b in self.sent if is_account(b) and b.code in ("20", "32")}
        return (
            asked
            - closed
            - {
                account_id
                for account_id, own in self.own.items()
                if own.reason != "IDENTITY_INVALID"
                or own.account["customer_id"] not in self.knowledge.rejected_customers
            }
        )

    def still_owed(self) -> list[tuple[str, date]]:
        """Account and month with a verdict that asks for a record, and none was sent."""
        told = {(built.key[2], built.on.replace(day=1)) for built in self.sent if is_account(built)}
        return [
            (account_id, month)
            for month, reasons in self.published.items()
            for account_id, reason in reasons.items()
            if reason in OWED and (account_id, month) not in told | self.given_up
        ]

    def may_go_out_now(self, old: Reading) -> bool:
        """Whether an owed month, read again, is reported and today's authorization covers it."""
        return (
            old.reason == "REPORTED"
            and self.still_stands(old)
            and not self.lies_before_consent(old)
            and not self.is_too_old(old)
        )

    def is_too_old(self, old: Reading) -> bool:
        """Adverse, and the episode ended more than five years before the cut-off (REQ-21)."""
        if old.reason not in OWED or not old.months or not old.months[-1].adverse:
            return False
        later = self.own[old.account["account_id"]].months
        clean = (end for end in later if end.report_date > old.report_date and not end.adverse)
        first = next(clean, None)
        ended_on = first.report_date if first else old.account["closed_on"]
        return ended_on is not None and self.knowledge.run.as_of > five_years_after(ended_on)

    def still_stands(self, old: Reading) -> bool:
        """Whether the authorization is in force today, or its withdrawal lets the account run off.

        The run-off lasts up to the closing record, also where that record itself is owed.
        """
        period = self.own[old.account["account_id"]].consent.last_period
        runs_off = old.policy["on_withdrawal"] == "run_off" and old.is_sent
        return period is not None and (period.withdrawal is None or runs_off)

    def lies_before_consent(self, old: Reading) -> bool:
        """Whether the authorization of today was first signed after the month's report date."""
        period = self.own[old.account["account_id"]].consent.last_period
        return period is not None and bool(
            period.signature["occurred_at"] >= end_of(old.report_date)
        )

    def why(self, account_id: str, month: date, reread: dict[tuple[str, date], Reading]) -> str:
        """Why a month is owed after this run."""
        old = reread.get((account_id, month)) or self.own.get(account_id)
        if old is None:
            return "ACCOUNT_NOT_IN_THE_DATA"
        if self.may_go_out_now(old):
            return "WITHHELD"
        held = ("REPORTED", "NOTICE_PENDING")  # by what lies after the month's own end
        stands = self.still_stands(old) or old.reason not in held
        return old.reason if stands else "AUTHORIZATION_WITHDRAWN"

    # --- record 210

    def account_records(
        self, reported: Iterable[Reading], withheld: AbstractSet[Key]
    ) -> list[Built]:
        """One record per account and report date, oldest first, each after what the bureau knows.

        A record that is withheld tells the bureau nothing.
        """
        batch: list[Built] = []
        for reading in sorted(reported, key=lambda r: (r.account["account_id"], r.report_date)):
            subject = (reading.reporter, "210", reading.account["account_id"])
            before = sorted(
                (
                    built
                    for built in self.sent + batch
                    if built.subject == subject
                    and built.on < reading.report_date
                    and built.key not in withheld
                ),
                key=lambda built: built.on,
            )
            code = account_code_of_time(reading, is_first=not before)
            record = account_record(reading, code)
            told = [last_told(before, segment) for segment in CHANGING]
            for segment, known in zip(CHANGING, told, strict=True):
                if known == record[segment]:
                    del record[segment]
            batch.append(Built((*subject, reading.report_date), record))
        return batch

    # --- record 110

    def personal_records(self, reported: Sequence[Reading]) -> list[Built]:
        """One record per institution and person with something new to say."""
        days: dict[tuple[str, str], set[date]] = {}
        for reading in reported:
            who = (reading.reporter, reading.account["customer_id"])
            days.setdefault(who, set()).add(reading.report_date)
        for built in self.pending:  # as if the person were reported on that day again
            reporter, record_type, customer_id = built.subject
            if record_type == "110" and self.may_be_named(
                customer_id, reporter, built.on, reported
            ):
                days.setdefault((reporter, customer_id), set()).add(built.on)
        batch = []
        for (reporter, customer_id), reported_on in days.items():
            subject = (reporter, "110", customer_id)
            before = [built for built in self.sent if built.subject == subject]
            customer = self.without_silent_spouse(self.knowledge.customers[customer_id])
            on = min(reported_on)
            record = personal_record(customer, reporter, on, "20")
            if not before or not same_person(before[-1].record, record):
                record["BsSgmt"]["RptDateCode"] = "10"
            else:  # the bureau takes nothing older than what it has
                newer = [day for day in reported_on if day > max(built.on for built in before)]
                if not newer:
                    continue
                on = min(newer)
                record = personal_record(customer, reporter, on, "20")
                for segment, updated in UPDATED.items():
                    known = last_told(before, segment)
                    if without(known, updated) == without(record[segment], updated):
                        del record[segment]
            if len(record) > 1:
                batch.append(Built((*subject, on), record))
        return batch

    def without_silent_spouse(self, customer: Row) -> Row:
        """The customer; the spouse is not named who is a customer without authorization."""
        number = plain(customer["spouse_id_number"])
        same = {
            customer_id
            for customer_id, other in self.knowledge.customers.items()
            if number and plain(other["id_number"]) == number
        }
        agreed = {
            account["customer_id"]
            for account in self.knowledge.accounts.values()
            if self.is_in_force(account)
        }
        return customer | {"spouse_name": ""} if same - agreed else customer

    # --- record 220

    def agreement_records(self, run: PlannedRun, reported: Sequence[Reading]) -> list[Built]:
        """Openings, changed limits and ends of the agreements."""
        under: dict[tuple[str, str], list[Reading]] = {}
        for reading in reported:
            under.setdefault((reading.reporter, reading.agreement), []).append(reading)
        batch = []
        for reporter, code, rows in self.knowledge.agreements():
            subject = (reporter, "220", code)
            before = [built for built in self.sent if built.subject == subject]
            batch_210 = under.get((reporter, code), [])
            again = [built for built in self.pending if built.subject == subject]
            told = {reading.account["account_id"] for reading in batch_210}
            # nobody else may be named: the others under it have not agreed to anything
            named = [row for row in rows if row["account_id"] in told or self.is_in_force(row)]
            is_ended = bool(before) and before[-1].code == "20"
            is_followed = before and named and not run.is_supplement
            if is_ended or not named or not (batch_210 or again or is_followed):
                continue
            since = {row["account_id"]: self.authorized_since(row, batch_210) for row in named}
            limits = self.knowledge.limits[code]
            anybody = self.knowledge.customers[named[0]["customer_id"]]
            blank = Agreement(reporter, code, anybody, rows[0]["opened_on"], limits)
            days = [reading.report_date for reading in batch_210] + [built.on for built in again]
            closed: list[date | None] = []
            closed += [r.report_date for r in batch_210 if not r.is_loan and r.is_closed]
            closed += [self.closed_on(code) for built in again if built.code == "20"]
            for on, c in self.codes(blank, days, closed, run.month, before):
                agreed = [row for row in named if since[row["account_id"]] <= on]
                if agreed:
                    customer = self.knowledge.customers[agreed[0]["customer_id"]]
                    agreement = replace(blank, customer=customer)
                    batch.append(Built((*subject, on), agreement_record(agreement, on, c)))
        return batch

    def authorized_since(self, account: Row, reported: Sequence[Reading]) -> date:
        """Since when an account under an agreement may be told of."""
        account_id = account["account_id"]
        days = [
            r.verdict["authorized_on"] for r in reported if r.account["account_id"] == account_id
        ]
        if self.is_in_force(account):
            days.append(self.own[account_id].verdict["authorized_on"])
        return min(days)

    def codes(
        self,
        agreement: Agreement,
        days: Sequence[date],
        closed: Sequence[date | None],
        month: date,
        before: Sequence[Built],
    ) -> list[tuple[date, str]]:
        """Date and report-time code of each record of an agreement in this run.

        ``days`` on which accounts under it are reported, and ``closed`` those on which one ends.
        """
        month_end = last_day(month)
        no_limit = agreement.limit_on(month_end) == 0
        ended_on = min(filter(None, closed), default=month_end if no_limit else None)
        found: list[tuple[date, str]] = []
        last = before[-1].record if before else None
        if last is None:
            opened_on = min(days)
            if agreement.limit_on(opened_on) is None:  # it opens when there is a limit to tell
                opened_on = ended_on or month_end
            if agreement.limit_on(opened_on) is None:
                return []
            if ended_on is not None and opened_on.replace(day=1) == ended_on.replace(day=1):
                return [(ended_on, "20")]
            found = [(opened_on, "10")]
            last = agreement_record(agreement, opened_on, "10")
        now = yuan(agreement.limit_on(month_end))
        if ended_on is not None:
            found.append((ended_on, "20"))
        elif now not in ("", last["CreditLimSgmt"]["CreditLim"]):
            found.append((month_end, "30"))
        return found

    def closed_on(self, account_id: str) -> date | None:
        """The closing day of an account, as known now."""
        day: date | None = self.knowledge.accounts.get(account_id, {}).get("closed_on")
        return day

    def may_be_named(
        self, customer_id: str, reporter: str, on: date, reported: Sequence[Reading]
    ) -> bool:
        """Whether a person may be named to an institution again, about that day."""
        told = {reading.account["account_id"] for reading in reported}
        return any(
            self.authorized_since(row, reported) <= on
            for row in self.knowledge.accounts.values()
            if (row["customer_id"], row["reporter_code"]) == (customer_id, reporter)
            and (row["account_id"] in told or self.is_in_force(row))
        )

    def is_in_force(self, account: Row) -> bool:
        """Whether the account is open or was, of an identified adult, and authorized today."""
        own = self.own[account["account_id"]]
        customer = own.customer
        return (
            own.reason != "NOT_YET_OPEN"
            and customer is not None
            and identity_holds(customer)
            and customer["birth_date"] is not None
            and account["opened_on"] >= came_of_age_on(customer["birth_date"])
            and own.consent.period is not None
        )


def is_account(built: Built) -> bool:
    """Whether it is a record 210."""
    return built.key[1] == "210"


def last_told(before: Iterable[Built], segment: str) -> Record | None:
    """The segment as it last went out."""
    told = [built.record[segment] for built in before if segment in built.record]
    return told[-1] if told else None


def same_person(one: Record, other: Record) -> bool:
    """Whether two records 110 bear the same three marks."""
    return identity(one) == identity(other)


def identity(person: Record) -> tuple[Any, ...]:
    """The three marks by which the bureau knows a person, of a record 110."""
    return tuple(person["BsSgmt"][mark] for mark in ("Name", "IDType", "IDNum"))


def without(segment: Record | None, tag: str) -> Record | None:
    """A segment without its update date."""
    return segment and {name: value for name, value in segment.items() if name != tag}


def submissions(
    raw: dict[str, Rows],
    policy: dict[str, Row],
    districts: dict[str, str],
    runs: Iterable[PlannedRun],
    withheld: Sequence[AbstractSet[Key]] = (),
) -> list[RunOutcome]:
    """The outcome of every run; ``withheld`` holds per run what a rule withheld."""
    replay = Replay(raw, policy, districts)
    return [
        replay.submit(run, withheld[number] if number < len(withheld) else frozenset())
        for number, run in enumerate(runs)
    ]
