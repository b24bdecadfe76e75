"""The guard around every command and task: errors in one safe line, and silent library loggers.

Python prints an error with its causes, and a library's error may quote a row. So under the
scheduler and at the command line an error is raised as one line of our own, without its causes.
"""

import gc
import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from reporting.core import safe_text
from reporting.core.errors import ReportingError, Unforeseen

Result = TypeVar("Result")

# Their errors reach us as exceptions or results; their log lines may quote rows.
LIBRARIES = (
    *("great_expectations", "sqlalchemy", "dbt", "duckdb", "fsspec", "py4j", "pyspark"),
    *("apprise", "httpx", "httpcore", "urllib3", "requests", "asyncio"),
    *("s3fs", "aiobotocore", "botocore", "aiohttp"),
)
NOTHING = logging.CRITICAL + 1


def guarded(work: Callable[[], Result]) -> Result:
    """Do some work; any error is raised as a ReportingError of one line, without its causes.

    Airflow's own exceptions pass unchanged: with them a task is rescheduled.
    """
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(NOTHING)
    try:
        return work()
    except BaseException as error:
        if not isinstance(error, Exception):  # an interrupt, or the end of the process
            raise
        left = error if _may_leave(error) else _without_words(error)
    # outside the handler, so that Python does not chain it to the error it replaces
    left.__cause__ = left.__context__ = None
    clear_after_dbt()
    raise left


def clear_after_dbt() -> None:
    """Free what dbt left in reference cycles.

    Airflow ends a task's process without cleaning up: dbt's semaphores would be logged as leaked,
    as an error in the log of a successful task.
    """
    if "dbt" in sys.modules:
        gc.collect()


def _may_leave(error: Exception) -> bool:
    return isinstance(error, ReportingError) or type(error).__module__.startswith("airflow.")


def _without_words(error: Exception) -> Unforeseen:
    words = safe_text.of_error(error)
    frames = traceback.extract_tb(error.__traceback__)
    here = Path(__file__)
    ours = [
        (path.name, one.lineno)
        for one in frames
        if here.parents[1] in (path := Path(one.filename)).parents and path != here
    ]
    place = f" ({ours[-1][0]}, line {ours[-1][1]})" if ours else ""
    return Unforeseen(f"{words}{place}")
