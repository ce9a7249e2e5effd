"""The workbench of the clinician's page: plans compared on the twin that the page shows.

The twin is recalled from the store, where showing the page has put it, and not fitted anew: the
answer must come while a slider is being dragged. Orchestration only; what is plausible and what a
plan does is the twin's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, final

import msgspec
from anyio import to_thread

from cds_hooks.errors import BadRequest
from cds_hooks.security.patient_key import patient_key
from cds_hooks.services.clinician_plans import HORIZONS_MIN, MINUTE_S, WrittenComparison, given
from twin.core.courses import Course, courses
from twin.core.haemodynamics import Quantity
from twin.core.ranking import verdict
from twin.core.treatment import underway_at
from twin.errors import ImplausibleDose, InterventionError, StoreUnavailable, TwinNotFound
from twin.usecases import USUAL_GOAL, Plan, compare_interventions, rank, recall

if TYPE_CHECKING:
    from cds_hooks.ports import Clock
    from cds_hooks.security.session import SmartSession
    from cds_hooks.services.clinician_plans import WrittenPlan
    from cds_hooks.services.patient_twin import PatientTwins
    from twin.core.fit import ConvergedFit, Interval
    from twin.core.ranking import Ranked
    from twin.core.treatment import Underway
    from twin.usecases import StoredTwin

SHOWN: Final = (
    Quantity.MEAN_PRESSURE,
    Quantity.CARDIAC_OUTPUT,
    Quantity.HEART_RATE,
    Quantity.OXYGEN_SATURATION,
)
"""What the workbench draws over time."""


class Band(msgspec.Struct, frozen=True):
    """A median with its 90 % interval at each time, in the unit of its quantity."""

    median: list[float]
    low: list[float]
    high: list[float]

    @classmethod
    def of(cls, intervals: Sequence[Interval]) -> Band:
        """Return intervals as three rows, rounded to what a screen can show."""
        return cls(
            [round(each.median, 2) for each in intervals],
            [round(each.low, 2) for each in intervals],
            [round(each.high, 2) for each in intervals],
        )


class DrawnCourse(msgspec.Struct, frozen=True, rename="camel"):
    """What one plan, or doing nothing, leads to; keys are names of ``Quantity``."""

    name: str
    state: dict[str, Band]
    change: dict[str, Band]


class Refusal(msgspec.Struct, frozen=True, rename="camel"):
    """Why a plan was not simulated, with the plausible range where an amount lies outside."""

    name: str
    sentence: str
    low: float | None = None
    high: float | None = None
    unit: str | None = None


class RankedPlan(msgspec.Struct, frozen=True, rename="camel"):
    """A plan's place; probabilities are simulated, 0 to 1."""

    name: str
    probability_goal: float
    gain: float
    probability_worse: float
    probability_map_below_65: float
    good: bool
    reason: str


class Simulated(msgspec.Struct, frozen=True, rename="camel"):
    """The answer of the workbench."""

    refusals: list[Refusal]
    twin_updated_at: datetime | None = None
    horizon_min: float = 0.0
    times_min: list[float] = []
    nothing_done: DrawnCourse | None = None
    plans: list[DrawnCourse] = []
    """In the order asked, without those refused."""
    ranking: list[RankedPlan] = []
    """The best first."""
    goal_met_with_nothing_done: float | None = None
    map_below_65_with_nothing_done: float | None = None
    verdict: str | None = None
    sentences: list[str] = []
    not_simulated: str | None = None
    """Why nothing at all was simulated; None when something was."""


