"""A patient's chart as columns: what was charted when, and what was given. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


class Column(NamedTuple):
    """One channel of a stay, ascending in time."""

    minutes: Float[np.ndarray, " row"]
    values: Float[np.ndarray, " row"]

    def at(self, minutes: Float[np.ndarray, " moment"]) -> Float[np.ndarray, " moment"]:
        """Return what is charted at exactly these minutes; NaN where nothing is."""
        found = np.full(len(minutes), np.nan)
        if len(self.minutes):
            place = np.minimum(np.searchsorted(self.minutes, minutes), len(self.minutes) - 1)
            here = self.minutes[place] == minutes
            found[here] = self.values[place[here]]
        return found

    def latest(
        self, minutes: Float[np.ndarray, " moment"], within: float
    ) -> Float[np.ndarray, " moment"]:
        """Return the newest value at or before these minutes, no older than ``within`` minutes."""
        found = np.full(len(minutes), np.nan)
        place = np.searchsorted(self.minutes, minutes, side="right") - 1
        known = place >= 0
        known[known] = minutes[known] - self.minutes[place[known]] <= within
        found[known] = self.values[place[known]]
        return found


EMPTY = Column(np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True, eq=False)
class Stay:
    """One stay of one patient; its channels carry the names of the file."""

    name: str
    columns: Mapping[str, Column]

    def column(self, channel: str) -> Column:
        """Return a channel, empty where nothing of it was charted."""
        return self.columns.get(channel, EMPTY)


class Given(NamedTuple):
    """One row of treatment on the patient's clock; None where the chart says nothing."""

    start_minute: float
    end_minute: float
    item: str
    amount: float | None
    amount_unit: str
    rate: float | None
    rate_unit: str
    kind: str

    @property
    def charted_hourly(self) -> bool:
        """Whether the row repeats what runs, once a charting, instead of telling start and end."""
        return self.kind == "cv"


@dataclass(frozen=True, slots=True, eq=False)
class Patient:
    """All stays of one patient and all that was given, on one clock."""

    subject: str
    stays: tuple[Stay, ...]
    given: tuple[Given, ...]
