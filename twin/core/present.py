"""The present state of each member, every quantity in the patient's own size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.core.gas_exchange import HUEFNER_ML_PER_G, SOLUBLE_ML_PER_DL_MMHG
from twin.core.haemodynamics import (
    QUANTITIES,
    QUANTITY_INDEX,
    Quantity,
    oxygen_carried_ml_per_min,
)
from twin.core.parameters import PARAMETER_INDEX
from twin.core.prior import GROWS_WITH_SIZE
from twin.core.respiration import resting_minute_volume_l_per_min
from twin.core.units import ml_per_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float


def present_state(
    emulated: Float[np.ndarray, "output member"],
    outputs: Sequence[Quantity],
    parameters: Float[np.ndarray, "parameter member"],
    size: float,
) -> Float[np.ndarray, "quantity member"]:
    """Return every quantity of every member, rows in the order of ``Quantity``.

    Parameters
    ----------
    emulated
        The emulator's answer in a body of standard size, rows in the order of ``outputs``.
    parameters
        The members in the patient's own size; blood volume and haemoglobin are read off them.
    size
        The body's expected blood volume over the standard adult's.
    """
    state = np.zeros((len(QUANTITIES), parameters.shape[1]), np.float32)
    for row, quantity in zip(emulated, outputs, strict=True):
        state[QUANTITY_INDEX[quantity]] = row * (size if quantity in GROWS_WITH_SIZE else 1.0)
    state[QUANTITY_INDEX[Quantity.BLOOD_VOLUME]] = parameters[PARAMETER_INDEX["blood_volume"]]
    state[QUANTITY_INDEX[Quantity.HAEMOGLOBIN]] = parameters[PARAMETER_INDEX["haemoglobin"]]
    flow_ml_per_s = np.maximum(ml_per_s(1.0) * state[QUANTITY_INDEX[Quantity.CARDIAC_OUTPUT]], 1.0)
    driving = (
        state[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]]
        - state[QUANTITY_INDEX[Quantity.CENTRAL_VENOUS_PRESSURE]]
    )
    state[QUANTITY_INDEX[Quantity.SYSTEMIC_RESISTANCE]] = driving / flow_ml_per_s
    _breathe(state, parameters)
    return state


def _breathe(
    state: Float[np.ndarray, "quantity member"], parameters: Float[np.ndarray, "parameter member"]
) -> None:
    """Fill in what blood carries, and the breathing that rest asks for."""
    consumed = parameters[PARAMETER_INDEX["oxygen_consumption"]]
    carbon_dioxide = parameters[PARAMETER_INDEX["arterial_carbon_dioxide_pressure"]]
    bound = state[QUANTITY_INDEX[Quantity.OXYGEN_SATURATION]] / 100.0 * HUEFNER_ML_PER_G
    content = bound * state[QUANTITY_INDEX[Quantity.HAEMOGLOBIN]]
    content += SOLUBLE_ML_PER_DL_MMHG * state[QUANTITY_INDEX[Quantity.ARTERIAL_OXYGEN_PRESSURE]]
    output = state[QUANTITY_INDEX[Quantity.CARDIAC_OUTPUT]]
    state[QUANTITY_INDEX[Quantity.OXYGEN_DELIVERY]] = oxygen_carried_ml_per_min(output, content)
    state[QUANTITY_INDEX[Quantity.OXYGEN_CONSUMPTION]] = consumed
    state[QUANTITY_INDEX[Quantity.ARTERIAL_CARBON_DIOXIDE_PRESSURE]] = carbon_dioxide
    state[QUANTITY_INDEX[Quantity.MINUTE_VENTILATION]] = resting_minute_volume_l_per_min(
        consumed, carbon_dioxide
    )
