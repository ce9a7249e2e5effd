"""Perfect-model check: patients that are what the estimator believes patients to be.

Their parameters come from the estimator's prior, their circulations from the pulsatile model,
their measurements are read at the arm, by a cuff or a line, with exactly the amplification and
the errors that the fit assumes. Then every interval must hold the
truth as often as it says: parameters, quantities nobody measured, and what treatments change by
the model that simulates treatments. Beside that, what treatments change beat by beat: there the
beat-averaged model is no longer perfect. It proves the mathematics, and nothing about people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from twin.core import beat_averaged, pulsatile
from twin.core.arm import (
    AMPLIFICATION_SD,
    MONITOR_SHARE,
    Arm,
    expected_amplification,
    shown_mean_mmhg,
)
from twin.core.arm_sets import news_of
from twin.core.comparison import Plan, compare_interventions
from twin.core.device_errors import ARTERIAL_PRESSURES
from twin.core.discrepancy import DISCREPANCIES, EFFECT_SHARE
from twin.core.forecast import size_of
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.history import BOX_EDGE
from twin.core.interventions import NOTHING, Drug, Fluid, FluidKind, Infusion, schedule
from twin.core.measurements import Condition, Device, Measurement
from twin.core.observation_sets import observation_sets
from twin.core.parameters import PARAMETER_INDEX, Body
from twin.core.prior import COORDINATES, GROWS_WITH_SIZE, Expectation
from twin.core.rest import resting_state
from twin.validation.figures import coverage, share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jaxtyping import Float

    from twin.core.estimate import Estimator
    from twin.core.fit import ConvergedFit, Interval

NOW: Final = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

SEEN: Final = (
    Quantity.HEART_RATE,
    Quantity.SYSTOLIC_PRESSURE,
    Quantity.DIASTOLIC_PRESSURE,
    Quantity.MEAN_PRESSURE,
    Quantity.OXYGEN_SATURATION,
)
SOMETIMES_SEEN: Final = (Quantity.CENTRAL_VENOUS_PRESSURE, Quantity.CARDIAC_OUTPUT)
"""Each in a third of the patients."""

JUDGED: Final = (
    Quantity.CENTRAL_VENOUS_PRESSURE,
    Quantity.WEDGE_PRESSURE,
    Quantity.PULMONARY_MEAN_PRESSURE,
    Quantity.CARDIAC_OUTPUT,
    Quantity.STROKE_VOLUME,
    Quantity.EJECTION_FRACTION,
    Quantity.MIXED_VENOUS_SATURATION,
)
"""Judged where they were not shown."""

LINES: Final = 1.0 / 3.0
"""Share of the patients who have an arterial line; the others have a cuff."""

HORIZON_S: Final = 900.0
PLANS: Final = (
    Plan("crystalloid", (Fluid(FluidKind.CRYSTALLOID, 500.0, 600.0),)),
    Plan("red cells", (Fluid(FluidKind.RED_CELLS, 300.0, 600.0),)),
    Plan("norepinephrine", (Infusion(Drug.NOREPINEPHRINE, 0.08),)),
)
CHANGED: Final = (Quantity.MEAN_PRESSURE, Quantity.CARDIAC_OUTPUT, Quantity.HEART_RATE)

NOMINAL: Final = 0.9

BEAT_AVERAGED: Final = "beat_averaged"
BEAT_BY_BEAT: Final = "beat_by_beat"


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Patients of the estimator's own prior, of one body; columns are patients."""

    body: Body
    conditions: Mapping[Condition, float]
    parameters: Float[np.ndarray, "parameter patient"]
    rest: Float[np.ndarray, "quantity patient"]
    changes: Mapping[str, Float[np.ndarray, "plan quantity patient"]]
    """Model -> what each plan changes against doing nothing."""


BODIES: Final = (
    (Body(45.0, "male", 80.0, 180.0), {Condition.HAEMOGLOBIN: 14.0}),
    (Body(72.0, "female", 62.0, 162.0), {Condition.HAEMOGLOBIN: 11.0}),
)


