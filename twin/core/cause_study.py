"""Which circulations an emulator must know to weigh causes, and what it takes in.

The emulator of the fit knows the ward; that of the causes must also know where people go when they
bleed out or a pericardium fills. Same network, same training (``emulator_training``), other
circulations: those that the hypotheses expect, and further out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.emulator_training import FIXED_RANGES, ROOM_AIR_SHARE, Study
from twin.core.hypotheses import HYPOTHESES, LINEAR, PERSON
from twin.core.parameters import PARAMETER_INDEX, PARAMETERS, standard_adult
from twin.core.prior import FIXED_INPUTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float

    from twin.core.hypotheses import Spread

WIDENING: Final = 1.6
"""Spread of the studied circulations over what the hypotheses expect."""

UNDERWAY_SHARE: Final = 0.35
"""Share of the studied circulations whose trouble is still coming on: an even part of the insult.
A course of vital signs is weighed by such states (``course_evidence``)."""

_MOVED: Final = dict.fromkeys(name for h in HYPOTHESES for name in (*PERSON, *h.insult))

MOVED: Final = tuple(name for name in _MOVED if name in PARAMETER_INDEX)
"""What persons and insults move and the model has."""

INPUTS: Final = (*MOVED, *(name for name in FIXED_INPUTS if name not in MOVED))
GIVEN: Final = tuple(name for name in INPUTS if name not in MOVED and name not in FIXED_RANGES)
"""Running treatment, known of the patient: 0 is none."""

GIVEN_SHARE: Final = 0.15
GIVEN_REACH: Final = 0.6
"""Of the parameter table's range: what is given at the bedside."""

LOGARITHMIC: Final = np.array([name in MOVED and name not in LINEAR for name in INPUTS])


def study_causes(count: int, seed: int) -> Study:
    """Return circulations of standard size, an equal share of each hypothesis's kind."""
    parameters = _parameters(count, np.random.default_rng(seed))
    values = parameters[[PARAMETER_INDEX[name] for name in INPUTS]]
    logarithmic = LOGARITHMIC[:, None]
    coordinates = np.where(logarithmic, np.log(np.where(logarithmic, values, 1.0)), values)
    return Study(coordinates.astype(np.float32), parameters, INPUTS, LOGARITHMIC)


def _parameters(count: int, random: np.random.Generator) -> Float[np.ndarray, "parameter member"]:
    parameters = np.repeat(standard_adult()[:, None], count, axis=1)
    which = random.integers(0, len(HYPOTHESES), count)
    underway = random.random(count) < UNDERWAY_SHARE
    severities = np.where(underway, random.random(count), 1.0)
    whole = np.ones(count)
    for place, hypothesis in enumerate(HYPOTHESES):
        chosen = np.flatnonzero(which == place)
        for spreads, parts in ((PERSON, whole), (hypothesis.insult, severities)):
            _move(parameters, chosen, spreads, parts[chosen], random)
    for entry, row in zip(PARAMETERS, parameters, strict=True):
        np.clip(row, entry.low, entry.high, out=row)
    for name, (low, high) in FIXED_RANGES.items():
        parameters[PARAMETER_INDEX[name]] = random.uniform(low, high, count)
    for name in GIVEN:
        entry = PARAMETERS[PARAMETER_INDEX[name]]
        given = random.random(count) < GIVEN_SHARE
        value = random.uniform(GIVEN_REACH * entry.low, GIVEN_REACH * entry.high, count)
        parameters[PARAMETER_INDEX[name], given] = value[given]
    air = random.random(count) < ROOM_AIR_SHARE
    parameters[PARAMETER_INDEX["inspired_oxygen_fraction"], air] = 0.21
    return parameters


def _move(
    parameters: np.ndarray,
    chosen: np.ndarray,
    spreads: Mapping[str, Spread],
    parts: Float[np.ndarray, " member"],
    random: np.random.Generator,
) -> None:
    for name, spread in spreads.items():
        if name not in PARAMETER_INDEX:
            continue
        row = parameters[PARAMETER_INDEX[name]]
        by = spread.shift + WIDENING * spread.sd * random.standard_normal(len(chosen))
        by *= parts
        if name in LINEAR:
            row[chosen] += by
        else:
            row[chosen] *= np.exp(by)
