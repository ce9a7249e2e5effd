"""How a trouble comes on: how much of it was there at earlier times, as far as a cause foretells.

May live here: the shapes of a course, and how likely each is under a cause. A severity is a
share of the present one: 0 before the onset, 1 now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from twin.core.hypotheses import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float

ONSET_AGES_H: Final = np.array([0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
"""How long the trouble may have lasted; equally likely, as nothing says how soon it is noticed."""

STEP, SOON, HALF, EVENLY = range(4)
"""Wholly there at once; risen within two fifths of its age; half at once and the rest evenly;
evenly from its onset to the present."""


class Onset(NamedTuple):
    """How likely each shape is under one cause, in the order of the shapes."""

    shares: tuple[float, float, float, float]
    source: str


ONSETS: Final[Mapping[Cause, Onset]] = {
    Cause.BLOOD_LOSS: Onset(
        (0.08, 0.32, 0.10, 0.50), "a vessel bleeds on until it is closed; less as pressure falls"
    ),
    Cause.VASOPLEGIA: Onset(
        (0.03, 0.17, 0.05, 0.75),
        "hours from the first signs to shock: Kumar 2006, Crit Care Med 34:1589",
    ),
    Cause.PUMP_FAILURE: Onset(
        (0.30, 0.20, 0.30, 0.20),
        "an infarction stuns at once; most shock develops in hours: Hochman 1999, N Engl J Med "
        "341:625",
    ),
    Cause.TAMPONADE: Onset((0.10, 0.35, 0.20, 0.35), "as fast as the sac fills"),
    Cause.EMBOLISM: Onset((0.60, 0.15, 0.20, 0.05), "sudden in most; showers in some"),
    Cause.PNEUMOTHORAX: Onset(
        (0.30, 0.30, 0.20, 0.20),
        "minutes when ventilated, hours when not: Leigh-Smith & Harris 2005, Emerg Med J 22:8",
    ),
    Cause.HYPOXAEMIA: Onset((0.20, 0.20, 0.20, 0.40), "from a plug of mucus to a pneumonia"),
    Cause.DRUG_EFFECT: Onset((0.40, 0.20, 0.10, 0.30), "a dose, or an infusion that adds up"),
    Cause.NONE_OF_THESE: Onset((1.0, 0.0, 0.0, 0.0), "nothing comes on"),
}
"""The shares are assumptions of this project, from what the sources say in words."""

NEARLY: Final = 0.1
"""Paths that differ by less at every moment are one: vital signs would not tell them apart."""


class Paths(NamedTuple):
    """The courses of one cause that a chart's times can tell apart."""

    severities: Float[np.ndarray, "path moment"]
    shares: Float[np.ndarray, " path"]
    """How likely each is; they sum to 1."""
    ages_h: Float[np.ndarray, " path"]
    """How old the trouble is in each, on average."""


def paths(cause: Cause, ages_h: Float[np.ndarray, " moment"]) -> Paths:
    """Return the severities that a cause may have had so many hours ago."""
    elapsed = 1.0 - ages_h / ONSET_AGES_H[:, None]
    rose = np.clip(elapsed, 0.0, 1.0)
    shapes = np.stack(
        (
            np.clip(20.0 * elapsed, 0.0, 1.0),
            np.clip(2.5 * elapsed, 0.0, 1.0),
            np.where(elapsed > 0.0, 0.5 + 0.5 * rose, 0.0),
            rose,
        )
    )
    possible = np.array(ONSETS[cause].shares)
    shapes, possible = shapes[possible > 0.0], possible[possible > 0.0]
    weights = np.repeat(possible / len(ONSET_AGES_H), len(ONSET_AGES_H))
    ages = np.tile(ONSET_AGES_H, len(possible))
    return _told_apart(shapes.reshape(-1, len(ages_h)), weights, ages)


def _told_apart(severities: np.ndarray, shares: np.ndarray, ages_h: np.ndarray) -> Paths:
    """Return the likeliest of all that look alike, with the share of them all."""
    alike = np.abs(severities[:, None] - severities).max(axis=2) < NEARLY
    owner = np.full(len(shares), -1)
    kept: list[int] = []
    for place in np.argsort(-shares, kind="stable"):
        if owner[place] < 0:
            owner[alike[place] & (owner < 0)] = len(kept)
            kept.append(int(place))
    total = np.bincount(owner, shares)
    return Paths(severities[kept], total, np.bincount(owner, shares * ages_h) / total)
