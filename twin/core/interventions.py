"""A schedule: interventions in their times, checked, and resolved into what runs when.

May live here: the rules by which one order changes another. What can be done is in
``intervention_kinds`` (imported from here by others), what is plausible in ``dose_ranges``, what
it does in ``drugs``.

The rules are those by which orders are written:

* A new rate of a drug replaces the running one; the patient receives the new rate, not the sum.
  So does a new inspired fraction, a new setting and a new extent of the same insult.
* Single doses, fluids and bleeding add to what was given before.
* ``Stop`` ends what is running; what was given before goes on acting until it is eliminated.

Recorded treatment of the past is what makes the first rule exact: pass it as ``recorded``. A drug
that runs unrecorded is part of the fitted circulation itself, so that its new rate counts as an
addition to what the fit contains, and stopping it cannot be simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from twin.core.dose_ranges import (
    BLEEDING_DURATION,
    BLEEDING_RATE,
    FLUID_DURATION,
    FLUID_VOLUME,
    INFUSION_RATE,
    OXYGEN_FRACTION,
    SINGLE_DOSE,
    DoseRange,
    check,
    within,
)
from twin.core.intervention_kinds import (
    Bleeding,
    Compressions,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Given,
    Infusion,
    Insult,
    InsultKind,
    Intervention,
    Oxygen,
    Route,
    Setting,
    SettingKind,
    Stop,
    Stoppable,
)
from twin.core.parameters import Body
from twin.errors import NothingToStop, WeightNeeded

__all__ = [
    "BLEEDING_DURATION",
    "BLEEDING_RATE",
    "FLUID_DURATION",
    "FLUID_VOLUME",
    "INFUSION_RATE",
    "NOTHING",
    "OXYGEN_FRACTION",
    "SINGLE_DOSE",
    "Bleeding",
    "Compressions",
    "DoseRange",
    "Drug",
    "DrugDose",
    "Fluid",
    "FluidKind",
    "Given",
    "Infusion",
    "Insult",
    "InsultKind",
    "Intervention",
    "Oxygen",
    "Route",
    "Schedule",
    "Setting",
    "SettingKind",
    "Stop",
    "Stoppable",
    "schedule",
]

START: Final = DoseRange(-2_592_000, 2_592_000, "s", "a month before or after time 0")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Interventions that passed the checks of :func:`schedule`, each with its start and end.

    ``weight_kg`` is the body weight the doses refer to; ``None`` when no dose depends on it.
    ``recorded`` is the treatment under which the circulation was measured, with what was given
    since; it is in ``given`` as well, as far as it goes on or still acts.
    """

    given: tuple[Given, ...]
    weight_kg: float | None
    recorded: tuple[Given, ...] = ()
    stood_at_s: float = 0.0
    """When the circulation stood under what is recorded: when it was measured, not after 0."""

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """Return what is done, in the order of the schedule, without its times."""
        return tuple(each.intervention for each in self.given)


NOTHING: Final = Schedule((), None)
"""The schedule of a patient left alone."""

Planned = Intervention | Given | Stop


def schedule(
    interventions: Sequence[Planned],
    body: Body,
    recorded: Sequence[Given] = (),
    stood_at_s: float = 0.0,
) -> Schedule:
    """Check interventions against plausible ranges, bind them to the body, resolve their times.

    Parameters
    ----------
    interventions
        What is to be done; a bare intervention starts at time 0.
    body
        Whose doses they are.
    recorded
        What was given before and may still run or act, with negative starts. The circulation to
        be simulated stands under it, since it was fitted to measurements under it.
    stood_at_s
        When those measurements were taken; what was given since is not in them.

    Raises
    ------
    ImplausibleDose
        A dose, rate, volume, duration, setting, extent or start is outside its range.
    WeightNeeded
        A dose that is not per kilogram is to act on a body of unknown weight.
    RouteNotModelled
        The drug is not modelled as an infusion, or not by this route.
    NothingToStop
        Nothing of the kind runs when it is to be stopped.
    """
    return Schedule(
        _resolved((*recorded, *interventions), body),
        body.weight_kg,
        _resolved(recorded, body),
        min(stood_at_s, 0.0) if recorded else 0.0,
    )


