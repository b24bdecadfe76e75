"""``python -m reporting`` is the command ``reporting``."""

from reporting.cli.app import main

main()
