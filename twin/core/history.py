"""What the unknowns predict of every set of measurements, the present one and the earlier ones.

Unknowns: the present coordinates ``u``, the amplification of the pulse on its way to the arm in
standard deviations of its logarithm, and, where there are two sets or more, how fast some of
the coordinates have been changing, ``rho`` in units of ``Coordinate.drift_sd_per_h``. A set seen
``age_h`` ago is predicted at ``u - age_h * rate``; what else may have happened in between widens
its errors by the patient's own wandering (``discrepancy``). The emulator does the predicting.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from twin.core.arm import AMPLIFICATION_SD, Arm
from twin.core.device_errors import ARTERIAL_PRESSURES
from twin.core.discrepancy import DISCREPANCIES
from twin.core.emulator import predict_at_moments
from twin.core.haemodynamics import Quantity
from twin.core.posterior import Box, Observed
from twin.core.prior import COORDINATE_SDS, COORDINATES, DRIFT_SDS, DRIFTING, GROWS_WITH_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int

    from twin.core.arm_sets import Reading
    from twin.core.emulator import Emulator, Reader
    from twin.core.observation_sets import ObservationSet

BOX_EDGE = 3.3
"""Coordinates further from the prior's middle than this are not considered: one person in a
thousand."""

AMPLIFICATION = len(COORDINATES)
"""Place of the patient's own amplification among the unknowns."""
FIRST_RATE = AMPLIFICATION + 1
"""Place of the first rate of change."""

UNSEEN_SD = 1e6
"""Error of what is predicted because something else is made of it, and was not measured."""

_SHIFT_PER_RHO_H = DRIFT_SDS / COORDINATE_SDS[DRIFTING]


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One set of measurements with what was known of the patient at its time."""

    age_h: float
    middle: Float[np.ndarray, " input"]
    """The emulator's input at ``u = 0`` under the conditions of that time."""
    quantities: tuple[Quantity, ...]
    values: Float[np.ndarray, " observation"]
    """Scaled to a body of standard size."""
    sds: Float[np.ndarray, " observation"]
    reading: Reading | None
    """How arterial pressures were read; None where there are none."""

    @property
    def predicted(self) -> tuple[Quantity, ...]:
        """Return the quantities, then those pressures that only predicting these needs."""
        if self.reading is None:
            return self.quantities
        needed = set()
        if Quantity.SYSTOLIC_PRESSURE in self.quantities:
            needed = {Quantity.DIASTOLIC_PRESSURE}
        if Quantity.MEAN_PRESSURE in self.quantities and self.reading.mean_share is not None:
            needed = {Quantity.SYSTOLIC_PRESSURE, Quantity.DIASTOLIC_PRESSURE}
        missing = (q for q in ARTERIAL_PRESSURES if q in needed and q not in self.quantities)
        return (*self.quantities, *missing)

    @classmethod
    def of(
        cls,
        observed: ObservationSet,
        age_h: float,
        middle: Float[np.ndarray, " input"],
        size: float,
        emulator: Emulator,
        reading: Reading | None = None,
    ) -> Moment:
        """Return a set as the fit sees it: scaled, with all its errors added up.

        Without a ``reading`` its pressures are the aorta's.
        """
        quantities = tuple(q for q in observed.seen if q in emulator.outputs)
        values, sds = [], []
        for quantity in quantities:
            seen = observed.seen[quantity]
            scale = size if quantity in GROWS_WITH_SIZE else 1.0
            own = DISCREPANCIES[quantity]
            emulated = emulator.error_sd[emulator.outputs.index(quantity)]
            wander = own.wander_per_sqrt_h * np.sqrt(age_h)
            values.append(seen.value / scale)
            sds.append(
                np.sqrt(
                    (seen.sd / scale) ** 2
                    + own.model_sd(seen.value / scale) ** 2
                    + wander**2
                    + emulated**2
                )
            )
        return cls(age_h, middle, quantities, np.array(values), np.array(sds), reading)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """A ``posterior.Forward`` over all moments; the newest moment comes first."""

    emulator: Emulator
    moments: tuple[Moment, ...]
    reader: Reader = field(init=False, repr=False)
    """Of what was measured, moment after moment."""
    slopes: Float[np.ndarray, "moment input coordinate"] = field(init=False, repr=False)
    """The emulator's input at each moment by each unknown."""
    middles: Float[np.ndarray, "moment input"] = field(init=False, repr=False)
    ends: Int[np.ndarray, " moment"] = field(init=False, repr=False)
    """How many predictions there are up to each moment."""
    pressures: Int[np.ndarray, "moment 3"] = field(init=False, repr=False)
    """Which prediction of a moment is systolic, diastolic, mean pressure; -1 is none."""
    readings: Float[np.ndarray, "moment 3"] = field(init=False, repr=False)
    """Expected amplification, its spread, share of the mean; a share below 0: the aorta's mean."""

    def __post_init__(self) -> None:
        """Prepare what a fit needs a dozen times."""
        measured = [quantity for moment in self.moments for quantity in moment.predicted]
        object.__setattr__(self, "reader", self.emulator.reader(self.emulator.rows(measured)))
        slopes = np.zeros((len(self.moments), len(self.emulator.inputs), self.unknowns))
        own = np.arange(len(COORDINATES))
        slopes[:, own, own] = COORDINATE_SDS
        if self.drifts:
            ages_h = np.array([moment.age_h for moment in self.moments])
            rates = FIRST_RATE + np.arange(len(DRIFTING))
            slopes[:, DRIFTING, rates] = -ages_h[:, None] * DRIFT_SDS
        object.__setattr__(self, "slopes", slopes.astype(np.float32))
        middles = np.stack([moment.middle for moment in self.moments])
        object.__setattr__(self, "middles", middles.astype(np.float32))
        ends = np.cumsum([len(moment.predicted) for moment in self.moments])
        object.__setattr__(self, "ends", ends)
        pressures = [_places(moment.predicted) for moment in self.moments]
        object.__setattr__(self, "pressures", np.array(pressures))
        readings = [_numbers(moment.reading) for moment in self.moments]
        object.__setattr__(self, "readings", np.array(readings))

    @property
    def drifts(self) -> bool:
        """Whether rates of change are among the unknowns."""
        return len(self.moments) > 1

    @property
    def unknowns(self) -> int:
        """Return how many coordinates and rates there are."""
        return self.count_unknowns(self.drifts)

    @staticmethod
    def count_unknowns(drifts: bool) -> int:
        """Return how many unknowns a history has, with or without rates of change."""
        return FIRST_RATE + (len(DRIFTING) if drifts else 0)

    def box(self) -> Box:
        """Return where the unknowns may lie."""
        edge = np.full(self.unknowns, BOX_EDGE)
        return Box(-edge, edge)

    def observed(self) -> Observed:
        """Return a value and its error for every prediction, moment after moment."""
        values, sds = [], []
        for moment in self.moments:
            unseen = len(moment.predicted) - len(moment.quantities)
            values += [moment.values, np.zeros(unseen)]
            sds += [moment.sds, np.full(unseen, UNSEEN_SD)]
        return Observed(np.concatenate(values), np.concatenate(sds))

    def predict(
        self, x: Float[np.ndarray, "coordinate sample"]
    ) -> Float[np.ndarray, "observation sample"]:
        """Return what each sample of the unknowns predicts of all measurements."""
        emulator, reader = self.emulator, self.reader
        return predict_at_moments(
            x,
            self.slopes,
            self.middles,
            emulator.edges,
            emulator.folded,
            reader.weight,
            reader.bias,
            reader.logarithmic,
            self.ends,
            AMPLIFICATION,
            self.pressures,
            self.readings,
        )

    def present(
        self, x: Float[np.ndarray, "coordinate sample"]
    ) -> Float[np.ndarray, "quantity sample"]:
        """Return the emulator's whole output for the newest moment, in a body of standard size."""
        inputs = self.slopes[0] @ x.astype(np.float32) + self.middles[0][:, None]
        return self.emulator.predict(inputs)

    def arm(self, x: Float[np.ndarray, "coordinate member"]) -> Arm:
        """Return how the newest arterial pressures were read of each member."""
        reading = next((m.reading for m in self.moments if m.reading is not None), None)
        if reading is None:
            return Arm.none(x.shape[1])
        own = reading.amplification * np.exp(AMPLIFICATION_SD * x[AMPLIFICATION])
        return Arm(own.astype(np.float32), reading.mean_share)


