"""How far a fit may be trusted, and that in words: estimates, residuals, outcome, sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.device_errors import ARTERIAL_PRESSURES
from twin.core.discrepancy import DISCREPANCIES
from twin.core.fit import FitOutcome, Interval, intervals
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.measurements import Condition
from twin.core.prior import GROWS_WITH_SIZE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from jaxtyping import Float

    from twin.core.history import Moment

WORST_RESIDUAL: Final = 3.0
"""In standard deviations; one value in 370 lies further out by chance."""

FEWEST_EFFECTIVE: Final = 25.0
"""A fifth of the ensemble: below it that is the smoother's guess, and intervals cannot be
believed."""

WIDE_SHARE: Final = 0.45
"""A 90 % interval of cardiac output wider than this share of its median is called wide: it spans
clinical opposites."""

EDGE: Final = 3.0
"""A coordinate this many standard deviations out has reached the end of what the model covers."""

GUARD_TOLERANCE: Final = 1.0
"""Root mean square of emulator minus model, in standard deviations of measurement and model
error."""

_EVERY: Final = tuple(DISCREPANCIES)
_MODEL_SDS: Final = np.array([own.model for own in DISCREPANCIES.values()])
_MODEL_SHARES: Final = np.array([own.model_share for own in DISCREPANCIES.values()])
_SCALED: Final = np.array([quantity in GROWS_WITH_SIZE for quantity in DISCREPANCIES])


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verdict on a fit rests on."""

    residuals: Mapping[Quantity, float]
    effective_sample_size: float
    furthest_coordinate: float
    """Largest absolute coordinate of the ensemble's mean."""
    output: Interval
    """Cardiac output, L/min."""
    guard: float | None
    """Emulator against model, in standard deviations; None where nothing was re-simulated."""


def verdict(evidence: Evidence) -> FitOutcome:
    """Return the outcome that the evidence allows."""
    worst = max((abs(residual) for residual in evidence.residuals.values()), default=0.0)
    if worst > WORST_RESIDUAL:
        out = evidence.furthest_coordinate > EDGE
        return FitOutcome.OUT_OF_RANGE if out else FitOutcome.POOR
    if evidence.effective_sample_size < FEWEST_EFFECTIVE:
        return FitOutcome.POOR
    if evidence.guard is not None and evidence.guard > GUARD_TOLERANCE:
        return FitOutcome.POOR
    if evidence.output.width > WIDE_SHARE * evidence.output.median:
        return FitOutcome.WIDE
    return FitOutcome.GOOD


def estimates_of(
    now: Float[np.ndarray, "quantity member"],
    size: float,
) -> dict[Quantity, Interval]:
    """Return every quantity's median and 90 % interval, widened by the model's own error."""
    rows = now[[QUANTITY_INDEX[quantity] for quantity in DISCREPANCIES]]
    widening = model_sds(np.median(rows, axis=1), size)
    each = intervals(rows, widening, *possible_ends(tuple(DISCREPANCIES)))
    return dict(zip(DISCREPANCIES, each, strict=True))


def model_sds(
    typical: Float[np.ndarray, "*plan quantity"],
    size: float,
    quantities: Sequence[Quantity] = _EVERY,
) -> Float[np.ndarray, "*plan quantity"]:
    """Return the model's standard deviation of each of these quantities of ``DISCREPANCIES``."""
    rows = [_EVERY.index(quantity) for quantity in quantities]
    scale = np.where(_SCALED[rows], size, 1.0)
    sds: np.ndarray = np.maximum(scale * _MODEL_SDS[rows], _MODEL_SHARES[rows] * np.abs(typical))
    return sds


def possible_ends(
    quantities: Sequence[Quantity],
) -> tuple[Float[np.ndarray, " quantity"], Float[np.ndarray, " quantity"]]:
    """Return what each quantity cannot be below and above: only a venous pressure goes below 0."""
    venous = Quantity.CENTRAL_VENOUS_PRESSURE
    low = [-np.inf if quantity is venous else 0.0 for quantity in quantities]
    high = [100.0 if quantity.unit == "%" else np.inf for quantity in quantities]
    return np.array(low), np.array(high)


def residuals_of(
    moment: Moment, predicted: Float[np.ndarray, "observation member"]
) -> dict[Quantity, float]:
    """Return measured minus the twin's mean for the newest set, in standard deviations."""
    mean = predicted[: len(moment.values)].mean(axis=1)
    scaled = (moment.values - mean) / moment.sds
    return {q: float(r) for q, r in zip(moment.quantities, scaled, strict=True)}


def sentences_of(
    seen: Collection[Quantity],
    conditions: Collection[Condition],
    estimates: Mapping[Quantity, Interval],
    residuals: Mapping[Quantity, float],
    parameters: Mapping[Condition, float],
) -> tuple[str, ...]:
    """Return what a clinician must know to read the estimates."""
    said = []
    for quantity, residual in residuals.items():
        if abs(residual) > 2.0:
            side = "higher" if residual > 0 else "lower"
            said.append(
                f"The measured {quantity.clinical_name} is {side} than the twin can explain "
                f"({abs(residual):.1f} standard deviations)."
            )
    if Quantity.CARDIAC_OUTPUT not in seen:
        output = estimates[Quantity.CARDIAC_OUTPUT]
        said.append(
            f"{_seen_in_words(seen)} alone leave cardiac output between "
            f"{output.low:.1f} and {output.high:.1f} L/min."
        )
    if Condition.HAEMOGLOBIN not in conditions:
        said.append(
            f"Haemoglobin is not known; {parameters[Condition.HAEMOGLOBIN]:.1f} g/dL was assumed."
        )
    if Condition.INSPIRED_OXYGEN_FRACTION not in conditions:
        said.append("Inspired oxygen is not recorded; room air was assumed.")
    return tuple(said)


def _seen_in_words(seen: Collection[Quantity]) -> str:
    names = []
    if any(quantity in ARTERIAL_PRESSURES for quantity in seen):
        names.append("arterial pressure")
    names += [
        quantity.clinical_name
        for quantity in Quantity
        if quantity in seen and quantity not in ARTERIAL_PRESSURES
    ]
    listed = " and ".join(names) if len(names) < 3 else ", ".join(names[:-1]) + " and " + names[-1]
    return listed[:1].upper() + listed[1:]
