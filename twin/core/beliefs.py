"""What is believed of one patient's circulation under each cause, before anything is measured.

A belief is Gaussian in the emulator's input: what is expected of the body, moved by the person and
by the insult (``hypotheses``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from twin.core.arm import arm_systolic_mmhg
from twin.core.course_evidence import Troubles
from twin.core.haemodynamics import Quantity
from twin.core.hypotheses import PERSON
from twin.core.parameters import PARAMETER_INDEX, standard_adult
from twin.core.prior import FIXED_INPUTS, GIVEN
from twin.core.trouble import LIMITS, in_trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float

    from twin.core.emulator import Emulator
    from twin.core.hypotheses import Hypothesis, Spread
    from twin.core.prior import Expectation
    from twin.core.student import Draws


class Person(NamedTuple):
    """How a patient deviates from what is expected of the body when nothing is wrong."""

    mean: Float[np.ndarray, " input"]
    sds: Float[np.ndarray, " input"]


def middle_of(emulator: Emulator, expectation: Expectation) -> Float[np.ndarray, " input"]:
    """Return the emulator's input for what is expected of the body, at standard size."""
    values = standard_adult()
    for name in FIXED_INPUTS:
        values[PARAMETER_INDEX[name]] = expectation.parameters[PARAMETER_INDEX[name]]
    oxygen = PARAMETER_INDEX["oxygen_consumption"]
    values[oxygen] = expectation.parameters[oxygen] / expectation.size
    inputs = values[[PARAMETER_INDEX[name] for name in emulator.inputs]]
    logarithmic = emulator.logarithmic
    middle: np.ndarray = np.where(logarithmic, np.log(np.where(logarithmic, inputs, 1.0)), inputs)
    return middle


RESPONSE_SHARE: Final = 0.5
"""Of what a drug is known to do, by which one person's answer differs from another's (assumed).

Groups differ by half as much (``discrepancy.EFFECT_SHARE``); hearts that fail quicken under
dobutamine by a fifth of what healthy ones do (``pressors_and_inotropes``). Without it, whoever
answers a drug less than others would be held to suffer from another one.
"""


def anybody(middle: Float[np.ndarray, " input"], emulator: Emulator) -> Person:
    """Return the person of whom nothing is known but the body and what is given.

    ``middle`` is the emulator's input for these. His own answer to the drugs among it is unknown.
    """
    shift, sds = _of(PERSON, emulator)
    for place, name in enumerate(emulator.inputs):
        if name in GIVEN:
            sds[place] = max(sds[place], RESPONSE_SHARE * abs(middle[place]))
    return Person(shift, sds)


def troubles_of(hypotheses: Sequence[Hypothesis], person: Person, emulator: Emulator) -> Troubles:
    """Return what each hypothesis does to this person."""
    shifts, sds = zip(*(_of(each.insult, emulator) for each in hypotheses), strict=True)
    # What differs between no two persons is no coordinate: descents along it would be wasted.
    moved = np.flatnonzero(person.sds)
    return Troubles(person.mean, np.diag(person.sds)[:, moved], np.stack(shifts), np.stack(sds))


LEAST_SHARE: Final = 0.02
"""A share that few draws can tell from none."""


def shares_in_trouble(
    emulator: Emulator,
    troubles: Troubles,
    middle: Float[np.ndarray, " input"],
    amplification: float,
    draws: Draws,
) -> Float[np.ndarray, " cause"]:
    """Return which share of the circulations that each belief holds possible is in trouble.

    Only patients in trouble are asked about, so what a cause foresees of *them* is what counts: a
    cause that rarely leads to trouble foresees all the more of those whom it does. Without this a
    cause would be held against a patient for being mild in others. Trouble is read at the arm;
    ``amplification`` is that of the pulse on its way there. ``draws`` have an axis for each input.
    """
    person = np.sum(troubles.person_factor**2, axis=1)
    around = middle + troubles.person + troubles.shifts
    sds = np.sqrt(person + troubles.sds**2)
    placed = around[:, :, None] + sds[:, :, None] * draws.points
    quantities = (
        Quantity.HEART_RATE,
        Quantity.DIASTOLIC_PRESSURE,
        *(quantity for quantity, _ in LIMITS),
    )
    rows = emulator.rows(quantities)
    found = emulator.predict_rows(np.concatenate(list(placed), axis=1), rows)
    values = dict(zip(quantities, found, strict=True))
    values[Quantity.SYSTOLIC_PRESSURE] = arm_systolic_mmhg(
        values[Quantity.SYSTOLIC_PRESSURE], values[Quantity.DIASTOLIC_PRESSURE], amplification
    )
    shares: np.ndarray = in_trouble(values).reshape(len(placed), -1).mean(axis=1)
    kept: np.ndarray = np.maximum(shares, LEAST_SHARE)
    return kept


def _of(spreads: Mapping[str, Spread], emulator: Emulator) -> tuple[np.ndarray, np.ndarray]:
    found = [spreads.get(name) for name in emulator.inputs]
    shift = np.array([spread.shift if spread else 0.0 for spread in found])
    return shift, np.array([spread.sd if spread else 0.0 for spread in found])
