"""The twin of each charted stay, as numbers beside the aggregates that the risk release reads.

Here, because the nets' room may not import the twin's: stays come from the one, fits from the
other, and what passes between them is an array with a name for each column. The twin sees of a
stay what the service would show it of a chart.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cds_hooks.fhir.codes import MEASUREMENT_CODES
from inference.core.trajectory import SERIES, TrajectoryColumns
from inference.training.physionet2012 import Stay
from twin.core.estimate import Estimator
from twin.core.fit import Fit
from twin.core.haemodynamics import QUANTITIES, Quantity
from twin.core.measurements import Condition, Device, Measurement
from twin.core.parameters import PARAMETER_INDEX, Body
from twin.core.prior import COORDINATES

if TYPE_CHECKING:
    from cds_hooks.fhir.measurement_code import MeasurementCode

HOURS: Final = (0.0, -24.0)
"""When the twin is asked, before the end of the stay: now, and how it stood a day earlier."""
LOOK_BACK_HOURS: Final = 12.0
PARAMETERS: Final = tuple(one.parameter for one in COORDINATES)
NAMES_AT_ONE_TIME: Final = (
    *(f"twin {name}" for name in PARAMETERS),
    *(f"twin {quantity.clinical_name}" for quantity in QUANTITIES),
    *(f"twin {name} per hour" for name in PARAMETERS),
    "twin width of cardiac output",
    "twin effective sample size",
    "twin root mean square residual",
    "twin gives advice",
)
FEATURE_NAMES: Final = tuple(
    f"{name}, {-hour:.0f} h ago" if hour else name for hour in HOURS for name in NAMES_AT_ONE_TIME
)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


def _read_by_twin(
    rows: Sequence[MeasurementCode],
) -> dict[str, tuple[Quantity | Condition, Device]]:
    found: dict[str, tuple[Quantity | Condition, Device]] = {}
    for row in rows:
        if row.quantity is None or row.parameter is None:
            continue
        lone = row.invasive_parameter is None
        found[row.parameter] = (row.quantity, row.device if lone else Device.CUFF)
        if row.invasive_parameter is not None:
            found[row.invasive_parameter] = (row.quantity, Device.ARTERIAL_LINE)
    return found


READ_BY_TWIN: Final = _read_by_twin(MEASUREMENT_CODES)
"""Parameters of PhysioNet/CinC 2012 that the twin reads: as what, and measured with what."""


def twins_of(stays: Sequence[Stay], processes: int) -> NDArray[np.float32]:
    """Return ``[stay, feature]`` in the order of `FEATURE_NAMES`; NaN where there is no fit."""
    with ProcessPoolExecutor(processes) as pool:
        return np.stack(list(pool.map(twin_of, stays, chunksize=50)))


def twin_of(stay: Stay) -> NDArray[np.float32]:
    """Return the features of one stay; where the twin finds no circulation, NaN."""
    body = body_of(stay.columns)
    fits = [
        _estimator().fit(measurements_of(stay.columns, hour), body, _EPOCH + timedelta(hours=hour))
        for hour in HOURS
    ]
    return np.concatenate([features_of(fit) for fit in fits])


def measurements_of(columns: TrajectoryColumns, until_hour: float) -> list[Measurement]:
    """Return what the twin reads of the `LOOK_BACK_HOURS` before an hour, oldest first."""
    found = []
    inside = (columns.hour <= until_hour) & (columns.hour > until_hour - LOOK_BACK_HOURS)
    for index in np.flatnonzero(inside):
        name = SERIES[columns.parameter[index]].name
        if name in READ_BY_TWIN:
            quantity, device = READ_BY_TWIN[name]
            at = _EPOCH + timedelta(hours=float(columns.hour[index]))
            value = float(columns.value[index])
            found.append(Measurement(quantity, value, at, f"{name}/{index}", device))
    return sorted(found, key=lambda one: one.taken_at)


def body_of(columns: TrajectoryColumns) -> Body:
    """Return the body of a stay; unknown stays unknown."""
    age, sex, height, weight, _ = (None if np.isnan(one) else float(one) for one in columns.facts)
    return Body(
        age_years=age,
        sex=None if sex is None else ("male" if sex == 1.0 else "female"),
        weight_kg=weight,
        height_cm=height,
    )


def features_of(fit: Fit) -> NDArray[np.float32]:
    """Return the numbers of one fit in the order of `NAMES_AT_ONE_TIME`."""
    if not fit.parameters.shape[1]:
        return np.full(len(NAMES_AT_ONE_TIME), np.nan, dtype=np.float32)
    rows = [PARAMETER_INDEX[name] for name in PARAMETERS]
    drift = np.zeros(len(PARAMETERS))
    if fit.drift_per_h is not None:
        drift = fit.drift_per_h.mean(axis=1)
    output = fit.estimates[Quantity.CARDIAC_OUTPUT]
    residual = np.sqrt(np.mean(np.square(list(fit.residuals.values()) or [np.nan])))
    return np.concatenate(
        [
            np.median(fit.parameters[rows], axis=1),
            np.median(fit.now, axis=1),
            drift,
            [output.width, fit.effective_sample_size, residual, float(fit.outcome.advisable)],
        ]
    ).astype(np.float32)


def write_twins(stays: Sequence[Stay], to: Path, processes: int) -> None:
    """Write the features of stays: ``record``, ``value``, ``name``, and what ``fitted`` them."""
    np.savez(
        to,
        record=np.array([stay.record for stay in stays]),
        value=twins_of(stays, processes),
        name=np.array(FEATURE_NAMES),
        fitted=np.array(f"the twin, model {_estimator().model_version}"),
    )


@cache
def _estimator() -> Estimator:
    from twin.store.emulator_file import read_emulator

    return Estimator(read_emulator())
