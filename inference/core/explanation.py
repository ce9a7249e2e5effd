"""What moved a risk: the same stay read again without one clinical quantity at a time. Pure.

Hiding happens before rows are derived, so that what was derived from a quantity goes with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.reading import Contribution
from inference.core.trajectory import FACTS, SERIES, SERIES_INDEX, TrajectoryColumns
from inference.core.trajectory_image import TIME_COLUMNS
from inference.core.trajectory_rows import ROW_INDEX

MOST_CONTRIBUTORS: Final = 5
MOST_HIDDEN: Final = 8
"""Quantities hidden in turn: each costs a reading, and a hook waits for them."""
LEAST_LOG_ODDS: Final = 0.05
"""A quantity that moves the odds by less than 5 % is not worth a clinician's reading."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A clinical quantity and the parameters that carry it."""

    name: str
    parameters: frozenset[str]

    def within(self, columns: TrajectoryColumns) -> bool:
        """Return whether the stay has a value of it."""
        return bool(self._events(columns).any() or (~np.isnan(columns.facts[self._facts])).any())

    def hidden_from(self, columns: TrajectoryColumns) -> TrajectoryColumns:
        """Return the stay as if it had never been charted."""
        keep = ~self._events(columns)
        return replace(
            columns,
            parameter=columns.parameter[keep],
            hour=columns.hour[keep],
            value=columns.value[keep],
            facts=np.where(self._facts, np.nan, columns.facts),
        )

    @property
    def _facts(self) -> NDArray[np.bool_]:
        return np.array([row.name in self.parameters for row in FACTS])

    def _events(self, columns: TrajectoryColumns) -> NDArray[np.bool_]:
        wanted = [SERIES_INDEX[name] for name in self.parameters if name in SERIES_INDEX]
        return np.isin(columns.parameter, wanted)


def _quantities() -> tuple[Quantity, ...]:
    grouped = {
        "blood pressure": "SysABP MAP DiasABP NISysABP NIMAP NIDiasABP",
        "oxygenation": "PaO2 FiO2 SaO2",
        "acid-base balance": "pH HCO3 PaCO2",
        "kidney function": "Creatinine BUN",
        "electrolytes": "Na K Mg",
        "liver function": "Bilirubin ALT AST ALP",
        "troponin": "TroponinI TroponinT",
        "age": "Age",
        "body size": "Height Weight",
        "kind of unit": "ICUType",
    }
    taken = {name for names in grouped.values() for name in names.split()}
    alone = {row.clinical_name: row.name for row in SERIES if row.name not in taken}
    return tuple(
        Quantity(name, frozenset(names.split())) for name, names in {**grouped, **alone}.items()
    )


QUANTITIES: Final = _quantities()


def present(columns: TrajectoryColumns) -> tuple[Quantity, ...]:
    """Return the quantities that a stay has a value of."""
    return tuple(quantity for quantity in QUANTITIES if quantity.within(columns))


def most_unusual(
    quantities: Sequence[Quantity], painted: NDArray[np.float32]
) -> tuple[Quantity, ...]:
    """Return the `MOST_HIDDEN` quantities whose rows of the image lie furthest from usual."""
    furthest = np.abs(painted[0, :, TIME_COLUMNS:]).max(axis=1)

    def distance(quantity: Quantity) -> float:
        names = quantity.parameters & ROW_INDEX.keys()
        return max((float(furthest[ROW_INDEX[name]]) for name in names), default=0.0)

    return tuple(sorted(quantities, key=distance, reverse=True)[:MOST_HIDDEN])


def contributions(
    quantities: Sequence[Quantity], whole: float, without: NDArray[np.float64]
) -> tuple[Contribution, ...]:
    """Return what moved the log-odds most, from the log-odds with and without each quantity."""
    found = [
        Contribution(quantity.name, round(float(whole - hidden), 4))
        for quantity, hidden in zip(quantities, without, strict=True)
    ]
    found.sort(key=lambda one: -abs(one.log_odds))
    return tuple(one for one in found[:MOST_CONTRIBUTORS] if abs(one.log_odds) >= LEAST_LOG_ODDS)
