"""The picture of ``cardiotwin twin plot``: charted values, forecast, loops and waveform.

Needs matplotlib, an extra of the distribution. Measured values are dots, what is simulated is a
line in a band; the picture says so itself, because pictures travel without their text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.figure import Figure

from twin.core.beat_curves import beat_curves
from twin.core.comparison import compare_interventions
from twin.core.forecast import forecast_course
from twin.core.haemodynamics import Quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cds_hooks.cli.twin_record import PatientRecord
    from twin.core.comparison import Plan
    from twin.core.fit import ConvergedFit, Interval
    from twin.core.treatment import Underway

PAST_H: Final = 6.0
"""What is older than this is not drawn: it says nothing of the present."""

KNOTS: Final = 6
"""Horizons at which forecast and plans are simulated; between them the lines are straight."""

PRESSURE_COLOUR: Final = "#b2182b"
RATE_COLOUR: Final = "#1b7837"
SATURATION_COLOUR: Final = "#2166ac"
PLAN_COLOURS: Final = ("#762a83", "#e08214", "#01665e", "#c51b7d")
"""From the ColorBrewer scales that people with colour blindness can tell apart."""

STYLES: Final[tuple[dict[str, Any], ...]] = (
    {"color": "#92c5de", "lw": 1.4},
    {"color": PRESSURE_COLOUR, "lw": 1.9},
    {"color": "#4393c3", "lw": 1.4, "ls": "--"},
)
"""Of the circulations of low, middle and high output."""

Band = Sequence[tuple[float, "Interval"]]
"""Minutes from now, and the interval there."""


def draw(
    output: Path,
    fitted: ConvergedFit,
    record: PatientRecord,
    plans: Sequence[Plan],
    horizon_s: float,
    underway: Underway,
) -> None:
    """Write the picture, PNG or SVG by the name's end.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    figure = Figure(figsize=(11.0, 8.0), layout="constrained")
    pressures, rates, loops, wave = figure.subplots(2, 2).ravel()
    ahead = _ahead(fitted, record, horizon_s, underway)
    _pressures(pressures, fitted, record, ahead, _planned(fitted, plans, horizon_s, underway))
    _rates(rates, fitted, record, ahead)
    _loops_and_wave(loops, wave, fitted)
    figure.suptitle(_title(fitted, record), fontsize=9)
    figure.supxlabel(
        "Dots and bars: charted. Lines and bands: simulated, median and 90 % interval. "
        "Research only, not validated on patients.",
        fontsize=8,
        color="0.35",
    )
    figure.savefig(output, dpi=150)


def _title(fitted: ConvergedFit, record: PatientRecord) -> str:
    body = record.body
    known = [
        f"{body.age_years:g} years" if body.age_years is not None else None,
        body.sex,
        f"{body.weight_kg:g} kg" if body.weight_kg is not None else None,
        f"{body.height_cm:g} cm" if body.height_cm is not None else None,
    ]
    whose = ", ".join(each for each in known if each) or "body not known"
    return f"CardioTwin: {whose}\n{fitted.fit.outcome.value}"


def _ahead(
    fitted: ConvergedFit, record: PatientRecord, horizon_s: float, underway: Underway
) -> dict[Quantity, Band]:
    """Return the forecast's bands: one set of paths, as the page draws it."""
    shown = (Quantity.MEAN_PRESSURE, Quantity.HEART_RATE, Quantity.OXYGEN_SATURATION)
    bands: dict[Quantity, list[tuple[float, Interval]]] = {
        quantity: [(0.0, fitted.estimates[quantity])] for quantity in shown
    }
    knots_s = _knots_s(horizon_s)
    course = forecast_course(fitted, knots_s, history=record.measurements, underway=underway)
    for knot_s, found in zip(knots_s, course, strict=True):
        for quantity, band in bands.items():
            band.append((knot_s / 60.0, found[quantity]))
    return dict(bands)


def _knots_s(horizon_s: float) -> list[float]:
    """Return whole minutes up to the horizon."""
    minutes = np.unique(np.round(np.linspace(0.0, horizon_s / 60.0, KNOTS + 1)[1:]))
    return [60.0 * float(minute) for minute in minutes if minute > 0]


def _planned(
    fitted: ConvergedFit, plans: Sequence[Plan], horizon_s: float, underway: Underway
) -> dict[str, Band]:
    """Return the mean pressure that each plan leads to, against doing nothing."""
    bands: dict[str, list[tuple[float, Interval]]] = {
        plan.name: [(0.0, fitted.estimates[Quantity.MEAN_PRESSURE])] for plan in plans
    }
    if not plans:
        return {}
    for knot_s in _knots_s(horizon_s):
        compared = compare_interventions(fitted, plans, knot_s, underway)
        for effect in compared.effects:
            bands[effect.plan.name].append((knot_s / 60.0, effect.after[Quantity.MEAN_PRESSURE]))
    return dict(bands)


