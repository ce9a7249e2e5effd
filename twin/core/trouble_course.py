"""What a chart says of a trouble's course: which sets count, and how their errors hang together.

May live here: from sets of vital signs to the numbers that ``course_evidence`` weighs. A device
errs anew with each value; the model is wrong about one patient by the same amount all along, and a
pulse grows by the same share on its way to his arm; between the sets he wanders by himself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from twin.core.arm import AMPLIFICATION_SD, expected_amplification
from twin.core.course_evidence import Charted
from twin.core.device_errors import ARTERIAL_PRESSURES, error_model
from twin.core.discrepancy import DISCREPANCIES
from twin.core.haemodynamics import Quantity
from twin.core.intervention_kinds import Fluid, FluidKind
from twin.core.measurements import Device
from twin.core.observation_sets import contradiction
from twin.core.prior import GROWS_WITH_SIZE
from twin.core.trouble import troubles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from jaxtyping import Float

    from twin.core.emulator import Emulator
    from twin.core.observation_sets import ObservationSet, Seen
    from twin.core.treatment import Administration

EARLIER_H: Final = 24.0
"""Older sets say too little of how the person usually is."""

MOST_EARLIER: Final = 5
SPREAD_H: Final = (0.5, 1.0, 2.0, 4.0)
"""Of many sets those nearest to these ages are looked at: what came on did so at one of them."""

PRESENT_H: Final = 1.0
"""A quantity seen this long before the newest set still speaks of the present trouble."""

FORGOTTEN_H: Final = 1.0
"""How soon a patient's own wandering forgets where it was (assumed; ``discrepancy`` has how far it
goes in an hour, and for hours on end it goes hardly further)."""

TOGETHER: Final = 0.5
"""Correlation of a cuff's errors in systolic and diastolic pressure: two points of one envelope
(assumed)."""


def chosen(sets: Sequence[ObservationSet]) -> tuple[ObservationSet, ...]:
    """Return the sets that a course is weighed by, newest first.

    The newest, what has quantities of its own within its hour, the last one before the trouble,
    and a few in between.
    """
    newest = sets[0]
    earlier = [
        each
        for each in sets[1:]
        if hours_before(each, newest) <= EARLIER_H and contradiction(each) is None and each.seen
    ]
    if len(earlier) > MOST_EARLIER:
        earlier = _telling_ones(newest, earlier)
    return (newest, *earlier)


def hours_before(earlier: ObservationSet, later: ObservationSet) -> float:
    """Return how long before the later set the earlier one was taken."""
    return (later.taken_at - earlier.taken_at).total_seconds() / 3600.0


def _telling_ones(
    newest: ObservationSet, earlier: Sequence[ObservationSet]
) -> list[ObservationSet]:
    ages_h = np.array([hours_before(each, newest) for each in earlier])
    known = set(newest.seen)
    places: list[int] = []
    for place, each in enumerate(earlier):
        if ages_h[place] <= PRESENT_H and set(each.seen) - known:
            places.append(place)
            known |= set(each.seen)
    well = [place for place, each in enumerate(earlier) if not troubles(each)]
    places += well[:1]
    places += [int(np.argmin(np.abs(np.log(ages_h / age_h)))) for age_h in SPREAD_H]
    kept = sorted(dict.fromkeys(places[: len(SPREAD_H) + MOST_EARLIER]))
    return [earlier[place] for place in kept[:MOST_EARLIER]]


RETAINED: Final[Mapping[FluidKind, float]] = {
    FluidKind.CRYSTALLOID: 0.30,
    FluidKind.RED_CELLS: 0.80,
    FluidKind.ALBUMIN: 0.85,
}
LEAVES_H: Final = 0.33
"""What stays of a fluid, and how soon the rest leaves the vessels: volume kinetics of Ringer's
solution, Hahn 2010, Anesthesiology 113:470 (rounded); albumin and red cells as in ``drugs``."""
_PARTS: Final = 9


def retained_ml(given: Sequence[Administration], at: datetime) -> float:
    """Return how much of all recorded fluid is in the vessels."""
    total = 0.0
    for each in given:
        fluid = each.intervention
        if not isinstance(fluid, Fluid) or each.starts_at > at:
            continue
        hours = np.linspace(0.0, fluid.duration_s / 3600.0, _PARTS)
        if each.ends_at is not None:
            lasted_h = (each.ends_at - each.starts_at).total_seconds() / 3600.0
            hours = hours[hours <= lasted_h + 1e-6]
        since_h = (at - each.starts_at).total_seconds() / 3600.0 - hours
        stays = RETAINED[fluid.kind]
        left = stays + (1.0 - stays) * np.exp(-np.maximum(since_h, 0.0) / LEAVES_H)
        total += fluid.volume_ml * float(np.sum(np.where(since_h >= 0.0, left, 0.0))) / _PARTS
    return total


class _Value(NamedTuple):
    """One value as the model sees it: at the aorta, in a body of standard size."""

    moment: int
    row: int
    value: float
    device_sd: float
    steady_sd: float
    """Of what is wrong by the same amount all along."""
    wander_sd: float
    """Of an hour."""
    cuff: bool


def charted(
    sets: Sequence[ObservationSet],
    middles: Float[np.ndarray, "moment input"],
    size: float,
    age_years: float | None,
    emulator: Emulator,
) -> Charted:
    """Return what a course's sets say, with their errors."""
    found = [
        value
        for moment, observed in enumerate(sets)
        for value in _values(moment, observed, size, age_years, emulator)
    ]
    ages_h = np.array([hours_before(each, sets[0]) for each in sets])
    rows, places = np.unique([each.row for each in found], return_inverse=True)
    covariance = _covariance(found, ages_h, emulator.error_sd)
    return Charted(
        middles,
        rows,
        np.array([each.moment for each in found]),
        places,
        np.array([each.value for each in found]),
        np.linalg.inv(np.linalg.cholesky(covariance)),
    )


