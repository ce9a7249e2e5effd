"""``cardiotwin validate``: what ships, held against published figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cds_hooks.cli.report import console, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin validate twin``."""
    validate = typer.Typer(
        name="validate", help="Hold what ships against published figures.", no_args_is_help=True
    )

    @validate.callback()
    def _group() -> None:
        """Hold what ships against published figures."""

    @validate.command("twin")
    def twin(
        scenario: Annotated[
            list[str] | None, typer.Option(help="Only this scenario; may be repeated.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Run every scenario of the targets and grade each row as Pulse grades itself.

        Good is within 10 % of the published value or band, fair within 30 %. Rows that are held
        out never steered the tuning. Goal: at least 90 % good and none poor.
        """
        from twin.validation.report import UnknownScenario, report

        try:
            with console.status("simulating"):
                found = report(frozenset(scenario or ()))
        except UnknownScenario as unknown:
            raise typer.BadParameter(str(unknown), param_hint="--scenario") from unknown
        if as_json:
            print_json(found)
        else:
            _show(found)

    application.add_typer(validate)


def _show(found: Mapping[str, Any]) -> None:
    from rich.table import Table

    table = Table("scenario", "quantity", "read as", "published", "twin", "grade", "use")
    for row in found["table"]:
        value = row["value"]
        table.add_row(
            row["scenario"],
            row["quantity"],
            row["reading"],
            row["target"],
            "-" if value is None else f"{value:g}",
            row["grade"],
            row["use"],
        )
    console.print(table)
    console.print({name: part for name, part in found.items() if name != "table"})
