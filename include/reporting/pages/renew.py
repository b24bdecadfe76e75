"""Renew the site from the published database: after a run, after an act, or all of it."""

import logging
from collections.abc import Collection
from datetime import date
from pathlib import Path

import duckdb
from jinja2 import TemplateError

from reporting.core.errors import ReportingError
from reporting.core.settings import Settings
from reporting.pages.front_page import write_front
from reporting.pages.month_page import write_month
from reporting.pages.published_months import month_states, published_months
from reporting.pages.reference_pages import write_reference
from reporting.pages.trend import write_trend

# What a mistake in the code or the words of a page raises; Ctrl-C is none of them.
OF_A_PAGE = (LookupError, TypeError, ValueError)

log = logging.getLogger(__name__)


def renew(
    settings: Settings, months: Collection[date] | None = None, *, are_checks_new: bool = True
) -> Path:
    """Write the front page, the trend, the reference and the pages of some months, or of all.

    An act such as a release changes no check, and so neither trend nor reference:
    ``are_checks_new`` is then false. Raises BadCall if nothing is published.
    """
    with published_months(settings) as connection:
        states = month_states(connection, settings)
        for state in states:
            if months is None or state.month in months:
                write_month(connection, state, settings)
        if are_checks_new:
            write_trend(connection, settings)
            write_reference(connection, settings)
    return write_front(states, settings)


def renew_after(
    settings: Settings, months: Collection[date], *, are_checks_new: bool = True
) -> None:
    """Renew the site after months changed; a fault of a page stops neither a run nor an act."""
    if not settings.published_database.is_file():
        return  # nothing is published that a page could show
    try:
        renew(settings, months, are_checks_new=are_checks_new)
    except (OSError, duckdb.Error, ReportingError, TemplateError, *OF_A_PAGE) as fault:
        log.warning("the pages were not renewed: %s", type(fault).__name__)