def _values(
    moment: int,
    observed: ObservationSet,
    size: float,
    age_years: float | None,
    emulator: Emulator,
) -> list[_Value]:
    found = []
    for quantity, seen in _measured(observed).items():
        if quantity not in emulator.outputs:
            continue
        scale = size if quantity in GROWS_WITH_SIZE else 1.0
        own, device = DISCREPANCIES[quantity], seen.measurement.device
        value, steady = seen.value / scale, 0.0
        if quantity is Quantity.SYSTOLIC_PRESSURE and Quantity.DIASTOLIC_PRESSURE in observed.seen:
            low = observed.seen[Quantity.DIASTOLIC_PRESSURE].value
            pulse = (seen.value - low) / expected_amplification(device, age_years)
            value, steady = low + pulse, AMPLIFICATION_SD * pulse
        found.append(
            _Value(
                moment,
                emulator.outputs.index(quantity),
                value,
                error_model(quantity, device).sd(seen.value) / scale,
                float(np.hypot(own.model_sd(value), steady)),
                own.wander_per_sqrt_h,
                quantity in ARTERIAL_PRESSURES and device is not Device.ARTERIAL_LINE,
            )
        )
    return found


def _measured(observed: ObservationSet) -> Mapping[Quantity, Seen]:
    """Return a set without a mean that was made of the other pressures, as cuffs do (``arm``)."""
    seen = observed.seen
    mean = seen.get(Quantity.MEAN_PRESSURE)
    if mean is None or not _BOTH.issubset(seen):
        return seen
    own = mean.measurement.quantity is Quantity.MEAN_PRESSURE
    if own and mean.measurement.device is Device.ARTERIAL_LINE:
        return seen
    return {q: each for q, each in seen.items() if q is not Quantity.MEAN_PRESSURE}


_BOTH: Final = frozenset({Quantity.SYSTOLIC_PRESSURE, Quantity.DIASTOLIC_PRESSURE})


def _covariance(
    found: Sequence[_Value], ages_h: np.ndarray, emulated: np.ndarray
) -> Float[np.ndarray, "observation observation"]:
    moments = np.array([each.moment for each in found])
    rows = np.array([each.row for each in found])
    steady = np.array([each.steady_sd for each in found])
    wander = np.array([each.wander_sd for each in found])
    device = np.array([each.device_sd for each in found])
    cuff = np.array([each.cuff for each in found])
    alike = rows[:, None] == rows
    at_once = (moments[:, None] == moments) & cuff[:, None] & cuff
    covariance: np.ndarray = alike * (
        np.outer(steady, steady)
        + np.outer(wander, wander) * _apart(ages_h)[np.ix_(moments, moments)]
    )
    covariance += np.where(at_once & ~alike, TOGETHER, 0.0) * np.outer(device, device)
    covariance += np.diag(device**2 + emulated[rows] ** 2)
    return covariance


def _apart(ages_h: np.ndarray) -> Float[np.ndarray, "moment moment"]:
    """Return how wanderings from the present hang together: 1 for one hour with itself.

    An Ornstein-Uhlenbeck process, counted from where it is now.
    """
    kept = np.exp(-ages_h / FORGOTTEN_H)
    between = np.exp(-np.abs(ages_h[:, None] - ages_h) / FORGOTTEN_H)
    from_now: np.ndarray = between - kept[:, None] - kept + 1.0
    per_hour = 2.0 * (1.0 - np.exp(-1.0 / FORGOTTEN_H))
    return from_now / float(per_hour)
