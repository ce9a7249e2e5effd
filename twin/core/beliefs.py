"""What is believed of one patient's circulation under each cause, before the trouble is measured.

A belief is Gaussian in the emulator's input: what is expected of the body, moved by the person and
by the insult (``hypotheses``). Where a set of vital signs from before the trouble is charted, the
person is no longer anybody: that set is taken into account first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from twin.core.evidence import Beliefs, updated
from twin.core.haemodynamics import Quantity
from twin.core.history import Moment
from twin.core.hypotheses import PERSON
from twin.core.observation_sets import ObservationSet, contradiction
from twin.core.parameters import PARAMETER_INDEX, standard_adult
from twin.core.posterior import Observed
from twin.core.prior import FIXED_INPUTS, GIVEN
from twin.core.trouble import LIMITS, in_trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jaxtyping import Float

    from twin.core.emulator import Emulator
    from twin.core.hypotheses import Hypothesis, Spread
    from twin.core.prior import Expectation
    from twin.core.student import Draws


class Person(NamedTuple):
    """How a patient deviates from what is expected of the body when nothing is wrong."""

    mean: Float[np.ndarray, " input"]
    covariance: Float[np.ndarray, "input input"]


class Seen(NamedTuple):
    """Measurements as the emulator's outputs predict them."""

    moments: tuple[Moment, ...]
    rows: np.ndarray
    """The emulator's output of each value."""
    observed: Observed


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


def seen_at_present(
    sets: Sequence[ObservationSet],
    most_age_h: float,
    middle: Float[np.ndarray, " input"],
    size: float,
    emulator: Emulator,
) -> Seen:
    """Return the newest set and what only slightly older ones add to it."""
    known = set(sets[0].seen)
    moments = [Moment.of(sets[0], 0.0, middle, size, emulator)]
    for earlier in sets[1:]:
        new = {q: seen for q, seen in earlier.seen.items() if q not in known}
        age_h = hours_before(earlier, sets[0])
        if age_h <= most_age_h and new and contradiction(earlier) is None:
            part = ObservationSet(earlier.taken_at, new)
            moments.append(Moment.of(part, age_h, middle, size, emulator))
            known |= set(new)
    return _joined(moments, emulator)


def hours_before(earlier: ObservationSet, later: ObservationSet) -> float:
    """Return how long before the later set the earlier one was taken."""
    return (later.taken_at - earlier.taken_at).total_seconds() / 3600.0


RESPONSE_SHARE: Final = 0.5
"""Of what a drug is known to do, by which one person's answer differs from another's (assumed).

Groups differ by half as much (``discrepancy.EFFECT_SHARE``); hearts that fail quicken under
dobutamine by a fifth of what healthy ones do (``pressors_and_inotropes``). Without it, whoever
answers a drug less than others would be held to suffer from another one.
"""


def anybody(emulator: Emulator) -> Person:
    """Return the person of whom nothing was charted yet."""
    shift, sds = _of(PERSON, emulator)
    return Person(shift, np.diag(sds**2))


def answering(person: Person, middle: Float[np.ndarray, " input"], emulator: Emulator) -> Person:
    """Return the person with his own, unknown answer to the drugs that are known to act."""
    covariance = person.covariance.copy()
    for place, name in enumerate(emulator.inputs):
        if name in GIVEN:
            response = (RESPONSE_SHARE * middle[place]) ** 2
            covariance[place, place] = max(covariance[place, place], response)
    return person._replace(covariance=covariance)


def charted_before(
    untroubled: ObservationSet,
    age_h: float,
    middle: Float[np.ndarray, " input"],
    size: float,
    emulator: Emulator,
    draws: Callable[[int], Draws],
) -> Person:
    """Return the person after a set of vital signs from before the trouble."""
    shift, sds = _of(PERSON, emulator)
    seen = _joined([Moment.of(untroubled, age_h, middle, size, emulator)], emulator)
    belief = Beliefs((middle + shift)[:, None], np.diag(sds)[None, :, sds > 0.0])
    mean, covariance = updated(
        emulator, seen.rows, belief, seen.observed, draws(len(sds[sds > 0.0]))
    )
    return Person(mean - middle, covariance)


def beliefs_of(
    hypotheses: Sequence[Hypothesis],
    person: Person,
    middle: Float[np.ndarray, " input"],
    emulator: Emulator,
) -> Beliefs:
    """Return what each hypothesis believes of this person."""
    shifts, sds = zip(*(_of(each.insult, emulator) for each in hypotheses), strict=True)
    middles = np.stack([middle + person.mean + shift for shift in shifts], axis=1)
    # What neither the person nor any cause moves is no coordinate: draws of it would be wasted.
    moved = np.flatnonzero(np.diag(person.covariance) + np.sum(np.square(sds), axis=0))
    factors = np.zeros((len(hypotheses), len(middle), len(moved)))
    for factor, sd in zip(factors, sds, strict=True):
        # A hair of variance keeps factorisable what this one cause does not move.
        covariance = person.covariance + np.diag(sd**2 + 1e-12)
        factor[moved] = np.linalg.cholesky(covariance[np.ix_(moved, moved)])
    return Beliefs(middles, factors)


TROUBLED_DRAWS: Final = 128
LEAST_SHARE: Final = 0.02
"""A share that few draws can tell from none."""


def shares_in_trouble(
    emulator: Emulator, beliefs: Beliefs, draws: Draws
) -> Float[np.ndarray, " belief"]:
    """Return which share of the circulations that each belief holds possible is in trouble.

    Only patients in trouble are asked about, so what a cause foresees of *them* is what counts: a
    cause that rarely leads to trouble foresees all the more of those whom it does. Without this a
    cause would be held against a patient for being mild in others.
    """
    quantities = (Quantity.HEART_RATE, *(quantity for quantity, _ in LIMITS))
    z = np.repeat(draws.points[None, :, :TROUBLED_DRAWS], beliefs.factor.shape[0], axis=0)
    found = emulator.predict_rows(beliefs.inputs(z), emulator.rows(quantities))
    troubled = in_trouble(dict(zip(quantities, found, strict=True)))
    shares: np.ndarray = troubled.reshape(len(z), -1).mean(axis=1)
    shares = np.maximum(shares, LEAST_SHARE)
    return shares


def _of(spreads: Mapping[str, Spread], emulator: Emulator) -> tuple[np.ndarray, np.ndarray]:
    found = [spreads.get(name) for name in emulator.inputs]
    shift = np.array([spread.shift if spread else 0.0 for spread in found])
    return shift, np.array([spread.sd if spread else 0.0 for spread in found])


def _joined(moments: Sequence[Moment], emulator: Emulator) -> Seen:
    rows = np.concatenate([emulator.rows(moment.quantities) for moment in moments])
    values = np.concatenate([moment.values for moment in moments])
    sds = np.concatenate([moment.sds for moment in moments])
    return Seen(tuple(moments), rows, Observed(values, sds))
