"""What one call asks of the twin, timed: posterior, whole update, first of a fresh process.

May live here: the patient of these cases and what is done for them. The patient is invented: a
pressure that has been falling for an hour. ``posterior`` is the fit with its guard; ``update``
adds six scenarios of half an hour with 64 members; ``cold_start`` is a new process, from the start
of the interpreter to the first fit and simulation, its kernels already compiled.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.estimate import ENSEMBLE, Estimator
from twin.core.haemodynamics import Quantity
from twin.core.interventions import Drug, DrugDose, Fluid, FluidKind, Infusion, Intervention, Route
from twin.core.measurements import Measurement
from twin.core.parameters import Body
from twin.core.posterior import ASSIMILATIONS, STEPS
from twin.core.rest import guarding_state
from twin.store.emulator_file import read_emulator
from twin.usecases import Plan, compare_interventions

if TYPE_CHECKING:
    from twin.core.fit import ConvergedFit

MEMBERS: Final = 64
HORIZON_S: Final = 1800.0
SCENARIOS: Final = 6

NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
BODY: Final = Body(66.0, "female", 72.0, 165.0)
CHARTED: Final = (
    (timedelta(0), (108.0, 92.0, 54.0, 94.0)),
    (timedelta(hours=1), (94.0, 108.0, 62.0, 95.0)),
)
"""How long ago, and heart rate, systolic and diastolic pressure, and saturation."""
QUANTITIES: Final = (
    Quantity.HEART_RATE,
    Quantity.SYSTOLIC_PRESSURE,
    Quantity.DIASTOLIC_PRESSURE,
    Quantity.OXYGEN_SATURATION,
)

TREATMENTS: Final[tuple[Intervention, ...]] = (
    Fluid(FluidKind.CRYSTALLOID, 500.0, 900.0),
    Fluid(FluidKind.CRYSTALLOID, 250.0, 900.0),
    DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS),
    Infusion(Drug.NOREPINEPHRINE, 0.05),
    Infusion(Drug.DOBUTAMINE, 5.0),
)
PLANS: Final = tuple(Plan(str(number), (each,)) for number, each in enumerate(TREATMENTS))
"""Beside nothing done, which makes six scenarios."""

PREDICTIONS: Final = ASSIMILATIONS + 1 + STEPS
"""Of the whole ensemble in one fit."""

COLD: Final = "from twin.bench.updates import first; first()"


def measurements() -> tuple[Measurement, ...]:
    """Return the vital signs of the invented patient."""
    return tuple(
        Measurement(quantity, value, NOON - ago, f"{quantity.value}/{ago}")
        for ago, values in CHARTED
        for quantity, value in zip(QUANTITIES, values, strict=True)
    )


def estimator(members: int) -> Estimator:
    """Return an estimator that keeps so many members, its draws made."""
    ready = Estimator(read_emulator(), guarding_state, members=members)
    ready.warm()
    return ready


def fitted(ready: Estimator) -> ConvergedFit:
    """Return the fit of the invented patient.

    Raises
    ------
    RuntimeError
        The fit allows no advice: what follows could not be timed.
    """
    converged = ready.fit(measurements(), BODY, NOON).converged()
    if converged is None:
        raise RuntimeError("the bench's patient can no longer be fitted: choose another one")
    return converged


def compared(fit: ConvergedFit, horizon_s: float = HORIZON_S) -> None:
    """Simulate the six scenarios."""
    compare_interventions(fit, PLANS, horizon_s)


def updated(ready: Estimator) -> None:
    """Fit, and simulate the six scenarios."""
    compared(fitted(ready))


def first() -> None:
    """Do what a fresh process does for its first call."""
    updated(estimator(MEMBERS))


def posterior_case() -> Callable[[], object]:
    """Return what ``posterior`` times."""
    return partial(fitted, estimator(MEMBERS))


def update_case(members: int = MEMBERS) -> Callable[[], object]:
    """Return what ``update`` times."""
    return partial(updated, estimator(members))


def plans_case(members: int, horizon_s: float) -> Callable[[], object]:
    """Return the scenarios alone, for the cost against members and against the horizon."""
    return partial(compared, fitted(estimator(members)), horizon_s)


def products_alone() -> Callable[[], None]:
    """Return the matrix products of a fit's predictions and nothing else: its arithmetic floor."""
    emulator = read_emulator()
    ensemble = np.zeros((len(emulator.inputs), ENSEMBLE), np.float32)

    def multiplied() -> None:
        for _ in range(PREDICTIONS * len(CHARTED)):
            hidden = ensemble
            for weight, _ in emulator.layers:
                hidden = weight @ hidden

    return multiplied


def cold_start() -> None:
    """Start a fresh process that does what its first call asks, and wait for its end."""
    subprocess.run([sys.executable, "-c", COLD], check=True)  # noqa: S603 - our own words
