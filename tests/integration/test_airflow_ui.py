"""`make airflow`: who gets in, and a browser whose form refuses what is no month.

The landing zone is empty, so the month must stop at its first step: nothing needs to be built.
"""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from support.airflow_pages import needs_browser, signed_in
from support.airflow_server import (
    PATIENCE,
    AirflowServer,
    needs_make,
    processes_of,
    running_airflow,
    start_airflow,
)
from support.lender_months import settings_in

DAG = "/dags/monthly_credit_reporting"
USERS = ["builder", "approver"]
PAGES = "/reporting/pages"
ELSEWHERE = "no page of a month"
MONTH_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>2026-05</title>
<link rel="stylesheet" href="style.css"></head><body><h1>The month 2026-05</h1></body></html>
"""

pytestmark = needs_make


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowServer]:
    """A running Airflow over an empty landing zone."""
    folder = tmp_path_factory.mktemp("ui") / "a path with spaces"
    folder.mkdir()
    settings = settings_in(folder)
    Path(settings.landing).mkdir()
    page = settings.month_page("2026-05")
    page.parent.mkdir(parents=True)
    page.write_text(MONTH_PAGE, encoding="utf-8")
    page.with_name("style.css").write_text("h1 { font-style: italic; }", encoding="utf-8")
    (settings.home / "hash.key").write_text(ELSEWHERE, encoding="utf-8")
    (settings.pages / "link").symlink_to(settings.home)
    with running_airflow(settings) as server:
        yield server


def sockets_of(process: int) -> set[str]:
    """The inodes of the sockets that a process holds open."""
    found = set()
    for link in Path(f"/proc/{process}/fd").glob("*"):
        try:
            target = str(link.readlink())
        except OSError:  # closed, or the process has ended
            continue
        if target.startswith("socket:["):
            found.add(target.removeprefix("socket:[").removesuffix("]"))
    return found


def listeners(session: int) -> set[str]:
    """Every local address at which a process of the session listens, as the kernel writes it."""
    sockets = {inode for process in processes_of(session) for inode in sockets_of(process)}
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {line[1] for line in lines if line[3] == "0A" and line[9] in sockets}


@pytest.mark.nightly
def test_where_a_part_cannot_run_the_others_are_stopped_too(tmp_path):
    settings = settings_in(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server, output = start_airflow(settings, taken.getsockname()[1])
        assert server.wait(PATIENCE) != 0
    printed = output.read_text(encoding="utf-8")
    assert "address already in use" in printed
    assert "A part of Airflow has ended" in printed
    assert not processes_of(server.pid)


def test_only_this_machine_can_connect_and_only_to_the_web_server(server):
    """Looked at when a task has run, so that whatever may listen does."""
    with server.client() as client:
        month = {"logical_date": None, "conf": {"month": "2026-05"}}
        run = client.post(f"{DAG}/dagRuns", json=month).raise_for_status().json()
        assert run["triggering_user_name"] == "builder"
        for _ in range(PATIENCE):
            if run["state"] in ("success", "failed"):
                break
            time.sleep(1)
            run = client.get(f"{DAG}/dagRuns/{quote(run['dag_run_id'])}").raise_for_status().json()
    assert run["state"] == "failed"
    port = int(server.address.rpartition(":")[2])
    assert listeners(server.session) == {f"0100007F:{port:04X}"}  # 127.0.0.1 in network order


def test_without_the_password_of_a_user_nothing_is_answered(server):
    api = f"{server.address}/api/v2{DAG}"
    assert httpx.get(api).status_code == httpx.codes.UNAUTHORIZED
    assert httpx.get(f"{server.address}/auth/token").status_code == httpx.codes.FORBIDDEN
    for user, password in [
        ("builder", server.password("approver")),
        ("builder", server.password("builder") + "x"),
        ("admin", "admin"),
    ]:
        assert server.log_in(user, password).status_code == httpx.codes.UNAUTHORIZED
    for user in USERS:
        with server.client(user) as client:
            assert client.get(DAG).status_code == httpx.codes.OK


def test_the_page_of_a_month_is_for_whoever_is_signed_in(server):
    page = f"{server.address}{PAGES}/2026-05/index.html"
    stranger = httpx.get(page)
    assert stranger.status_code == httpx.codes.TEMPORARY_REDIRECT
    assert stranger.headers["Location"] == f"/api/v2/auth/login?next={quote(page, safe='')}"
    for user in USERS:
        with server.client(user) as client:
            answer = client.get(page)
            assert (answer.status_code, answer.text) == (httpx.codes.OK, MONTH_PAGE)
            assert (
                "connect-src 'none'; form-action 'none'"
                in (answer.headers["Content-Security-Policy"])
            )
            assert client.get(f"{server.address}{PAGES}/2026-05/").text == MONTH_PAGE


def test_nothing_beside_the_pages_is_handed_out(server):
    with server.client("approver") as client:
        for place in [
            "2026-04/index.html",
            "../hash.key",
            "%2e%2e/hash.key",
            "..%2fhash.key",
            "2026-05/..%2f..%2fhash.key",
            "link/hash.key",
            "%2fetc/passwd",
            "%00",
        ]:
            answer = client.get(f"{server.address}{PAGES}/{place}")
            assert answer.status_code == httpx.codes.NOT_FOUND, place
            assert ELSEWHERE not in answer.text
        run = client.get(f"{server.address}/reporting/of_run", params={"run_id": "no run"})
        assert run.status_code == httpx.codes.NOT_FOUND


def test_a_builder_sees_connections_and_an_approver_does_not(server):
    answers = []
    for user in USERS:
        with server.client(user) as client:
            answers.append(client.get("/connections").status_code)
    assert answers == [httpx.codes.OK, httpx.codes.FORBIDDEN]


def test_an_approver_changes_nothing_and_nobody_writes_what_tasks_hand_over(server):
    """An answer is all that an approver gives; test_approval_pages.py gives one."""
    month = {"logical_date": None, "conf": {"month": "2026-05"}}
    with server.client("builder") as client:
        name = client.post(f"{DAG}/dagRuns", json=month).raise_for_status().json()["dag_run_id"]
    task = f"{DAG}/dagRuns/{quote(name)}/taskInstances/approve"
    tasks = {"dag_run_id": name, "task_ids": ["land"], "dry_run": True}
    answer = {"key": "return_value", "value": {"chosen_options": ["Approve"]}}
    answers = {}
    for user in USERS:
        with server.client(user) as client:
            asked = [
                client.post(f"{DAG}/dagRuns", json=month),
                client.patch(DAG, json={"is_paused": False}),
                client.post(f"{DAG}/clearTaskInstances", json=tasks),
                client.patch(f"{task}/dry_run", json={"new_state": "success"}),
                client.post(f"{task}/xcomEntries", json=answer),
                client.patch(f"{task}/xcomEntries/return_value", json=answer),
            ]
            answers[user] = [one.status_code for one in asked]
    allowed, refused = httpx.codes.OK, httpx.codes.FORBIDDEN
    assert answers["builder"] == [allowed] * 4 + [refused] * 2
    assert answers["approver"] == [refused] * 6


def test_a_request_to_a_foreign_host_name_is_refused(server):
    with server.client() as client:
        for name in ["attacker.example", "localhost.attacker.example", "www.localhost", ""]:
            answer = client.get(DAG, headers={"Host": name})
            assert answer.status_code == httpx.codes.BAD_REQUEST, name


def test_passwords_are_in_a_file_of_the_owner_alone_and_in_no_log(server):
    assert server.passwords.stat().st_mode & 0o777 == 0o600
    for folder in (server.home, server.home.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    home = server.home.parent.parent
    printed = (home / "airflow.log").read_text(encoding="utf-8")
    assert str(server.passwords) in printed
    logs = [path for path in home.rglob("*.log") if path.is_file()]
    assert len(logs) > 1
    for user in USERS:
        password = server.password(user).encode()
        assert len(password) == 20
        assert not [path for path in logs if password in path.read_bytes()]


@pytest.mark.nightly
@needs_browser
def test_a_month_is_triggered_from_the_form_and_its_fault_is_told(server):
    with signed_in(server, "builder", DAG) as page:
        page.get_by_role("button", name="Trigger").first.click()
        trigger = page.get_by_role("dialog").get_by_role("button", name="Trigger")

        page.locator("#element_month").fill("May")
        trigger.click()
        page.get_by_text("Invalid input for param month").wait_for()

        page.locator("#element_month").fill("2026-05")
        trigger.press("Enter")  # the message about "May" may cover the button
        page.wait_for_url("**/runs/manual__*")
        run = page.url
        page.get_by_test_id("state-badge").get_by_text("Failed").first.wait_for()

        page.goto(f"{run}/tasks/land")
        page.get_by_text("table customers: no Parquet or CSV file").first.wait_for()

        page.goto(run)
        page.get_by_role("link", name="Month", exact=True).click()
        title = page.frame_locator("iframe").get_by_role("heading", name="The month 2026-05")
        sync_api = pytest.importorskip("playwright.sync_api")
        # a heading can be seen before its style sheet has arrived
        sync_api.expect(title).to_have_css("font-style", "italic", timeout=PATIENCE * 1000)


@needs_browser
def test_a_link_to_a_page_leads_by_the_login_to_the_page(server):
    with signed_in(server, "approver", f"{PAGES}/2026-05/index.html") as page:
        page.get_by_role("heading", name="The month 2026-05").wait_for()


def test_each_task_says_what_it_does_and_who_owns_it(server):
    tasks = {one["task_id"]: one for one in server.get(f"{DAG}/tasks")["tasks"]}
    assert all(task["doc_md"] for task in tasks.values())
    assert tasks["check_landing"]["doc_md"].startswith("Check the landed rows as a whole.")
    assert "docs/checks.md" in tasks["check_records"]["doc_md"]
    owners = {name: task["owner"] for name, task in tasks.items()}
    assert owners["land"] == owners["check_landing"] == "data_delivery"
    assert owners["check_records"] == owners["approve"] == "compliance"
    assert {owners[name] for name in ("build_marts", "publish", "release")} == {"pipeline"}
