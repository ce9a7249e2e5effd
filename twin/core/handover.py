"""From the beat-averaged model at rest to the pulsatile one, already beating at that rest.

May live here: which rows of one model's state are rows of the other's, and what the rest must be.
The pulsatile model then needs seconds to come to rest where it needed minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.core.chambers import ATRIUM_LEAD, ATRIUM_PEAK, VENTRICLE_PEAK
from twin.core.layout import (
    ALVEOLAR,
    ARTERIAL_AFFERENT,
    ARTERIAL_CONTENT,
    ARTERIAL_OXYGEN,
    ARTERIES,
    ATRIUM_RATE,
    ATRIUM_SHIFT,
    BEAT_FILLED,
    BLOOD,
    BREATHING,
    CARBON_DIOXIDE,
    CONDUCTANCE_NOW,
    FLOW_NOW,
    HAEMOGLOBIN_MASS,
    HORMONES,
    INVERSE_LUNG_VEIN_COMPLIANCE,
    LANES,
    LEFT_ATRIUM,
    LEFT_ELASTANCE_NOW,
    LEFT_VENTRICLE,
    LUNG_ARTERIES,
    LUNG_VEINS,
    PERICARDIUM,
    PERIOD,
    RATE_NOW,
    RESERVE,
    RETAINED,
    RIGHT_ATRIUM,
    RIGHT_ELASTANCE_NOW,
    RIGHT_VENTRICLE,
    SYMPATHETIC,
    THORAX_NOW,
    TISSUE_FLUID,
    UNSTRESSED_NOW,
    VAGAL,
    VEINS,
    VENOUS_AFFERENT,
    VENOUS_CONTENT,
    VENOUS_TONE,
    VENTRICLE_RATE,
    parameter_row,
)
from twin.core.mean_beat import ATRIAL_PRESSURE

if TYPE_CHECKING:
    from jaxtyping import Float

SHARED = (
    ARTERIES,
    LUNG_ARTERIES,
    LUNG_VEINS,
    ARTERIAL_AFFERENT,
    VENOUS_AFFERENT,
    SYMPATHETIC,
    VENOUS_TONE,
    VAGAL,
    RESERVE,
    HORMONES,
    RATE_NOW,
    LEFT_ELASTANCE_NOW,
    RIGHT_ELASTANCE_NOW,
    CONDUCTANCE_NOW,
    UNSTRESSED_NOW,
    FLOW_NOW,
    BLOOD,
    TISSUE_FLUID,
    RETAINED,
    HAEMOGLOBIN_MASS,
    ALVEOLAR,
    ARTERIAL_OXYGEN,
    ARTERIAL_CONTENT,
    VENOUS_CONTENT,
    CARBON_DIOXIDE,
    BREATHING,
)
"""Rows that mean the same in both models: vessels, nerves, hormones, blood, gases."""

NOT_IN_VEINS = (
    LEFT_VENTRICLE,
    RIGHT_VENTRICLE,
    LEFT_ATRIUM,
    RIGHT_ATRIUM,
    ARTERIES,
    LUNG_ARTERIES,
    LUNG_VEINS,
)

LEAST_FILLING_MMHG = 0.5
"""An atrium of the pulsatile model is never empty."""


def beating(
    averaged: Float[np.ndarray, "block place"], begun: Float[np.ndarray, "block place"]
) -> Float[np.ndarray, "block place"]:
    """Return the pulsatile state at the onset of a beat, near the rest that ``averaged`` is at.

    Parameters
    ----------
    averaged
        State of the beat-averaged model, from ``twin.core.beat_averaged.settled_from``.
    begun
        The rough start of the same members, from ``twin.core.start``; it is left as it was.
    """
    state = begun.copy()
    for place in SHARED:
        _row(state, place)[:] = _row(averaged, place)
    _begin_beat(state)
    _fill_heart(state, averaged)
    return state


def _row(blocks: Float[np.ndarray, "block place"], place: int) -> Float[np.ndarray, "block lane"]:
    return blocks[:, place : place + LANES]


def _begin_beat(state: Float[np.ndarray, "block place"]) -> None:
    period = 60.0 / _row(state, RATE_NOW)
    root = np.sqrt(period)
    _row(state, PERIOD)[:] = period
    _row(state, VENTRICLE_RATE)[:] = 1.0 / (VENTRICLE_PEAK * root)
    _row(state, ATRIUM_RATE)[:] = 1.0 / (ATRIUM_PEAK * root)
    _row(state, ATRIUM_SHIFT)[:] = ATRIUM_LEAD * root


def _fill_heart(
    state: Float[np.ndarray, "block place"], averaged: Float[np.ndarray, "block place"]
) -> None:
    """Fill ventricles to the end of diastole, atria to their pressure, and veins with the rest."""

    def own(name: str) -> Float[np.ndarray, "block lane"]:
        return _row(state, parameter_row(name))

    squeezed = _row(averaged, PERICARDIUM)
    left = _row(state, LUNG_VEINS) * _row(state, INVERSE_LUNG_VEIN_COMPLIANCE) - squeezed
    right = _row(averaged, ATRIAL_PRESSURE) - _row(averaged, THORAX_NOW) - squeezed
    for atrium, filling, name in ((LEFT_ATRIUM, left, "left"), (RIGHT_ATRIUM, right, "right")):
        pressure = np.maximum(filling, LEAST_FILLING_MMHG)
        _row(state, atrium)[:] = pressure / own(f"{name}_atrium_diastolic_elastance")
    for ventricle, name in ((LEFT_VENTRICLE, "left"), (RIGHT_VENTRICLE, "right")):
        stressed = _row(averaged, ventricle)
        _row(state, ventricle)[:] = stressed + own(f"{name}_ventricle_unstressed_volume")
    _row(state, BEAT_FILLED)[:] = _row(state, LEFT_VENTRICLE)
    held = sum(_row(state, place) for place in NOT_IN_VEINS)
    _row(state, VEINS)[:] = _row(state, BLOOD) - own("unstressed_volume_elsewhere") - held
