"""How the troubles of virtual patients come on: data that the weigher does not share.

May live here: one row a cause. ``twin.core.onsets`` is what the weigher believes instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from twin.core.hypotheses import Cause
from twin.validation.virtual_patients import Range


class Onset(NamedTuple):
    """How a trouble comes on; each figure is drawn uniformly from its range."""

    at_once: Range
    """Share of the severity that is there within five minutes."""
    rising_h: Range
    """How long the rest takes, evenly in time to the power below."""
    power: Range
    """Below 1 it comes fast and slows, above 1 it creeps and gathers pace."""
    second_blow: float
    """Share of patients in whom a third of all comes suddenly, later on."""
    source: str


ONSETS: Final[Mapping[Cause, Onset]] = {
    Cause.BLOOD_LOSS: Onset(
        (0.0, 0.1),
        (0.4, 5.0),
        (0.5, 1.1),
        0.2,
        "a vessel yields less as pressure falls and clots form; it may break again (assumed)",
    ),
    Cause.VASOPLEGIA: Onset(
        (0.0, 0.0),
        (1.5, 7.0),
        (0.8, 2.0),
        0.0,
        "hours from the first signs to shock (Kumar 2006, Crit Care Med 34:1589; the shape is "
        "assumed)",
    ),
    Cause.PUMP_FAILURE: Onset(
        (0.3, 0.9),
        (0.5, 6.0),
        (0.5, 1.5),
        0.1,
        "an infarction stuns at once; most shock follows within hours (Hochman 1999, N Engl J Med "
        "341:625; the shape is assumed)",
    ),
    Cause.EMBOLISM: Onset(
        (0.6, 1.0), (0.2, 2.0), (0.5, 1.0), 0.3, "a clot lodges at once; others follow (assumed)"
    ),
    Cause.PNEUMOTHORAX: Onset(
        (0.2, 0.7),
        (0.1, 2.5),
        (0.5, 1.5),
        0.0,
        "minutes under a ventilator, up to hours in those who breathe by themselves "
        "(Leigh-Smith & Harris 2005, Emerg Med J 22:8)",
    ),
    Cause.TAMPONADE: Onset(
        (0.0, 0.4), (0.3, 4.0), (0.6, 1.2), 0.1, "minutes to hours of bleeding (assumed)"
    ),
}

STANDING_BEFORE: Final = {Cause.PUMP_FAILURE: ("blood_volume",)}
"""What came in the days before the trouble, and is there at its onset."""
