"""What the validation's pictures show: loops, waves, courses and dose responses, as numbers.

May live here: simulations of whole curves and the published points beside them, read off the same
targets that are graded. Drawing is in ``cds_hooks.cli.validation_plots``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.drugs import controls_at, standing_parameters
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.intervention_kinds import Drug, Infusion
from twin.core.interventions import NOTHING, schedule
from twin.core.layout import CONTROL_INDEX
from twin.core.parameters import PARAMETER_INDEX, standard_adult
from twin.core.pulsatile import settled, simulate_pulsatile, waveforms
from twin.validation.runner import STANDARD_BODY, as_read
from twin.validation.targets import Row, Scenario, Targets

if TYPE_CHECKING:
    from jaxtyping import Float

    Line = Float[np.ndarray, " sample"]
    Waves = Mapping[str, tuple[Line, Line]]

SETTLE_S: Final = 180.0
INFUSED_S: Final = 900.0
"""Infusions are read when they have run for a quarter of an hour, as the targets are."""
SAMPLE_S: Final = 5.0
LOST_ML: Final = 1000.0
PRESSOR_RATE: Final = 0.14
BLEEDING: Final = "haemorrhage_curve"


@dataclass(frozen=True, slots=True, eq=False)
class Circulation:
    """One circulation at rest: volumes (mL) and pressures (mmHg) every ``step_s`` by chamber."""

    name: str
    beat_s: float
    step_s: float
    waves: Waves


@dataclass(frozen=True, slots=True)
class Published:
    """A published value, or band, at a dose or time, in the unit of its curve."""

    at: float
    low: float
    high: float
    held_out: bool


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What the model gives along doses or times, and what is published."""

    quantity: Quantity
    reading: str
    """``percent`` of the value before, or ``change`` from it."""
    at: Line
    values: Line
    published: tuple[Published, ...]


def circulations(targets: Targets, wave_s: float) -> list[Circulation]:
    """Return the standard adult, what has happened to it, and patients, all at rest."""
    adult = standard_adult()
    pressor = standing_parameters(
        schedule([Infusion(Drug.NOREPINEPHRINE, PRESSOR_RATE)], STANDARD_BODY), INFUSED_S
    )
    drained = {"blood_volume": adult[PARAMETER_INDEX["blood_volume"]] - LOST_ML}
    changed: dict[str, Mapping[str, float]] = {
        "standard adult": {},
        "one litre of blood lost": drained,
        "norepinephrine 0.14 µg/kg/min": pressor,
        "tamponade, 200 mL": {"standing_pericardial_fluid": 200.0},
    }
    members = {name: _with(adult, values) for name, values in changed.items()}
    for name in ("septic_shock", "refractory_failure"):
        patient = targets.patients[name]
        scaled = {
            key: factor * adult[PARAMETER_INDEX[key]] for key, factor in patient.factors.items()
        }
        members[name.replace("_", " ")] = _with(adult, {**scaled, **patient.values})
    return _beating(members, wave_s)


def _with(adult: Line, values: Mapping[str, float]) -> Line:
    changed = adult.copy()
    for name, value in values.items():
        changed[PARAMETER_INDEX[name]] = value
    return changed


def _beating(members: Mapping[str, Line], wave_s: float) -> list[Circulation]:
    parameters = np.stack(list(members.values()), axis=1)
    state = settled(parameters, SETTLE_S)
    beats = simulate_pulsatile(parameters, NOTHING, SAMPLE_S, SAMPLE_S, state)[:, -1]
    seen = waveforms(parameters, state, wave_s)
    rates = beats[QUANTITY_INDEX[Quantity.HEART_RATE]]
    return [
        Circulation(
            name,
            60.0 / float(rates[column]),
            wave_s / len(seen["arteries"][0]),
            {place: (v[:, column], p[:, column]) for place, (v, p) in seen.items()},
        )
        for column, name in enumerate(members)
    ]


def haemorrhage(targets: Targets) -> list[Curve]:
    """Return mean pressure and output, % of their resting values, against blood withdrawn, %."""
    scenario = targets.scenarios[BLEEDING]
    parameters = standard_adult()[:, None]
    state = settled(parameters, SETTLE_S)
    done = schedule(scenario.interventions, STANDARD_BODY)
    rest = simulate_pulsatile(parameters, NOTHING, SAMPLE_S, SAMPLE_S, state)[:, -1, 0]
    path = simulate_pulsatile(parameters, done, scenario.duration_s, SAMPLE_S, state)[:, :, 0]
    blood = rest[QUANTITY_INDEX[Quantity.BLOOD_VOLUME]]
    per_s = 100.0 * float(controls_at(done, 0.0)[CONTROL_INDEX["bleeding_ml_per_s"]]) / blood
    lost = per_s * SAMPLE_S * np.arange(1, path.shape[1] + 1)
    return [
        Curve(
            quantity,
            "percent",
            lost,
            100.0 * path[QUANTITY_INDEX[quantity]] / rest[QUANTITY_INDEX[quantity]],
            tuple(_published(row, row.at_s * per_s) for row in _rows(targets, BLEEDING, quantity)),
        )
        for quantity in (Quantity.MEAN_PRESSURE, Quantity.CARDIAC_OUTPUT)
    ]


def dose_response(
    targets: Targets, drug: Drug, rates: Sequence[float], quantities: Sequence[Quantity]
) -> list[Curve]:
    """Return what infusions of the standard adult do after a quarter of an hour.

    Read as the published rows of the same drug are; ``rates`` in the unit of the drug's orders.
    """
    parameters = standard_adult()[:, None]
    state = settled(parameters, SETTLE_S)
    before = simulate_pulsatile(parameters, NOTHING, SAMPLE_S, SAMPLE_S, state)[:, -1, 0]
    ends = [before]
    for rate in rates:
        done = schedule([Infusion(drug, rate)], STANDARD_BODY)
        ends.append(simulate_pulsatile(parameters, done, INFUSED_S, SAMPLE_S, state)[:, -1, 0])
    after = np.stack(ends, axis=1)
    return [_curve(targets, drug, quantity, (0.0, *rates), after) for quantity in quantities]


def _curve(
    targets: Targets,
    drug: Drug,
    quantity: Quantity,
    rates: Sequence[float],
    after: Float[np.ndarray, "quantity dose"],
) -> Curve:
    doses = {
        name: rate
        for name, scenario in targets.scenarios.items()
        if scenario.patient == "standard" and (rate := _rate(scenario, drug)) is not None
    }
    rows = [row for name in doses for row in _rows(targets, name, quantity)]
    reading = rows[0].reading
    values = as_read(rows[0], after)[QUANTITY_INDEX[quantity]]
    read = 100.0 * values / values[0] if reading == "percent" else values - values[0]
    published = tuple(_published(row, doses[row.scenario]) for row in rows)
    return Curve(quantity, reading, np.array(rates), read, published)


def _rate(scenario: Scenario, drug: Drug) -> float | None:
    """Return the rate of a scenario that is an infusion of this drug and nothing else."""
    match [given.intervention for given in scenario.interventions]:
        case [Infusion(drug=given, rate=rate)] if given is drug:
            return rate
        case _:
            return None


def _rows(targets: Targets, scenario: str, quantity: Quantity) -> list[Row]:
    return [
        row
        for row in targets.rows
        if row.scenario == scenario and row.quantity == quantity.value and row.low is not None
    ]


def _published(row: Row, at: float) -> Published:
    low, high = row.band
    return Published(at, low, high, row.use == "held_out")
