"""Why is this patient in trouble? Competing causes, each fitted and weighed by evidence.

Each hypothesis is a belief about the circulation: the person, as an earlier untroubled set of
vital signs leaves him if there is one, and the insult that the cause brings. Its evidence is how
well it foresees the present measurements (``evidence``), times how well it foresees temperature
and breathing, which the circulation does not predict; with base rates that makes probabilities.
They are simulated, and not validated on patients. Pure: the emulator is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

import numpy as np

from twin.core.beliefs import (
    Person,
    Seen,
    answering,
    anybody,
    beliefs_of,
    charted_before,
    hours_before,
    middle_of,
    seen_at_present,
    shares_in_trouble,
)
from twin.core.estimate import ADULT_YEARS
from twin.core.evidence import Weighed, weigh
from twin.core.fit import FitOutcome
from twin.core.hypotheses import HYPOTHESES, Cause, Hypothesis
from twin.core.measurements import Condition
from twin.core.observation_sets import (
    contradiction,
    enough_to_fit,
    latest_conditions,
    observation_sets,
    screen,
)
from twin.core.prior import Expectation
from twin.core.signs import haemoglobin_fall_g_per_dl, log_likelihoods
from twin.core.student import Draws
from twin.core.telling import Telling, most_telling
from twin.core.treatment import Administration, standing_at
from twin.core.trouble import troubles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from jaxtyping import Float

    from twin.core.emulator import Emulator
    from twin.core.evidence import Beliefs
    from twin.core.measurements import Measurement
    from twin.core.observation_sets import ObservationSet
    from twin.core.parameters import Body

SAMPLES: Final = 256
"""Draws of each hypothesis. From seed to seed a probability differs by 0.05 as a rule, and by 0.15
where one draw weighs much; four times as many draws halve neither."""

PRESENT_H: Final = 1.0
"""A quantity seen this long before the newest set still speaks of the present trouble."""

EARLIER_H: Final = 24.0
"""Older sets say too little of how the person usually is."""

SIGN_H: Final = 4.0
"""Temperature and breathing older than this are not counted."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One cause with its probability."""

    cause: Cause
    probability: float
    """With the base rates."""
    probability_at_equal_rates: float
    """Had every cause been as common as every other: how much of it is this patient's own
    measurements."""


@dataclass(frozen=True, slots=True, eq=False)
class Causes:
    """What may be wrong, the likeliest first."""

    candidates: tuple[Candidate, ...]
    troubles: tuple[str, ...]
    """Why the patient counts as being in trouble; empty when he does not, and then the causes are
    of no interest."""
    telling: tuple[Telling, ...]
    """Measurements not yet made, the one that would tell the causes apart best first."""
    left_out: tuple[Cause, ...]
    """Causes this emulator cannot weigh."""
    sentences: tuple[str, ...]
    taken_at: datetime
    """When the newest of the vital signs that were weighed were taken."""

    @property
    def likeliest(self) -> Candidate:
        """Return the likeliest cause."""
        return self.candidates[0]

    def probability(self, *causes: Cause) -> float:
        """Return the probability of any of these causes."""
        return sum(each.probability for each in self.candidates if each.cause in causes)


@dataclass(frozen=True, slots=True)
class NotWeighed:
    """Causes were not weighed, and why: a sentence for the clinician."""

    sentence: str


