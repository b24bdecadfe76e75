"""Every setting of the project, read once from the environment (prefix ``REPORTING_``)."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from reporting.core.errors import BadCall

PROJECT_ROOT = Path(__file__).resolve().parents[3]
DBT_PROJECT = PROJECT_ROOT / "dbt_project"
EXPECTATIONS = PROJECT_ROOT / "expectations"
HOME_SIGNS = "{}?#"  # Jinja in dbt, and a query or fragment where DuckDB takes a path for a URL
URL_OR_EMPTY = r"^(https?://\S+)?$"
FINGERPRINT = r"^([0-9A-Fa-f]{40})?$"


class Settings(BaseSettings):
    """Paths and the choices a lender makes; each field is one environment variable."""

    model_config = SettingsConfigDict(
        env_prefix="REPORTING_", extra="ignore", env_ignore_empty=True
    )

    home: Path = Field(Path("data"), description="Everything the system writes lives below here.")
    landing: str = Field("data/landing", description="Landing zone: a local folder or a URL.")
    policy: Path | None = Field(None, description="Product policy CSV instead of the seed.")
    waivers: Path | None = Field(None, description="Waived warnings; empty: waivers.csv in home.")
    notice_lead_days: int = Field(
        0, ge=0, le=366, description="Days a notice must precede the cut-off."
    )
    minimum_group_size: int = Field(
        10, ge=1, le=1_000_000, description="Smaller groups are folded together."
    )
    full_rebuild: bool = Field(
        False, description="Read all history instead of what the month before carried forward."
    )
    cut_off_day: int = Field(3, ge=1, le=28, description="Day of the next month: default cut-off.")
    deadline_day: int = Field(
        10, ge=1, le=28, description="Day of the next month by which a month must be submitted."
    )
    deadline_warning_days: int = Field(
        3, ge=0, le=27, description="Days before that day from which the daily watch reminds."
    )
    pages_url: str = Field(
        "", pattern=URL_OR_EMPTY, description="Where people see home's pages; empty: the paths."
    )
    docs_url: str = Field(
        "", pattern=URL_OR_EMPTY, description="Where people see docs/; empty: the paths."
    )
    kept_build_stores: int = Field(
        13, ge=1, description="Months whose private build stores, with clear names, are kept."
    )
    escalation_days: int = Field(
        3, ge=1, description="Days after which an unanswered critical alert goes to compliance too."
    )
    approvers: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Who may approve a month, separated by commas; empty: any second person."
    )
    approval_days: int = Field(7, ge=1, le=36_500, description="Days for which an approval holds.")
    repair_days: int = Field(
        10, ge=1, le=366, description="Days in which a rejected record is repaired."
    )
    answer_days: int = Field(
        5, ge=1, le=366, description="Days in which the bureau answers a file."
    )
    gnupg_home: Path | None = Field(
        None, description="GnuPG's folder of keys; empty: secure/gnupg in home."
    )
    lender_key: str = Field(
        "", pattern=FINGERPRINT, description="Fingerprint of the key that signs what leaves."
    )
    bureau_key: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Fingerprints of the bureau's keys, by commas; the first one encrypts."
    )
    archive_key: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Fingerprints of the keys that can read the archive, by commas."
    )
    passphrase_file: Path | None = Field(
        None, description="File (mode 0600) of the passphrase; empty: GnuPG's agent has it."
    )
    transport: Literal["outbox", "folder", "sftp"] = Field(
        "outbox", description="How sealed files are delivered to the bureau."
    )
    bureau_folder: Path | None = Field(
        None, description="Transport folder: the folder with the bureau's in/ and out/."
    )
    read_back: bool = Field(
        True, description="Read an uploaded file back and compare its hash; false: its size only."
    )
    memory_limit: str = Field("", description="DuckDB memory limit, such as 8GB; empty: DuckDB's.")
    threads: int = Field(0, ge=0, description="DuckDB threads; 0: one per core.")
    engine: Literal["duckdb", "spark"] = Field("duckdb", description="What builds the marts.")
    spark_master: str = Field("local[*]", description="Spark's master: this machine or a cluster.")

    @field_validator("approvers", "bureau_key", "archive_key", mode="before")
    @classmethod
    def _is_a_list(cls, words: object) -> object:
        if isinstance(words, str):
            return tuple(word.strip() for word in words.split(",") if word.strip())
        return words

    @field_validator("bureau_key", "archive_key")
    @classmethod
    def _are_fingerprints(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [key for key in keys if not re.fullmatch(FINGERPRINT, key)]:
            raise ValueError(f"{wrong[0]} is not a full fingerprint of 40 hexadecimal digits")
        return keys

    @field_validator("bureau_key", "archive_key")
    @classmethod
    def _are_apart(cls, keys: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        # sealed for ourselves the bureau cannot read it; signed by ourselves it is no answer
        is_bureau = info.field_name == "bureau_key"
        taken = [info.data.get("lender_key", "")] if is_bureau else info.data.get("bureau_key", ())
        if shared := {key.upper() for key in keys} & {key.upper() for key in taken}:
            other = "REPORTING_LENDER_KEY" if is_bureau else "REPORTING_BUREAU_KEY"
            raise ValueError(f"{min(shared)} is named by {other}; the bureau has a key of its own")
        return keys

    @field_validator("home")
    @classmethod
    def _is_plain(cls, home: Path) -> Path:
        whole = str(home.resolve())
        if found := [sign for sign in HOME_SIGNS if sign in whole]:
            raise ValueError(f"the path {whole} holds {' '.join(found)}; name one without")
        return home

    @property
    def landing_folder(self) -> Path:
        """The landing zone as a folder that can be written; BadCall where it is a URL."""
        if "://" in self.landing:
            raise BadCall("setting REPORTING_LANDING: a book goes to a local folder, not a URL")
        return Path(self.landing)

    @property
    def published(self) -> Path:
        """Folder of the published database and its Parquet tables."""
        return self.home.resolve() / "published"

    @property
    def published_database(self) -> Path:
        """The database that analysts open read-only."""
        return self.published / "reporting.duckdb"

    @property
    def submissions(self) -> Path:
        """Folder of the submission files, one folder per institution and month."""
        return self.home.resolve() / "submissions"

    @property
    def notices(self) -> Path:
        """Folder of the advance notices to send, one folder per month; mode 0700."""
        return self.home.resolve() / "notices"

    @property
    def work(self) -> Path:
        """Folder of the private build stores, one per month; mode 0700."""
        return self.home.resolve() / "work"

    @property
    def ledger(self) -> Path:
        """The submission ledger: what was built, approved, released and answered."""
        return self.home.resolve() / "ledger"

    @property
    def outbox(self) -> Path:
        """Folder of the sealed files as sent, by institution and run; mode 0700."""
        return self.home.resolve() / "outbox"

    @property
    def inbox(self) -> Path:
        """Folder of the bureau's sealed answers: new, read and refused ones; mode 0700."""
        return self.home.resolve() / "inbox"

    @property
    def key_folder(self) -> Path:
        """GnuPG's folder of keys."""
        return (self.gnupg_home or self.home / "secure" / "gnupg").resolve()

    @property
    def pages(self) -> Path:
        """Folder of the pages that people look at; nothing in it names a person."""
        return self.home.resolve() / "pages"

    def month_page(self, label: str) -> Path:
        """The page of a month (YYYY-MM), or of a supplement."""
        return self.pages / label / "index.html"

    def check_page(self, label: str) -> Path:
        """The page of all checks of a month, or of a supplement."""
        return self.pages / label / "checks" / "index.html"

    @property
    def alert_events(self) -> Path:
        """The file of what happened to each alert; it only grows."""
        return self.home.resolve() / "alerts" / "events.jsonl"

    def address_of(self, page: Path) -> str:
        """Where people see a page of the home folder: its URL, or its path."""
        if not self.pages_url:
            return str(page)
        below = page.relative_to(self.home.resolve()).as_posix()
        return f"{self.pages_url.rstrip('/')}/{below}"


def without_secrets(address: str) -> str:
    """A path or URL as it may be repeated: a URL without user, password, query and fragment."""
    start, mark, rest = address.partition("://")
    if not mark:
        return address
    place = re.sub(
        r"[?#].*", "?***", re.sub(r".*@", "***@", rest, flags=re.DOTALL), flags=re.DOTALL
    )
    return f"{start}://{place}"


def load_settings() -> Settings:
    """Read the settings from the environment; each wrong value is named with its variable."""
    try:
        return Settings()  # type: ignore[call-arg]  # the defaults are positional in Field
    except ValidationError as error:
        raise BadCall("\n".join(map(_as_line, error.errors()))) from None


def _as_line(fault: ErrorDetails) -> str:
    name = "REPORTING_" + "_".join(str(part) for part in fault["loc"]).upper()
    words = fault["msg"].removeprefix("Value error, ")
    return f"setting {name}: {words}; correct the variable or unset it"
