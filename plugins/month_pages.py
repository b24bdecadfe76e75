"""The pages of the months behind Airflow's login: a tab of each run, and what links lead to.

The pages are files in the home folder, below ``pages``. The web server hands them out to
whoever may read the monthly DAG, with a header that keeps a page from acting in its reader's name.
Set ``REPORTING_PAGES_URL`` to ``<[api] base_url>/reporting``, and the links in alerts and in a
request for approval lead here.
"""

import functools
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

DAG = "monthly_credit_reporting"
PREFIX = "/reporting"
BASE_PATH = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")

HEADERS = {
    "Cache-Control": "no-cache",  # a page is renewed with every run
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'self' data: 'unsafe-inline' 'unsafe-eval'; connect-src 'none'; "
        "form-action 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
    ),
}
NO_PAGE_YET = "The month has no page yet: it is written with the month's first checks."


@functools.cache
def pages() -> Any:
    """The application; only the web server makes it, since tasks need not import all this."""
    from airflow.api_fastapi.common.db.common import SessionDep
    from airflow.api_fastapi.core_api.security import requires_access_dag
    from airflow.models.dagrun import DagRun
    from fastapi import Depends, FastAPI, HTTPException, Request
    from fastapi.responses import PlainTextResponse, RedirectResponse, Response
    from sqlalchemy import select
    from starlette.staticfiles import StaticFiles

    from reporting.core.settings import load_settings
    from reporting.pipeline.month_queue import month_of

    reader = [Depends(requires_access_dag("GET", param_dag_id=DAG))]
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    folder = load_settings().pages  # nothing else of the home folder is handed out
    files = StaticFiles(directory=folder, html=True, check_dir=False)

    @app.get("/of_run", dependencies=reader)
    def page_of_run(run_id: str, session: SessionDep) -> Response:
        query = select(DagRun).where(DagRun.dag_id == DAG, DagRun.run_id == run_id)
        if (run := session.scalar(query)) is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such run")
        settings, month = load_settings(), month_of(run)
        written = (settings.month_page(month), settings.check_page(month))
        page = next((one for one in written if one.is_file()), None)
        if page is None:  # while its first run is checked a month has the page of its checks alone
            return PlainTextResponse(NO_PAGE_YET, HTTPStatus.NOT_FOUND, HEADERS)
        below = page.relative_to(folder.parent).as_posix()
        return RedirectResponse(quote(below), headers=HEADERS)

    @app.get(f"/{folder.name}/{{path:path}}", dependencies=reader)
    async def page(path: str, request: Request) -> Response:
        answer = await files.get_response(path, request.scope)  # nothing beside the folder
        answer.headers.update(HEADERS)
        return answer

    @app.exception_handler(HTTPStatus.UNAUTHORIZED)
    def log_in_first(request: Request, _: Exception) -> Response:
        """Whoever follows a link without being signed in is led to the login and back."""
        login = f"{BASE_PATH}/api/v2/auth/login?next={quote(str(request.url), safe='')}"
        return RedirectResponse(login)

    return app


async def serve(scope: Any, receive: Any, send: Any) -> None:
    """The application as Airflow mounts it."""
    await pages()(scope, receive, send)


class MonthPages(AirflowPlugin):
    """A tab of each run that shows the page of its month."""

    name = "month_pages"
    fastapi_apps: ClassVar = [{"app": serve, "url_prefix": PREFIX, "name": "Pages of the months"}]
    external_views: ClassVar = [
        {
            "name": "Month",
            "href": f"{BASE_PATH}{PREFIX}/of_run?run_id={{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "month",
        }
    ]
