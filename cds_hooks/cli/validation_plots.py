"""The pictures of ``cardiotwin validate twin --plots``: the model's curves and published points.

Needs matplotlib, an extra of the distribution. May live here: how curves are drawn. A filled mark
is a published value that steered the tuning, an open one was held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.figure import Figure

from twin.core.haemodynamics import Quantity
from twin.core.intervention_kinds import Drug
from twin.validation.curves import Circulation, Curve, circulations, dose_response, haemorrhage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from twin.validation.targets import Targets

WAVE_S: Final = 3.0
DPI: Final = 130
COLOURS: Final = ("#222222", "#b2182b", "#2166ac", "#e08214", "#762a83", "#1b7837")
"""From the ColorBrewer scales that people with colour blindness can tell apart."""
FOOT: Final = "Simulated. Research only, not validated on patients."
MARKS: Final = "Marks: published values; filled ones steered the tuning, open ones were held out."

_PRESSURES: Final = (Quantity.SYSTOLIC_PRESSURE, Quantity.DIASTOLIC_PRESSURE)
DOSES: Final[tuple[tuple[Drug, tuple[float, ...], tuple[Quantity, ...]], ...]] = (
    (
        Drug.NOREPINEPHRINE,
        (0.01, 0.03, 0.06, 0.1, 0.14, 0.2),
        (*_PRESSURES, Quantity.HEART_RATE),
    ),
    (Drug.PHENYLEPHRINE, (0.25, 0.5, 1.0, 2.0, 3.0, 4.0), (*_PRESSURES, Quantity.HEART_RATE)),
    (
        Drug.EPINEPHRINE,
        (0.01, 0.025, 0.05, 0.1),
        (
            Quantity.CARDIAC_OUTPUT,
            Quantity.SYSTEMIC_RESISTANCE,
            Quantity.HEART_RATE,
            Quantity.SYSTOLIC_PRESSURE,
        ),
    ),
)


def draw_all(folder: Path, targets: Targets) -> list[Path]:
    """Write the page of plots into a folder, made if need be, and return the files.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    beating = circulations(targets, WAVE_S)
    figures = {
        "loops.png": _loops(beating),
        "waveforms.png": _waveforms(beating[0]),
        "haemorrhage.png": _haemorrhage(haemorrhage(targets)),
        "dose_responses.png": _doses(targets),
    }
    for name, figure in figures.items():
        figure.savefig(folder / name, dpi=DPI)
    return [folder / name for name in figures]


def _figure(width: float, height: float, title: str, foot: str) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, fontsize=10)
    figure.supxlabel(foot, fontsize=8, color="0.35")
    return figure


def _tidy(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _last_beat(circulation: Circulation, line: np.ndarray) -> np.ndarray:
    """Return the samples of the last beat, closed."""
    beat = line[-round(circulation.beat_s / circulation.step_s) :]
    return np.append(beat, beat[0])


def _loops(beating: Sequence[Circulation]) -> Figure:
    figure = _figure(11.0, 5.2, "Pressure-volume loops at rest", FOOT)
    for axes, side in zip(figure.subplots(1, 2), ("left", "right"), strict=True):
        for circulation, colour in zip(beating, COLOURS, strict=True):
            volume, pressure = circulation.waves[f"{side}_ventricle"]
            axes.plot(
                _last_beat(circulation, volume),
                _last_beat(circulation, pressure),
                color=colour,
                lw=1.5,
                label=circulation.name,
            )
        _tidy(axes, f"{side} ventricle", "volume, mL", "pressure, mmHg")
        axes.legend(fontsize=7, frameon=False)
    return figure


def _waveforms(adult: Circulation) -> Figure:
    figure = _figure(11.0, 7.2, "The standard adult at rest, beat by beat", FOOT)
    systemic, pulmonary, filling, volumes = figure.subplots(2, 2).ravel()
    seconds = np.arange(len(adult.waves["arteries"][0])) * adult.step_s
    for axes, title, place, names in (
        (systemic, "left heart", 1, ("left_ventricle", "arteries", "left_atrium")),
        (pulmonary, "right heart", 1, ("right_ventricle", "lung_arteries", "right_atrium")),
        (filling, "filling", 1, ("left_atrium", "right_atrium", "lung_veins", "veins")),
        (volumes, "ventricles", 0, ("left_ventricle", "right_ventricle")),
    ):
        for name, colour in zip(names, COLOURS, strict=False):
            line = adult.waves[name][place]
            axes.plot(seconds, line, color=colour, lw=1.3, label=name.replace("_", " "))
        _tidy(axes, title, "seconds", "volume, mL" if place == 0 else "pressure, mmHg")
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top + 0.2 * (top - bottom))
        axes.legend(fontsize=7, frameon=False, loc="upper center", ncols=2)
    return figure


def _haemorrhage(curves: Sequence[Curve]) -> Figure:
    figure = _figure(
        7.5, 5.2, "Blood withdrawn in half an hour: dogs of Guyton & Hall 2006", f"{MARKS} {FOOT}"
    )
    axes = figure.subplots()
    for curve, colour in zip(curves, COLOURS[1:], strict=False):
        axes.plot(curve.at, curve.values, color=colour, label=curve.quantity.clinical_name)
        _mark(axes, curve, colour)
    axes.set_xlim(0.0, 47.0)
    axes.set_ylim(0.0, 115.0)
    _tidy(axes, "", "blood withdrawn, %", "% of the value before")
    axes.legend(fontsize=8, frameon=False, loc="lower left")
    return figure


def _doses(targets: Targets) -> Figure:
    figure = _figure(
        13.0, 8.6, "Infusions after a quarter of an hour, standard adult", f"{MARKS} {FOOT}"
    )
    width = max(len(quantities) for _, _, quantities in DOSES)
    for row, (drug, rates, quantities) in zip(
        figure.subplots(len(DOSES), width), DOSES, strict=True
    ):
        for axes, curve in zip(row, dose_response(targets, drug, rates, quantities), strict=False):
            axes.plot(curve.at, curve.values, color=COLOURS[2], lw=1.5)
            _mark(axes, curve, COLOURS[1])
            percent = curve.reading == "percent"
            unit = "% of before" if percent else f"change, {curve.quantity.unit}"
            axes.axhline(100.0 if percent else 0.0, color="0.8", lw=0.8, zorder=0)
            _tidy(axes, curve.quantity.clinical_name, f"{drug.value}, µg/kg/min", unit)
        for spare in row[len(quantities) :]:
            spare.set_visible(False)
    return figure


def _mark(axes: Axes, curve: Curve, colour: str) -> None:
    """Mark published values, bands as bars."""
    for point in curve.published:
        middle = (point.low + point.high) / 2.0
        style: dict[str, Any] = {"mfc": "white"} if point.held_out else {}
        axes.errorbar(
            [point.at],
            [middle],
            [[middle - point.low], [point.high - middle]],
            fmt="o",
            ms=5,
            color=colour,
            capsize=3,
            lw=1.2,
            **style,
        )
