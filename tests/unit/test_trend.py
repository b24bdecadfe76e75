"""The page of all months: its numbers, its links, and months that stopped or lack a table."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.submission_views import statements_of

from reporting.core.errors import BadCall, DataNotFit
from reporting.core.run import Run, next_month
from reporting.core.seeds import reasons
from reporting.core.settings import Settings
from reporting.pages import month_checks, renew, trend
from reporting.pages.published_months import published_months
from reporting.pages.trend_cells import NOTHING, STACK_HEIGHT, share_of, stacks_of
from reporting.store import publish
from reporting.store.published_database import build_database

NONE = NOTHING.text
CHECKS = (
    "layer varchar, table_name varchar, check_id varchar, severity varchar, description varchar, "
    "rows_checked bigint, rows_failing bigint, passed boolean, is_waived boolean"
)
TABLES = {
    "data_quality_results": CHECKS,
    "reportable_population": "account_id varchar, reason_code varchar",
    "feed_counts": "table_name varchar, delivered bigint, quarantined bigint",
    "submission_records": (
        "as_of timestamp, is_supplement boolean, record_type varchar, subject_id varchar, "
        "report_date date, report_date_code varchar, reporter_code varchar, "
        "overdue_total decimal(18, 2), state varchar"
    ),
}

Rows = list[tuple[Any, ...]]


def check(name: str, failing: int = 0, severity: str = "warning", **more: Any) -> tuple[Any, ...]:
    """A result over a thousand rows; it passes where none fails."""
    return (
        more.get("layer", "marts"),
        more.get("table", "marts.reportable_population"),
        name,
        severity,
        more.get("description", "As expected."),
        1000,
        failing,
        more.get("passed", failing == 0),
        more.get("waived", False),
    )


def month_of(settings: Settings, month: str, **tables: Rows) -> None:
    """Publish tables of a month from hand-made rows."""
    files_of(settings, month, **tables)
    build(settings)


def build(settings: Settings) -> None:
    """Show the published tables, and the figures of the runs whose records are among them."""
    build_database(settings)
    with (
        duckdb.connect(str(settings.published_database)) as connection,
        suppress(duckdb.CatalogException),
    ):
        connection.execute(
            "create view marts.runs as "
            "select distinct report_month, as_of, is_supplement from marts.submission_records"
        )
        connection.execute(statements_of("submission.run_figures", "marts.run_figures"))


def files_of(settings: Settings, month: str, **tables: Rows) -> None:
    """Write published tables of a month, which the database shows once it is built."""
    run = Run.of(month, None, settings)
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        for table, rows in tables.items():
            connection.execute(f"create table t ({TABLES[table]})")
            connection.executemany(
                f"insert into t values ({', '.join('?' * len(rows[0]))})",
                rows,
            )
            connection.execute(
                f"create table marts.{table} as select date '{run.month}' as report_month, * from t"
            )
            connection.execute("drop table t")
        publish.write_tables(connection, run, settings, tuple(tables))


def accounts(**counts: int) -> Rows:
    return [(f"{code}{i}", code) for code, count in counts.items() for i in range(count)]


def records(built: int, withheld: int) -> Rows:
    states = ["BUILT"] * (built - withheld) + ["WITHHELD"] * withheld
    return [
        ("2026-06-03", False, "210", f"S{i}", None, "10", "R", None, state)
        for i, state in enumerate(states)
    ]


def whole_month(
    settings: Settings,
    month: str,
    *checks: tuple[Any, ...],
    write: Callable[..., None] = month_of,
) -> None:
    write(
        settings,
        month,
        data_quality_results=list(checks),
        reportable_population=accounts(REPORTED=30, NOT_AUTHORIZED=10),
        feed_counts=[("bills", 5000, 10), ("accounts", 400, 0)],
        submission_records=records(70, 2),
    )


class Page(HTMLParser):
    """The page's tables as rows of texts, by id; its links, and that its elements are closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.tables: dict[str, list[list[str]]] = {}
        self.classes: dict[str, list[list[str]]] = {}
        self.links: set[str] = set()
        self.open: list[str] = []
        self.words = ""
        self.feed(self.text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in ("meta", "link"):
            self.open.append(tag)
        if tag == "table":
            self.table = found["id"] or ""
            self.tables[self.table], self.classes[self.table] = [], []
        elif tag == "tr":
            self.tables[self.table].append([])
            self.classes[self.table].append([])
        elif tag in ("td", "th"):
            self.tables[self.table][-1].append("")
            self.classes[self.table][-1].append(found.get("class") or "")
        self.links |= {value for name, value in attrs if name in ("href", "src") and value}

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass  # an element without contents

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words = f"{self.words} {data.strip()}".strip()
            if "td" in self.open or ("th" in self.open and "tr" in self.open):
                row = self.tables[self.table][-1]
                row[-1] = f"{row[-1]} {data.strip()}".strip()

    def row(self, table: str, name: str) -> list[str]:
        """The cells of the row whose first cell begins with a name."""
        return next(row[1:] for row in self.tables[table] if row[0].split(" ")[0] == name)

    def kinds(self, table: str, name: str) -> list[str]:
        """The classes of a row's cells."""
        at = [row[0].split(" ")[0] for row in self.tables[table]].index(name)
        return self.classes[table][at][1:]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def written(settings: Settings) -> Path:
    with published_months(settings) as connection:
        return trend.write_trend(connection, settings)


def page_of(settings: Settings) -> Page:
    return Page(written(settings))


def test_one_month(settings: Settings) -> None:
    whole_month(settings, "2026-05", check("a"), check("b", 4), check("c", 0), check("d", 7))
    page = page_of(settings)
    assert page.tables["failed-checks"][0] == ["check", "2026-05"]
    assert page.row("failed-checks", "All") == ["50 % 2 of 4"]
    assert page.row("failed-checks", "b") == ["▲ 0.4 %"]
    assert page.row("passed-checks", "a") == ["✓"]
    assert page.row("reason-counts", "REPORTED") == ["30"]
    assert page.row("reason-counts", "NOT_AUTHORIZED") == ["10"]
    assert page.row("feed-counts", "bills") == ["5,000 0.2 % quarantined"]
    assert page.row("feed-counts", "accounts") == ["400"]
    assert page.row("feed-counts", "Records") == ["2 of 70"]
    assert "30 of 40 accounts reported" in page.words
    assert "2 checks that never failed" in page.words
    assert "../guide/index.html" in page.links


def test_a_cell_says_by_colour_and_by_words_what_became_of_a_check(settings: Settings) -> None:
    whole_month(
        settings,
        "2026-05",
        check("few", 10),
        check("some", 100),
        check("many", 101),
        check("waived", 5, waived=True),
        check("counted", 5, severity="info"),
        check("stopping", 1000, severity="critical"),
        check("tolerated", 1, passed=True),
    )
    page = page_of(settings)
    expected = {
        "few": ("▲ 1 %", "a"),
        "some": ("▲ 10 %", "b"),
        "many": ("▲ 10.1 %", "c"),
        "waived": ("▲ 0.5 % waived", "w"),
        "counted": ("i 0.5 %", "i"),
        "stopping": ("✖ 100 %", "c"),
    }
    for name, (text, kind) in expected.items():
        assert page.row("failed-checks", name) == [text]
        assert page.kinds("failed-checks", name) == [kind]
    assert page.row("passed-checks", "tolerated") == ["✓ 0.1 %"]
    assert "3 open warnings" in page.words


def test_what_failed_last_comes_first_in_its_layer_and_layers_keep_their_order(
    settings: Settings,
) -> None:
    raw = {"layer": "landing", "table": "raw.bills"}
    secure = {"layer": "records", "table": "secure.record_210"}
    whole_month(settings, "2026-04", check("old", 1), check("new"), check("r", 1, **secure))
    whole_month(
        settings,
        "2026-05",
        check("old"),
        check("new", 1),
        check("r", **secure),
        check("l", 1, **raw),
    )
    page = page_of(settings)
    names = [
        row[0].removesuffix(" warning: As expected.") for row in page.tables["failed-checks"][2:]
    ]
    assert names == [
        *("layer landing", "l"),
        *("layer marts", "new", "old"),
        *("layer records", "r"),
    ]
    assert page.row("failed-checks", "old") == ["▲ 0.1 %", "✓"]
    assert page.row("failed-checks", "l") == [NONE, "▲ 0.1 %"]


def test_a_month_that_stopped_has_checks_alone_and_says_so(settings: Settings) -> None:
    whole_month(settings, "2026-04", check("a"), check("later"))
    month_of(settings, "2026-05", data_quality_results=[check("a", 300, severity="critical")])
    page = page_of(settings)
    for table in page.tables.values():
        assert table[0][1:] == ["2026-04", "2026-05 Stopped"]
    assert page.row("failed-checks", "a") == ["✓", "✖ 30 %"]
    assert page.row("passed-checks", "later") == ["✓", NONE]
    assert page.row("reason-counts", "REPORTED") == ["30", NONE]
    assert page.row("feed-counts", "bills") == ["5,000 0.2 % quarantined", NONE]
    assert page.row("feed-counts", "Records") == ["2 of 70", NONE]
    assert "Stopped critical checks that failed: 1" in page.words
    assert "earlier build" not in page.words


def test_a_built_month_that_stopped_when_it_was_run_again(settings: Settings) -> None:
    whole_month(settings, "2026-05", check("a"))
    month_of(settings, "2026-05", data_quality_results=[check("a", 300, severity="critical")])
    page = page_of(settings)
    assert page.row("reason-counts", "REPORTED") == ["30"]
    assert "those of its earlier build" in page.words
    assert "accounts reported" not in page.words


def test_only_a_stopped_month(settings: Settings) -> None:
    month_of(settings, "2026-05", data_quality_results=[check("a", 1, severity="critical")])
    page = page_of(settings)
    assert page.row("failed-checks", "a") == ["✖ 0.1 %"]
    assert [row[0] for row in page.tables["feed-counts"][1:]] == [
        "Records withheld of the records built in the month"
    ]


def test_thirty_months(settings: Settings) -> None:
    month = date(2023, 12, 1)
    labels = []
    for number in range(30):
        label = f"{month:%Y-%m}"
        whole_month(settings, label, check("a", number), check("b"), write=files_of)
        labels.append(label)
        month = next_month(month)
    build(settings)
    page = page_of(settings)
    for table in page.tables.values():
        assert table[0][1:] == labels
        assert {len(row) for row in table} <= {31, 2}  # 2: the name of a layer
    assert page.row("failed-checks", "a")[-1] == "▲ 2.9 %"
    assert {link for link in page.links if link.startswith("../20")} == {
        f"../{label}/{page}" for label in labels for page in ("index.html", "checks/index.html")
    }


def test_results_of_an_earlier_version_have_no_waivers(settings: Settings) -> None:
    run = Run.of("2026-05", None, settings)
    with duckdb.connect() as connection:
        connection.execute(
            "create schema marts; create table marts.data_quality_results as select "
            "date '2026-05-01' as report_month, 'marts' as layer, 'marts.x' as table_name, "
            "'a' as check_id, 'warning' as severity, 'Old.' as description, 10 as rows_checked, "
            "1 as rows_failing, false as passed"
        )
        publish.publish_tables(connection, run, settings, ("data_quality_results",))
    page = page_of(settings)
    assert page.row("failed-checks", "a") == ["▲ 10 %"]
    assert "1 open warnings" in page.words


def test_text_of_a_table_is_text_on_the_page(settings: Settings) -> None:
    hostile = "<script>alert(1)</script>\"'&"
    month_of(
        settings,
        "2026-05",
        data_quality_results=[check(hostile, 1, layer=hostile, table=hostile, description=hostile)],
        reportable_population=[("A1", hostile)],
        feed_counts=[(hostile, 1, 1)],
    )
    page = page_of(settings)
    assert "<script" not in page.text
    assert "script" not in page.open
    assert page.words.count(hostile) >= 4  # layer, check, reason, feed


def test_the_same_tables_give_the_same_bytes_and_nothing_comes_from_elsewhere(
    settings: Settings,
) -> None:
    whole_month(settings, "2026-04", check("a"), check("b", 3))
    whole_month(settings, "2026-05", check("a"), check("b", 3))
    path = written(settings)
    first = path.read_bytes()
    assert written(settings).read_bytes() == first
    assert sorted(one.name for one in path.parent.iterdir()) == ["index.html", "index.zh.html"]
    assert b"http" not in first
    assert b"<script" not in first
    assert b"url(" not in first


def test_nothing_published_is_a_wrong_call(settings: Settings) -> None:
    with pytest.raises(BadCall, match="nothing is published"):
        written(settings)


def test_the_stacks_share_one_scale_and_leave_no_gap() -> None:
    codes = list(reasons())
    months = [dict.fromkeys(codes, 7), {"REPORTED": 50}, {}]
    full, half, empty = stacks_of(codes, months)
    assert [full.total, half.total, empty.total] == [7 * len(codes), 50, 0]
    assert full.parts[0].top == 0
    for upper, lower in zip(full.parts, full.parts[1:], strict=False):
        assert upper.top + upper.height == lower.top
    for stack in (full, half):
        assert stack.parts[-1].top + stack.parts[-1].height == STACK_HEIGHT
    assert half.parts[0].height == STACK_HEIGHT * 50 // full.total
    assert empty.parts == []
    assert len({part.colour for part in full.parts}) == len(codes)


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 10, "0 %"),
        (1, 100_000, "<0.1 %"),
        (1, 1000, "0.1 %"),
        (99_999, 100_000, ">99.9 %"),
        (10, 10, "100 %"),
        (1, 3, "33.3 %"),
        (0, 0, "0 / 0"),
    ],
)
def test_a_share_in_words(part: int, whole: int, words: str) -> None:
    assert share_of(part, whole) == words


