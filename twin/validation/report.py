"""The validation as one object: counts, the haemorrhage curve's error, and a line per row.

May live here: what ``cardiotwin validate twin`` prints. Judging is in ``grading``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from twin.core.parameters import standard_adult
from twin.errors import TwinError
from twin.validation.grading import Grade, Graded, counts, grade
from twin.validation.runner import simulated_values
from twin.validation.targets import Row, load_targets

CURVE: Final = "haemorrhage_curve"
CURVE_END_S: Final = 1152.0
"""When 32 % of the blood is lost: as far as Pulse 4.2 was run against this curve (root mean square
error 4.9 % in pressure and 7.5 % in output)."""


class UnknownScenario(TwinError):
    """No scenario of the targets has this name."""


def report(scenarios: frozenset[str] = frozenset()) -> dict[str, object]:
    """Run the scenarios, or all of them, on the standard adult and grade every row.

    Raises
    ------
    UnknownScenario
        A name is not in the targets.
    """
    targets = load_targets()
    unknown = scenarios - set(targets.scenarios)
    if unknown:
        raise UnknownScenario(
            f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(targets.scenarios)}"
        )
    rows = [row for row in targets.rows if not scenarios or row.scenario in scenarios]
    values = simulated_values(targets, rows, standard_adult()[:, None])
    graded = [grade(row, float(values[row][0]) if row in values else None) for row in rows]
    return {
        **counts(graded),
        "fitted": counts(item for item in graded if item.row.use == "fitted"),
        "held_out": counts(item for item in graded if item.row.use == "held_out"),
        "not_modelled": sum(item.grade is Grade.NOT_MODELLED for item in graded),
        "haemorrhage": {
            "map_rmse_percent": _curve_error(graded, "mean_pressure"),
            "co_rmse_percent": _curve_error(graded, "cardiac_output"),
        },
        "table": [_line(targets.scenarios[item.row.scenario].lacks, item) for item in graded],
    }


def _curve_error(graded: Iterable[Graded], quantity: str) -> float | None:
    """Return the root mean square error in per cent of baseline, up to 32 % of blood lost."""
    errors = [
        item.value - item.row.band[0]
        for item in graded
        if item.row.scenario == CURVE
        and item.row.quantity == quantity
        and item.row.at_s <= CURVE_END_S
        and item.value is not None
    ]
    return round(_root_mean_square(errors), 2) if errors else None


def _root_mean_square(errors: Sequence[float]) -> float:
    return math.sqrt(sum(error * error for error in errors) / len(errors))


def _line(lacks: str | None, item: Graded) -> dict[str, object]:
    row = item.row
    return {
        "scenario": row.scenario,
        "quantity": row.quantity,
        "at_s": row.at_s,
        "reading": row.reading,
        "target": _target(row),
        "low": row.low,
        "high": row.high,
        "value": None if item.value is None else round(item.value, 3),
        "unit": row.unit if row.reading in ("level", "change") else "%",
        "error": None if item.error is None else round(item.error, 4),
        "grade": item.grade.value,
        "use": row.use,
        "read_at": "aorta" if row.read_at is None else row.read_at.device.value,
        "source": row.source,
        **({"lacks": lacks} if lacks else {}),
    }


def _target(row: Row) -> str:
    if row.reading in ("rises", "falls"):
        return row.reading
    low, high = row.band
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
