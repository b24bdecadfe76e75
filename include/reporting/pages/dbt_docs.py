"""All pages of the site, with dbt's documentation of tables and columns."""

import logging
from pathlib import Path

from reporting.core.errors import BadCall
from reporting.core.run import Run
from reporting.core.settings import Settings
from reporting.core.workspace import exclusive, require_address_space
from reporting.pages.renew import renew
from reporting.store.published import built_months
from reporting.transform.dbt import dbt_pages

log = logging.getLogger(__name__)


def build_pages(settings: Settings) -> Path:
    """Write the whole site and dbt's documentation of the newest month that has a build store.

    Returns the front page. Raises BadCall if no month is built, HomeInUse where a run works.
    """
    runs = [Run(built.month, built.as_of) for built in built_months(settings)]
    if not runs:
        raise BadCall("no month is built yet: run `reporting run --month YYYY-MM` first")
    with exclusive(settings):  # dbt opens the build store to write
        stored = [run for run in runs if run.build_store(settings).is_file()]
        if stored:
            require_address_space()
            dbt_pages(stored[-1], settings)
        else:  # such as in a home that was restored from a backup
            log.warning("dbt's documentation was left out: no month has a build store; run one")
        return renew(settings)