def test_a_fault_of_one_page_leaves_the_others_renewed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for month in ("2026-04", "2026-05"):
        whole_month(settings, month, check("a"))
    write = renew.write_month

    def without_its_file(connection: Any, state: Any, own: Settings) -> Path:
        if state.label == "2026-04":
            raise duckdb.IOException("No files found that match the pattern")
        return write(connection, state, own)

    monkeypatch.setattr(renew, "write_month", without_its_file)
    with pytest.raises(DataNotFit, match=r"not renewed: 2026-04 \(IOException\)$"):
        renew.renew(settings)
    assert not settings.month_page("2026-04").exists()
    for page in (settings.month_page("2026-05"), settings.pages / "index.html"):
        assert page.is_file()
    assert trend.trend_page(settings).is_file()
    renew.renew_after(settings, [])  # what a run does: no fault


def test_an_unknown_event_stands_as_it_is_and_a_missing_file_of_alerts_is_no_fault(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    whole_month(settings, "2026-05", check("a"))
    event = {
        "happened_at": "2026-06-03T09:00:00",
        "event": "snoozed",
        "month": "2026-05",
        "finding": "a",
    }
    more = {"audience": "pipeline", "severity": "warning", "actor": "os:bo", "note": ""}
    settings.alert_events.write_text(json.dumps(event | more) + "\n", encoding="utf-8")
    renew.renew(settings)
    page = settings.month_page("2026-05")
    assert "<td>snoozed</td>" in page.read_text(encoding="utf-8")
    settings.alert_events.unlink()
    renew.renew(settings)
    assert "snoozed" not in page.read_text(encoding="utf-8")
    assert "month 2026-05: the file of alerts cannot be read" in caplog.text


def test_the_other_pages_lead_to_it(settings: Settings) -> None:
    whole_month(settings, "2026-05", check("a"))
    front = renew.renew(settings)
    assert front == settings.pages / "index.html"
    assert {"trend/index.html", "2026-05/index.html"} <= Page(front).links
    run = Run.of("2026-05", None, settings)
    month_checks.write_checks(run, settings, [])
    for path in (settings.month_page(run.label), settings.check_page(run.label)):
        text = path.read_text(encoding="utf-8")
        assert 'trend/index.html"' in text  # relative, so also in a copied home
    assert trend.trend_page(settings).is_file()