def cohort(
    body: Body, conditions: Mapping[Condition, float], count: int, random: np.random.Generator
) -> Cohort:
    """Draw and simulate patients of one body."""
    u = random.standard_normal((len(COORDINATES), count))
    while (out := np.abs(u) > BOX_EDGE).any():
        u[out] = random.standard_normal(int(out.sum()))
    parameters = Expectation.of(body, conditions).members(u)
    changes = {
        BEAT_AVERAGED: _changes(parameters, body, beat_averaged.settled, beat_averaged.simulate),
        BEAT_BY_BEAT: _changes(parameters, body, pulsatile.settled, pulsatile.simulate_pulsatile),
    }
    return Cohort(body, conditions, parameters, resting_state(parameters), changes)


def _changes(
    parameters: np.ndarray,
    body: Body,
    settled: Callable[[np.ndarray], np.ndarray],
    simulate: Callable[..., np.ndarray],
) -> Float[np.ndarray, "plan quantity patient"]:
    """Return what each plan changes at the horizon; the last 20 s averaged, as a monitor does."""
    state = settled(parameters)
    ends = [
        simulate(parameters, planned, HORIZON_S, 5.0, state)[:, -4:].mean(axis=1)
        for planned in (NOTHING, *(schedule(plan.interventions, body) for plan in PLANS))
    ]
    return np.stack([end - ends[0] for end in ends[1:]])


@dataclass(slots=True)
class _Found:
    """What the intervals held, gathered patient by patient."""

    parameters: list[tuple[str, bool]]
    nominal: list[float]
    quantities: list[tuple[Quantity, bool]]
    changes: dict[str, list[tuple[str, bool]]]
    advised: int = 0
    patients: int = 0