def drift_per_h(x: Float[np.ndarray, "coordinate member"]) -> Float[np.ndarray, "fitted member"]:
    """Return how fast each coordinate of each member changes, in units of ``u`` an hour."""
    drift = np.zeros((len(COORDINATES), x.shape[1]), np.float32)
    drift[DRIFTING] = _SHIFT_PER_RHO_H[:, None] * x[FIRST_RATE:]
    return drift


def _places(predicted: Sequence[Quantity]) -> list[int]:
    return [predicted.index(q) if q in predicted else -1 for q in ARTERIAL_PRESSURES]


def _numbers(reading: Reading | None) -> list[float]:
    if reading is None:
        return [1.0, 0.0, -1.0]
    share = -1.0 if reading.mean_share is None else reading.mean_share
    return [reading.amplification, AMPLIFICATION_SD, share]


CLOSE_H = 6.0
"""Older sets than this say too little of the present to be fitted with it."""

MOST_MOMENTS = 3
"""Each costs the emulator as much as the first: a third one must bring a quantity of its own."""

MOST_FOR_TREND = 1
"""A trend is shown by two sets; a third changes an interval by less than the draws do."""

TREND_H = 1.0
"""Sets this far apart show a trend best: nearer ones show noise, further ones another patient."""


def chosen_sets(sets: Sequence[ObservationSet]) -> tuple[ObservationSet, ...]:
    """Return the sets worth fitting, newest first: new quantities, then what shows a trend."""
    if not sets:
        return ()
    newest = sets[0]
    ages_h = {id(s): (newest.taken_at - s.taken_at).total_seconds() / 3600.0 for s in sets}
    close = [s for s in sets[1:] if ages_h[id(s)] <= CLOSE_H]
    chosen, known = [newest], set(newest.seen)
    for earlier in close:
        if set(earlier.seen) - known and len(chosen) < MOST_MOMENTS:
            chosen.append(earlier)
            known |= set(earlier.seen)
    taken = {id(s) for s in chosen}
    others = [s for s in close if id(s) not in taken]
    others.sort(key=lambda s: abs(ages_h[id(s)] - TREND_H))
    chosen += others[: min(MOST_FOR_TREND, MOST_MOMENTS - len(chosen))]
    return tuple(sorted(chosen, key=lambda s: s.taken_at, reverse=True))
