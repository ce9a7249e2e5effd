"""What interventions do over time: pharmacokinetics, effect sites, dose-effect curves as a table.

May live here: one row a drug, and the arithmetic that turns a schedule into the controls of the
kernels. Which doses are plausible is in ``interventions``; what the circulation makes of an effect
is in ``regulation``.

A drug is a one-compartment body with first-order absorption and loss and an effect site (Sheiner
1979, Clin Pharmacol Ther 25:358). Its effects are sigmoid in the effect-site concentration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from twin.core.interventions import (
    Bleeding,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Oxygen,
    Route,
    Schedule,
)
from twin.core.layout import CONTROL_INDEX, CONTROLS
from twin.errors import WeightNeeded

if TYPE_CHECKING:
    from jaxtyping import Float

    Course = Float[np.ndarray, " time"]


class Effect(NamedTuple):
    """``most * c^hill / (half^hill + c^hill)`` on one control; ``half`` in the drug's unit."""

    control: str
    most: float
    half: float
    hill: float


@dataclass(frozen=True, slots=True)
class Pharmacology:
    """How a drug moves and acts. Concentrations in µg/L of the one compartment."""

    half_life_s: float
    distribution_l_per_kg: float
    effect_half_life_s: float
    absorption_half_life_s: float | None
    """``None``: not given by mouth."""
    oral_availability: float
    effects: tuple[Effect, ...]
    source: str


