"""``cardiotwin twin``: fit a patient's twin from a file, forecast, simulate and draw it.

The file is a CSV of vital signs or a FHIR Bundle. What cannot be advised on is a named outcome and
exit status 0; a file or a dose that makes no sense is exit status 2.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cds_hooks.cli.report import console, print_json

if TYPE_CHECKING:
    from cds_hooks.cli.twin_record import PatientRecord
    from twin.core.comparison import Plan
    from twin.core.fit import ConvergedFit
    from twin.core.treatment import Underway

EPILOG = """
CSV with one row a time: a column `time` (ISO 8601) or `minute`, and columns whose name holds the
unit, such as heart_rate_per_min, systolic_pressure_mmhg, diastolic_pressure_mmhg,
mean_pressure_mmhg (with cuff_ or arterial_line_ before it where known), oxygen_saturation_percent,
respiratory_rate_per_min, temperature_celsius, central_venous_pressure_mmhg,
cardiac_output_l_per_min, haemoglobin_g_per_dl, inspired_oxygen_percent; an empty cell is missing.
CSV with one row a value: subject, minute, channel, value, as in the MIMIC-III demo; what was given
meanwhile comes by --inputs (subject, start_minute, end_minute, item, amount, amount_unit, rate,
rate_unit, kind). FHIR: a Bundle (.json or .json.gz) with one Patient, Observations, and
MedicationAdministrations for what was given.
"""

File = Annotated[Path, typer.Argument(help="CSV of vital signs, or a FHIR Bundle (.json).")]
Age = Annotated[float | None, typer.Option(help="Years.")]
Sex = Annotated[str | None, typer.Option(help="female or male.")]
Weight = Annotated[float | None, typer.Option(help="kg.")]
Height = Annotated[float | None, typer.Option(help="cm.")]
At = Annotated[
    str | None, typer.Option(help="ISO 8601 or minute: nothing later counts. The last by default.")
]
Subject = Annotated[str | None, typer.Option(help="Which patient of a file with several.")]
Inputs = Annotated[
    Path | None, typer.Option(help="CSV of what was given, on the clock of a CSV of vital signs.")
]
Horizon = Annotated[str, typer.Option(help="How far ahead, such as 30 min or 6 h.")]
Do = Annotated[
    list[str] | None,
    typer.Option(
        "--do",
        help="A plan, such as 'crystalloid 500 mL over 15 min; norepinephrine 0.1 µg/kg/min'; "
        "may be repeated, plans are compared.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]


class Refused(Exception):
    """What was asked makes no sense; the message is a sentence, the name a word for machines."""

    def __init__(self, outcome: str, sentence: str) -> None:
        super().__init__(sentence)
        self.outcome = outcome


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin twin`` with its four commands."""
    group = typer.Typer(
        name="twin", help="Explore a patient's twin from a file.", no_args_is_help=True
    )
    group.callback()(_group)
    for command in (fit, forecast, simulate, plot):
        group.command(epilog=EPILOG)(command)
    application.add_typer(group)


def _group() -> None:
    """Explore a patient's twin: fit it to a file, forecast, simulate, draw. Research only."""


def fit(
    file: File,
    age: Age = None,
    sex: Sex = None,
    weight: Weight = None,
    height: Height = None,
    at: At = None,
    subject: Subject = None,
    inputs: Inputs = None,
    as_json: AsJson = False,
) -> None:
    """Fit the twin: estimates with 90 % intervals, how good the fit is, the likeliest cause."""
    from cds_hooks.cli.fitted_record import fitted, weighed
    from cds_hooks.cli.twin_figures import of_causes, of_fit

    def asked() -> dict[str, Any]:
        record = _record(file, (age, sex, weight, height), at, subject, inputs)
        found = fitted(record)
        return {
            **of_fit(found, record),
            "causes": of_causes(weighed(record, found.given)),
        }

    _answer(asked, as_json)


def forecast(
    file: File,
    horizon: Horizon = "1 h",
    age: Age = None,
    sex: Sex = None,
    weight: Weight = None,
    height: Height = None,
    at: At = None,
    subject: Subject = None,
    inputs: Inputs = None,
    as_json: AsJson = False,
) -> None:
    """Forecast: what the patient may come to within the horizon when nothing is done."""
    from cds_hooks.cli.fitted_record import fitted
    from cds_hooks.cli.twin_figures import of_fit, of_forecast
    from twin.core.forecast import forecast as forecast_of

    def asked() -> dict[str, Any]:
        ahead_s = _horizon_s(horizon)
        record = _record(file, (age, sex, weight, height), at, subject, inputs)
        twin = fitted(record)
        converged = twin.fit.converged()
        found = None
        if converged:
            history = record.measurements
            ahead = forecast_of(converged, ahead_s, history=history, underway=twin.underway)
            found = of_forecast(ahead)
        return {**of_fit(twin, record), "forecast": found}

    _answer(asked, as_json)


def simulate(
    file: File,
    do: Do = None,
    horizon: Horizon = "30 min",
    age: Age = None,
    sex: Sex = None,
    weight: Weight = None,
    height: Height = None,
    at: At = None,
    subject: Subject = None,
    inputs: Inputs = None,
    as_json: AsJson = False,
) -> None:
    """Simulate plans side by side and rank them; that none is good is an answer too.

    Goal: mean pressure at least 65 mmHg, cardiac index at least 2.2 L/min/m2, saturation at least
    92 %, all at once. Harm: pressure, output or saturation clearly lower than with nothing done,
    or lungs newly congested.
    """
    from cds_hooks.cli.fitted_record import fitted
    from cds_hooks.cli.twin_figures import of_fit

    def asked() -> dict[str, Any]:
        ahead_s = _horizon_s(horizon)
        record = _record(file, (age, sex, weight, height), at, subject, inputs)
        plans = _plans(do or [], record)
        twin = fitted(record)
        converged = twin.fit.converged()
        found = _compared(converged, plans, ahead_s, twin.underway) if converged else None
        return {**of_fit(twin, record), "comparison": found}

    _answer(asked, as_json)


