"""Runs the scenarios of the targets on the pulsatile model, for many parameter sets at once.

May live here: from targets and parameters to simulated values. Many sets at once is what tuning
and sensitivity need; judging a value is in ``grading``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.arm import MONITOR_SHARE, Arm, expected_amplification
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.interventions import NOTHING, schedule
from twin.core.measurements import Device
from twin.core.parameters import PARAMETER_INDEX, Body
from twin.core.pulsatile import settled, simulate_pulsatile, waveforms
from twin.core.units import ml_per_s
from twin.validation.targets import Patient, Row, Scenario, Targets

if TYPE_CHECKING:
    from jaxtyping import Float

    Parameters = Float[np.ndarray, "parameter member"]
    Values = Float[np.ndarray, " member"]
    Beats = Float[np.ndarray, "quantity member"]

STANDARD_BODY: Final = Body(age_years=None, sex="male", weight_kg=77.0, height_cm=180.0)
"""The standard adult of Pulse 4.2 and of BioGears: 77 kg (170 lb), 180 cm (71 in)."""
SAMPLE_S: Final = 5.0
SETTLE_S: Final = 180.0
WAVE_S: Final = 3.0
FULL_ML: Final = 2.0


def simulated_values(
    targets: Targets, rows: Sequence[Row], parameters: Parameters
) -> dict[Row, Values]:
    """Return what the pulsatile model gives for each row that can be simulated, by member.

    ``parameters`` are variants of the standard adult.
    """
    wanted = {row.scenario for row in rows if targets.scenarios[row.scenario].lacks is None}
    against = {targets.scenarios[name].against for name in wanted} - {None}
    names = sorted(wanted | {name for name in against if name is not None})
    patients = {targets.scenarios[name].patient for name in names}
    at_rest = {name: _AtRest(targets.patients[name], parameters) for name in patients}
    courses = {
        name: _Course(targets.scenarios[name], at_rest[targets.scenarios[name].patient])
        for name in names
    }
    return {row: _read(row, courses) for row in rows if row.scenario in courses}


class _AtRest:
    """A patient of the targets, settled: all members."""

    def __init__(self, patient: Patient, parameters: Parameters) -> None:
        self.parameters = parameters.copy()
        for name, factor in patient.factors.items():
            self.parameters[PARAMETER_INDEX[name]] *= factor
        for name, value in patient.values.items():
            self.parameters[PARAMETER_INDEX[name]] = value
        self.state = settled(self.parameters, SETTLE_S)
        self.beats: Beats = simulate_pulsatile(
            self.parameters, NOTHING, SAMPLE_S, SAMPLE_S, self.state
        )[:, -1]


class _Course:
    """One scenario's simulation of all members."""

    def __init__(self, scenario: Scenario, before: _AtRest) -> None:
        self.against = scenario.against
        self.rest = before
        self.samples = simulate_pulsatile(
            before.parameters,
            schedule(scenario.interventions, STANDARD_BODY),
            scenario.duration_s,
            SAMPLE_S,
            before.state,
        )

    def at(self, at_s: float) -> Beats:
        """Return the beats nearest to a time after the start."""
        sample = min(max(round(at_s / SAMPLE_S) - 1, 0), self.samples.shape[1] - 1)
        found: Beats = self.samples[:, sample]
        return found

    def wave(self, name: str) -> Values:
        """Return an extreme of a chamber's volume or pressure over some beats at rest."""
        chamber, _, kind = name.rpartition("_ventricle_")
        volume, pressure = waveforms(self.rest.parameters, self.rest.state, WAVE_S)[
            f"{chamber}_ventricle"
        ]
        return _WAVE_READINGS[kind](volume, pressure)


_WAVE_READINGS: Final[Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "smallest_volume": lambda volume, _: volume.min(axis=0),
    "largest_volume": lambda volume, _: volume.max(axis=0),
    "systolic_pressure": lambda _, pressure: pressure.max(axis=0),
    # While the ventricle is full, pressure is lowest before contraction begins: end of diastole.
    "end_diastolic_pressure": lambda volume, pressure: np.where(
        volume >= volume.max(axis=0) - FULL_ML, pressure, np.inf
    ).min(axis=0),
}


def _quantity(beats: Beats, name: str) -> Values:
    if name == "pulse_pressure":
        swing = _row(beats, Quantity.SYSTOLIC_PRESSURE) - _row(beats, Quantity.DIASTOLIC_PRESSURE)
        return np.asarray(swing)
    if name == "pulmonary_resistance":
        return np.asarray(
            (_row(beats, Quantity.PULMONARY_MEAN_PRESSURE) - _row(beats, Quantity.WEDGE_PRESSURE))
            / ml_per_s(_row(beats, Quantity.CARDIAC_OUTPUT))
        )
    return _row(beats, Quantity(name))


def _row(beats: Beats, quantity: Quantity) -> Values:
    return np.asarray(beats[QUANTITY_INDEX[quantity]])


def _read(row: Row, courses: Mapping[str, _Course]) -> Values:
    course = courses[row.scenario]
    if "_ventricle_" in row.quantity:
        return course.wave(row.quantity)
    value = _quantity(as_read(row, course.at(row.at_s)), row.quantity)
    if row.reading == "level":
        return value
    start = courses[course.against].samples[:, -1] if course.against else course.rest.beats
    before = _quantity(as_read(row, start), row.quantity)
    return np.asarray(value - before if row.reading == "change" else 100.0 * value / before)


def as_read(row: Row, beats: Beats) -> Beats:
    """Return beats with their pressures as the source's device shows them."""
    if row.read_at is None:
        return beats
    device = row.read_at.device
    amplification = expected_amplification(device, row.read_at.age_years)
    share = None if device is Device.ARTERIAL_LINE else MONITOR_SHARE
    shown: Beats = Arm(np.full(beats.shape[1], amplification), share).shown(beats)
    return shown
