"""From a stay to the arrays of a trajectory release, and from its outputs to a reading. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.explanation import Quantity, contributions
from inference.core.fusion import bounded, fused_estimate, fused_log_odds, log_odds, weights_from
from inference.core.news2 import BedsideValues, News2, news2
from inference.core.reading import RiskLevel, TrajectoryReading
from inference.core.release import ReleasedModel
from inference.core.trajectory import SERIES, TrajectoryColumns, parameters_present
from inference.core.trajectory_image import (
    CLIP,
    Standards,
    TrajectorySummary,
    features,
    image,
    summary_of,
)
from inference.core.trajectory_rows import ROW_INDEX
from inference.core.trajectory_series import Series, timed_series

Array = NDArray[np.float64]
IMAGE: Final = "image"
FEATURES: Final = "features"
NET: Final = "efficientnet_log_odds"
BOOSTING: Final = "boosting_probability"
NEWS2_HOURS: Final = 24.0


def standards_of(release: ReleasedModel) -> Standards:
    """Return the numbers that the release's images are standardised with."""
    kept = release.preparation
    return Standards(
        kept["timed_centre"], kept["timed_scale"], kept["fact_centre"], kept["fact_scale"]
    )


def batch_of(
    summaries: Sequence[TrajectorySummary], release: ReleasedModel
) -> dict[str, NDArray[np.float32]]:
    """Return the inputs of the release, of those it has: images and aggregate vectors."""
    wanted = {spec.name for spec in release.inputs}
    batch: dict[str, NDArray[np.float32]] = {}
    if IMAGE in wanted:
        standards = standards_of(release)
        batch[IMAGE] = np.stack([image(summary, standards) for summary in summaries])
    if FEATURES in wanted:
        batch[FEATURES] = np.stack([features(summary) for summary in summaries])
    return batch


def risk_log_odds(release: ReleasedModel, outputs: Mapping[str, NDArray[Any]]) -> Array:
    """Return the calibrated log-odds of each stay in a batch."""
    net, members = _parts(outputs)
    return fused_log_odds(weights_from(release.calibration), net, members)


def part_probabilities(
    release: ReleasedModel, outputs: Mapping[str, NDArray[Any]]
) -> dict[str, Array]:
    """Return each part's own calibrated probability, by name, for every stay in a batch."""
    net, members = _parts(outputs)
    boosting = members.mean(axis=1)
    found = {}
    for name, value in (("efficientnet_b3", net), ("gradient_boosting", boosting)):
        slope = release.calibration[name]
        found[name] = 1.0 / (1.0 + np.exp(-(slope[0] + slope[1] * value)))
    return found


def _parts(outputs: Mapping[str, NDArray[Any]]) -> tuple[Array, Array]:
    net = bounded(np.asarray(outputs[NET], dtype=np.float64))
    return net, log_odds(np.asarray(outputs[BOOSTING], dtype=np.float64))


def reading_of(
    release: ReleasedModel,
    columns: TrajectoryColumns,
    outputs: Mapping[str, NDArray[Any]],
    quantities: Sequence[Quantity],
) -> TrajectoryReading:
    """Return the reading of a stay.

    The first row of ``outputs`` is the stay as it is, the others the stay without one quantity
    each.
    """
    net, members = _parts(outputs)
    weights = weights_from(release.calibration)
    every = fused_log_odds(weights, net, members)
    risk = fused_estimate(weights, float(net[0]), members[0])
    found = parameters_present(columns)
    reasons = unlike(release, columns, float(net[0]), members[0])
    parts = part_probabilities(release, outputs)
    return TrajectoryReading(
        risk=risk,
        risk_basis=_basis(release),
        population_rate=release.population_rate,
        level=_level(release, risk.value),
        parts={name: float(value[0]) for name, value in parts.items()},
        news2=news2_of(columns),
        completeness=len(found) / len(SERIES),
        missing=tuple(row.clinical_name for row in SERIES if row.name not in found),
        contributors=contributions(quantities, float(every[0]), every[1:]),
        out_of_distribution=bool(reasons),
        unlike_because=reasons,
        release=release.identity,
    )


def _basis(release: ReleasedModel) -> str:
    return (
        "EfficientNet-B3 and gradient boosting joined; interval from refitting on resampled "
        f"patients and the spread of the boosting's members; learnt from {release.population}"
    )


def _level(release: ReleasedModel, risk: float) -> RiskLevel:
    if risk >= release.thresholds["high"].value:
        return "high"
    return "medium" if risk >= release.thresholds["medium"].value else "low"


def unlike(
    release: ReleasedModel, columns: TrajectoryColumns, net: float, members: Array
) -> tuple[str, ...]:
    """Return in what a stay is unlike those the release learnt from; empty if in nothing."""
    limits, age = release.limits, float(columns.facts[0])
    share = extreme_share(columns, standards_of(release))
    checks = (
        (np.isnan(age), "the age is not known"),
        (age < limits["youngest_years"], "the patient is younger than any it learnt from"),
        (
            len(parameters_present(columns)) < limits["fewest_series"],
            "fewer quantities were charted than make a set of vital signs",
        ),
        (share > limits["largest_extreme_share"], "more of the values are extreme"),
        (
            abs(net - float(members.mean())) > limits["largest_disagreement"],
            "its two parts disagree more than they did on the stays it was judged on",
        ),
    )
    return tuple(reason for holds, reason in checks if holds)


def extreme_share(columns: TrajectoryColumns, standards: Standards) -> float:
    """Return the share of filled places in the time columns that lie at the clip."""
    painted = image(summary_of(columns), standards)
    filled = painted[3] > 0
    if not filled.any():
        return 0.0
    return float((np.abs(painted[0])[filled] >= CLIP - 1e-6).mean())


def news2_of(columns: TrajectoryColumns) -> News2:
    """Return NEWS2 of the last values of the last 24 h (SpO2 scale 1).

    What the bedside says of consciousness and oxygen is newer than, or the same as, the series.
    """
    series = timed_series(columns)

    def last(name: str) -> float | None:
        found = series.get(ROW_INDEX[name], Series(np.empty(0), np.empty(0)))
        value = float(found.carried_to(np.zeros(1), NEWS2_HOURS)[0])
        return None if np.isnan(value) else value

    oxygen, ventilated, coma = last("FiO2"), last("MechVent"), last("GCS")
    bedside = columns.bedside
    on_oxygen = bedside.on_oxygen
    if on_oxygen is None and (oxygen is not None or ventilated is not None):
        on_oxygen = (oxygen or 0.0) > 0.215 or (ventilated or 0.0) > 0
    alert = bedside.alert
    if alert is None and coma is not None:
        alert = coma >= 15
    return news2(
        BedsideValues(
            respiratory_rate_per_min=last("RespRate"),
            oxygen_saturation_percent=last("SaO2"),
            on_oxygen=on_oxygen,
            systolic_pressure_mmhg=last("Systolic"),
            pulse_per_min=last("HR"),
            alert=alert,
            temperature_c=last("Temp"),
        )
    )
