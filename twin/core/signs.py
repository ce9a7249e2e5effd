"""How well each cause foresees temperature, breathing and a falling haemoglobin.

The circulation does not predict them.

Normal distributions around what is usual under the cause (``hypotheses``), with a share of people
in whom the sign is off for a reason of its own, so that no sign alone rules a cause out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.hypotheses import (
    COINCIDENCE,
    COINCIDENT_HAEMOGLOBIN_FALL,
    COINCIDENT_RESPIRATORY_RATE,
    COINCIDENT_TEMPERATURE,
    HAEMOGLOBIN_FALL_BLEEDING,
    HAEMOGLOBIN_FALL_OTHERWISE,
    Cause,
    Sign,
)
from twin.core.measurements import Condition

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jaxtyping import Float

    from twin.core.hypotheses import Hypothesis
    from twin.core.measurements import Measurement

FALL_H: Final = 24.0
"""Over so long a fall of haemoglobin is counted, and its newest value is no older than half."""


def haemoglobin_fall_g_per_dl(
    measurements: Sequence[Measurement], taken_at: datetime
) -> float | None:
    """Return how far haemoglobin has come down within a day of ``taken_at``, or None.

    From the highest value of that day to the newest; None where there are not two values, or the
    newest speaks of half a day ago. A rise counts as no fall.
    """
    charted = [
        (hours, each.value)
        for each in measurements
        if each.quantity is Condition.HAEMOGLOBIN
        and (hours := (taken_at - each.taken_at).total_seconds() / 3600.0) <= FALL_H
    ]
    if len(charted) < 2:
        return None
    newest_h, newest = min(charted)
    if newest_h > FALL_H / 2.0:
        return None
    return max(value for _, value in charted) - newest


def log_likelihoods(
    hypotheses: Sequence[Hypothesis],
    temperature_celsius: float | None,
    respiratory_rate_per_min: float | None,
    haemoglobin_fall: float | None = None,
) -> Float[np.ndarray, " hypothesis"]:
    """Return how well each hypothesis foresees the signs; what is not known counts for nothing."""
    found = np.zeros(len(hypotheses))
    for place, hypothesis in enumerate(hypotheses):
        bleeding = hypothesis.cause is Cause.BLOOD_LOSS
        falling = HAEMOGLOBIN_FALL_BLEEDING if bleeding else HAEMOGLOBIN_FALL_OTHERWISE
        for value, usual, coincident in (
            (haemoglobin_fall, falling, COINCIDENT_HAEMOGLOBIN_FALL),
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