def plot(
    file: File,
    output: Annotated[Path, typer.Option(help="Picture to write: .png or .svg.")],
    do: Do = None,
    horizon: Horizon = "1 h",
    age: Age = None,
    sex: Sex = None,
    weight: Weight = None,
    height: Height = None,
    at: At = None,
    subject: Subject = None,
    inputs: Inputs = None,
    as_json: AsJson = False,
) -> None:
    """Draw vital signs with fit and forecast, pressure-volume loops and the aortic waveform."""
    from cds_hooks.cli.fitted_record import fitted
    from cds_hooks.cli.twin_figures import of_fit

    def asked() -> dict[str, Any]:
        ahead_s = _horizon_s(horizon)
        record = _record(file, (age, sex, weight, height), at, subject, inputs)
        plans = _plans(do or [], record)
        twin = fitted(record)
        converged = twin.fit.converged()
        written = None
        if converged is not None:
            _draw(output, converged, record, (plans, ahead_s, twin.underway))
            written = str(output)
        return {**of_fit(twin, record), "picture": written}

    _answer(asked, as_json)


def _record(
    file: Path,
    body: tuple[float | None, str | None, float | None, float | None],
    at: str | None,
    subject: str | None,
    inputs: Path | None,
) -> PatientRecord:
    from cds_hooks.cli.twin_csv import CannotRead
    from cds_hooks.cli.twin_record import body_from, read_record

    try:
        return read_record(file, body_from(*body), _instant(at), subject, inputs)
    except CannotRead as error:
        raise Refused("UNREADABLE", str(error)) from error


def _instant(text: str | None) -> datetime | None:
    from datetime import timedelta

    from cds_hooks.cli.twin_csv import START_OF_CLOCK

    if text is None:
        return None
    try:
        if text.replace(".", "", 1).isdigit():
            return START_OF_CLOCK + timedelta(minutes=float(text))
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise Refused("UNREADABLE", f"--at: `{text}` is no time and no minute.") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


LONGEST_S = 24 * 3600.0


def _horizon_s(words: str) -> float:
    """Return whole minutes, which the simulation samples at."""
    from cds_hooks.cli.twin_words import NotUnderstood, seconds

    try:
        asked_s = seconds(words)
    except NotUnderstood as error:
        raise Refused("NOT_UNDERSTOOD", str(error)) from error
    if not 60.0 <= asked_s <= LONGEST_S:
        raise Refused("NOT_UNDERSTOOD", "--horizon takes 1 min to 24 h.")
    return 60.0 * round(asked_s / 60.0)


def _plans(do: list[str], record: PatientRecord) -> list[Plan]:
    """Return the plans, each checked against plausible doses before anything is computed."""
    from cds_hooks.cli.twin_words import NotUnderstood, understood
    from twin.core.comparison import Plan
    from twin.core.treatment import screened, underway_at
    from twin.errors import ImplausibleDose, InterventionError

    try:
        plans = [Plan(words, understood(words, record.body)) for words in do]
        given, _ = screened(record.given, record.body, record.now)
        underway = underway_at(given, None, record.now)
        for plan in plans:
            underway.with_plan(plan.interventions, record.body)
    except NotUnderstood as error:
        raise Refused("NOT_UNDERSTOOD", str(error)) from error
    except ImplausibleDose as error:
        raise Refused("IMPLAUSIBLE_DOSE", str(error)) from error
    except InterventionError as error:
        raise Refused("CANNOT_BE_SIMULATED", str(error)) from error
    return plans


def _compared(
    fitted: ConvergedFit, plans: list[Plan], horizon_s: float, underway: Underway
) -> dict[str, Any]:
    from cds_hooks.cli.twin_figures import of_plans
    from twin.core.comparison import compare_interventions
    from twin.core.ranking import USUAL_GOAL, best_of, rank, verdict

    compared = compare_interventions(fitted, plans, horizon_s, underway)
    ranked = rank(compared, USUAL_GOAL)
    return of_plans(compared, ranked, best_of(ranked), verdict(ranked, USUAL_GOAL))


def _draw(
    output: Path,
    fitted: ConvergedFit,
    record: PatientRecord,
    ahead: tuple[list[Plan], float, Underway],
) -> None:
    if output.suffix.lower() not in (".png", ".svg"):
        raise Refused("NOT_UNDERSTOOD", "--output takes a name that ends in .png or .svg.")
    try:
        from cds_hooks.cli.twin_plot import draw
    except ImportError as error:
        raise Refused(
            "NOT_INSTALLED", "Pictures need matplotlib: pip install 'cardiotwin[plot]'."
        ) from error
    try:
        draw(output, fitted, record, *ahead)
    except OSError as error:
        raise Refused("UNWRITABLE", f"{output} cannot be written: {error}") from error


def _answer(asked: Any, as_json: bool) -> None:  # noqa: ANN401 - a function without arguments
    try:
        with console.status("simulating"):
            found = asked()
    except Refused as refusal:
        if as_json:
            print_json({"outcome": refusal.outcome, "sentence": str(refusal), "advice": False})
        typer.echo(str(refusal), err=True)
        raise typer.Exit(2) from None
    if as_json:
        print_json(found)
    else:
        from cds_hooks.cli.twin_tables import show

        show(found)
