"""What a set of pressures, read at the arm, tells of the aorta: which values, how sure, by what.

A fit predicts what the device shows, with the patient's own amplification as an unknown. Where
that is too much, ``at_the_aorta`` brings the pressures back and widens their errors instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from twin.core.arm import (
    AMPLIFICATION_SD,
    MONITOR_SHARE,
    MONITOR_SHARE_SD,
    aortic_systolic_mmhg,
    expected_amplification,
    monitor_share,
)
from twin.core.device_errors import ARTERIAL_PRESSURES
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Device
from twin.core.observation_sets import ObservationSet, Seen

SYSTOLIC, DIASTOLIC, MEAN = ARTERIAL_PRESSURES

THIRD_PRESSURE: Final = math.sqrt(1.5)
"""Of errors, where a line shows three pressures: they share one transducer, so that they are two
pieces of news."""

TYPICAL_PULSE_MMHG: Final = 50.0
"""Where a cuff's mean is charted alone."""


class Reading(NamedTuple):
    """How the arterial pressures of one set were read."""

    amplification: float
    """Expected, pulse pressure as shown over the aorta's; people differ by
    ``arm.AMPLIFICATION_SD``."""
    mean_share: float | None
    """At which share of the pulse the mean is shown; None: it is the aorta's."""


def reading_of(observed: ObservationSet, age_years: float | None) -> Reading | None:
    """Return how the pressures of a set were read; None where it holds none."""
    seen = observed.seen
    shown = next((seen[quantity] for quantity in ARTERIAL_PRESSURES if quantity in seen), None)
    if shown is None:
        return None
    device = shown.measurement.device
    amplification = expected_amplification(device, age_years)
    if device is Device.ARTERIAL_LINE:
        return Reading(amplification, None)
    if all(quantity in seen for quantity in ARTERIAL_PRESSURES):
        share = monitor_share(*(seen[quantity].value for quantity in ARTERIAL_PRESSURES))
        return Reading(amplification, share)
    return Reading(amplification, MONITOR_SHARE)


def news_of(observed: ObservationSet) -> Mapping[Quantity, Seen]:
    """Return the values that tell of the circulation, with their errors.

    A mean beside its own systolic and diastolic pressure is left out where a cuff's monitor, or
    nobody but ``observation_sets``, made it of these two.
    """
    seen = dict(observed.seen)
    mean = seen.get(MEAN)
    if mean is None:
        return seen
    line = mean.measurement.device is Device.ARTERIAL_LINE
    implied = mean.measurement.quantity is not MEAN
    if SYSTOLIC in seen and DIASTOLIC in seen:
        if implied or not line:
            del seen[MEAN]
        else:
            for quantity in ARTERIAL_PRESSURES:
                seen[quantity] = replace(seen[quantity], sd=THIRD_PRESSURE * seen[quantity].sd)
    elif not line:
        sd = math.hypot(mean.sd, MONITOR_SHARE_SD * TYPICAL_PULSE_MMHG)
        seen[MEAN] = replace(mean, sd=sd)
    return seen


def at_the_aorta(observed: ObservationSet, age_years: float | None) -> ObservationSet:
    """Return the set as the aorta would have shown it, the unknown amplification in its errors.

    A systolic pressure without a diastolic one is brought back over a typical pulse, and so is a
    cuff's mean that stands alone.
    """
    reading, seen = reading_of(observed, age_years), dict(news_of(observed))
    if reading is None:
        return observed
    ratio = reading.amplification
    if SYSTOLIC in seen:
        shown = seen[SYSTOLIC]
        pulse = TYPICAL_PULSE_MMHG
        if DIASTOLIC in seen:
            pulse = shown.value - seen[DIASTOLIC].value
        value = float(aortic_systolic_mmhg(shown.value, shown.value - pulse, ratio))
        sd = math.hypot(shown.sd / ratio, AMPLIFICATION_SD * pulse / ratio)
        seen[SYSTOLIC] = replace(shown, value=value, sd=sd)
    if MEAN in seen and reading.mean_share is not None:
        higher = (AORTIC_SHARE / ratio - reading.mean_share) * TYPICAL_PULSE_MMHG
        seen[MEAN] = replace(seen[MEAN], value=seen[MEAN].value + higher)
    return ObservationSet(observed.taken_at, seen)


AORTIC_SHARE: Final = 0.45
"""Mean pressure in the aorta, as a share of the pulse: Chemla 2002, Clin Sci 103:7."""
