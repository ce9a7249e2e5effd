"""What fitting the twin to measurements yields: values only, and how far each may be trusted.

A fit that failed is a value too. ``FitOutcome`` members are the sentence a clinician reads, and
only a ``ConvergedFit`` can be forecast or treated: a function that gives advice cannot be handed a
bad fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from jaxtyping import Float

    from twin.core.arm import Arm
    from twin.core.haemodynamics import Quantity
    from twin.core.parameters import Body


class FitOutcome(Enum):
    """How a fit ended; the value is the sentence for the clinician."""

    GOOD = "The twin reproduces the measurements."
    WIDE = (
        "The twin reproduces the measurements, but they leave the circulation behind them "
        "wide open; read the intervals, not the middle."
    )
    POOR = "The twin cannot reproduce these measurements together, so it gives no advice."
    TOO_LITTLE = (
        "The twin needs at least a heart rate and an arterial pressure of the last hours; "
        "it gives no advice without them."
    )
    CONTRADICTORY = (
        "The measurements contradict each other, so the twin gives no advice; "
        "check and measure again."
    )
    OUT_OF_RANGE = (
        "The measurements lie outside what the model of the circulation covers, "
        "so the twin gives no advice."
    )
    NOT_AN_ADULT = (
        "The model is of adults and this patient is younger than 18 years, "
        "so the twin gives no advice."
    )

    @property
    def advisable(self) -> bool:
        """Whether a fit with this outcome may be simulated and become advice."""
        return self in (FitOutcome.GOOD, FitOutcome.WIDE)


@dataclass(frozen=True, slots=True)
class Interval:
    """A median with its 90 % interval, in the unit of what it describes."""

    median: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """Return the distance between the ends of the interval."""
        return self.high - self.low


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The twin of one patient as the measurements leave it: a cloud of plausible circulations."""

    outcome: FitOutcome
    body: Body
    effective_sample_size: float
    """Members of the ensemble that an exact step confirmed; the fit is poor when they are few."""
    parameters: Float[np.ndarray, "parameter member"]
    """Resampled members, rows in the order of ``twin.core.parameters.PARAMETERS``."""
    weights: Float[np.ndarray, " member"]
    """Share of each member; they are equal and sum to 1."""
    now: Float[np.ndarray, "quantity member"]
    """Each member's present state, rows in the order of ``Quantity``; arterial pressures as the
    device shows them that read the newest ones (``arm``)."""
    drift_per_h: Float[np.ndarray, "fitted member"] | None
    """How fast each member's fitted coordinates have been changing; None without two sets of vital
    signs."""
    estimates: Mapping[Quantity, Interval]
    """Of the present state, the model's own error included."""
    residuals: Mapping[Quantity, float]
    """Measured minus the twin's median, in standard deviations of measurement and model
    together."""
    sentences: tuple[str, ...]
    taken_at: datetime | None
    """When the newest set of vital signs was taken; None where nothing was fitted."""
    arm: Arm
    """Turns simulated pressures of the aorta into those that the patient's device shows."""

    def converged(self) -> ConvergedFit | None:
        """Return what may be simulated, or None where the outcome forbids advice."""
        return ConvergedFit(self) if self.outcome.advisable else None


@final
@dataclass(frozen=True, slots=True, eq=False)
class ConvergedFit:
    """A fit whose outcome allows advice; made by ``Fit.converged`` only.

    Raises
    ------
    ValueError
        When the fit's outcome allows no advice: call ``Fit.converged`` and handle its None.
    """

    fit: Fit

    def __post_init__(self) -> None:
        """Refuse a fit that must not become advice."""
        if not self.fit.outcome.advisable:
            raise ValueError(
                "This fit allows no advice: call Fit.converged() and handle its None instead."
            )

    @property
    def body(self) -> Body:
        """Return the patient's body."""
        return self.fit.body

    @property
    def parameters(self) -> Float[np.ndarray, "parameter member"]:
        """Return the members' parameters."""
        return self.fit.parameters

    @property
    def weights(self) -> Float[np.ndarray, " member"]:
        """Return the members' shares."""
        return self.fit.weights

    @property
    def arm(self) -> Arm:
        """Return how the patient's device shows each member's aorta."""
        return self.fit.arm

    @property
    def estimates(self) -> Mapping[Quantity, Interval]:
        """Return the estimates with their 90 % intervals."""
        return self.fit.estimates


def intervals(
    rows: Float[np.ndarray, "row member"],
    discrepancy_sds: Float[np.ndarray, " row"],
    least: Float[np.ndarray, " row"] | float = -np.inf,
    most: Float[np.ndarray, " row"] | float = np.inf,
) -> list[Interval]:
    """Return each row's median and 90 % interval, widened by the model's own error.

    Each arm of an interval is widened in quadrature, which keeps a skewed interval skewed.

    Parameters
    ----------
    rows
        One column a member, all equally probable.
    discrepancy_sds
        Standard deviation of the model's own error, in the unit of each row.
    least, most
        What each row's quantity can be; an interval is cut to it.
    """
    ranked = np.sort(rows, axis=1)
    low, median, high = (_at_share(ranked, wanted) for wanted in (0.05, 0.5, 0.95))
    # 1.645 standard deviations reach from the middle of a normal distribution to its 95th centile.
    arm = 1.645 * discrepancy_sds
    lower, upper = median - np.hypot(median - low, arm), median + np.hypot(high - median, arm)
    ends = np.clip((median, lower, upper), least, most).T.tolist()
    return [Interval(*each) for each in ends]


def _at_share(ranked: Float[np.ndarray, "row member"], wanted: float) -> Float[np.ndarray, " row"]:
    """Return what a share of each row's members lies below, straight between members.

    The middle of a member's share is its place, as in Hazen's rule.
    """
    members = ranked.shape[1]
    place = min(max(wanted * members - 0.5, 0.0), members - 1.0)
    before = min(int(place), max(members - 2, 0))
    after = min(before + 1, members - 1)
    along = place - before
    found: np.ndarray = (1.0 - along) * ranked[:, before] + along * ranked[:, after]
    return found
