"""``cardiotwin evaluate forecast``: the twin's forecasts on charts of real patients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cds_hooks.cli.report import console, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from twin.evaluation.chart import Patient, Stay

FRESH_MINUTES = 240.0
"""A vital sign counts towards NEWS2 for so long: every four to six hours is how often it is
charted in patients of low risk (Royal College of Physicians 2017)."""


def add_forecast(group: typer.Typer) -> None:
    """Add ``forecast`` to ``cardiotwin evaluate``."""

    @group.command("forecast")
    def forecast(
        vitals: Annotated[
            Path, typer.Argument(help="CSV: subject, icustay, minute, channel, value.")
        ],
        inputs: Annotated[
            Path | None, typer.Option(help="CSV of infusions and boluses on the same clock.")
        ] = None,
        constants: Annotated[
            bool, typer.Option(help="Fit the constants to all patients and print them instead.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Forecast each charted value from what came before it, patient by patient.

        Constants are fitted to the other patients, in folds; with fewer than 18 patients those
        that ship are used. Beside each figure stands what needs no twin.
        """
        from twin.errors import ChartUnreadable
        from twin.evaluation.icu_chart import read_charts

        try:
            with console.status(f"reading {vitals.name}"):
                patients = read_charts(vitals, inputs)
        except ChartUnreadable as error:
            console.print(str(error))
            raise typer.Exit(2) from error
        found = _with_progress(patients, constants)
        if as_json or constants:
            print_json(found)
        else:
            show(found)


def _with_progress(patients: list[Patient], constants: bool) -> dict[str, Any]:
    """Judge the forecasts, or fit the constants, under a progress bar."""
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        tasks: dict[str, Any] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done)

        return _constants(patients, told) if constants else _judged(patients, told)


def _judged(patients: list[Patient], told: Callable[[str, int, int], None]) -> dict[str, Any]:
    from twin.core.estimate import Estimator
    from twin.evaluation.report import report
    from twin.store.emulator_file import read_emulator

    return report(patients, Estimator(read_emulator()), news2_of, told)


def _constants(patients: list[Patient], told: Callable[[str, int, int], None]) -> dict[str, Any]:
    from twin.evaluation.report import constants_of

    return constants_of(patients, told)


def news2_of(stay: Stay, minutes: np.ndarray) -> np.ndarray:
    """Return NEWS2 at each minute by what is charted then; what is missing scores 0."""
    import numpy as np

    from inference.core import news2

    def seen(*channels: str) -> np.ndarray:
        found = np.full(len(minutes), np.nan)
        for channel in channels:
            latest = stay.column(channel).latest(minutes, FRESH_MINUTES)
            found = np.where(np.isnan(found), latest, found)
        return found

    points: np.ndarray = (
        news2.RESPIRATORY_RATE.of(seen("respiratory_rate"))
        + news2.OXYGEN_SATURATION.of(seen("spo2"))
        + news2.SYSTOLIC_PRESSURE.of(seen("abp_systolic", "nbp_systolic"))
        + news2.PULSE.of(seen("heart_rate"))
        + news2.TEMPERATURE.of(seen("temperature_c"))
        + news2.NOT_ALERT_POINTS * (seen("gcs") < 15.0)
        + news2.SUPPLEMENTAL_OXYGEN_POINTS * (seen("fio2") > 0.21)
    )
    return points


def show(found: Mapping[str, Any]) -> None:
    """Print the main figures as tables for people."""
    from rich.table import Table

    table = Table("next value", "MAE", "persistence", "autoregression", "CRPS", "in 90 %", "width")
    for name in ("map", "heart_rate", "oxygen_saturation", "after_intervention"):
        row = found[name]
        keys = ("mae", "persistence_mae", "ar_mae", "crps", "coverage90", "width90")
        table.add_row(name, *(_cell(row[key]) for key in keys))
    console.print(table)
    models = Table("mean pressure by", "MAE", "against persistence", "AUROC", "gain")
    for name, row in found["models"].items():
        models.add_row(name, *(_cell(each) for each in (row or {"": None}).values()))
    console.print(models)
    own = Table("forecast as a card shows it", "pairs", "MAE", "against persistence", "in 90 %")
    for name, row in found["own_forecast"].items():
        shown = ("mae", "mae_against_persistence", "coverage90")
        own.add_row(name.replace("_", " "), str(row["pairs"]), *(_cell(row[key]) for key in shown))
    console.print(own)
    console.print({name: found[name] for name in ("hypotension", "desaturation")})
    console.print({name: found[name] for name in ("within_minutes", "cardiac_output", "cvp")})
    console.print(*found["notes"], sep="\n")


def _cell(figure: Any) -> str:  # noqa: ANN401 - a number or an interval, as the figures hold it
    if isinstance(figure, dict):
        if figure["value"] is None:
            return ""
        return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
    return f"{figure:.3f}" if isinstance(figure, float) else ""
