"""The table of attacks: how many of each kind were tried, and how many were refused.

The counts are of collected tests, each of which is one attempt and fails where it succeeds
(``@pytest.mark.attack``); nothing is counted by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

GOALS: Final[Mapping[str, int]] = {"token forgery": 200, "egress": 300, "markup": 500}
"""How many are to be tried at least; no number was set for the other kinds."""


@dataclass(frozen=True, slots=True)
class Attacks:
    """All attempts of one kind."""

    kind: str
    tried: int
    refused: int
    succeeded: int
    skipped: int
    """Not tried here, for want of a browser or a server."""
    goal: int | None


def attacks(found: Mapping[str, Mapping[str, str]]) -> tuple[Attacks, ...]:
    """Return the attempts by kind, the most first; a kind with a goal is there without any."""
    counted = {kind: Counter(found.get(kind, {}).values()) for kind in {*GOALS, *found}}
    listed = [
        Attacks(
            kind,
            outcomes["passed"] + outcomes["failed"],
            outcomes["passed"],
            outcomes["failed"],
            outcomes["skipped"],
            GOALS.get(kind),
        )
        for kind, outcomes in counted.items()
    ]
    return tuple(sorted(listed, key=lambda each: (-each.tried, each.kind)))


def attack_summary(listed: Iterable[Attacks]) -> dict[str, object]:
    """Return the figures as ``--json`` prints them."""
    rows = list(listed)
    return {
        "tried": sum(row.tried for row in rows),
        "refused": sum(row.refused for row in rows),
        "succeeded": sum(row.succeeded for row in rows),
        "skipped": sum(row.skipped for row in rows),
        "goals_met": all(row.refused >= row.goal for row in rows if row.goal is not None),
        "attacks": [asdict(row) for row in rows],
    }


def print_attacks(figures: Mapping[str, object]) -> None:
    """Print the table for people."""
    from rich.console import Console
    from rich.table import Table

    shown = Table("Attack", "Tried", "Refused", "Succeeded", "Not tried here", "Goal")
    rows = figures["attacks"]
    assert isinstance(rows, list)  # noqa: S101
    for row in rows:
        members = (row["tried"], row["refused"], row["succeeded"], row["skipped"], row["goal"])
        shown.add_row(row["kind"], *("-" if each is None else str(each) for each in members))
    Console().print(shown)