def _band(axes: Axes, band: Band, colour: str, label: str) -> None:
    minutes = [at for at, _ in band]
    axes.fill_between(
        minutes,
        [i.low for _, i in band],
        [i.high for _, i in band],
        color=colour,
        alpha=0.18,
        lw=0,
    )
    axes.plot(minutes, [i.median for _, i in band], color=colour, label=label)


def _charted(record: PatientRecord, quantity: Quantity) -> tuple[list[float], list[float]]:
    """Return minutes from now and values of what was charted in the last hours."""
    seen = [
        (_minutes(m.taken_at, record.now), m.value)
        for m in record.measurements
        if m.quantity is quantity
    ]
    shown = sorted((at, value) for at, value in seen if -60.0 * PAST_H <= at <= 0.0)
    return [at for at, _ in shown], [value for _, value in shown]


def _minutes(at: datetime, now: datetime) -> float:
    return (at - now).total_seconds() / 60.0


def _pressures(
    axes: Axes,
    fitted: ConvergedFit,
    record: PatientRecord,
    ahead: dict[Quantity, Band],
    planned: dict[str, Band],
) -> None:
    tops = dict(zip(*_charted(record, Quantity.SYSTOLIC_PRESSURE), strict=True))
    bottoms = dict(zip(*_charted(record, Quantity.DIASTOLIC_PRESSURE), strict=True))
    both = sorted(set(tops) & set(bottoms))
    axes.vlines(
        both, [bottoms[at] for at in both], [tops[at] for at in both], color="0.6", lw=2, zorder=1
    )
    axes.plot(*_charted(record, Quantity.MEAN_PRESSURE), "o", color=PRESSURE_COLOUR, ms=4)
    _band(axes, ahead[Quantity.MEAN_PRESSURE], PRESSURE_COLOUR, "mean, nothing done")
    for (name, band), colour in zip(planned.items(), PLAN_COLOURS, strict=False):
        _band(axes, band, colour, name)
    _estimate(axes, fitted.estimates[Quantity.MEAN_PRESSURE], PRESSURE_COLOUR)
    axes.axhline(65.0, color="0.5", lw=0.8, ls=":")
    _label(axes, "arterial pressure, mmHg", "Arterial pressure and forecast of the mean")
    axes.legend(fontsize=7, loc="best", frameon=False)


def _rates(
    axes: Axes, fitted: ConvergedFit, record: PatientRecord, ahead: dict[Quantity, Band]
) -> None:
    for quantity, colour, label in (
        (Quantity.HEART_RATE, RATE_COLOUR, "heart rate, /min"),
        (Quantity.OXYGEN_SATURATION, SATURATION_COLOUR, "oxygen saturation, %"),
    ):
        axes.plot(*_charted(record, quantity), "o", color=colour, ms=4)
        _band(axes, ahead[quantity], colour, label)
        _estimate(axes, fitted.estimates[quantity], colour)
    _label(axes, "/min; %", "Heart rate and oxygen saturation")
    axes.legend(fontsize=7, loc="best", frameon=False)


def _estimate(axes: Axes, interval: Interval, colour: str) -> None:
    """Mark the fit at the present instant."""
    arms = [[interval.median - interval.low], [interval.high - interval.median]]
    axes.errorbar([0.0], [interval.median], arms, fmt="s", color=colour, ms=5, capsize=3)


def _label(axes: Axes, y: str, title: str) -> None:
    axes.set_title(title, fontsize=9)
    axes.set_xlabel("minutes from now", fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.axvline(0.0, color="0.8", lw=0.8, zorder=0)
    _tidy(axes)


def _tidy(axes: Axes) -> None:
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _loops_and_wave(loops: Axes, wave: Axes, fitted: ConvergedFit) -> None:
    for curves, style in zip(beat_curves(fitted), STYLES, strict=True):
        label = f"cardiac output {curves.output_l_per_min:.1f} L/min"
        loops.plot(
            curves.ventricle_volume_ml, curves.ventricle_pressure_mmhg, label=label, **style
        )
        root = curves.aortic_pressure_mmhg
        wave.plot(np.arange(len(root)) * curves.step_s, root, **style)
    loops.legend(fontsize=7, loc="best", frameon=False)
    loops.set_title("Left ventricle of three plausible circulations", fontsize=9)
    loops.set_xlabel("volume, mL", fontsize=8)
    loops.set_ylabel("pressure, mmHg", fontsize=8)
    wave.set_title("Aortic pressure of the same three", fontsize=9)
    wave.set_xlabel("seconds", fontsize=8)
    wave.set_ylabel("mmHg", fontsize=8)
    _tidy(loops)
    _tidy(wave)
