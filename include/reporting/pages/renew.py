"""Renew the site from the published database: after a run, after an act, or all of it."""

import logging
from collections.abc import Callable, Collection
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
from jinja2 import TemplateError

from reporting.core.errors import DataNotFit, ReportingError
from reporting.core.settings import Settings
from reporting.pages.front_page import write_front
from reporting.pages.month_checks import write_lost_checks
from reporting.pages.month_page import write_month
from reporting.pages.published_months import month_states, published_months
from reporting.pages.reference_pages import write_reference
from reporting.pages.trend import trend_page, write_trend

# What a page can raise: a file that is missing, or a mistake in its code or words. Ctrl-C is none.
FAULTS = (OSError, duckdb.Error, ReportingError, TemplateError, LookupError, TypeError, ValueError)

log = logging.getLogger(__name__)


def renew(
    settings: Settings, months: Collection[date] | None = None, *, are_checks_new: bool = True
) -> Path:
    """Write the front page, the trend, the reference and the pages of some months, or of all.

    An act such as a release changes no check, and so neither trend nor reference:
    ``are_checks_new`` is then false, and they are written only where they are missing. A page with
    a fault stays as it was, and the others are written; then DataNotFit names it. Raises BadCall if
    nothing is published.
    """
    with published_months(settings) as connection:
        states = month_states(connection, settings)
        pages: dict[str, Callable[[], object]] = {
            state.label: partial(write_month, connection, state, settings)
            for state in states
            if months is None or state.month in months
        }
        if months is None:
            for state in states:
                lost = partial(write_lost_checks, connection, state, settings)
                pages[f"{state.label} checks"] = lost
        if are_checks_new or not trend_page(settings).is_file():
            pages["trend"] = partial(write_trend, connection, settings)
            pages["reference"] = partial(write_reference, connection, settings)
        faults = {name: fault for name, write in pages.items() if (fault := _fault_of(write))}
    front = write_front(states, settings)
    if faults:
        named = ", ".join(f"{name} ({fault})" for name, fault in faults.items())
        raise DataNotFit(f"pages that were not renewed: {named}")
    return front


def _fault_of(write: Callable[[], object]) -> str:
    """Write a page; the kind of its fault, empty where it has none. A text may name a person."""
    try:
        write()
    except FAULTS as fault:
        log.debug("a page was not written", exc_info=fault)
        return type(fault).__name__
    return ""


def renew_after(
    settings: Settings, months: Collection[date], *, are_checks_new: bool = True
) -> None:
    """Renew the site after months changed; a fault of a page stops neither a run nor an act."""
    if not settings.published_database.is_file():
        return  # nothing is published that a page could show
    try:
        renew(settings, months, are_checks_new=are_checks_new)
    except DataNotFit as fault:
        log.warning("%s", fault)
    except FAULTS as fault:
        log.warning("the pages were not renewed: %s", type(fault).__name__)
