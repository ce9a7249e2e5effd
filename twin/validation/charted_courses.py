"""What is charted of a virtual patient's course: irregular, with gaps, by devices that err.

May live here: which moments a nurse charts, what is missing, and what is recorded as given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.intervention_kinds import Fluid, FluidKind
from twin.core.measurements import Condition, Device, Measurement
from twin.core.treatment import Administration
from twin.validation.virtual_courses import CHALLENGE_H, WELL_MOMENTS, VirtualCourses, moment_at
from twin.validation.virtual_patients import NOW, VITAL_SIGNS, charted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from twin.core.parameters import Body

BEFORE_H: Final = (0.2, 3.0)
"""How long before the onset the set from before was charted."""
LEAST_APART_H: Final = 0.3
SETS: Final = (3, 4, 5)
"""Sets within the trouble, the newest included."""

MISSING: Final = 0.08
"""Share of pulses, pressures and saturations that nobody charted; the newest set is whole."""
WARMTH_MISSING: Final = 0.5
USUAL_CELSIUS: Final = (36.8, 0.35)
BLOOD_COUNTED: Final = 0.6
"""Share of patients whose haemoglobin was charted before the trouble and within the last hour."""
COUNTER_G_PER_DL: Final = 0.25
"""Error of a blood count, pre-analytic scatter included (assumed)."""


class Shown(NamedTuple):
    """How much of a chart is shown."""

    sets: int = 9
    """Newest sets within the trouble; 1 is a snapshot."""
    before: bool = True
    extra: Sequence[tuple[Quantity, Device]] = ()
    """What was measured beside vital signs, in the newest set and the one before it."""
    haemoglobin: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """What is known of a patient at ``NOW``."""

    measurements: list[Measurement]
    given: tuple[Administration, ...]
    body: Body
    respiratory_rate_per_min: float
    sets: int
    """Within the trouble."""


def chart(people: VirtualCourses, person: int, shown: Shown) -> Chart:
    """Return one person's chart; the same values however much of it is shown."""
    times_h = _times(people, person)[: shown.sets]
    found: list[Measurement] = []
    for place, since_h in enumerate(times_h):
        extra = shown.extra if place < 2 else ()
        found += _set(people, person, place, since_h, extra)
    if shown.before:
        found += _set_before(people, person)
    if shown.haemoglobin:
        found += _counts(people, person)
    return Chart(
        found,
        _given(people, person, times_h[-1] if not shown.before else 0.0),
        people.bodies[person],
        float(people.respiratory_rates[person]),
        len(times_h),
    )


def _random(people: VirtualCourses, person: int, stream: int) -> np.random.Generator:
    return np.random.default_rng((people.seed, person, stream))


def _times(people: VirtualCourses, person: int) -> list[float]:
    """Return when sets are charted, hours since the onset, the newest first."""
    random = _random(people, person, 100)
    age_h = float(people.age_h[person])
    earlier = random.uniform(0.05, age_h, int(random.choice(SETS)) - 1)
    times = [age_h]
    for each in sorted(earlier, reverse=True):
        if times[-1] - each >= LEAST_APART_H:
            times.append(float(each))
    return times


def _set(
    people: VirtualCourses,
    person: int,
    place: int,
    since_h: float,
    extra: Sequence[tuple[Quantity, Device]],
) -> list[Measurement]:
    random = _random(people, person, place)
    at = NOW - timedelta(hours=float(people.age_h[person]) - since_h)
    moment = moment_at(since_h)
    found = charted(
        (*VITAL_SIGNS, *extra), people.states[:, moment, person], at, random, people.arm(person)
    )
    share = people.severities[moment, person] / people.severities[_last(people, person), person]
    usual = random.normal(*USUAL_CELSIUS)
    warmth = usual + share * (float(people.temperatures[person]) - usual)
    seen = random.random(4) >= (MISSING, MISSING, MISSING, WARMTH_MISSING)
    if place > 0:
        kept = {Quantity.HEART_RATE: seen[0], Quantity.OXYGEN_SATURATION: seen[2]}
        found = [m for m in found if _kept(m, kept, bool(seen[1]))]
    if place == 0 or seen[3]:
        found.append(_warmth(warmth + 0.1 * random.standard_normal(), at))
    found.append(_breathed(people.oxygen[moment, person], at))
    return found


def _kept(measurement: Measurement, kept: dict[Quantity, bool], cuff: bool) -> bool:
    if measurement.device is Device.CUFF:
        return cuff
    return not isinstance(measurement.quantity, Quantity) or kept.get(measurement.quantity, True)


def _last(people: VirtualCourses, person: int) -> int:
    return moment_at(float(people.age_h[person]))


def _set_before(people: VirtualCourses, person: int) -> list[Measurement]:
    random = _random(people, person, 101)
    before_h = float(people.age_h[person]) + random.uniform(*BEFORE_H)
    at = NOW - timedelta(hours=before_h)
    moment = int(random.integers(WELL_MOMENTS))
    found = charted(VITAL_SIGNS, people.states[:, moment, person], at, random, people.arm(person))
    warmth = random.normal(*USUAL_CELSIUS) + 0.1 * random.standard_normal()
    return [*found, _warmth(warmth, at), _breathed(people.oxygen[moment, person], at)]


def _warmth(celsius: float, at: datetime) -> Measurement:
    return Measurement(Condition.TEMPERATURE, round(celsius, 1), at, f"virtual/temperature/{at}")


def _breathed(fraction: float, at: datetime) -> Measurement:
    condition = Condition.INSPIRED_OXYGEN_FRACTION
    return Measurement(condition, round(float(fraction), 2), at, f"virtual/oxygen/{at}")


def _counts(people: VirtualCourses, person: int) -> list[Measurement]:
    """Return a blood count from before the trouble, and one within its last hour."""
    random = _random(people, person, 102)
    if random.random() >= BLOOD_COUNTED:
        return []
    age_h = float(people.age_h[person])
    row = QUANTITY_INDEX[Quantity.HAEMOGLOBIN]
    ages_h = (random.uniform(0.0, min(1.0, age_h)), age_h + random.uniform(1.0, 18.0))
    found = []
    for hours, moment in zip(ages_h, (moment_at(age_h - ages_h[0]), 0), strict=True):
        value = people.states[row, moment, person] + COUNTER_G_PER_DL * random.standard_normal()
        at = NOW - timedelta(hours=hours)
        condition = Condition.HAEMOGLOBIN
        found.append(Measurement(condition, round(value, 1), at, f"virtual/blood count/{at}"))
    return found


def _given(people: VirtualCourses, person: int, from_h: float) -> tuple[Administration, ...]:
    """Return the fluid that was recorded as given since ``from_h`` after the onset."""
    volume, begun_h = float(people.fluid_ml[person]), float(people.fluid_from_h[person])
    if volume == 0.0 or begun_h + CHALLENGE_H < from_h:
        return ()
    fluid = Fluid(FluidKind.CRYSTALLOID, volume, 3600.0 * CHALLENGE_H)
    starts = NOW - timedelta(hours=float(people.age_h[person]) - begun_h)
    return (Administration(fluid, starts, starts + timedelta(hours=CHALLENGE_H)),)
