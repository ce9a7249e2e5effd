"""Finds the standard adult's tuned parameters: cross-entropy search over the rows marked *fitted*.

May live here: the search, its ranges and its loss. It never reads a row that is held out. Its
result is written into ``twin.core.parameters`` by hand, with "tuned" in the source.

Cross-entropy method: Rubinstein 1999, Methodol Comput Appl Probab 1:127. Deterministic given a
seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.parameters import PARAMETER_INDEX, standard_adult
from twin.validation.runner import simulated_values
from twin.validation.targets import Row, Targets

if TYPE_CHECKING:
    from jaxtyping import Float

    Candidates = Float[np.ndarray, "tuned candidate"]

TUNED: Final[Mapping[str, tuple[float, float]]] = {
    "resting_heart_rate": (66, 74),
    "left_ventricle_systolic_elastance": (1.6, 4.0),
    "left_ventricle_diastolic_elastance": (0.02, 0.12),
    "left_ventricle_stiffening_volume": (80, 200),
    "right_ventricle_systolic_elastance": (0.3, 1.0),
    "right_ventricle_diastolic_elastance": (0.01, 0.08),
    "right_ventricle_stiffening_volume": (140, 220),
    "left_atrium_diastolic_elastance": (0.08, 0.35),
    "right_atrium_diastolic_elastance": (0.05, 0.2),
    "right_atrium_systolic_elastance": (0.15, 0.18),
    "aortic_impedance": (0.035, 0.05),
    "arterial_compliance": (1.2, 3.6),
    "arterial_stiffening_volume": (250, 1500),
    "systemic_resistance": (0.6, 1.1),
    "venous_compliance": (50, 140),
    "venous_unstressed_volume": (2000, 3300),
    "venous_collapse_volume": (50, 600),
    "venous_return_resistance": (0.01, 0.08),
    "pulmonary_resistance": (0.1, 0.104),
    "pericardial_slack_volume": (190, 245),
    "reflex_set_point": (86, 98),
    "reflex_width": (11, 16),
    "reflex_sympathetic_heart_rate": (0.04, 0.2),
    "reflex_vagal_heart_rate": (0.12, 0.2),
    "reflex_contractility": (0.05, 0.6),
    "reflex_resistance": (0.2, 0.9),
    "reflex_venous_volume": (400, 650),
    "low_pressure_set_point": (2, 7),
    "low_pressure_gain": (0.1, 0.6),
    "low_pressure_venous_gain": (0, 2.0),
    "ischaemic_gain": (0, 1.5),
    "critical_closing_pressure": (5, 30),
    "hormonal_resistance": (0, 0.6),
    "hormonal_venous_volume": (0, 800),
}
"""Ranges around the sources that ``twin.core.parameters`` names. Narrow ones are published values
that the fitted rows leave open: without them the search trades one for another."""

MARGIN: Final = 0.15
"""Candidates are asked to keep this share of a band's width off its edges, lest a body size or a
rounding leave the band."""
SCALE: Final = 0.05
OPERATING_POINT_MMHG: Final = 0.5
"""At rest the receptors see their set point within this: activities are deviations from rest."""
CEILING: Final = 60.0
"""A row's loss is its squared error over 5 %, and no row counts more than one that is 39 % off:
one impossible row must not decide the search."""


def loss(row: Row, values: Float[np.ndarray, " candidate"]) -> Float[np.ndarray, " candidate"]:
    """Return how far each candidate is from a row."""
    if row.reading in ("rises", "falls"):
        moved = values - 100.0 if row.reading == "rises" else 100.0 - values
        error = np.maximum(2.0 - moved, 0.0) / 100.0
    else:
        low, high = row.band
        inset = MARGIN * (high - low)
        low, high = low + inset, high - inset
        edge = np.where(values < low, low, high)
        outside = np.maximum(low - values, 0.0) + np.maximum(values - high, 0.0)
        error = outside / np.maximum(np.abs(edge), 1e-9)
    squared = np.square(np.nan_to_num(error, nan=1e3) / SCALE)
    return np.asarray(np.minimum(squared, CEILING))


def tune(
    targets: Targets,
    rounds: int,
    candidates: int,
    seed: int,
    report: Callable[[str], None],
    without: frozenset[str] = frozenset(),
) -> Mapping[str, float]:
    """Return the best parameters found, by name; scenarios in ``without`` are left out."""
    rows = [row for row in targets.rows if row.use == "fitted" and row.scenario not in without]
    low, high = np.array(list(TUNED.values()), float).T
    start = standard_adult()[[PARAMETER_INDEX[name] for name in TUNED]]
    centre, spread = np.clip(start, low, high), (high - low) / 8.0
    random = np.random.default_rng(seed)
    best, best_loss = centre, np.inf
    for turn in range(rounds):
        drawn = centre[:, None] + spread[:, None] * random.standard_normal(
            (centre.size, candidates)
        )
        drawn = np.clip(drawn, low[:, None], high[:, None])
        drawn[:, 0] = best
        losses = _losses(targets, rows, drawn)
        order = np.argsort(losses)
        elite = drawn[:, order[: max(candidates // 8, 4)]]
        if losses[order[0]] < best_loss:
            best, best_loss = drawn[:, order[0]].copy(), float(losses[order[0]])
        centre = 0.2 * centre + 0.8 * elite.mean(axis=1)
        spread = 0.2 * spread + 0.8 * elite.std(axis=1)
        report(
            f"round {turn + 1}: best {best_loss:.1f}, elite {losses[order[len(order) // 8]]:.1f}"
        )
    return dict(zip(TUNED, best.tolist(), strict=True))


def _losses(
    targets: Targets, rows: list[Row], drawn: Candidates
) -> Float[np.ndarray, " candidate"]:
    parameters = np.repeat(standard_adult()[:, None], drawn.shape[1], axis=1)
    for name, values in zip(TUNED, drawn, strict=True):
        parameters[PARAMETER_INDEX[name]] = values
    found = simulated_values(targets, rows, parameters)
    total = np.zeros(drawn.shape[1])
    for row, values in found.items():
        total += loss(row, values)
        if (row.scenario, row.quantity) == ("rest", "mean_pressure"):
            off = values - parameters[PARAMETER_INDEX["reflex_set_point"]]
            total += np.minimum(np.square(off / OPERATING_POINT_MMHG), CEILING)
    return total