def report(
    estimator: Estimator,
    patients: int,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Return the coverage of every kind of interval, and whether it is what it claims."""
    random = np.random.default_rng(seed)
    found = _Found([], [], [], {BEAT_AVERAGED: [], BEAT_BY_BEAT: []})
    for body, conditions in BODIES:
        progress("simulating patients")
        drawn = cohort(body, conditions, patients // len(BODIES), random)
        progress("fitting them")
        for person in range(drawn.rest.shape[1]):
            _judge(estimator, drawn, person, random, found)
    nominal = float(np.mean(found.nominal)) if found.nominal else NOMINAL
    return {
        "patients": found.patients,
        "advised": share(found.advised, found.patients),
        "seed": seed,
        "parameters": _by_name(found.parameters, nominal),
        "quantities": _by_name([(q.value, inside) for q, inside in found.quantities], NOMINAL),
        "counterfactuals": _by_name(found.changes[BEAT_AVERAGED], NOMINAL),
        "counterfactuals_beat_by_beat": _by_name(found.changes[BEAT_BY_BEAT], NOMINAL),
    }


def _by_name(judged: Sequence[tuple[str, bool]], nominal: float) -> dict[str, Any]:
    names = dict.fromkeys(name for name, _ in judged)
    each = {
        name: coverage([inside for other, inside in judged if other == name], nominal)
        for name in names
    }
    return {
        "share_within_binomial_error": share(
            sum(bool(one["within_binomial_error"]) for one in each.values()), len(each)
        ),
        "mean_coverage": round(float(np.mean([inside for _, inside in judged])), 4),
        "nominal": round(nominal, 4),
        "each": each,
    }


def _judge(
    estimator: Estimator,
    drawn: Cohort,
    person: int,
    random: np.random.Generator,
    found: _Found,
) -> None:
    shown = (*SEEN, *(q for q in SOMETIMES_SEEN if random.random() < 1.0 / 3.0))
    device = Device.ARTERIAL_LINE if random.random() < LINES else Device.CUFF
    arm = _arm(device, drawn.body, random)
    true = _as_patients_are(drawn, person, arm, random)
    fit = estimator.fit(_charted(drawn, true, shown, device, random), drawn.body, NOW)
    found.patients += 1
    converged = fit.converged()
    if converged is None:
        return
    found.advised += 1
    _judge_parameters(converged, drawn.parameters[:, person], random, found)
    for quantity in JUDGED:
        if quantity not in shown:
            inside = _holds(fit.estimates[quantity], true[quantity])
            found.quantities.append((quantity, inside))
    compared = compare_interventions(converged, PLANS, HORIZON_S)
    for place, effect in enumerate(compared.effects):
        for quantity in CHANGED:
            # People answer one dose differently; the interval says by how much.
            differently = 1.0 + EFFECT_SHARE * random.standard_normal()
            for model, change in drawn.changes.items():
                seen = arm.shown(change[place][:, person : person + 1])
                answered = differently * float(seen[QUANTITY_INDEX[quantity], 0])
                inside = _holds(effect.change[quantity], answered)
                name = f"{effect.plan.name}: {quantity.value}"
                found.changes[model].append((name, inside))


def _holds(interval: Interval, value: float) -> bool:
    return interval.low <= value <= interval.high


def _arm(device: Device, body: Body, random: np.random.Generator) -> Arm:
    """Return how the patient's device shows the aorta, of the people whom the fit believes in."""
    own = float(np.clip(random.standard_normal(), -BOX_EDGE, BOX_EDGE))
    ratio = expected_amplification(device, body.age_years) * np.exp(AMPLIFICATION_SD * own)
    share = None if device is Device.ARTERIAL_LINE else MONITOR_SHARE
    return Arm(np.array([ratio]), share)


def _as_patients_are(
    drawn: Cohort, person: int, arm: Arm, random: np.random.Generator
) -> dict[Quantity, float]:
    """Return what perfect devices show: the model's, off by what it is believed to be off."""
    size = size_of(drawn.body)
    rest = arm.shown(drawn.rest[:, person : person + 1])
    true = {}
    for quantity, own in DISCREPANCIES.items():
        value = float(rest[QUANTITY_INDEX[quantity], 0])
        scale = size if quantity in GROWS_WITH_SIZE else 1.0
        true[quantity] = value + scale * own.model_sd(value / scale) * random.standard_normal()
    return true


def _charted(
    drawn: Cohort,
    true: Mapping[Quantity, float],
    shown: Sequence[Quantity],
    device: Device,
    random: np.random.Generator,
) -> list[Measurement]:
    """Return measurements with exactly the errors of measurement that the fit assumes."""
    by = {q: device if q in ARTERIAL_PRESSURES else Device.UNKNOWN for q in shown}
    exact = [Measurement(q, true[q], NOW, f"recovery/{q}", by[q]) for q in shown]
    (observed,) = observation_sets(exact)
    values = {
        q: true[q] + seen.sd * random.standard_normal() for q, seen in news_of(observed).items()
    }
    if device is not Device.ARTERIAL_LINE:
        systolic, diastolic, mean = ARTERIAL_PRESSURES
        values[mean] = float(shown_mean_mmhg(values[systolic], values[diastolic], MONITOR_SHARE))
    charted = [Measurement(q, v, NOW, f"recovery/{q}", by[q]) for q, v in values.items()]
    charted += [Measurement(c, v, NOW, f"recovery/{c}") for c, v in drawn.conditions.items()]
    return charted


def _judge_parameters(
    converged: ConvergedFit,
    true: Float[np.ndarray, " parameter"],
    random: np.random.Generator,
    found: _Found,
) -> None:
    """Judge by ranks: truth and members are draws of one distribution when all is right.

    The outermost ``aside`` members on either side are left out, and the nominal coverage follows
    from their number exactly: 32 members without the outermost one hold the next draw 29 times in
    33. Where the end of a parameter's range holds the truth and members alike, as it does of a
    third of the arterial compliances, the truth's place among those is drawn.
    """
    members = converged.parameters
    count = members.shape[1]
    aside = max(1, round(0.05 * (count + 1)) - 1)
    found.nominal.append((count + 1 - 2 * (aside + 1)) / (count + 1))
    for coordinate in COORDINATES:
        row = PARAMETER_INDEX[coordinate.parameter]
        # Members are kept in single precision; in double, an end of a range would lie beside it.
        value = np.float32(true[row])
        equal = int(np.sum(members[row] == value))
        rank = int(np.sum(members[row] < value)) + int(random.integers(equal + 1))
        found.parameters.append((coordinate.parameter, aside < rank < count - aside))