def _resolved(planned: Sequence[Planned], body: Body) -> tuple[Given, ...]:
    running: list[Given] = []
    for each in _in_order(planned):
        if isinstance(each, Stop):
            running = _stopped(running, each)
            continue
        _check(each, body)
        running = [*_replaced(running, each), each]
    return tuple(each for each in running if _lasts(each))


def _in_order(planned: Sequence[Planned]) -> list[Given | Stop]:
    timed = [each if isinstance(each, Given | Stop) else Given(each, 0.0) for each in planned]
    return sorted(timed, key=_when)


def _when(each: Given | Stop) -> float:
    return each.at_s if isinstance(each, Stop) else each.starts_at_s


def _check(given: Given, body: Body) -> None:
    check(given.intervention)
    within("start", given.starts_at_s, START)
    if given.ends_at_s is not None:
        within("end", given.ends_at_s, START._replace(low=given.starts_at_s))
    if body.weight_kg is None and needs_weight(given.intervention):
        raise WeightNeeded(str(_kind(given.intervention)))


def needs_weight(intervention: Intervention) -> bool:
    """Return whether an intervention acts by body weight and does not say so per kilogram."""
    if isinstance(intervention, Infusion):
        return "/kg/" not in INFUSION_RATE[intervention.drug].unit
    return isinstance(intervention, DrugDose)


def _kind(intervention: Intervention) -> Stoppable:
    match intervention:
        case Infusion(drug=kind) | DrugDose(drug=kind):
            return kind
        case Fluid(kind=kind) | Setting(kind=kind) | Insult(kind=kind):
            return kind
        case Oxygen() | Bleeding() | Compressions():
            return type(intervention)


def _ended(given: Given, at_s: float) -> Given:
    ends = at_s if given.ends_at_s is None else min(at_s, given.ends_at_s)
    return replace(given, ends_at_s=ends)


def _replaced(running: Sequence[Given], new: Given) -> list[Given]:
    """Return what runs on beside something new: an older one of its kind ends where they add not.

    Single doses, fluids and bleeding add.
    """
    if isinstance(new.intervention, DrugDose | Fluid | Bleeding):
        return list(running)
    return [
        _ended(each, new.starts_at_s)
        if _kind(each.intervention) == _kind(new.intervention)
        and not isinstance(each.intervention, DrugDose)
        else each
        for each in running
    ]


def _stopped(running: Sequence[Given], stop: Stop) -> list[Given]:
    within("stop", stop.at_s, START)
    found = [each for each in running if _is_stopped(each, stop)]
    if not found:
        name = stop.what.__name__.lower() if isinstance(stop.what, type) else stop.what.value
        raise NothingToStop(name)
    return [_ended(each, stop.at_s) if each in found else each for each in running]


def _is_stopped(given: Given, stop: Stop) -> bool:
    """Return whether something of the kind runs; a dose that is in the body cannot be stopped."""
    if isinstance(given.intervention, DrugDose) and not given.intervention.duration_s:
        return False
    ends = end_s(given)
    return _kind(given.intervention) == stop.what and (ends is None or ends > stop.at_s)


def end_s(given: Given) -> float | None:
    """Return when an intervention ends by itself or by order; ``None`` where it goes on."""
    own = None
    if isinstance(given.intervention, Fluid | Bleeding | DrugDose):
        own = given.starts_at_s + given.intervention.duration_s
    ends = [each for each in (own, given.ends_at_s) if each is not None]
    return min(ends, default=None)


def _lasts(given: Given) -> bool:
    """Return whether it runs at all: what was replaced in the moment it began does not."""
    return given.ends_at_s is None or given.ends_at_s > given.starts_at_s