@final
@dataclass(frozen=True, slots=True, eq=False)
class CauseWeigher:
    """Weighs causes. Makes its draws once; deterministic."""

    emulator: Emulator
    hypotheses: Sequence[Hypothesis] = HYPOTHESES
    seed: int = 0
    _draws: dict[int, Draws] = field(default_factory=dict, repr=False)

    @property
    def known(self) -> tuple[Hypothesis, ...]:
        """Return the hypotheses whose making the emulator takes in."""
        inputs = self.emulator.inputs
        return tuple(h for h in self.hypotheses if not h.insult or next(iter(h.insult)) in inputs)

    def worth_asking(self, measurements: Sequence[Measurement], now: datetime) -> bool:
        """Return whether the newest vital signs show trouble: cheap, and weighing is not."""
        usable, _ = screen(measurements, now)
        sets = observation_sets(usable)
        return bool(sets and troubles(sets[0]))

    def weigh(
        self,
        measurements: Sequence[Measurement],
        body: Body,
        now: datetime,
        respiratory_rate_per_min: float | None = None,
        base_rates: Mapping[Cause, float] | None = None,
        given: Sequence[Administration] = (),
    ) -> Causes | NotWeighed:
        """Return the causes with their probabilities; never raises for data.

        Parameters
        ----------
        measurements
            As for ``Estimator.fit``: any quantities, any age.
        respiratory_rate_per_min
            The present one; None is not known.
        base_rates
            In place of those of ``HYPOTHESES``: what is usual in this place. A cause that is not
            named is ruled out.
        given
            Recorded treatment that passed ``treatment.screened``: known, and so no cause.
        """
        usable, _ = screen(measurements, now)
        sets = observation_sets(usable)
        if refusal := _why_not(sets, body):
            return NotWeighed(refusal)
        conditions = latest_conditions(usable)
        known = {c: m.value for c, m in conditions.items()}

        def expected(at: datetime) -> Expectation:
            return Expectation.of(body, known, standing_at(given, body, at))

        expectation = expected(sets[0].taken_at)
        middle = middle_of(self.emulator, expectation)
        seen = seen_at_present(sets, PRESENT_H, middle, expectation.size, self.emulator)
        person = answering(self._person(sets, expected), middle, self.emulator)
        beliefs = beliefs_of(self.known, person, middle, self.emulator)
        weighed = weigh(self.emulator, seen.rows, beliefs, seen.observed, self._drawn_for(beliefs))
        temperature = _recent(conditions.get(Condition.TEMPERATURE), sets[0])
        evidence = weighed.log_evidence + log_likelihoods(
            self.known,
            temperature,
            respiratory_rate_per_min,
            haemoglobin_fall_g_per_dl(usable, sets[0].taken_at),
        )
        found = troubles(sets[0])
        if found:
            evidence -= np.log(shares_in_trouble(self.emulator, beliefs, self._drawn_for(beliefs)))
        probabilities = _normalised(evidence, _rates(self.known, base_rates))
        return Causes(
            self._candidates(evidence, probabilities),
            found,
            self._telling(probabilities, weighed, seen, expectation.size) if found else (),
            self._left_out(),
            _sentences(self._left_out(), treated=bool(given)),
            sets[0].taken_at,
        )

    def _candidates(
        self, log_evidence: np.ndarray, probabilities: np.ndarray
    ) -> tuple[Candidate, ...]:
        equal = _normalised(log_evidence, np.ones(len(log_evidence)))
        found = [
            Candidate(hypothesis.cause, float(p), float(e))
            for hypothesis, p, e in zip(self.known, probabilities, equal, strict=True)
        ]
        return tuple(sorted(found, key=lambda each: -each.probability))

    def _telling(
        self, probabilities: np.ndarray, weighed: Weighed, seen: Seen, size: float
    ) -> tuple[Telling, ...]:
        measured = {quantity for moment in seen.moments for quantity in moment.quantities}
        causes = [hypothesis.cause for hypothesis in self.known]
        return most_telling(self.emulator, causes, probabilities, weighed, measured, size)

    def _left_out(self) -> tuple[Cause, ...]:
        return tuple(h.cause for h in self.hypotheses if h not in self.known)

    def _person(
        self, sets: Sequence[ObservationSet], expected: Callable[[datetime], Expectation]
    ) -> Person:
        """Return the person as the last untroubled set before the trouble leaves him."""
        earlier = _untroubled(sets)
        if earlier is None:
            return anybody(self.emulator)
        age_h = hours_before(earlier, sets[0])
        then = expected(earlier.taken_at)
        middle = middle_of(self.emulator, then)
        return charted_before(earlier, age_h, middle, then.size, self.emulator, self._drawn)

    def _drawn_for(self, beliefs: Beliefs) -> Draws:
        return self._drawn(beliefs.factor.shape[2])

    def _drawn(self, coordinates: int) -> Draws:
        if coordinates not in self._draws:
            self._draws[coordinates] = Draws.stratified(coordinates, SAMPLES, self.seed)
        return self._draws[coordinates]


def _why_not(sets: Sequence[ObservationSet], body: Body) -> str | None:
    if body.age_years is not None and body.age_years < ADULT_YEARS:
        return FitOutcome.NOT_AN_ADULT.value
    if not sets or not enough_to_fit(sets[:1]):
        return FitOutcome.TOO_LITTLE.value
    if contradiction(sets[0]):
        return FitOutcome.CONTRADICTORY.value
    return None


def _untroubled(sets: Sequence[ObservationSet]) -> ObservationSet | None:
    """Return the last set before the present trouble that shows none, if there is one."""
    if not troubles(sets[0]):
        return None
    for earlier in sets[1:]:
        if hours_before(earlier, sets[0]) > EARLIER_H:
            return None
        if enough_to_fit([earlier]) and not contradiction(earlier) and not troubles(earlier):
            return earlier
    return None


def _recent(measurement: Measurement | None, newest: ObservationSet) -> float | None:
    if measurement is None:
        return None
    age_h = (newest.taken_at - measurement.taken_at).total_seconds() / 3600.0
    return measurement.value if age_h <= SIGN_H else None


def _rates(
    known: Sequence[Hypothesis], given: Mapping[Cause, float] | None
) -> Float[np.ndarray, " hypothesis"]:
    if given is None:
        return np.array([hypothesis.base_rate for hypothesis in known])
    return np.array([given.get(hypothesis.cause, 0.0) for hypothesis in known])


def _normalised(log_evidence: np.ndarray, rates: np.ndarray) -> np.ndarray:
    weights = rates * np.exp(log_evidence - log_evidence.max())
    normalised: np.ndarray = weights / weights.sum()
    return normalised


def _sentences(left_out: Sequence[Cause], treated: bool) -> tuple[str, ...]:
    said = [
        "The causes were weighed on simulated circulations; their probabilities are not "
        "validated on patients."
    ]
    if treated:
        said.append(
            "Recorded treatment is known to the model and counts as no cause: where it explains "
            f'the trouble by itself, "{Cause.NONE_OF_THESE.value}" is likeliest.'
        )
    if left_out:
        names = ", ".join(cause.value for cause in left_out)
        said.append(f"Not weighed, because the model does not hold them: {names}.")
    return tuple(said)
