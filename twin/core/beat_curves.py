"""One beat of three plausible circulations: left-ventricular loop and aortic pressure, to draw.

May live here: which members stand for a fit, and what of their waveforms is worth drawing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.parameters import PARAMETER_INDEX
from twin.core.pulsatile import settled, waveforms

if TYPE_CHECKING:
    from jaxtyping import Float

    from twin.core.fit import ConvergedFit

WAVE_S: Final = 3.0
SPREAD: Final = (0.1, 0.9)
"""Shares of the ensemble's cardiac output between which its circulations are shown."""


@dataclass(frozen=True, slots=True, eq=False)
class BeatCurves:
    """One plausible circulation, beat by beat; samples are ``step_s`` apart."""

    output_l_per_min: float
    step_s: float
    ventricle_volume_ml: Float[np.ndarray, " beat"]
    """Of the last beat, closed: it ends where it began."""
    ventricle_pressure_mmhg: Float[np.ndarray, " beat"]
    aortic_pressure_mmhg: Float[np.ndarray, " sample"]
    """Over ``WAVE_S``, in the root of the aorta."""


def beat_curves(fit: ConvergedFit) -> tuple[BeatCurves, BeatCurves, BeatCurves]:
    """Return the circulations of low, middle and high output; the middle is also of middle MAP."""
    members = _three_members(fit)
    parameters = fit.parameters[:, list(members)]
    seen = waveforms(parameters, settled(parameters), WAVE_S)
    volume, pressure = seen["left_ventricle"]
    root = _root_pressure(parameters, pressure, seen["arteries"][1])
    step_s = WAVE_S / len(volume)
    found = []
    for column, member in enumerate(members):
        rate = fit.fit.now[QUANTITY_INDEX[Quantity.HEART_RATE], member]
        beat = slice(-min(round(60.0 / rate / step_s) + 2, len(volume)), None)
        found.append(
            BeatCurves(
                float(fit.fit.now[QUANTITY_INDEX[Quantity.CARDIAC_OUTPUT], member]),
                step_s,
                volume[beat, column],
                pressure[beat, column],
                root[:, column],
            )
        )
    low, middle, high = found
    return low, middle, high


def _root_pressure(
    parameters: np.ndarray, ventricle: np.ndarray, arteries: np.ndarray
) -> np.ndarray:
    """Return the pressure in the aortic root, mmHg: that of the arteries plus impedance x flow."""
    impedance = parameters[PARAMETER_INDEX["aortic_impedance"]]
    valve = parameters[PARAMETER_INDEX["aortic_valve_resistance"]]
    root: np.ndarray = arteries + np.maximum(ventricle - arteries, 0.0) * impedance / (
        impedance + valve
    )
    return root


def _three_members(fit: ConvergedFit) -> tuple[int, int, int]:
    output = fit.fit.now[QUANTITY_INDEX[Quantity.CARDIAC_OUTPUT]]
    mean = fit.fit.now[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]]
    low, high = (int(np.argmin(np.abs(output - np.quantile(output, q)))) for q in SPREAD)
    apart = np.abs(output / np.median(output) - 1.0) + np.abs(mean / np.median(mean) - 1.0)
    return low, int(np.argmin(apart)), high
