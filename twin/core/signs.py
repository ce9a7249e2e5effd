"""How well each cause foresees temperature and breathing, which the circulation does not predict.

Normal distributions around what is usual under the cause (``hypotheses``), with a share of people
in whom the sign is off for a reason of its own, so that no sign alone rules a cause out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from twin.core.hypotheses import (
    COINCIDENCE,
    COINCIDENT_RESPIRATORY_RATE,
    COINCIDENT_TEMPERATURE,
    Sign,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from twin.core.hypotheses import Hypothesis


def log_likelihoods(
    hypotheses: Sequence[Hypothesis],
    temperature_celsius: float | None,
    respiratory_rate_per_min: float | None,
) -> Float[np.ndarray, " hypothesis"]:
    """Return how well each hypothesis foresees the signs; what is not known counts for nothing."""
    found = np.zeros(len(hypotheses))
    for place, hypothesis in enumerate(hypotheses):
        for value, usual, coincident in (
            (temperature_celsius, hypothesis.temperature_celsius, COINCIDENT_TEMPERATURE),
            (
                respiratory_rate_per_min,
                hypothesis.respiratory_rate_per_min,
                COINCIDENT_RESPIRATORY_RATE,
            ),
        ):
            if value is not None:
                found[place] += _log_likelihood(value, usual, coincident)
    return found


def _log_likelihood(value: float, usual: Sign, coincident: Sign) -> float:
    mixed = (1.0 - COINCIDENCE) * _density(value, usual)
    mixed += COINCIDENCE * _density(value, coincident)
    return math.log(max(mixed, 1e-30))


def _density(value: float, sign: Sign) -> float:
    return math.exp(-0.5 * ((value - sign.mean) / sign.sd) ** 2) / sign.sd