@final
@dataclass(frozen=True, slots=True)
class Workbench:
    """Compares plans on a session's patient."""

    twins: PatientTwins
    clock: Clock

    async def compare(self, session: SmartSession, wanted: WrittenComparison) -> Simulated:
        """Return what each plan would do, beside doing nothing new.

        Raises
        ------
        cds_hooks.errors.BadRequest
            Two plans have one name, or the horizon is none that is offered.
        """
        _refuse_odd(wanted)
        return await to_thread.run_sync(self._compared, session, wanted)

    def _compared(self, session: SmartSession, wanted: WrittenComparison) -> Simulated:
        now = self.clock.now()
        stored = self.stored(session)
        if stored is None:
            return Simulated([], not_simulated=_NO_TWIN)
        converged = stored.fit.converged()
        if converged is None:
            return Simulated([], stored.updated_at, not_simulated=stored.fit.outcome.value)
        underway = underway_at(stored.given, stored.fit.taken_at, now)
        return simulated(converged, wanted, underway, stored.updated_at)

    def stored(self, session: SmartSession) -> StoredTwin | None:
        """Return the twin that the page of this session has shown, or None."""
        key = patient_key(
            self.twins.installation_key, session.grant.fhir_server, session.patient_id
        )
        try:
            return recall(self.twins.store, key)
        except (TwinNotFound, StoreUnavailable):
            return None


_NO_TWIN: Final = "No twin of this patient is kept; load the page again."


def simulated(
    fit: ConvergedFit, wanted: WrittenComparison, underway: Underway, updated_at: datetime
) -> Simulated:
    """Return the comparison of every plan that the twin can simulate; the others are refused."""
    plans, refusals = _checked(fit, wanted.plans, underway)
    comparison = compare_interventions(fit, plans, MINUTE_S * wanted.horizon_min, underway)
    alone, *drawn = courses(fit, comparison, SHOWN)
    ranked = rank(comparison, USUAL_GOAL)
    idle = ranked[0].probability_goal - ranked[0].gain if ranked else None
    return Simulated(
        refusals,
        updated_at,
        horizon_min=comparison.baseline.at_s / MINUTE_S,
        times_min=[at / MINUTE_S for at in alone.times_s],
        nothing_done=_drawn(alone),
        plans=[_drawn(each) for each in drawn],
        ranking=[_placed(each) for each in ranked],
        goal_met_with_nothing_done=idle,
        map_below_65_with_nothing_done=comparison.baseline.probability_map_below_65,
        verdict=verdict(ranked, USUAL_GOAL),
        sentences=list(comparison.baseline.sentences),
    )


def _refuse_odd(wanted: WrittenComparison) -> None:
    if wanted.horizon_min not in HORIZONS_MIN:
        offered = ", ".join(str(each) for each in HORIZONS_MIN)
        raise BadRequest(f"$.horizon_min is none of those offered: {offered}.")
    if len({each.name for each in wanted.plans}) < len(wanted.plans):
        raise BadRequest("$.plans: two plans have one name; name them differently.")


def _checked(
    fit: ConvergedFit, written: Sequence[WrittenPlan], underway: Underway
) -> tuple[list[Plan], list[Refusal]]:
    plans, refusals = [], []
    for each in written:
        plan = Plan(each.name, tuple(given(item) for item in each.items))
        try:
            underway.with_plan(plan.interventions, fit.body)
        except InterventionError as error:
            refusals.append(_refused(each.name, error))
        else:
            plans.append(plan)
    return plans, refusals


def _refused(name: str, error: InterventionError) -> Refusal:
    if isinstance(error, ImplausibleDose):
        return Refusal(name, str(error), error.low, error.high, error.unit)
    return Refusal(name, str(error))


def _drawn(course: Course) -> DrawnCourse:
    return DrawnCourse(course.name, _bands(course.state), _bands(course.change))


def _bands(found: Mapping[Quantity, Sequence[Interval]]) -> dict[str, Band]:
    return {quantity.value: Band.of(each) for quantity, each in found.items()}


def _placed(ranked: Ranked) -> RankedPlan:
    effect = ranked.effect
    return RankedPlan(
        effect.plan.name,
        ranked.probability_goal,
        ranked.gain,
        effect.probability_worse,
        effect.probability_map_below_65,
        ranked.good,
        ranked.reason,
    )
