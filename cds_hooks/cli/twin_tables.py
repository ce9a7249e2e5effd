"""What ``cardiotwin twin`` shows to people: the figures of ``twin_figures`` as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

DECIMALS: Final = 1
SHOWN: Final = (
    "heart_rate",
    "mean_pressure",
    "central_venous_pressure",
    "cardiac_output",
    "stroke_volume",
    "systemic_resistance",
    "blood_volume",
    "oxygen_saturation",
    "oxygen_delivery",
    "oxygen_consumption",
)
"""What a screen shows; --json has all. Carbon dioxide and ventilation, which are not fitted, are
there alone, with the width of a ward."""


def show(found: Mapping[str, Any]) -> None:
    """Print an answer on standard output."""
    console = Console()
    console.print(f"[bold]{found['outcome']}[/bold]: {found['sentence']}")
    if found["estimates"]:
        table = Table("", "estimate", "90 % interval", title="Now")
        for name in SHOWN:
            if each := found["estimates"].get(name):
                table.add_row(*_row(name, each))
        console.print(table)
    if found.get("forecast"):
        _forecast(console, found["forecast"])
    if found.get("comparison"):
        _plans(console, found["comparison"])
    if (causes := found.get("causes")) and causes.get("in_trouble"):
        _causes(console, causes)
    if found.get("picture"):
        console.print(f"Drawn: {found['picture']}")
    for sentence in found["sentences"]:
        console.print(sentence, style="dim")


def _row(name: str, each: Mapping[str, Any]) -> tuple[str, str, str]:
    unit = each["unit"]
    digits = 2 if abs(each["value"]) < 10 else 0
    return (
        name.replace("_", " "),
        f"{each['value']:.{digits}f} {unit}",
        f"{each['low']:.{digits}f} to {each['high']:.{digits}f}",
    )


def _forecast(console: Console, forecast: Mapping[str, Any]) -> None:
    minutes = forecast["horizon_s"] / 60.0
    table = Table("event", "probability", title=f"Within {minutes:.0f} min, nothing done")
    for each in forecast["probabilities"].values():
        table.add_row(each["event"], f"{each['probability']:.0%}")
    console.print(table)


def _plans(console: Console, comparison: Mapping[str, Any]) -> None:
    table = Table("plan", "mean pressure", "cardiac output", "goal met", "worse", "judgement")
    for each in comparison["plans"]:
        table.add_row(
            each["plan"],
            _change(each["change"]["mean_pressure"]),
            _change(each["change"]["cardiac_output"]),
            f"{each['probability_goal']:.0%}",
            f"{each['probability_worse']:.0%}",
            each["reason"],
        )
    console.print(table)
    console.print(comparison["verdict"], style="bold")


def _change(each: Mapping[str, Any]) -> str:
    digits = 1 if abs(each["value"]) < 10 else 0
    return (
        f"{each['value']:+.{digits}f} ({each['low']:+.{digits}f} to {each['high']:+.{digits}f}) "
        f"{each['unit']}"
    )


def _causes(console: Console, causes: Mapping[str, Any]) -> None:
    console.print("In trouble: " + "; ".join(causes["troubles"]) + ".")
    table = Table("cause", "probability", "were all equally common")
    for name, each in causes["probabilities"].items():
        table.add_row(name, f"{each['probability']:.0%}", f"{each['at_equal_base_rates']:.0%}")
    console.print(table)
    course = causes["course"]
    if course["onset_hours_before_newest"] is not None:
        console.print(
            f"Weighed from {course['sets']} sets over {course['hours']:.1f} h; likeliest onset "
            f"{course['onset_hours_before_newest']:.1f} h before the newest."
        )
    if causes["most_telling"]:
        first = causes["most_telling"][0]
        console.print(f"Would tell them apart best: {first['measurement']}.")
    for sentence in causes["sentences"]:
        console.print(sentence, style="dim")
