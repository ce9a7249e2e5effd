"""The part of a card that says what the twin foresees, beside what is charted now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cds_hooks.cards.basis import Seen
from cds_hooks.cards.forecast_part import ForeseenEvent, TwinForecast, forecast_lines
from twin.core.events import Event

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WITHIN = {300.0: 0.004, 1800.0: 0.08, 3600.0: 0.12, 21_600.0: 0.31}
PRESSURE = Seen("mean arterial pressure", "71 mmHg", NOW - timedelta(minutes=9))
FORECAST = TwinForecast(
    (
        ForeseenEvent(Event.HYPOTENSION, WITHIN, (PRESSURE,)),
        ForeseenEvent(Event.SHOCK, dict.fromkeys(WITHIN, 0.02), ()),
        ForeseenEvent(Event.DESATURATION, dict.fromkeys(WITHIN, 0.5), (PRESSURE,), already=True),
    ),
    ("Shock is not calibrated.", "The twin reproduces the measurements."),
)


def rows() -> list[list[str]]:
    lines = forecast_lines(FORECAST, 7, NOW).splitlines()
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]


def test_each_event_has_a_row_with_the_present_value_its_age_and_every_horizon() -> None:
    header, _, hypotension, shock, _ = rows()
    assert header[1:] == ["Now", "5 min", "30 min", "60 min", "6 h"]
    assert hypotension == [
        "MAP below 65 mmHg for a minute",
        "71 mmHg (9 min ago)",
        "under 1 %",
        "8 %",
        "12 %",
        "31 %",
    ]
    assert shock[1] == "not charted"


def test_what_is_so_already_is_marked() -> None:
    assert "so already" in rows()[-1][1]


def test_news2_and_what_the_probabilities_rest_on_stand_beside_them() -> None:
    said = forecast_lines(FORECAST, 7, NOW)
    assert "NEWS2 is 7 now" in said
    assert "simulated, not observed" in said
    assert "Shock is not calibrated." in said


def test_the_likeliest_event_is_the_one_of_the_next_hour() -> None:
    likeliest = FORECAST.likeliest
    assert likeliest is not None
    assert (likeliest.event, likeliest.soon) == (Event.DESATURATION, 0.5)


def test_a_twin_that_foresees_nothing_says_why_and_draws_no_table() -> None:
    silent = TwinForecast((), ("The measurements contradict each other.",))
    assert silent.likeliest is None
    assert forecast_lines(silent, 7, NOW) == "The measurements contradict each other."