PHARMACOLOGY: Final[Mapping[Drug, Pharmacology]] = {
    Drug.NOREPINEPHRINE: Pharmacology(
        half_life_s=120.0,
        distribution_l_per_kg=0.072,
        effect_half_life_s=20.0,
        absorption_half_life_s=None,
        oral_availability=0.0,
        effects=(
            Effect("vasoconstriction", 1.6, 9.0, 1.0),
            Effect("venoconstriction", 0.22, 9.0, 1.0),
            Effect("inotropy", 0.6, 9.0, 1.0),
            Effect("chronotropy", 0.25, 9.0, 1.0),
        ),
        source=(
            "Clearance 0.025 L/kg/min from the plasma levels in Ensinger 1992, Crit Care Med; "
            "half-life 2 min, Beloeil 2005, Br J Anaesth 95:782. Effects tuned to Ensinger 1992."
        ),
    ),
    Drug.ESMOLOL: Pharmacology(
        half_life_s=540.0,
        distribution_l_per_kg=3.4,
        effect_half_life_s=60.0,
        absorption_half_life_s=None,
        oral_availability=0.0,
        effects=(Effect("beta_blockade", 1.0, 350.0, 1.0),),
        source=(
            "Half-life 9 min, volume 3.4 L/kg, clearance 285 mL/kg/min: Sum 1983, Clin Pharmacol "
            "Ther 34:427; half effect near the level at 100 µg/kg/min: Reilly 1985, Clin "
            "Pharmacol Ther 38:579."
        ),
    ),
    Drug.METOPROLOL: Pharmacology(
        half_life_s=3.5 * 3600,
        distribution_l_per_kg=4.2,
        effect_half_life_s=300.0,
        absorption_half_life_s=40 * 60.0,
        oral_availability=0.5,
        effects=(Effect("beta_blockade", 1.0, 35.0, 1.0),),
        source=(
            "US prescribing information, metoprolol tartrate: half-life 3-4 h, half the oral dose "
            "reaches the circulation; volume 4.2 L/kg and half effect at 35 µg/L: Regardh & "
            "Johnsson 1980, Clin Pharmacokinet 5:557."
        ),
    ),
    Drug.FUROSEMIDE: Pharmacology(
        half_life_s=80 * 60.0,
        distribution_l_per_kg=0.12,
        effect_half_life_s=300.0,
        absorption_half_life_s=60 * 60.0,
        oral_availability=0.6,
        effects=(Effect("diuresis_ml_per_s", 0.17, 1500.0, 1.5),),
        source=(
            "Hammarlund 1985, J Pharmacokinet Biopharm: half-life 1-1.5 h, sigmoid effect; US "
            "prescribing information: 60 % of the oral dose absorbed, peak diuresis within 30 min "
            "of injection and 1-2 h of ingestion."
        ),
    ),
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


def controls_over(
    schedule: Schedule, times_s: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "time control"]:
    """Return the controls of a schedule at some times (s since its start), float32."""
    controls = np.zeros((times_s.size, len(CONTROLS)))
    for intervention in schedule.interventions:
        match intervention:
            case Fluid():
                _add_fluid(controls, times_s, intervention)
            case Bleeding(rate_ml_per_min, duration_s):
                running = times_s < duration_s
                controls[running, CONTROL_INDEX["bleeding_ml_per_s"]] += rate_ml_per_min / 60.0
            case Oxygen(inspired_fraction):
                controls[:, CONTROL_INDEX["inspired_oxygen_fraction"]] = inspired_fraction
            case Infusion() | DrugDose():
                pass
    for drug in PHARMACOLOGY:
        _add_drug(controls, times_s, drug, schedule)
    return controls.astype(np.float32)


def _add_fluid(controls: Float[np.ndarray, "time control"], times_s: Course, fluid: Fluid) -> None:
    rate = fluid.volume_ml / fluid.duration_s
    content = _FLUIDS[fluid.kind]
    running = times_s < fluid.duration_s
    controls[running, CONTROL_INDEX["fluid_ml_per_s"]] += rate
    controls[running, CONTROL_INDEX["retained_fluid_ml_per_s"]] += rate * content.retained
    controls[running, CONTROL_INDEX["haemoglobin_g_per_s"]] += rate * content.haemoglobin_g_per_ml


def _add_drug(
    controls: Float[np.ndarray, "time control"], times_s: Course, drug: Drug, schedule: Schedule
) -> None:
    site = np.zeros_like(times_s)
    for intervention in schedule.interventions:
        if isinstance(intervention, Infusion | DrugDose) and intervention.drug is drug:
            site = site + effect_site_ug_per_l(intervention, schedule.weight_kg, times_s)
    if not site.any():
        return
    for effect in PHARMACOLOGY[drug].effects:
        raised = site**effect.hill
        share = raised / (effect.half**effect.hill + raised)
        controls[:, CONTROL_INDEX[effect.control]] += effect.most * share


def effect_site_ug_per_l(
    given: Infusion | DrugDose, weight_kg: float | None, times_s: Course
) -> Course:
    """Return the concentration at the effect site after an infusion or dose at time 0, µg/L.

    The sum of exponentials that solves the chain absorption, body, effect site.
    """
    drug = PHARMACOLOGY[given.drug]
    loss = np.log(2.0) / drug.half_life_s
    entry = np.log(2.0) / drug.effect_half_life_s
    if isinstance(given, Infusion):
        steady = given.rate / 60.0 / (drug.distribution_l_per_kg * loss)
        return np.asarray(steady * _approach(loss, entry, times_s))
    if weight_kg is None:
        raise WeightNeeded(given.drug.value)
    peak = 1000.0 * given.dose_mg / (drug.distribution_l_per_kg * weight_kg)
    if given.route is Route.INTRAVENOUS or drug.absorption_half_life_s is None:
        return np.asarray(peak * _passage((loss, entry), times_s) / loss)
    absorbed = np.log(2.0) / drug.absorption_half_life_s
    return np.asarray(
        drug.oral_availability * peak * _passage((absorbed, loss, entry), times_s) / loss
    )


def _approach(loss: float, entry: float, times_s: Course) -> Course:
    """Return the share of the steady concentration reached at the effect site of an infusion."""
    fast, slow = np.exp(-entry * times_s), np.exp(-loss * times_s)
    return np.asarray(1.0 - (entry * slow - loss * fast) / (entry - loss))


def _passage(rates: tuple[float, ...], times_s: Course) -> Course:
    """Return the density of the passage time through stages in series: a sum of exponentials."""
    density = np.zeros_like(times_s)
    product = float(np.prod(rates))
    for stage, rate in enumerate(rates):
        others = [other - rate for place, other in enumerate(rates) if place != stage]
        density = density + product * np.exp(-rate * times_s) / float(np.prod(others))
    return density
