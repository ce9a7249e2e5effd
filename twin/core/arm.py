"""What a cuff or a line at the arm shows of the aortic root, where the model ends.

May live here: how the pulse grows on its way to the arm, by device and age, and what a monitor
calls mean pressure. What a device errs by around that is in ``device_errors``. Diastolic and mean
pressure hardly change on the way (-1.0 and -0.8 mmHg to the radial artery: Pauca 1992, Chest
102:1193, 51 patients), so that only the pulse above the diastolic pressure is scaled.

Heart rate is left out. Paced from 60 to 110 /min the pulse grows more on its way (Wilkinson 2000,
J Physiol 525:263, by tonometry), but the share of the pulse at which a line shows the mean changes
by -0.2 % (standard error 0.5) for each 10 /min within 20 patients of intensive care (MIMIC-III
demo), and that of the model's aorta by -1 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, final

import numpy as np

from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.measurements import Device

if TYPE_CHECKING:
    from jaxtyping import Float

    Values = Float[np.ndarray, "..."] | float

SYSTOLIC: Final = QUANTITY_INDEX[Quantity.SYSTOLIC_PRESSURE]
DIASTOLIC: Final = QUANTITY_INDEX[Quantity.DIASTOLIC_PRESSURE]
MEAN: Final = QUANTITY_INDEX[Quantity.MEAN_PRESSURE]


class Place(NamedTuple):
    """How the aorta's pulse arrives where a device reads it."""

    amplification: float
    """Pulse pressure there over the aorta's, at the age of ``TYPICAL_AGE_YEARS``."""
    per_year: float
    """By which the ratio's logarithm changes with each year of age."""


TYPICAL_AGE_YEARS: Final = 62.0
"""Of the patients in whom pressure was measured in aorta and arm (doi:10.1161/
HYPERTENSIONAHA.124.24483: 62 sd 12 years)."""
AGES: Final = (20.0, 85.0)
"""Beyond these the pulse is taken to change no further."""

BRACHIAL: Final = Place(1.10, -0.003)
"""Systolic pressure in the brachial artery is 8 sd 9 mmHg above the aorta's (1151 people with a
catheter in both: doi:10.1161/HYPERTENSIONAHA.124.24483). Mean pressure there lies 0.40 of the
pulse above the diastolic (Bos 2007, J Hypertens 25:751), in the aorta 0.45 (Chemla 2002, Clin Sci
103:7: 73 adults of 43 years), which makes 1.12; the model's aorta has 0.436, which makes 1.09."""
RADIAL: Final = Place(1.28, -0.006)
"""Mean pressure lies 0.34 of the pulse above the diastolic at the radial artery where it lies 0.44
above it in the aorta (376 people by tonometry, researchconnect.suny.edu: "Impact of arterial
location, pressure wave indicators, and measurement devices on arterial form factor"), and 0.34 on
charts of lines in intensive care (25 patients, MIMIC-III demo), which makes 1.28. From carotid to
radial artery the pulse grows by about 25 % in the youngest men and 8 % in the oldest women of 35
to 55 years, mean 20 and 13 % (Segers 2009, Hypertension 54:414): about 0.6 % less a year. Half of
that is taken for the brachial artery, which lies half way; beyond those ages it is
extrapolated."""

AMPLIFICATION_SD: Final = 0.13
"""Between people of one age, of the ratio's logarithm: 14 and 12 points in men and women (Segers
2009), 0.18 of 1.35 and of 1.24 in hypertensives (doi:10.3109/08037051.2015.1090713)."""

MONITOR_SHARE: Final = 1.0 / 3.0
"""Where a monitor's formula is not known: mean pressure as a third of the pulse above the
diastolic."""
MONITOR_SHARES: Final = (0.15, 0.60)
"""A mean outside of this part of the pulse was not made of the same beat."""
MONITOR_SHARE_SD: Final = 0.06
"""Between monitors: 0.24 in half of 53 patients of intensive care, a third in the others."""


def place_of(device: Device) -> Place:
    """Return where a device reads: a line at the radial artery, all else with a cuff."""
    return RADIAL if device is Device.ARTERIAL_LINE else BRACHIAL


def expected_amplification(device: Device, age_years: float | None) -> float:
    """Return pulse pressure as the device reads it over the aorta's, for people of this age.

    An unknown age is ``TYPICAL_AGE_YEARS``. Single people differ by ``AMPLIFICATION_SD``.
    """
    place = place_of(device)
    known = TYPICAL_AGE_YEARS if age_years is None else age_years
    years = min(max(known, AGES[0]), AGES[1]) - TYPICAL_AGE_YEARS
    return place.amplification * float(np.exp(place.per_year * years))


def arm_systolic_mmhg(
    aortic_systolic_mmhg: Values, aortic_diastolic_mmhg: Values, amplification: Values
) -> Values:
    """Return the systolic pressure at the arm, mmHg; the diastolic one is the aorta's."""
    pulse = aortic_systolic_mmhg - aortic_diastolic_mmhg
    return np.asarray(aortic_diastolic_mmhg + amplification * pulse)


def aortic_systolic_mmhg(
    arm_systolic_mmhg: Values, arm_diastolic_mmhg: Values, amplification: Values
) -> Values:
    """Return the systolic pressure in the aorta, mmHg: the inverse of ``arm_systolic_mmhg``."""
    return np.asarray(
        arm_diastolic_mmhg + (arm_systolic_mmhg - arm_diastolic_mmhg) / amplification
    )


def shown_mean_mmhg(systolic_mmhg: Values, diastolic_mmhg: Values, share: Values) -> Values:
    """Return what a monitor shows as mean pressure, mmHg, of the pressures that it shows."""
    return np.asarray(diastolic_mmhg + share * (systolic_mmhg - diastolic_mmhg))


def monitor_share(systolic_mmhg: float, diastolic_mmhg: float, mean_mmhg: float) -> float:
    """Return at which share of the pulse a monitor shows the mean."""
    share = (mean_mmhg - diastolic_mmhg) / max(systolic_mmhg - diastolic_mmhg, 1.0)
    return min(max(share, MONITOR_SHARES[0]), MONITOR_SHARES[1])


@final
@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """How one patient's device shows each member's aorta."""

    amplification: Float[np.ndarray, " member"]
    """Pulse pressure as shown over the aorta's."""
    mean_share: float | None
    """At which share of the pulse shown the monitor shows the mean; None: it shows the aorta's.

    A cuff's mean is what its monitor makes of systolic and diastolic pressure: on charts of
    intensive care it lies at exactly a third of the pulse in half of 53 patients and at 0.24 in
    the others, and tells nothing of the mean on the line that these two do not (coefficient -0.03;
    410 pairs, 20 patients).
    """

    @classmethod
    def none(cls, members: int) -> Arm:
        """Return what shows the aorta as it is."""
        return cls(np.ones(members, np.float32), None)

    def shown(self, state: Float[np.ndarray, "quantity *sample member"]) -> np.ndarray:
        """Return a copy of simulated states, or of changes of them, as the device shows them.

        Rows in the order of ``Quantity``. It is linear and has no constant: the change shown is
        what is shown of the change.
        """
        found: np.ndarray = state.copy()
        found[SYSTOLIC] = arm_systolic_mmhg(state[SYSTOLIC], state[DIASTOLIC], self.amplification)
        if self.mean_share is not None:
            found[MEAN] = shown_mean_mmhg(found[SYSTOLIC], state[DIASTOLIC], self.mean_share)
        return found

    def of(self, members: np.ndarray) -> Arm:
        """Return the arm of some of the members."""
        return Arm(self.amplification[members], self.mean_share)
