"""What a reading of a trajectory says. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from inference.core.news2 import News2

RiskLevel = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Contribution:
    """What hiding one clinical quantity would change: ``log_odds`` it adds to the risk.

    It explains the model, not the patient: another quantity may carry the same information.
    """

    name: str
    log_odds: float

    @property
    def raises(self) -> bool:
        """Return whether the quantity raised the risk."""
        return self.log_odds > 0


@dataclass(frozen=True, slots=True)
class TrajectoryReading:
    """One patient's calibrated probability of death in hospital, with everything beside it.

    Attributes
    ----------
    risk
        Calibrated probability with its 90 % interval.
    risk_basis
        How probability and interval were made, and of whom.
    population_rate
        Share of the population learnt from that died, to put the number beside.
    level
        By the release's thresholds.
    parts
        Probability of each part of the fusion by itself.
    news2
        From the last charted values of the last 24 h.
    completeness
        Share of the 36 series of PhysioNet 2012 with at least one value.
    missing
        Clinical names of the series without one.
    contributors
        The quantities that moved the risk most.
    out_of_distribution, unlike_because
        Whether, and in what, the input is unlike what the model learnt from.
    release
        Name, version and digest.
    """

    risk: Estimate
    risk_basis: str
    population_rate: float
    level: RiskLevel
    parts: Mapping[str, float]
    news2: News2
    completeness: float
    missing: tuple[str, ...]
    contributors: tuple[Contribution, ...]
    out_of_distribution: bool
    unlike_because: tuple[str, ...]
    release: str
