"""Entry point of the command ``cardiotwin``: registers one file a command, and nothing else lives here."""

from __future__ import annotations

import typer

application = typer.Typer(
    name="cardiotwin",
    help="Cards that simulate the order being written on the patient's cardiovascular twin.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@application.callback()
def cardiotwin() -> None:
    """Research software, not a medical device."""


def main() -> None:
    """Run the command line."""
    application()
