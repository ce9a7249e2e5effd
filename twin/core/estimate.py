"""Personalisation: measurements of one patient in, a cloud of circulations that explain them out.

``Estimator.fit`` screens the measurements, asks the emulator and Bayes' rule (``posterior``) which
parameters explain them as the arm shows them (``arm``), re-simulates the kept members on the model
itself, and says how far to trust the answer. The same measurements and seed give the same fit.
Pure: the emulator is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, final

import numpy as np

from twin.core.arm import Arm
from twin.core.arm_sets import news_of, reading_of
from twin.core.fit import ConvergedFit, Fit, FitOutcome, Interval
from twin.core.haemodynamics import QUANTITIES, QUANTITY_INDEX, Quantity
from twin.core.history import CLOSE_H, History, Moment, chosen_sets, drift_per_h
from twin.core.identifiability import (
    Evidence,
    estimates_of,
    residuals_of,
    sentences_of,
    verdict,
)
from twin.core.measurements import Condition
from twin.core.observation_sets import (
    ObservationSet,
    contradiction,
    enough_to_fit,
    latest_conditions,
    observation_sets,
    screen,
)
from twin.core.parameters import PARAMETER_INDEX, PARAMETERS
from twin.core.posterior import Draws, Sample, sample_posterior
from twin.core.present import present_state
from twin.core.prior import COORDINATES, GROWS_WITH_SIZE, Expectation
from twin.core.side_by_side import begun
from twin.core.treatment import Administration, standing_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from datetime import datetime

    from jaxtyping import Float, Int

    from twin.core.emulator import Emulator
    from twin.core.measurements import Measurement
    from twin.core.parameters import Body

__all__ = ["ConvergedFit", "Estimator", "Fit", "FitOutcome", "Interval"]

ADULT_YEARS = 18.0

ENSEMBLE = 128
"""Members that carry the estimates: the ends of a 90 % interval then stand still within a quarter
of a standard deviation, and more members would cost every call more time than they are worth."""

SPREAD_ALONG = [c.parameter for c in COORDINATES].index("systemic_resistance")
"""What vital signs alone leave most open: with the pressure known it trades against output."""

Resimulation = Callable[
    ["Float[np.ndarray, 'parameter member']"], "Float[np.ndarray, 'quantity member']"
]
"""The model itself at rest: whole parameter sets in, rows of ``Quantity`` out."""


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Everything about one patient that the mathematics needs."""

    body: Body
    expectation: Expectation
    conditions: frozenset[Condition]
    history: History
    said: tuple[str, ...]
    taken_at: datetime


@final
@dataclass(frozen=True, slots=True, eq=False)
class Estimator:
    """Fits twins. Makes its draws once, so that a fit costs milliseconds."""

    emulator: Emulator
    resimulate: Resimulation | None = None
    """The guard: a fit whose members the model does not confirm is poor. None: no guard."""
    seed: int = 0
    members: int = 32
    """How many circulations a fit keeps to simulate with: one block of the kernel."""
    _draws: dict[int, Draws] = field(default_factory=dict, repr=False)

    @property
    def model_version(self) -> str:
        """Return the version of the model that the emulator learnt."""
        return self.emulator.model_version

    def fit(
        self,
        measurements: Sequence[Measurement],
        body: Body,
        now: datetime,
        given: Sequence[Administration] = (),
    ) -> Fit:
        """Return the twin of a patient with this body, as the measurements leave it at ``now``.

        Any subset of quantities, of any age, from any device; what cannot be used is named in the
        fit's sentences. Never raises for data: what is wrong with them is the fit's outcome.
        ``given`` is recorded treatment that passed ``treatment.screened``: each set of vital signs
        is explained under what acted when it was taken.
        """
        if body.age_years is not None and body.age_years < ADULT_YEARS:
            return no_fit(FitOutcome.NOT_AN_ADULT, body, ())
        usable, aside = screen(measurements, now)
        said = tuple(item.sentence for item in aside)
        sets = chosen_sets(observation_sets(usable, CLOSE_H))
        if not enough_to_fit(sets):
            return no_fit(FitOutcome.TOO_LITTLE, body, said)
        if conflict := contradiction(sets[0]):
            return no_fit(FitOutcome.CONTRADICTORY, body, (*said, conflict))
        sets = tuple(s for s in sets if contradiction(s) is None)
        return self._solve(self._problem(sets, usable, body, said, given))

    def warm(self) -> None:
        """Make the draws now rather than at the first fit."""
        for drifts in (False, True):
            self._drawn(History.count_unknowns(drifts))

    def _problem(
        self,
        sets: Sequence[ObservationSet],
        usable: Sequence[Measurement],
        body: Body,
        said: tuple[str, ...],
        given: Sequence[Administration],
    ) -> _Problem:
        newest = sets[0].taken_at
        moments, expectations, known = [], [], []
        conditioning = [m for m in usable if isinstance(m.quantity, Condition)]
        ever = latest_conditions(conditioning)
        for observed in sets:
            # A condition measured only after the set is still the best guess of what held then.
            before = [m for m in conditioning if m.taken_at <= observed.taken_at]
            known_then = ever | latest_conditions(before)
            conditions = {c: m.value for c, m in known_then.items()}
            standing = standing_at(given, body, observed.taken_at)
            expectation = Expectation.of(body, conditions, standing)
            age_h = (newest - observed.taken_at).total_seconds() / 3600.0
            moments.append(
                Moment.of(
                    ObservationSet(observed.taken_at, news_of(observed)),
                    age_h,
                    expectation.emulator_middle(),
                    expectation.size,
                    self.emulator,
                    reading_of(observed, body.age_years),
                )
            )
            expectations.append(expectation)
            known.append(frozenset(conditions))
        history = History(self.emulator, tuple(moments))
        return _Problem(body, expectations[0], known[0], history, said, newest)

    def _solve(self, problem: _Problem) -> Fit:
        history = problem.history
        guard = _Guard(problem, self.resimulate, self.members)
        sample = sample_posterior(
            history,
            history.observed(),
            history.box(),
            self._drawn(history.unknowns),
            guard.begin,
        )
        return self._conclude(problem, sample, guard)

    def _conclude(self, problem: _Problem, sample: Sample, guard: _Guard) -> Fit:
        size = problem.expectation.size
        x = sample.x[:, sample.along(SPREAD_ALONG)]
        parameters = problem.expectation.members(x[: len(COORDINATES)])
        kept = evenly(self.members)
        aorta = present_state(problem.history.present(x), self.emulator.outputs, parameters, size)
        arm = problem.history.arm(x)
        state = arm.shown(aorta)
        estimates = estimates_of(state, size)
        residuals = residuals_of(problem.history.moments[0], sample.predicted)
        sentences = _sentences(problem, estimates, residuals)
        evidence = Evidence(
            residuals,
            sample.effective_size,
            float(np.max(np.abs(x[: len(COORDINATES)].mean(axis=1)))),
            estimates[Quantity.CARDIAC_OUTPUT],
            guard.apart(),
        )
        return Fit(
            verdict(evidence),
            problem.body,
            sample.effective_size,
            parameters[:, kept].astype(np.float32),
            np.full(self.members, 1.0 / self.members, np.float32),
            state[:, kept],
            drift_per_h(x[:, kept]) if problem.history.drifts else None,
            estimates,
            residuals,
            (*problem.said, *sentences),
            problem.taken_at,
            arm.of(kept),
        )

    def _drawn(self, unknowns: int) -> Draws:
        if unknowns not in self._draws:
            self._draws[unknowns] = Draws.seeded(unknowns, ENSEMBLE, self.seed)
        return self._draws[unknowns]


