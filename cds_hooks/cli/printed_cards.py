"""Cards on a terminal; the simulated changes that an order's card states, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

COLOURS = {"critical": "red", "warning": "yellow", "info": "blue"}
CHANGE = re.compile(
    r"^\|\s*(?P<quantity>[^|(]+?)\s*\((?P<unit>[^|)]+)\)\s*\|.*\|\s*\**"
    r"(?P<middle>[-+]?[\d.]+) \((?P<low>[-+]?[\d.]+) to (?P<high>[-+]?[\d.]+)\)\**\s*\|$",
    re.MULTILINE,
)
"""A row of the card's table of effects: quantity and unit first, the change last."""


@dataclass(frozen=True, slots=True)
class Change:
    """A simulated change with its 90 % interval."""

    middle: float
    low: float
    high: float
    unit: str

    def __str__(self) -> str:
        """Return the change as a card writes it."""
        middle, low, high = (_signed(value) for value in (self.middle, self.low, self.high))
        return f"{middle} ({low} to {high}) {self.unit}"


def _signed(value: float) -> str:
    return f"{value:+g}" if value else "0"


def simulated_changes(card: Mapping[str, Any]) -> dict[str, Change]:
    """Return the changes that a card of an order states, by quantity."""
    detail = str(card.get("detail", "")).replace("\N{MINUS SIGN}", "-")
    return {
        row["quantity"]: Change(
            float(row["middle"]), float(row["low"]), float(row["high"]), row["unit"]
        )
        for row in CHANGE.finditer(detail)
    }


def print_card(console: Console, card: Mapping[str, Any]) -> None:
    """Print one card with its suggestions."""
    colour = COLOURS.get(str(card.get("indicator")), "blue")
    parts: list[Text | Markdown] = [Text(str(card["summary"]), style="bold")]
    if card.get("detail"):
        parts += [Text(""), Markdown(str(card["detail"]))]
    for suggestion in card.get("suggestions", ()):
        mark = " (recommended)" if suggestion.get("isRecommended") else ""
        parts.append(Text(f"\N{BULLET} Suggestion: {suggestion['label']}{mark}"))
    label = str(card["source"]["label"])
    title = Text(f" {card['indicator']} ", style=f"bold {colour}")
    panel = Panel(
        Group(*parts),
        title=title,
        title_align="left",
        subtitle=Text(label),
        subtitle_align="right",
        border_style=colour,
    )
    console.print(panel)


def print_comparison(console: Console, changes: Mapping[str, Mapping[str, Change]]) -> None:
    """Print the simulated changes of several orders side by side."""
    table = Table(title="Simulated change, 90 % interval; not validated on patients")
    table.add_column("")
    for order in changes:
        table.add_column(order, justify="right")
    quantities = dict.fromkeys(name for each in changes.values() for name in each)
    for name in quantities:
        row = [str(each[name]) if name in each else "unknown" for each in changes.values()]
        table.add_row(name, *row)
    console.print(table)
