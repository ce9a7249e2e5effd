"""``cardiotwin validate``: what ships, held against published figures."""

from __future__ import annotations

from pathlib import Path
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
        plots: Annotated[
            Path | None,
            typer.Option(help="Folder for a page of pictures; needs the extra 'plot'."),
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
        if plots is not None:
            found["plots"] = _drawn(plots)
        if as_json:
            print_json(found)
        else:
            _show(found)

    @validate.command("causes")
    def causes(
        patients: Annotated[int, typer.Option(help="How many virtual patients.")] = 300,
        seed: Annotated[int, typer.Option(help="Of the patients.")] = 1,
        classifier: Annotated[
            int,
            typer.Option(
                min=0, help="Teach a classifier on so many others, beside (scikit-learn)."
            ),
        ] = 0,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Weigh the causes of virtual patients' trouble and count how often the likeliest is true.

        Bleeding, septic, failing and obstructed people, simulated beat by beat with parameters
        that the weigher holds fixed and with noise: a snapshot of their trouble, then others with
        the hours of its course. Goal: 0.80 from vital signs alone, 0.95 with venous pressure or
        output; probabilities that mean what they say.
        """
        from twin.core.causes import CauseWeigher
        from twin.store.emulator_file import read_cause_emulator
        from twin.validation.cause_report import report

        with console.status("weighing") as status:
            weigher = CauseWeigher(read_cause_emulator())
            found = report(weigher, patients, seed, status.update, classifier=classifier)
        if as_json:
            print_json(found)
        else:
            _show_causes(found)

    @validate.command("recovery")
    def recovery(
        patients: Annotated[int, typer.Option(help="How many virtual patients.")] = 200,
        seed: Annotated[int, typer.Option(help="Of the patients.")] = 1,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Perfect-model check: count how often the intervals hold the truth.

        Patients of the estimator's own prior, simulated beat by beat and measured with the errors
        it assumes. Goal: parameters and counterfactuals covered within binomial error.
        """
        from twin.core.estimate import Estimator
        from twin.core.rest import guarding_state
        from twin.store.emulator_file import read_emulator
        from twin.validation.recovery import report

        with console.status("recovering") as status:
            estimator = Estimator(read_emulator(), resimulate=guarding_state)
            found = report(estimator, patients, seed, status.update)
        if as_json:
            print_json(found)
        else:
            console.print_json(data=found)

    application.add_typer(validate)


def _drawn(folder: Path) -> list[str]:
    """Draw the page of plots and return its files; without matplotlib or a place, say so."""
    try:
        from cds_hooks.cli.validation_plots import draw_all
    except ModuleNotFoundError as missing:
        raise typer.BadParameter(
            f"{missing.name} is not installed: pip install 'cardiotwin[plot]'.",
            param_hint="--plots",
        ) from missing
    from twin.validation.targets import load_targets

    try:
        with console.status("drawing"):
            return [str(path) for path in draw_all(folder, load_targets())]
    except OSError as impossible:
        raise typer.BadParameter(str(impossible), param_hint="--plots") from impossible


def _show_causes(found: Mapping[str, Any]) -> None:
    from rich.table import Table

    table = Table(
        "shown",
        "right",
        "95 % interval",
        "mean probability",
        title=f"{found['patients']} patients",
    )
    shipped = {"vital_signs_at_shipped_base_rates": found["vital_signs_at_shipped_base_rates"]}
    taught = found["classifier"]["cases"] if found["classifier"] else {}
    courses = {f"courses: {name}": case for name, case in found["courses"].items()}
    beside = {f"classifier: {name}": case for name, case in taught.items()}
    for name, case in {**found["cases"], **shipped, **courses, **beside}.items():
        right = case["accuracy"]
        table.add_row(
            name.replace("_", " "),
            f"{right['value']:.0%}",
            f"{right['low']:.0%} to {right['high']:.0%}",
            f"{case['calibration']['mean_probability']:.0%}",
        )
    console.print(table)


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
