"""What a schedule does over time: from interventions to the controls of the kernels.

May live here: adding up what drugs, fluids and insults do at each moment. How drugs move and act
is in ``pharmacokinetics`` and in the three tables that ``PHARMACOLOGY`` joins; what settings and
insults do is in ``insults``; what the circulation makes of a control is in ``regulation``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from twin.core.anaesthetics import ANAESTHETICS
from twin.core.blockers_and_dilators import BLOCKERS_AND_DILATORS
from twin.core.insults import acts_of
from twin.core.intervention_kinds import (
    Bleeding,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Given,
    Infusion,
)
from twin.core.interventions import Schedule, end_s
from twin.core.layout import CONTROL_INDEX, CONTROLS
from twin.core.parameters import PARAMETER_INDEX
from twin.core.pharmacokinetics import effect_site
from twin.core.pharmacology import Receptor
from twin.core.pressors_and_inotropes import PRESSORS_AND_INOTROPES

if TYPE_CHECKING:
    from jaxtyping import Float

    from twin.core.pharmacology import Course, Pharmacology

    Controls = Float[np.ndarray, "time control"]

PHARMACOLOGY: Final[Mapping[Drug, Pharmacology]] = {
    **PRESSORS_AND_INOTROPES,
    **BLOCKERS_AND_DILATORS,
    **ANAESTHETICS,
}
"""Each row's ``source`` names what its figures come from; "tuned" as in ``parameters``."""


class _Content(NamedTuple):
    retained: float
    haemoglobin_g_per_ml: float


_FLUIDS: Final[Mapping[FluidKind, _Content]] = {
    FluidKind.CRYSTALLOID: _Content(0.0, 0.0),
    # A unit of red cells in additive solution has a haematocrit of 0.55-0.65 and 19-20 g/dL of
    # haemoglobin (AABB Circular of Information); about a third is fluid that leaves the vessels.
    FluidKind.RED_CELLS: _Content(0.7, 0.195),
    # Albumin 5 % is iso-oncotic: it stays for hours (SAFE 2004, NEJM 350:2247: ratio 1 : 1.4).
    FluidKind.ALBUMIN: _Content(0.8, 0.0),
}
"""Share of the volume that stays in the vessels, and haemoglobin."""

FLOWS: Final = tuple(name for name in CONTROLS if name.endswith("_per_s"))
"""Controls that move volume. The others hold a state, into which a circulation settles."""

SHARES: Final = frozenset(
    {
        "beta_blockade",
        "vagal_blockade",
        "sympathetic_blockade",
        "contractile_loss",
        "capillary_leak",
        "added_shunt",
        "added_dead_space",
        "ventilatory_depression",
        "atrial_kick_loss",
        "dyssynchrony",
        "arrest",
    }
)
"""Shares of a whole: two of them leave the product of what each leaves, never more than all."""


ABSOLUTE: Final = frozenset(
    {
        *FLOWS,
        "inspired_oxygen_fraction",
        "minute_ventilation_l_per_min",
        "paced_rate_per_min",
        "forced_rate_per_min",
        "arrest",
        "compression_rate_per_min",
        "compression_force_mmhg",
    }
)
"""Controls that are what they are; the others are changes of what the circulation stands under."""


def controls_over(schedule: Schedule, times_s: Course) -> Controls:
    """Return what the kernels take at some times (s after time 0), float32.

    Without recorded treatment, all that the schedule does. With it, what differs from its effects
    at ``stood_at_s``: under those the simulated circulation stands already, as
    ``standing_parameters`` or because it was fitted to measurements taken under them.
    """
    controls = _done_over(schedule, times_s)
    if schedule.recorded:
        recorded = Schedule(schedule.recorded, schedule.weight_kg)
        controls -= _stood_under(recorded, schedule.stood_at_s)
    return controls.astype(np.float32)


@lru_cache(maxsize=64)
def _stood_under(recorded: Schedule, at_s: float) -> Float[np.ndarray, " control"]:
    present = _done_over(recorded, np.array([at_s]))[0]
    present[[CONTROL_INDEX[name] for name in ABSOLUTE]] = 0.0
    present.setflags(write=False)
    return np.asarray(present)


def _done_over(schedule: Schedule, times_s: Course) -> Controls:
    times_s = np.asarray(times_s, np.float64)
    controls = np.zeros((times_s.size, len(CONTROLS)))
    for given in schedule.given:
        match given.intervention:
            case Fluid() | Bleeding():
                _add_volume(controls, times_s, given)
            case Infusion() | DrugDose():
                pass
            case _:
                _add_acts(controls, times_s, given)
    _add_drugs(controls, times_s, schedule)
    return controls


