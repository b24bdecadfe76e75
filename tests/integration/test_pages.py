"""The site of a built book: what a month's page says is what its tables say, in both languages."""

import html
import re
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from support.airflow_pages import CHROMIUM, FLAGS, needs_browser
from support.lender_months import MONTHS, Lender
from support.locked_home import held_by_another

from reporting.core.errors import BadCall
from reporting.core.seeds import seed_rows
from reporting.core.settings import Settings
from reporting.pages import dbt_docs, renew, trend
from reporting.pages.site import page_in
from reporting.records.rules import load_rules
from reporting.store.published import TABLES
from reporting.store.published_database import open_published
from reporting.store.submission_ledger import run_states
from reporting.submission.review import review

MONTH = MONTHS[-1]
SECTIONS = (
    *("verdict", "glance", "figures", "reasons", "statuses", "aging", "reconciliation", "files"),
    *("checks", "warnings", "waits"),
)
WIDTHS = (1280, 390)
# Elements whose text is wider than themselves or than the box that they stand in; what scrolls on
# purpose is left out on a phone.
CUT_OFF = """
width => [...document.querySelectorAll('main *:not(pre):not(svg *)')].filter(one => {
  if (one.closest('.scroll') || (width < 800 && one.closest('.wide'))) return false;
  const box = one.getBoundingClientRect();
  return box.width > 0 && (box.right > width + 1 || one.scrollWidth > one.clientWidth + 1
    && getComputedStyle(one).display !== 'inline' && one.clientWidth > 0);
}).map(one => one.outerHTML.slice(0, 120))
"""
CUT_OFF_DRAWING = """
() => [...document.querySelectorAll('svg text')].filter(one => {
  const box = one.getBoundingClientRect(), whole = one.closest('svg').getBoundingClientRect();
  return box.left < whole.left - 1 || box.right > whole.right + 1 || box.bottom > whole.bottom + 1;
}).map(one => one.outerHTML)
"""


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(lender_book: Lender) -> str:
    return text_of(lender_book.settings.month_page(MONTH))


def section(page: str, name: str) -> str:
    return page.partition(f'<section id="{name}"')[2].partition("</section>")[0]


def test_the_sections_stand_in_the_order_in_which_a_month_is_decided(page: str) -> None:
    assert tuple(re.findall(r'<section id="(\w+)"', page)) == SECTIONS


def test_the_verdict_says_what_comes_next(page: str) -> None:
    said = section(page, "verdict")
    assert "Built, and waits for approval. Nothing has been sent." in said
    assert "2026-06-10" in said  # the deadline
    assert f"reporting approve --month {MONTH}" in said


def test_the_five_figures_are_those_of_the_tables(lender_book: Lender, page: str) -> None:
    ((reported, withheld),) = lender_book.query(
        "select count(distinct account_id) filter (where record_type = '210' "
        "and state = 'BUILT'), count(*) filter (where state = 'WITHHELD') "
        "from marts.submission_records where report_month = ?",
        f"{MONTH}-01",
    )
    overdue = overdue_of_the_ledger(lender_book)
    shown = re.findall(r"<b>([^<]+)</b>", section(page, "figures"))
    assert len(shown) == 5
    assert (shown[0], shown[1], shown[4]) == (f"{reported:,}", f"{overdue:,.2f}", f"{withheld:,}")
    for before in MONTHS[:-1]:
        assert section(page, "figures").count(f"<span>{before}</span>") == 5


def overdue_of_the_ledger(lender_book: Lender) -> Decimal:
    """What the accounts owe that are reported for the month: each once, from the ledger itself."""
    ((overdue, records_of_earlier_months),) = lender_book.query(
        "select sum(overdue_total), (select count(*) from marts.submission_records as records "
        "where records.report_month = $1 and report_date < $1 and records.overdue_total > 0 "
        "and state = 'BUILT') from marts.repayment_status as status "
        "semi join marts.reportable_population as reportable on reportable.is_reportable "
        "and status.account_id = reportable.account_id "
        "and status.report_month = reportable.report_month "
        "anti join marts.months_owed as pending on status.account_id = pending.account_id "
        "and status.report_month = pending.report_month "
        "and status.report_month = pending.owed_month where status.report_month = $1",
        f"{MONTH}-01",
    )
    assert records_of_earlier_months  # else a wrong sum would be right
    return Decimal(overdue)


