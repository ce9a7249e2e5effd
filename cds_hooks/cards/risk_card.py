"""The card of ``deterioration-risk``: the chance of death in hospital, and the twin's forecast.

Pure. When there is nothing worth a clinician's attention the answer is no card at all (CH-078).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cds_hooks.cards.basis import Basis, basis_lines
from cds_hooks.cards.forecast_part import TwinForecast, forecast_lines
from cds_hooks.cards.frame import Frame, Proposal
from cds_hooks.cards.wording import listed, paragraphs, percent, summary, table
from cds_hooks.wire.response import Card, Indicator

if TYPE_CHECKING:
    from inference.core.reading import TrajectoryReading

EVENT_WORTH_SAYING = 0.10
"""A simulated event of at least this probability is said even at low risk; ours, not validated."""

PARTS = {
    "efficientnet_b3": "EfficientNet-B3 alone",
    "gradient_boosting": "Gradient boosting alone",
}
"""The parts of the shipped release, as a card calls them."""

NEWS2_URGENT = 5
"""Royal College of Physicians, NEWS2, 2017: an aggregate of 5 or more calls for urgent review."""


def risk_card(
    frame: Frame,
    reading: TrajectoryReading,
    forecast: TwinForecast,
    basis: Basis,
    proposals: Sequence[Proposal],
    cause: str | None = None,
) -> Card | None:
    """Return the card, or None for an unremarkable patient.

    ``cause`` is what ``cause_part`` says of why the patient is in trouble.
    """
    if _unremarkable(reading, forecast):
        return None
    return frame.card(
        "risk",
        summary(*_headline(reading, forecast)),
        _indicator(reading),
        paragraphs(
            _what_the_number_is(reading),
            _parts(reading),
            forecast_lines(forecast, reading.news2.score, frame.now),
            cause,
            basis_lines(basis, frame.now),
            f"How the estimate was made: {reading.risk_basis}. Not validated outside that data "
            f"set. Model: {reading.release}.",
        ),
        proposals,
    )


def too_little_card(frame: Frame, reason: str, basis: Basis) -> Card:
    """Return the card that says why no risk is estimated."""
    return frame.card(
        "too-little",
        summary("Risk of deterioration not estimated:", reason),
        Indicator.INFO,
        paragraphs(reason, basis_lines(basis, frame.now)),
    )


def _unremarkable(reading: TrajectoryReading, forecast: TwinForecast) -> bool:
    likeliest = forecast.likeliest
    quiet = likeliest is None or likeliest.soon < EVENT_WORTH_SAYING
    return reading.level == "low" and reading.news2.level == "low" and quiet


def _indicator(reading: TrajectoryReading) -> Indicator:
    if reading.level == "high" or reading.news2.level == "high":
        return Indicator.CRITICAL
    if reading.level == "medium" or reading.news2.score >= NEWS2_URGENT:
        return Indicator.WARNING
    return Indicator.INFO


def _headline(reading: TrajectoryReading, forecast: TwinForecast) -> tuple[str, ...]:
    risk = reading.risk
    first = (
        f"Estimated risk of death in hospital {percent(risk.value)} "
        f"({percent(risk.low)} to {percent(risk.high)}), NEWS2 {reading.news2.score}."
    )
    likeliest = forecast.likeliest
    if likeliest is None or likeliest.soon < EVENT_WORTH_SAYING:
        return (first,)
    return first, f"Simulated within an hour: {likeliest.words} {percent(likeliest.soon)}."


def _what_the_number_is(reading: TrajectoryReading) -> str:
    doubt = ""
    if reading.out_of_distribution:
        why = f" ({listed(reading.unlike_because, 3)})" if reading.unlike_because else ""
        doubt = (
            f"**This patient is unlike those the model learnt from{why}; trust the figure less.** "
        )
    return (
        f"{doubt}Estimated probability of death in hospital: **{percent(reading.risk.value)}**, "
        f"90 % interval {percent(reading.risk.low)} to {percent(reading.risk.high)}. "
        f"Of the patients it learnt from, {percent(reading.population_rate)} died."
    )


def _parts(reading: TrajectoryReading) -> str:
    news2 = reading.news2
    rows = [(PARTS.get(name, name), percent(value)) for name, value in reading.parts.items()]
    missing = f" (not charted, scored 0: {listed(news2.missing)})" if news2.missing else ""
    movers = [
        f"{each.name} ({'raises' if each.raises else 'lowers'})" for each in reading.contributors
    ]
    return paragraphs(
        table(("Beside it", "Value"), [*rows, (f"NEWS2{missing}", str(news2.score))]),
        f"**What moved it most**: {listed(movers, 5)}." if movers else None,
        f"{percent(reading.completeness)} of the model's 36 series were recorded; "
        f"not: {listed(reading.missing, 6)}."
        if reading.missing
        else None,
    )