def controls_at(schedule: Schedule, time_s: float) -> Float[np.ndarray, " control"]:
    """Return all that a schedule does at one time (s after time 0): at 0, the present effects."""
    return np.asarray(_done_over(schedule, np.array([time_s]))[0])


def standing_controls_at(schedule: Schedule, time_s: float) -> Float[np.ndarray, " control"]:
    """Return the controls at one time without those that move volume.

    What a circulation under treatment settles into: drugs, ventilator and insults as they are at
    that moment, blood volume as it is.
    """
    present = controls_at(schedule, time_s)
    present[[CONTROL_INDEX[name] for name in FLOWS]] = 0.0
    return present


def standing_parameters(schedule: Schedule, time_s: float = 0.0) -> dict[str, float]:
    """Return the standing controls that are parameters of the circulation, by parameter name.

    These are what a fit is told as given: ``standing_vasoconstriction`` and its like in
    ``parameters``. A control that is no parameter is left to the fit to explain.
    """
    present = standing_controls_at(schedule, time_s)
    named = {f"standing_{re.sub('_(mmhg|ml)$', '', name)}": name for name in CONTROLS}
    return {
        parameter: float(present[CONTROL_INDEX[control]])
        for parameter, control in named.items()
        if parameter in PARAMETER_INDEX
    }


def _runs(given: Given, times_s: Course) -> np.ndarray:
    ends = end_s(given)
    running = times_s >= given.starts_at_s
    return running if ends is None else running & (times_s < ends)


def _add_volume(controls: Controls, times_s: Course, given: Given) -> None:
    running = _runs(given, times_s)
    if isinstance(given.intervention, Bleeding):
        lost = given.intervention.rate_ml_per_min / 60.0
        controls[running, CONTROL_INDEX["bleeding_ml_per_s"]] += lost
    elif isinstance(given.intervention, Fluid):
        rate = given.intervention.volume_ml / given.intervention.duration_s
        content = _FLUIDS[given.intervention.kind]
        haemoglobin = rate * content.haemoglobin_g_per_ml
        controls[running, CONTROL_INDEX["fluid_ml_per_s"]] += rate
        controls[running, CONTROL_INDEX["retained_fluid_ml_per_s"]] += rate * content.retained
        controls[running, CONTROL_INDEX["haemoglobin_g_per_s"]] += haemoglobin


def _add_acts(controls: Controls, times_s: Course, given: Given) -> None:
    running = _runs(given, times_s)
    for control, value in acts_of(given.intervention):
        _join(controls, control, np.where(running, value, 0.0))


def _join(controls: Controls, control: str, more: Course) -> None:
    column = CONTROL_INDEX[control]
    if control in SHARES:
        more = more * (1.0 - controls[:, column])
    controls[:, column] += more


def _add_drugs(controls: Controls, times_s: Course, schedule: Schedule) -> None:
    sites: dict[Drug, Course] = {}
    for given in schedule.given:
        if isinstance(given.intervention, Infusion | DrugDose):
            drug = given.intervention.drug
            course = _course(given, schedule.weight_kg, times_s.tobytes())
            # Rounding may leave a trace below zero long after the end.
            sites[drug] = np.maximum(sites.get(drug, 0.0) + course, 0.0)
    shifts = {receptor: _shift(receptor, sites) for receptor in Receptor}
    for drug, site in sites.items():
        for effect in PHARMACOLOGY[drug].effects:
            shift = 1.0 if effect.receptor is None else shifts[effect.receptor]
            _join(controls, effect.control, effect.at(site, shift))


@lru_cache(maxsize=512)
def _course(given: Given, weight_kg: float | None, times_s: bytes) -> Course:
    """Return the effect site of one dose or infusion: plans of one patient share most of them."""
    if not isinstance(given.intervention, Infusion | DrugDose):
        raise TypeError(f"{type(given.intervention).__name__} is no drug")
    drug = PHARMACOLOGY[given.intervention.drug]
    course = effect_site(given, drug, weight_kg, np.frombuffer(times_s))
    course.setflags(write=False)
    return course


def _shift(receptor: Receptor, sites: Mapping[Drug, Course]) -> Course | float:
    """Return how far blockers move an agonist's curve: 1 + sum(concentration / its constant).

    Competitive antagonism, Arunlakshana & Schild 1959, Br J Pharmacol 14:48.
    """
    shift: Course | float = 1.0
    for drug, site in sites.items():
        constant = PHARMACOLOGY[drug].blocks.get(receptor)
        if constant is not None:
            shift = shift + site / constant
    return shift
