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

from twin.core.evidence import Beliefs, Weighed, updated, weigh
from twin.core.history import Moment
from twin.core.hypotheses import (
    COINCIDENCE,
    COINCIDENT_RESPIRATORY_RATE,
    COINCIDENT_TEMPERATURE,
    HYPOTHESES,
    PERSON,
    Cause,
    Hypothesis,
    Sign,
)
from twin.core.measurements import Condition
from twin.core.observation_sets import (
    contradiction,
    enough_to_fit,
    latest_conditions,
    observation_sets,
    screen,
)
from twin.core.parameters import PARAMETER_INDEX, standard_adult
from twin.core.posterior import Observed
from twin.core.prior import FIXED_INPUTS, Expectation
from twin.core.student import Draws
from twin.core.telling import Telling, most_telling
from twin.core.trouble import troubles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from jaxtyping import Float

    from twin.core.emulator import Emulator
    from twin.core.measurements import Measurement
    from twin.core.observation_sets import ObservationSet
    from twin.core.parameters import Body

SAMPLES: Final = 256
"""Draws of each hypothesis: evidences then differ by less than a tenth from those of 4096."""

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


@dataclass(frozen=True, slots=True, eq=False)
class _Present:
    """The measurements that the causes have to explain."""

    expectation: Expectation
    moments: tuple[Moment, ...]
    rows: np.ndarray
    observed: Observed


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

    def weigh(
        self,
        measurements: Sequence[Measurement],
        body: Body,
        now: datetime,
        respiratory_rate_per_min: float | None = None,
        base_rates: Mapping[Cause, float] | None = None,
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
        """
        usable, _ = screen(measurements, now)
        sets = observation_sets(usable)
        if refusal := _why_not(sets, body):
            return NotWeighed(refusal)
        conditions = latest_conditions(usable)
        expectation = Expectation.of(body, {c: m.value for c, m in conditions.items()})
        present = self._present(sets, expectation)
        known = self.known
        beliefs = self._beliefs(known, self._person(sets, expectation), expectation)
        weighed = weigh(
            self.emulator, present.rows, beliefs, present.observed, self._drawn(beliefs)
        )
        temperature = _recent(conditions.get(Condition.TEMPERATURE), sets[0])
        evidence = weighed.log_evidence + _signs(known, temperature, respiratory_rate_per_min)
        rates = _rates(known, base_rates)
        return self._concluded(known, evidence, rates, weighed, present, sets[0])

    def _concluded(
        self,
        known: Sequence[Hypothesis],
        evidence: np.ndarray,
        rates: np.ndarray,
        weighed: Weighed,
        present: _Present,
        newest: ObservationSet,
    ) -> Causes:
        probabilities = _normalised(evidence, rates)
        equal = _normalised(evidence, np.ones(len(known)))
        candidates = sorted(
            (
                Candidate(h.cause, float(p), float(e))
                for h, p, e in zip(known, probabilities, equal, strict=True)
            ),
            key=lambda each: -each.probability,
        )
        seen = {quantity for moment in present.moments for quantity in moment.quantities}
        telling = most_telling(
            self.emulator,
            [h.cause for h in known],
            probabilities,
            weighed,
            seen,
            present.expectation.size,
        )
        left_out = tuple(h.cause for h in self.hypotheses if h not in known)
        return Causes(tuple(candidates), troubles(newest), telling, left_out, _sentences(left_out))

    def _present(self, sets: Sequence[ObservationSet], expectation: Expectation) -> _Present:
        newest, known = sets[0].taken_at, set(sets[0].seen)
        moments = [self._moment(sets[0], 0.0, expectation)]
        for earlier in sets[1:]:
            age_h = (newest - earlier.taken_at).total_seconds() / 3600.0
            new = {q: seen for q, seen in earlier.seen.items() if q not in known}
            if age_h <= PRESENT_H and new and contradiction(earlier) is None:
                moments.append(
                    self._moment(type(earlier)(earlier.taken_at, new), age_h, expectation)
                )
                known |= set(new)
        return _Present(expectation, tuple(moments), *_joined(self.emulator, moments))

    def _moment(self, observed: ObservationSet, age_h: float, expectation: Expectation) -> Moment:
        middle = self._middle(expectation)
        return Moment.of(observed, age_h, middle, expectation.size, self.emulator)

    def _middle(self, expectation: Expectation) -> Float[np.ndarray, " input"]:
        """Return the emulator's input for what is expected of the body, at standard size."""
        values = standard_adult()
        for name in FIXED_INPUTS:
            values[PARAMETER_INDEX[name]] = expectation.parameters[PARAMETER_INDEX[name]]
        oxygen = PARAMETER_INDEX["oxygen_consumption"]
        values[oxygen] = expectation.parameters[oxygen] / expectation.size
        inputs = values[[PARAMETER_INDEX[name] for name in self.emulator.inputs]]
        logarithmic = self.emulator.logarithmic
        middle: np.ndarray = np.where(
            logarithmic, np.log(np.where(logarithmic, inputs, 1.0)), inputs
        )
        return middle

    def _person(
        self, sets: Sequence[ObservationSet], expectation: Expectation
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return how the person deviates from what is expected of the body: mean and covariance.

        The last untroubled set before the present one has been taken into account.
        """
        inputs = self.emulator.inputs
        usual = [PERSON.get(name) for name in inputs]
        shift = np.array([spread.shift if spread else 0.0 for spread in usual])
        sds = np.array([spread.sd if spread else 0.0 for spread in usual])
        earlier = _untroubled(sets)
        if earlier is None:
            return shift, np.diag(sds**2)
        age_h = (sets[0].taken_at - earlier.taken_at).total_seconds() / 3600.0
        moment = self._moment(earlier, age_h, expectation)
        rows, observed = _joined(self.emulator, [moment])
        middle = self._middle(expectation)
        belief = Beliefs((middle + shift)[:, None], np.diag(sds)[None])
        mean, covariance = updated(self.emulator, rows, belief, observed, self._drawn(belief))
        return mean - middle, covariance

    def _beliefs(
        self,
        known: Sequence[Hypothesis],
        person: tuple[np.ndarray, np.ndarray],
        expectation: Expectation,
    ) -> Beliefs:
        mean, covariance = person
        middles, factors = [], []
        for hypothesis in known:
            insults = [hypothesis.insult.get(name) for name in self.emulator.inputs]
            shift = np.array([spread.shift if spread else 0.0 for spread in insults])
            added = np.array([spread.sd**2 if spread else 0.0 for spread in insults])
            middles.append(self._middle(expectation) + mean + shift)
            # A hair of variance keeps the inputs that nothing moves factorisable.
            factors.append(np.linalg.cholesky(covariance + np.diag(added + 1e-12)))
        return Beliefs(np.stack(middles, axis=1), np.stack(factors))

    def _drawn(self, beliefs: Beliefs) -> Draws:
        coordinates = beliefs.factor.shape[2]
        if coordinates not in self._draws:
            self._draws[coordinates] = Draws.stratified(coordinates, SAMPLES, self.seed)
        return self._draws[coordinates]


def _why_not(sets: Sequence[ObservationSet], body: Body) -> str | None:
    from twin.core.estimate import ADULT_YEARS
    from twin.core.fit import FitOutcome

    if body.age_years is not None and body.age_years < ADULT_YEARS:
        return FitOutcome.NOT_AN_ADULT.value
    if not sets or not enough_to_fit(sets[:1]):
        return FitOutcome.TOO_LITTLE.value
    if contradiction(sets[0]):
        return FitOutcome.CONTRADICTORY.value
    return None


def _joined(emulator: Emulator, moments: Sequence[Moment]) -> tuple[np.ndarray, Observed]:
    rows = np.concatenate([emulator.rows(moment.quantities) for moment in moments])
    values = np.concatenate([moment.values for moment in moments])
    return rows, Observed(values, np.concatenate([moment.sds for moment in moments]))


def _untroubled(sets: Sequence[ObservationSet]) -> ObservationSet | None:
    """Return the last set before the present trouble that shows none, if there is one."""
    if not troubles(sets[0]):
        return None
    for earlier in sets[1:]:
        age_h = (sets[0].taken_at - earlier.taken_at).total_seconds() / 3600.0
        if age_h > EARLIER_H:
            return None
        if enough_to_fit([earlier]) and not contradiction(earlier) and not troubles(earlier):
            return earlier
    return None


def _recent(measurement: Measurement | None, newest: ObservationSet) -> float | None:
    if measurement is None:
        return None
    age_h = (newest.taken_at - measurement.taken_at).total_seconds() / 3600.0
    return measurement.value if age_h <= SIGN_H else None


def _signs(
    known: Sequence[Hypothesis], temperature: float | None, respiratory_rate: float | None
) -> np.ndarray:
    """Return how well each hypothesis foresees temperature and breathing, as logarithms."""
    log_likelihood = np.zeros(len(known))
    for place, hypothesis in enumerate(known):
        if temperature is not None:
            log_likelihood[place] += _log_likelihood(
                temperature, hypothesis.temperature_celsius, COINCIDENT_TEMPERATURE
            )
        if respiratory_rate is not None:
            log_likelihood[place] += _log_likelihood(
                respiratory_rate, hypothesis.respiratory_rate_per_min, COINCIDENT_RESPIRATORY_RATE
            )
    return log_likelihood


def _log_likelihood(value: float, sign: Sign, coincident: Sign) -> float:
    def density(of: Sign) -> float:
        return float(np.exp(-0.5 * ((value - of.mean) / of.sd) ** 2) / of.sd)

    mixed = (1.0 - COINCIDENCE) * density(sign) + COINCIDENCE * density(coincident)
    return float(np.log(max(mixed, 1e-30)))


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


def _sentences(left_out: Sequence[Cause]) -> tuple[str, ...]:
    simulated = (
        "The causes were weighed on simulated circulations; their probabilities are not "
        "validated on patients."
    )
    if not left_out:
        return (simulated,)
    names = ", ".join(cause.value for cause in left_out)
    return (simulated, f"Not weighed, because the model does not hold them: {names}.")
