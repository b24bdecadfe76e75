"""The simulator's command line."""

import typer

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@app.callback()
def main_callback() -> None:
    """Act as the credit bureau."""


def main() -> None:
    """Run the command line."""
    app()