def evenly(count: int) -> Int[np.ndarray, " kept"]:
    """Return the places of so many members, spread evenly over the ensemble."""
    places: np.ndarray = np.linspace(0, ENSEMBLE - 1, count).round().astype(int)
    return places


@final
@dataclass(slots=True)
class _Guard:
    """The model itself on some members, run beside the exact steps that follow the smoother.

    It asks whether the emulator is right about this patient. The members that the exact steps
    begin from lie where those lie that are kept, so that it need not wait for them.
    """

    problem: _Problem
    resimulate: Resimulation | None
    members: int
    resimulated: Future[np.ndarray] | None = None
    predicted: np.ndarray | None = None
    """The emulator's measurements of the same members, in a body of standard size."""
    arm: Arm | None = None
    """How the same members are read."""

    def begin(self, x: np.ndarray, predicted: np.ndarray) -> None:
        """Start the model on members that lie evenly along what is most open."""
        if self.resimulate is None:
            return
        chosen = np.argsort(x[SPREAD_ALONG], kind="stable")[evenly(self.members)]
        parameters = self.problem.expectation.members(x[: len(COORDINATES), chosen])
        newest = len(self.problem.history.moments[0].quantities)
        self.predicted = predicted[:newest, chosen]
        self.arm = self.problem.history.arm(x[:, chosen])
        self.resimulated = begun(partial(self.resimulate, parameters))

    def apart(self) -> float | None:
        """Wait, and return how far emulator and model are apart, in the fit's own deviations.

        None where nothing was simulated again.
        """
        if self.resimulated is None or self.arm is None:
            return None
        moment, size = self.problem.history.moments[0], self.problem.expectation.size
        rows = [QUANTITY_INDEX[quantity] for quantity in moment.quantities]
        scales = np.array([size if q in GROWS_WITH_SIZE else 1.0 for q in moment.quantities])
        simulated = self.arm.shown(self.resimulated.result())[rows] / scales[:, None]
        apart = (simulated - self.predicted) / moment.sds[:, None]
        return float(np.sqrt(np.mean(apart**2)))


def _sentences(
    problem: _Problem,
    estimates: dict[Quantity, Interval],
    residuals: dict[Quantity, float],
) -> tuple[str, ...]:
    seen = {quantity for moment in problem.history.moments for quantity in moment.quantities}
    expected = problem.expectation.parameters
    assumed = {Condition.HAEMOGLOBIN: float(expected[PARAMETER_INDEX["haemoglobin"]])}
    return sentences_of(seen, problem.conditions, estimates, residuals, assumed)


def no_fit(outcome: FitOutcome, body: Body, said: tuple[str, ...]) -> Fit:
    """Return a fit without members: nothing can be simulated with it."""
    return Fit(
        outcome,
        body,
        0.0,
        np.empty((len(PARAMETERS), 0), np.float32),
        np.empty(0, np.float32),
        np.empty((len(QUANTITIES), 0), np.float32),
        None,
        {},
        {},
        said,
        None,
        Arm.none(0),
    )
