"""The cards of ``order-effects``: what the order being written would do to this patient's twin.

Pure. A simulated effect is called simulated; every change carries its 90 % interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cds_hooks.cards.basis import Basis, Treated, basis_lines
from cds_hooks.cards.frame import Frame, Proposal
from cds_hooks.cards.wording import (
    age,
    between,
    escaped,
    listed,
    number,
    paragraphs,
    percent,
    plain,
    span,
    summary,
    table,
)
from cds_hooks.wire.response import Card, Indicator
from twin.core.haemodynamics import Quantity

if TYPE_CHECKING:
    from twin.core.comparison import SimulatedEffect
    from twin.core.fit import Interval

SHOWN: Final = (
    (Quantity.MEAN_PRESSURE, "MAP", 0),
    (Quantity.CARDIAC_OUTPUT, "cardiac output", 1),
    (Quantity.HEART_RATE, "heart rate", 0),
    (Quantity.CENTRAL_VENOUS_PRESSURE, "CVP", 0),
    (Quantity.OXYGEN_SATURATION, "SpO2", 0),
)
"""What a card shows of an effect: quantity, the word at the bedside, decimals."""

SUGGESTED_BECAUSE: Final = (
    "The suggestions have a better simulated balance of goal and harm than this order. Goal: MAP "
    "at least 65 mmHg, cardiac index at least 2.2 L/min/m2 and SpO2 at least 92 %, all at once."
)

HARM_WORTH_A_WARNING: Final = 0.10
"""A rise of the simulated probability of MAP < 65 mmHg by this much turns a card to warning."""

HARM_WORTH_AN_ALARM: Final = 0.50
"""A simulated probability of MAP < 65 mmHg that the order lifts above this is critical.

MAP 65 mmHg is the target of the Surviving Sepsis Campaign (2021, recommendation 17); the two
probabilities are ours and not validated.
"""


@dataclass(frozen=True, slots=True)
class OrderEffect:
    """One understood order and what it does, alone and together with the other draft orders."""

    reference: str
    label: str
    assumption: str | None
    effect: SimulatedEffect
    baseline: SimulatedEffect
    """The same members without any order."""
    together: SimulatedEffect | None
    changed: tuple[Treated, ...] = ()
    """Running treatment that it replaces or ends."""


def order_card(
    frame: Frame,
    order: OrderEffect,
    fit_sentences: Sequence[str],
    basis: Basis,
    proposals: Sequence[Proposal],
) -> Card:
    """Return the card of one order, with better alternatives as suggestions."""
    effect = order.effect
    return frame.card(
        f"order/{order.reference}",
        summary(*_headline(order.label, effect)),
        _indicator(order),
        paragraphs(
            f"**{escaped(order.label)}**, simulated on the patient's twin, "
            f"{span(effect.at_s)} after the order. Not validated on patients.",
            _changes(effect),
            _hypotension(order),
            _together(order.together),
            _changed_treatment(order.changed, frame),
            SUGGESTED_BECAUSE if proposals else None,
            f"Assumed: {order.assumption}" if order.assumption else None,
            " ".join(fit_sentences),
            basis_lines(basis, frame.now),
        ),
        proposals,
    )


def no_advice_card(frame: Frame, reason: str, basis: Basis) -> Card:
    """Return the card that says why the twin simulates nothing for this patient."""
    return frame.card(
        "no-advice",
        summary("Effect of the orders not simulated:", reason),
        Indicator.INFO,
        paragraphs(reason, basis_lines(basis, frame.now)),
    )


def not_understood_card(frame: Frame, orders: Sequence[tuple[str, str]]) -> Card:
    """Return the card that names the orders that were not understood, and why."""
    count = "1 order was" if len(orders) == 1 else f"{len(orders)} orders were"
    rows = [(escaped(label), escaped(reason, 200)) for label, reason in orders]
    return frame.card(
        "not-understood",
        summary(f"{count} not simulated:", f"{plain(orders[0][0], 60)}."),
        Indicator.INFO,
        paragraphs(
            "Nothing is guessed: the effect of these orders was not simulated.",
            table(("Order", "Why"), rows),
        ),
    )


def _headline(label: str, effect: SimulatedEffect) -> tuple[str, ...]:
    pressure = effect.change[Quantity.MEAN_PRESSURE]
    output = effect.change[Quantity.CARDIAC_OUTPUT]
    return (
        f"Simulated: {plain(label, 48)}: MAP {_changed(pressure, 0)} mmHg,",
        f"cardiac output {_changed(output, 1)} L/min in {span(effect.at_s)}.",
    )


def _changed(change: Interval, decimals: int) -> str:
    middle = number(change.median, decimals, signed=True)
    return f"{middle} ({between(change.low, change.high, decimals, signed=True)})"


def _indicator(order: OrderEffect) -> Indicator:
    after = order.effect.probability_map_below_65
    rise = after - order.baseline.probability_map_below_65
    if rise >= HARM_WORTH_A_WARNING:
        return Indicator.CRITICAL if after >= HARM_WORTH_AN_ALARM else Indicator.WARNING
    return Indicator.INFO


def _changes(effect: SimulatedEffect) -> str:
    rows = []
    for quantity, word, decimals in SHOWN:
        before, after = effect.before[quantity], effect.after[quantity]
        rows.append(
            (
                f"{word} ({quantity.unit})",
                f"{number(before.median, decimals)} "
                f"({between(before.low, before.high, decimals)})",
                f"{number(after.median, decimals)} ({between(after.low, after.high, decimals)})",
                f"**{_changed(effect.change[quantity], decimals)}**",
            )
        )
    return table(("Simulated, 90 % interval", "Without", "With", "Change"), rows)


def _hypotension(order: OrderEffect) -> str:
    return (
        "Simulated probability of a mean arterial pressure below 65 mmHg: "
        f"{percent(order.baseline.probability_map_below_65)} without, "
        f"**{percent(order.effect.probability_map_below_65)}** with the order."
    )


def _changed_treatment(changed: Sequence[Treated], frame: Frame) -> str | None:
    """Return what runs already and would be replaced or ended; nothing is added to it."""
    if not changed:
        return None
    words = [f"{each.words} (begun {age(each.begun_at, frame.now)})" for each in changed]
    return (
        f"**Takes the place of what is recorded as running**: {listed(words, 3)}. "
        '"Without" is that treatment going on as it is.'
    )


def _together(together: SimulatedEffect | None) -> str | None:
    if together is None:
        return None
    pressure = together.change[Quantity.MEAN_PRESSURE]
    output = together.change[Quantity.CARDIAC_OUTPUT]
    return (
        f"Together with the other draft orders: MAP {_changed(pressure, 0)} mmHg, "
        f"cardiac output {_changed(output, 1)} L/min."
    )
