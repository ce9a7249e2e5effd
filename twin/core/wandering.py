"""How a charted quantity wanders of itself, from hour to hour: constants and transitions.

Heart rate, pressures and saturation of a patient at rest do not stay: tone and filling drift for
days, a daily rhythm runs through them, and pain, turning or a short sedation moves them for an
hour. ``Wandering`` states this as a linear state space (level, slow part, fast part, a damped
24-hour rhythm) seen through devices with offsets and noise of their own. ``tracking`` follows a
patient through it; ``forecast`` draws paths from it. No circulation here: what a cause does to all
quantities together is the business of the fitted parameters.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

STATES: Final = ("level", "slow", "fast", "cuff_offset", "shape_offset", "rhythm", "rhythm_phase")
"""Rows of a state: the first three and the rhythm add up to the quantity itself."""

CHANNELS: Final = ("other", "line", "other_shape", "line_shape")
"""What one moment may show: the quantity by an arterial line or by anything else, and a mean
pressure worked out as (systolic + 2 diastolic) / 3 of either."""

SEEN_IN: Final = np.array(
    [
        [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0],
        [1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
        [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0],
    ]
)
"""Which states add up to which channel."""

DAY_H: Final = 24.0

CENTILES: Final = np.array(
    [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99]
)
"""Shares at which the distribution of standardised errors is kept; straight between them."""


@dataclass(frozen=True, slots=True)
class Wandering:
    """Constants of one quantity, in its unit and in hours; fitted to charts, never assumed."""

    level: float
    """Expected of a patient of whom nothing was charted yet."""
    level_sd: float
    level_walk_per_sqrt_h: float
    slow_sd: float
    slow_h: float
    fast_sd: float
    fast_h: float
    other_noise_sd: float
    """Of anything but an arterial line."""
    line_noise_sd: float
    tails: float
    """Degrees of freedom of the errors: a value far off is believed less."""
    cuff_offset_sd: float
    """Of a cuff against an arterial line in the same patient."""
    cuff_offset_h: float
    shape_offset_sd: float
    """Of (systolic + 2 diastolic) / 3 against the charted mean in the same patient."""
    shape_offset_h: float
    shape_noise_sd: float
    rhythm_sd: float
    rhythm_h: float
    """Within which the daily rhythm loses its phase."""
    effect_share: float
    """Of a simulated effect of the treatment given that charts show."""

    @classmethod
    def of(cls, values: Sequence[float]) -> Wandering:
        """Return constants from their values in the order of the fields."""
        return cls(*(float(value) for value in values))

    def vector(self) -> Float[np.ndarray, " constant"]:
        """Return the values in the order of the fields."""
        return np.array(astuple(self))


CONSTANTS: Final[tuple[str, ...]] = tuple(field.name for field in fields(Wandering))


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A quantity's wandering with how its errors were distributed on patients."""

    wandering: Wandering
    errors: tuple[float, ...]
    """Standardised errors of forecasts at ``CENTILES``; of patients who did not fit them."""


def transition(wandering: Wandering, hours: float) -> Float[np.ndarray, "state state"]:
    """Return what becomes of a state's mean after ``hours``."""
    w = wandering
    matrix = np.diag(
        [
            1.0,
            np.exp(-hours / w.slow_h),
            np.exp(-hours / w.fast_h),
            np.exp(-hours / w.cuff_offset_h),
            np.exp(-hours / w.shape_offset_h),
            0.0,
            0.0,
        ]
    )
    turn, damped = 2.0 * np.pi * hours / DAY_H, np.exp(-hours / w.rhythm_h)
    matrix[5:, 5:] = damped * np.array(
        [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    )
    return matrix


def stationary_sds(wandering: Wandering) -> Float[np.ndarray, " state"]:
    """Return the standard deviation of every state of an unknown patient."""
    w = wandering
    return np.array(
        [
            w.level_sd,
            w.slow_sd,
            w.fast_sd,
            w.cuff_offset_sd,
            w.shape_offset_sd,
            w.rhythm_sd,
            w.rhythm_sd,
        ]
    )


def added_sds(wandering: Wandering, hours: float) -> Float[np.ndarray, " state"]:
    """Return the standard deviation of what chance adds to every state in ``hours``."""
    w = wandering
    times = np.array(
        [1.0, w.slow_h, w.fast_h, w.cuff_offset_h, w.shape_offset_h, w.rhythm_h, w.rhythm_h]
    )
    added: np.ndarray = stationary_sds(w) * np.sqrt(1.0 - np.exp(-2.0 * hours / times))
    added[0] = w.level_walk_per_sqrt_h * np.sqrt(hours)
    return added
