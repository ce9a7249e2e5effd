"""The present state of each member, every quantity in the patient's own size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.core.haemodynamics import QUANTITIES, QUANTITY_INDEX, Quantity
from twin.core.parameters import PARAMETER_INDEX
from twin.core.prior import GROWS_WITH_SIZE
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
    return state
