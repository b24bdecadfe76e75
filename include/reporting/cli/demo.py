"""The synthetic lender: from a landing zone to submission files, with one command."""

from reporting.cli import summary
from reporting.core.settings import Settings
from reporting.pipeline.airflow import run_in_process
from reporting.synthetic import lender

DEMO_MONTHS = ["2026-03", "2026-04", "2026-05"]  # the last three of the synthetic book


def run_demo(settings: Settings, accounts: int, months: int, seed: int) -> None:
    """Write a synthetic book, report its last three months through the DAG, show what came out."""
    lender.generate(settings.landing_folder, accounts, months, seed)
    run_in_process(DEMO_MONTHS, settings)
    summary.show(settings, DEMO_MONTHS)
