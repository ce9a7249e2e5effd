"""What the twin foresees, as a part of a card: events within minutes and hours, and the present.

Pure. The probabilities are the twin's; what they were judged on is said with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from cds_hooks.cards.wording import age, paragraphs, percent, span, table
from twin.core.events import Event

if TYPE_CHECKING:
    from cds_hooks.cards.basis import Seen

WITHIN_S: Final = 3600.0
"""The horizon of a card's summary, and of whether a forecast is worth a card at all."""

NAMES: Final[Mapping[Event, str]] = {
    Event.HYPOTENSION: "MAP below 65 mmHg for a minute",
    Event.SHOCK: "Shock: systolic below 90 mmHg, cardiac index below 2.2",
    Event.DESATURATION: "SpO2 below 90 %",
}
"""As short as a table needs; what each is exactly is in ``twin.core.events``."""


@dataclass(frozen=True, slots=True)
class ForeseenEvent:
    """One event: how probable within each horizon, and what is charted of it at present."""

    event: Event
    within: Mapping[float, float]
    """Seconds -> probability, 0 to 1."""
    now: tuple[Seen, ...]
    """The latest values that the event is about; empty where none is charted."""
    already: bool = False
    """Whether the latest value is below the limit: then it need not come first."""

    @property
    def words(self) -> str:
        """Return what a clinician reads in a summary."""
        return self.event.clinical_name

    @property
    def soon(self) -> float:
        """Return its probability within an hour."""
        return self.within[WITHIN_S]


@dataclass(frozen=True, slots=True)
class TwinForecast:
    """What the twin says of the near future; empty where it was not fit to say anything."""

    events: tuple[ForeseenEvent, ...]
    sentences: tuple[str, ...]
    """What the probabilities rest on, how well the twin fits, or why it says nothing."""

    @property
    def likeliest(self) -> ForeseenEvent | None:
        """Return the event that is likeliest within an hour."""
        return max(self.events, key=lambda event: event.soon, default=None)


def forecast_lines(forecast: TwinForecast, news2: int, now: datetime) -> str:
    """Return the table of events and horizons beside the present values and NEWS2."""
    if not forecast.events:
        return " ".join(forecast.sentences)
    horizons = list(forecast.events[0].within)
    rows = [
        (
            NAMES[each.event],
            _charted(each, now),
            *(percent(each.within[horizon]) for horizon in horizons),
        )
        for each in forecast.events
    ]
    header = ("Simulated, with nothing new done", "Now", *(span(each) for each in horizons))
    return paragraphs(
        "**Foreseen on the patient's twin** (probabilities are simulated, not observed), within:",
        table(header, rows),
        f"Beside it: NEWS2 is {news2} now.",
        " ".join(forecast.sentences),
    )


def _charted(event: ForeseenEvent, now: datetime) -> str:
    if not event.now:
        return "not charted"
    said = ", ".join(f"{each.value} ({age(each.taken_at, now)})" for each in event.now)
    return f"**{said}: so already**" if event.already else said
