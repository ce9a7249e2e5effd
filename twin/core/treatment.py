"""What was given to a patient, on the patient's clock, and which of it a circulation stands under.

May live here: values of recorded treatment, and the turning of instants into the seconds of a
``Schedule``. A fit is told what acted when each set of vital signs was taken; a simulation is told
the same and what was given since, so that only what *changes* moves the fitted circulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.drugs import controls_over, standing_parameters
from twin.core.intervention_kinds import (
    DrugDose,
    Fluid,
    FluidKind,
    Given,
    Infusion,
    Insult,
    InsultKind,
    Intervention,
    Setting,
    SettingKind,
    Stop,
)
from twin.core.interventions import START, end_s, schedule
from twin.errors import InterventionError

if TYPE_CHECKING:
    from twin.core.interventions import Schedule
    from twin.core.parameters import Body

FORGOTTEN: Final = timedelta(hours=48)
"""What ended longer ago than this is not counted: as long as a twin remembers measurements."""

LOOK_S: Final = 5.0
"""Controls are looked at this often to tell whether treatment is changing."""

STILL: Final = 1e-3
"""Controls that differ by less move nothing: 3.6 mL/h, a thousandth of a vessel's tone."""


MAINTENANCE_ML_PER_H: Final = 200.0
"""A slower crystalloid replaces what kidneys and skin lose, of which the model knows nothing: by
itself it would fill the patient for ever. Ours: adults need 25-30 mL/kg a day (NICE CG174)."""


RHYTHMS: Final = frozenset({InsultKind.HEART_BLOCK, InsultKind.VENTRICULAR_TACHYCARDIA})
"""Rhythms that go on as they were seen: nerves do not set their rate, whatever is simulated."""


@dataclass(frozen=True, slots=True)
class Administration:
    """Something that was or is being given, or a rhythm that the patient was seen in."""

    intervention: Intervention
    starts_at: datetime
    ends_at: datetime | None
    """None: it runs, or lasts as long as itself says."""
    reference: str = field(default="", compare=False)
    """The resource and version that it was read from; another version may say the same."""

    def given(self, now: datetime) -> Given:
        """Return it in seconds after ``now``; what began over a month ago, as of a month ago."""
        ends = None if self.ends_at is None else (self.ends_at - now).total_seconds()
        starts = max((self.starts_at - now).total_seconds(), START.low)
        return Given(self.intervention, starts, ends)


@dataclass(frozen=True, slots=True)
class Refused:
    """An administration that cannot be simulated, and why, as a sentence."""

    administration: Administration
    reason: str


@dataclass(frozen=True, slots=True)
class Underway:
    """The treatment that a fitted circulation stands under, in seconds after the present."""

    given: tuple[Given, ...] = ()
    stood_at_s: float = 0.0
    """When the measurements were taken that the circulation was fitted to; not after 0."""

    def with_plan(self, plan: Sequence[Intervention | Given | Stop], body: Body) -> Schedule:
        """Return the schedule of a plan that is carried out beside it.

        Raises
        ------
        twin.errors.InterventionError
            As ``interventions.schedule`` does.
        """
        return schedule(plan, body, self.given, self.stood_at_s)

    def moves(self, idle: Schedule, horizon_s: float) -> bool:
        """Return whether anything given changes what acts, from then until the horizon."""
        if not self.given:
            return False
        times = np.arange(self.stood_at_s, horizon_s + LOOK_S, LOOK_S)
        return bool(np.max(np.abs(controls_over(idle, times))) > STILL)


UNTREATED: Final = Underway()
"""No treatment is recorded: what runs unrecorded is part of the fitted circulation."""


def screened(
    administrations: Sequence[Administration], body: Body, now: datetime
) -> tuple[tuple[Administration, ...], tuple[Refused, ...]]:
    """Return what can be simulated of what still counts, oldest first, and what cannot.

    Infusions, doses and fluids can, and a rhythm that sets the rate by itself; oxygen and the
    ventilator's settings are measured at the bedside, and the fit takes them from there.
    """
    kept: list[Administration] = []
    refused: list[Refused] = []
    for each in sorted(administrations, key=lambda given: given.starts_at):
        ends = end_s(each.given(now))
        if ends is not None and ends < -FORGOTTEN.total_seconds():
            continue
        if reason := _why_not(each, body, now):
            refused.append(Refused(each, reason))
        else:
            kept.append(each)
    return tuple(kept), tuple(refused)


def _why_not(each: Administration, body: Body, now: datetime) -> str | None:
    if not isinstance(each.intervention, Infusion | DrugDose | Fluid) and not _is_rhythm(
        each.intervention
    ):
        return "The fit takes it from what is measured at the bedside, not from what was given."
    if _keeps_up(each.intervention):
        return (
            "A crystalloid at less than "
            f"{MAINTENANCE_ML_PER_H:.0f} mL/h is taken to keep up with losses, which the model "
            "does not have."
        )
    try:
        schedule((), body, (each.given(now),))
    except InterventionError as error:
        return str(error)
    return None


def _is_rhythm(intervention: Intervention) -> bool:
    match intervention:
        case Insult(kind):
            return kind in RHYTHMS
        case Setting(kind):
            return kind is SettingKind.PACING
        case _:
            return False


def _keeps_up(intervention: Intervention) -> bool:
    if not isinstance(intervention, Fluid) or intervention.kind is not FluidKind.CRYSTALLOID:
        return False
    hours = intervention.duration_s / 3600.0
    return hours > 1.0 and intervention.volume_ml < MAINTENANCE_ML_PER_H * hours


def standing_at(
    administrations: Sequence[Administration], body: Body, at: datetime
) -> dict[str, float]:
    """Return what acted on the circulation at ``at``, as parameters of ``prior.GIVEN``.

    Raises
    ------
    twin.errors.InterventionError
        An administration did not pass :func:`screened`.
    """
    begun = tuple(each.given(at) for each in administrations if each.starts_at <= at)
    return standing_parameters(schedule((), body, begun)) if begun else {}


def underway_at(
    administrations: Sequence[Administration], stood_at: datetime | None, now: datetime
) -> Underway:
    """Return the treatment in seconds after ``now``.

    ``stood_at`` is when the measurements were taken that the circulation was fitted to.
    """
    if not administrations:
        return UNTREATED
    stood_s = 0.0 if stood_at is None else min((stood_at - now).total_seconds(), 0.0)
    return Underway(tuple(each.given(now) for each in administrations), stood_s)