def test_an_approver_is_shown_the_same_overdue_amount(lender_book: Lender) -> None:
    (state,) = [one for one in run_states(lender_book.settings) if one.run.label == MONTH]
    shown = review(state, lender_book.settings).groups["accounts by status"]
    assert shown[-1].startswith(f"overdue in all: {overdue_of_the_ledger(lender_book):,.2f} CNY (")


def test_every_account_stands_in_one_reason_with_its_sentence(
    lender_book: Lender, page: str
) -> None:
    ((accounts,),) = lender_book.query(
        "select count(*) from marts.reportable_population where report_month = ?", f"{MONTH}-01"
    )
    shown = section(page, "reasons")
    counts = re.findall(r'<tr><td class="n">([\d,]+)</td>', shown)
    assert sum(int(count.replace(",", "")) for count in counts) == accounts
    chinese = text_of(lender_book.settings.month_page(MONTH).with_name("index.zh.html"))
    for row in seed_rows("reasons"):
        if f"<code>{row['reason_code']}</code>" in shown:
            assert row["sentence"] in html.unescape(shown)
            assert row["sentence_zh"] in html.unescape(chinese)


def test_each_query_that_is_shown_gives_what_is_shown(lender_book: Lender, page: str) -> None:
    """Every count that a query gives stands in its section, except what a section shows by others.

    A month before is shown as a change, and of a check that passed only that it passed.
    """
    shown_by_others = {"accounts_before", "rows_checked"}
    compared: dict[str, int] = {}
    with open_published(lender_book.settings) as connection:
        for name in SECTIONS:
            text = section(page, name)
            said = re.sub(r"<pre>.*?</pre>|<[^>]+>", " ", text, flags=re.S)
            numbers = {int(one.replace(",", "")) for one in re.findall(r"\d[\d,]*", said)}
            for query in re.findall(r"<pre><code>(.*?)</code>", text, re.S):
                found = connection.execute(html.unescape(query))
                columns = [column[0] for column in found.description or []]
                for row in found.fetchall():
                    values = dict(zip(columns, row, strict=True))
                    if values.get("bucket") == "not overdue":
                        continue
                    for column, value in values.items():
                        if value and type(value) is int and column not in shown_by_others:
                            assert abs(value) in numbers, (name, values)
                            compared[name] = compared.get(name, 0) + 1
    assert set(compared) == {
        *("figures", "reasons", "statuses", "aging", "reconciliation", "files", "checks", "waits"),
    }


def test_the_files_stand_with_their_whole_hash(lender_book: Lender, page: str) -> None:
    shown = re.sub("<wbr>", "", section(page, "files"))
    built = lender_book.query(
        "select built_name, sha256 from marts.submission_events where event = 'BUILT' "
        "and built_name is not null and report_month = ?",
        f"{MONTH}-01",
    )
    assert built
    for name, digest in built:
        assert name in shown
        assert digest in shown


def test_failed_checks_say_whom_they_harm_and_what_to_do(page: str) -> None:
    shown = section(page, "checks")
    assert shown.count('<li class="check') == shown.count("Whom it harms:")
    assert shown.count("To do:") >= 5
    assert 'class="timeline"' in shown


def test_the_chinese_pages_say_in_chinese_what_a_check_and_a_rule_means(
    lender_book: Lender, page: str
) -> None:
    settings = lender_book.settings
    month = settings.month_page(MONTH)
    checks = settings.check_page(MONTH)
    trend, guide = (settings.pages / name / "index.html" for name in ("trend", "guide"))
    for english in (month, checks, trend, guide):
        main = text_of(page_in("zh", english)).partition("<main>")[2]
        assert 'lang="zh-CN"' in main, english
        assert 'lang="en"' not in main, english
    failed = '<li class="check'
    assert text_of(page_in("zh", month)).count(failed) == page.count(failed)
    for rule in load_rules():
        assert rule.sentence_zh in html.unescape(
            text_of(page_in("zh", settings.pages / "rules" / "index.html"))
        )


