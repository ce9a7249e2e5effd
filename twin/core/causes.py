"""Why is this patient in trouble? Competing causes, each fitted and weighed by evidence.

Each hypothesis is a belief about the circulation: the person, and the insult that the cause brings
as it comes on. Its evidence is how well it foresees the present vital signs and those of the hours
before (``course_evidence``), times how well it foresees temperature and breathing, which the
circulation does not predict; with base rates that makes probabilities.
They are simulated, and not validated on patients. Pure: the emulator is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

import numpy as np

from twin.core.arm import expected_amplification
from twin.core.beliefs import anybody, middle_of, shares_in_trouble, troubles_of
from twin.core.course_evidence import CourseWeighed, weigh_course
from twin.core.estimate import ADULT_YEARS
from twin.core.fit import FitOutcome
from twin.core.haemodynamics import Quantity
from twin.core.hypotheses import HYPOTHESES, Cause, Hypothesis
from twin.core.measurements import Condition, Device
from twin.core.observation_sets import (
    contradiction,
    earliest_conditions,
    enough_to_fit,
    latest_conditions,
    observation_sets,
    screen,
)
from twin.core.onsets import Paths, paths
from twin.core.parameters import PARAMETER_INDEX
from twin.core.prior import Expectation
from twin.core.signs import haemoglobin_fall_g_per_dl, log_likelihoods
from twin.core.student import Draws
from twin.core.telling import Telling, most_telling
from twin.core.treatment import Administration, standing_at
from twin.core.trouble import troubles
from twin.core.trouble_course import PRESENT_H, charted, chosen, hours_before, retained_ml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from jaxtyping import Float

    from twin.core.emulator import Emulator
    from twin.core.measurements import Measurement
    from twin.core.observation_sets import ObservationSet
    from twin.core.parameters import Body

SAMPLES: Final = 128
"""Circulations of each cause: to tell how often it leads to trouble, and what it expects of a
measurement not yet made."""

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
    course: Course
    """What the earlier sets of the trouble say of its course."""

    @property
    def likeliest(self) -> Candidate:
        """Return the likeliest cause."""
        return self.candidates[0]

    def probability(self, *causes: Cause) -> float:
        """Return the probability of any of these causes."""
        return sum(each.probability for each in self.candidates if each.cause in causes)


@dataclass(frozen=True, slots=True)
class Course:
    """How the trouble came on, under its likeliest cause."""

    sets: int
    """How many sets of vital signs were weighed, the newest included."""
    hours: float
    """How far back they reach."""
    onset_h: float | None
    """How long the trouble is likely to have lasted; None where no earlier set tells."""


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
        looked_at = chosen(sets)
        expected = [_expected(usable, body, given, each) for each in looked_at]
        middles = np.stack(
            [
                self._middle(expectation, retained_ml(given, each.taken_at))
                for expectation, each in zip(expected, looked_at, strict=True)
            ]
        )
        size, age_years = expected[0].size, body.age_years
        seen = charted(looked_at, middles, size, age_years, self.emulator)
        person = anybody(middles[0], self.emulator)
        insults = troubles_of(self.known, person, self.emulator)
        ages_h = np.array([hours_before(each, sets[0]) for each in looked_at])
        possible = [paths(hypothesis.cause, ages_h) for hypothesis in self.known]
        weighed = weigh_course(self.emulator, seen, insults, possible)
        evidence = weighed.log_evidence + self._of_signs(usable, sets[0], respiratory_rate_per_min)
        found = troubles(sets[0])
        draws = self._drawn(seen.middles.shape[1])
        if found:
            troubled = shares_in_trouble(
                self.emulator, insults, middles[0], _amplification(sets[0], body), draws
            )
            evidence -= np.log(troubled)
        probabilities = _normalised(evidence, _rates(self.known, base_rates))
        return Causes(
            self._candidates(evidence, probabilities),
            found,
            self._telling(probabilities, weighed, looked_at, size) if found else (),
            self._left_out(),
            _sentences(self._left_out(), treated=bool(given)),
            sets[0].taken_at,
            _course(weighed, probabilities, possible, ages_h),
        )

    def _middle(self, expectation: Expectation, fluid_ml: float) -> Float[np.ndarray, " input"]:
        """Return the emulator's input for what is expected of the body, and the fluid it holds."""
        middle = middle_of(self.emulator, expectation)
        volume = expectation.parameters[PARAMETER_INDEX["blood_volume"]]
        middle[self.emulator.inputs.index("blood_volume")] += np.log1p(fluid_ml / volume)
        return middle

    def _of_signs(
        self,
        usable: Sequence[Measurement],
        newest: ObservationSet,
        respiratory_rate_per_min: float | None,
    ) -> Float[np.ndarray, " hypothesis"]:
        return log_likelihoods(
            self.known,
            _recent(latest_conditions(usable).get(Condition.TEMPERATURE), newest),
            respiratory_rate_per_min,
            haemoglobin_fall_g_per_dl(usable, newest.taken_at),
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
        self,
        probabilities: np.ndarray,
        weighed: CourseWeighed,
        looked_at: Sequence[ObservationSet],
        size: float,
    ) -> tuple[Telling, ...]:
        recent = [each for each in looked_at if hours_before(each, looked_at[0]) <= PRESENT_H]
        measured = {quantity for each in recent for quantity in each.seen}
        causes = [hypothesis.cause for hypothesis in self.known]
        foreseen = weighed.drawn(self._drawn(weighed.factors.shape[2]))
        return most_telling(self.emulator, causes, probabilities, foreseen, measured, size)

    def _left_out(self) -> tuple[Cause, ...]:
        return tuple(h.cause for h in self.hypotheses if h not in self.known)

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


def _expected(
    usable: Sequence[Measurement],
    body: Body,
    given: Sequence[Administration],
    observed: ObservationSet,
) -> Expectation:
    """Return what was expected of the body under the conditions of one set's time."""
    then = [each for each in usable if each.taken_at <= observed.taken_at]
    # What was only measured later held before, as far as anybody knows.
    conditions = {**earliest_conditions(usable), **latest_conditions(then)}
    known = {condition: each.value for condition, each in conditions.items()}
    return Expectation.of(body, known, standing_at(given, body, observed.taken_at))


def _amplification(observed: ObservationSet, body: Body) -> float:
    seen = observed.seen.get(Quantity.SYSTOLIC_PRESSURE)
    device = Device.UNKNOWN if seen is None else seen.measurement.device
    return expected_amplification(device, body.age_years)


def _course(
    weighed: CourseWeighed,
    probabilities: np.ndarray,
    possible: Sequence[Paths],
    ages_h: np.ndarray,
) -> Course:
    likeliest = int(np.argmax(probabilities))
    onset = float(weighed.path_shares[likeliest] @ possible[likeliest].ages_h)
    known = len(ages_h) > 1 and len(possible[likeliest].shares) > 1
    return Course(len(ages_h), float(ages_h.max()), onset if known else None)


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
