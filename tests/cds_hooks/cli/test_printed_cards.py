"""What the demonstration reads from cards, and how it judges it."""

from __future__ import annotations

import pytest
from rich.console import Console

from cds_hooks.cards.wording import table
from cds_hooks.cli.demo import BETA_BLOCKER, BOLUS, what_is_wrong
from cds_hooks.cli.printed_cards import Change, print_card, simulated_changes

HEADER = ("Simulated, 90 % interval", "Without", "With", "Change")
CARD = {
    "summary": "Simulated: MAP falls.",
    "indicator": "warning",
    "source": {"label": "CardioTwin (research)"},
    "detail": "Words (3 to 4) before.\n\n"
    + table(
        HEADER,
        [
            ("MAP (mmHg)", "63 (60 to 66)", "58 (52 to 63)", "**−5 (−9 to −2)**"),
            ("cardiac output (L/min)", "4.1 (3 to 5)", "4.7 (4 to 6)", "**+0.6 (0.3 to 1.0)**"),
        ],
    ),
    "suggestions": [{"label": "Half of it", "isRecommended": True}],
}  # fmt: skip


def test_the_changes_that_a_card_states_are_read_with_their_intervals() -> None:
    assert simulated_changes(CARD) == {
        "MAP": Change(-5, -9, -2, "mmHg"),
        "cardiac output": Change(0.6, 0.3, 1.0, "L/min"),
    }


def test_a_card_without_a_table_states_no_change() -> None:
    assert simulated_changes({"summary": "x", "detail": "| a | b |\n| --- | --- |"}) == {}
    assert simulated_changes({"summary": "x"}) == {}


def test_a_card_is_printed_with_its_urgency_source_and_suggestions() -> None:
    console = Console(record=True, width=100, file=None)
    with console.capture() as captured:
        print_card(console, CARD)
    for words in ("warning", "CardioTwin (research)", "Half of it (recommended)", "58 (52 to 63)"):
        assert words in captured.get()


def changes(
    bolus_output: float, blocker_output: float, heart_rate: float
) -> dict[str, dict[str, Change]]:
    def change(middle: float) -> Change:
        return Change(middle, middle - 1, middle + 1, "")

    return {
        BOLUS: {"MAP": change(3), "cardiac output": change(bolus_output)},
        BETA_BLOCKER: {
            "MAP": change(-3),
            "cardiac output": change(blocker_output),
            "heart rate": change(heart_rate),
        },
    }


def test_effects_in_the_right_directions_are_right() -> None:
    assert what_is_wrong(changes(0.5, -0.7, -12)) is None


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ((-0.1, -0.7, -12), "does not raise"),
        ((0.5, 0.1, -12), "does not lower the cardiac output"),
        ((0.5, -0.7, 4), "does not lower the heart rate"),
    ],
)
def test_an_effect_in_the_wrong_direction_is_told_in_a_sentence(
    figures: tuple[float, float, float], words: str
) -> None:
    assert words in str(what_is_wrong(changes(*figures)))


def test_a_missing_effect_or_interval_is_told() -> None:
    assert "no card states" in str(what_is_wrong({}))
    flat = changes(0.5, -0.7, -12)
    flat[BOLUS]["MAP"] = Change(1, 1, 1, "mmHg")
    assert "no interval" in str(what_is_wrong(flat))