def test_the_same_month_gives_the_same_bytes_and_no_page_loads_from_elsewhere(
    lender_book: Lender,
) -> None:
    settings = lender_book.settings
    before = {path: path.read_bytes() for path in settings.pages.rglob("*.*") if path.is_file()}
    renew.renew(settings)
    for path, content in before.items():
        assert path.read_bytes() == content, path
        assert not re.search(rb"<(script|img|iframe)\b|url\(|@import|https?://", content), path


def test_every_link_leads_to_a_page(lender_book: Lender) -> None:
    pages = lender_book.settings.pages
    for path in pages.rglob("*.html"):
        for link in re.findall(r'href="([^"]+)"', text_of(path)):
            target, _, anchor = html.unescape(link).partition("#")
            led_to = (path.parent / target).resolve() if target else path
            assert led_to.is_file(), (path, link)
            if anchor:
                name = re.sub("%2A", "*", anchor)
                assert f'id="{name}"' in text_of(led_to), (path, link)


def test_the_dictionary_describes_every_published_table(lender_book: Lender) -> None:
    pages = lender_book.settings.pages
    text = text_of(pages / "dictionary" / "index.html")
    assert [table for table in TABLES if f'id="marts.{table}"' not in text] == []
    assert 'id="raw.customers"' in text
    assert 'id="V29"' in text_of(pages / "rules" / "index.html")


def test_no_page_names_a_person(lender_book: Lender) -> None:
    text = "".join(text_of(path) for path in lender_book.settings.pages.rglob("*.html"))
    people = duckdb.sql(
        "select name, id_number, mobile_number, residence_address "
        f"from '{lender_book.settings.landing}/customers/**/*.parquet'"
    ).fetchall()
    values = {str(value) for row in people for value in row if value and len(str(value)) > 2}
    assert len(values) > 100
    assert [value for value in values if value in text] == []


@needs_browser
def test_a_first_month_says_that_it_has_nothing_to_compare_with(lender_book: Lender) -> None:
    first = lender_book.settings.month_page(MONTHS[0]).read_text(encoding="utf-8")
    later = lender_book.settings.month_page(MONTHS[1]).read_text(encoding="utf-8")
    assert "nothing to compare its metrics with" in section(first, "glance")
    assert "nothing to compare its metrics with" not in section(later, "glance")


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off_and_nothing_scrolls_sideways(width: int, lender_book: Lender) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    settings: Settings = lender_book.settings
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        shown = browser.new_page(viewport={"width": width, "height": 900})
        for path in sorted(settings.pages.rglob("*.html")):
            if path.parent.name in MONTHS[:-1] or path.parent.name == "dbt":
                continue
            shown.goto(path.as_uri())
            assert shown.evaluate("document.documentElement.scrollWidth") <= width, path
            assert shown.evaluate(CUT_OFF, width) == [], path
            assert shown.evaluate(CUT_OFF_DRAWING) == [], path
        browser.close()


def test_the_command_works_in_a_home_that_was_restored_and_in_none_where_a_run_works(
    lender_book: Lender, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = lender_book.settings
    shutil.copytree(kept.published, tmp_path / "published")
    shutil.copytree(kept.ledger, tmp_path / "ledger")
    settings = kept.model_copy(update={"home": tmp_path})
    renew.renew(settings, [], are_checks_new=False)  # as after an act
    assert trend.trend_page(settings).is_file()
    front = dbt_docs.build_pages(settings)
    assert settings.month_page(MONTHS[-1]).is_file()
    for month in MONTHS:
        page = text_of(settings.check_page(month))
        kept_page = text_of(kept.check_page(month))
        assert sorted(page.split()) == sorted(kept_page.split())
    assert "dbt's documentation was left out: no month has a build store" in caplog.text
    assert 'href="dbt/index.html"' not in text_of(front)
    with held_by_another(settings), pytest.raises(BadCall, match="is working in"):
        dbt_docs.build_pages(settings)


def test_the_command_writes_the_site_with_dbts_documentation(lender_book: Lender) -> None:
    front = dbt_docs.build_pages(lender_book.settings)
    assert front == lender_book.settings.pages / "index.html"
    assert 'href="dbt/index.html"' in text_of(front)
    assert "repayment_status" in text_of(front.parent / "dbt" / "index.html")
