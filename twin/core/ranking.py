"""Which plan serves a stated goal best, and whether any is good enough to propose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtr

from twin.core.discrepancy import DISCREPANCIES
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.core.comparison import Comparison, SimulatedEffect


@dataclass(frozen=True, slots=True)
class Goal:
    """What treatment aims at; all of it at once."""

    mean_pressure_mmhg: float
    cardiac_index: float
    """L/min per square metre of body surface."""
    saturation_percent: float


USUAL_GOAL: Final = Goal(65.0, 2.2, 92.0)
"""Evans 2021 (Surviving Sepsis Campaign), Hochman 1999 (SHOCK), O'Driscoll 2017 (British Thoracic
Society: 94-98 %, 88-92 % in those who retain carbon dioxide; 92 lies between)."""

MOST_HARM: Final = 0.25
"""A plan that makes more of the circulations worse than this is never good."""

LEAST_GAIN: Final = 0.10
"""A plan must raise the probability of the goal by this much to be worth its own risks."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """A plan's place, with the figures that put it there."""

    effect: SimulatedEffect
    probability_goal: float
    """Of all of the goal being met at the horizon."""
    gain: float
    """Over doing nothing."""
    good: bool
    """False for every plan means: no good option among these."""

    @property
    def reason(self) -> str:
        """Return why the plan is good, or what speaks against it."""
        harm = self.effect.probability_worse
        if harm > MOST_HARM:
            return (
                f"Makes {harm:.0%} of the circulations worse than doing nothing "
                f"(at most {MOST_HARM:.0%} is accepted)."
            )
        if self.gain < 0.0:
            return f"Lowers the probability of the goal by {-100 * self.gain:.0f} points."
        if self.gain < LEAST_GAIN:
            return (
                f"Raises the probability of the goal by {100 * self.gain:.0f} points only (at "
                f"least {100 * LEAST_GAIN:.0f} are asked for)."
            )
        return f"Raises the probability of the goal by {100 * self.gain:.0f} points."


def best_of(ranked: Sequence[Ranked]) -> Ranked | None:
    """Return the best plan, or None: no good option is an answer too."""
    return ranked[0] if ranked and ranked[0].good else None


MET_ALREADY: Final = 0.90
"""With nothing done the goal is met this surely: then nothing needs doing for it."""


def verdict(ranked: Sequence[Ranked], goal: Goal) -> str:
    """Return the ranking as a sentence that names the goal and the harm it was judged by."""
    aim = (
        f"mean pressure at least {goal.mean_pressure_mmhg:g} mmHg, cardiac index at least "
        f"{goal.cardiac_index:g} L/min/m2 and saturation at least {goal.saturation_percent:g} %"
    )
    if not ranked:
        return "No plan was named, so none was ranked."
    idle = ranked[0].probability_goal - ranked[0].gain
    if best := best_of(ranked):
        return (
            f"{best.effect.plan.name} serves the goal best ({aim}): simulated probability "
            f"{best.probability_goal:.0%} against {idle:.0%} with nothing done, worse in "
            f"{best.effect.probability_worse:.0%} of the circulations."
        )
    if idle >= MET_ALREADY:
        return f"Nothing needs doing for this goal ({aim}): it is met in {idle:.0%} as it is."
    return (
        f"No good option among these for the goal ({aim}), which is met in {idle:.0%} with "
        "nothing done: each gains too little or harms too many of the circulations."
    )


def rank(comparison: Comparison, goal: Goal) -> tuple[Ranked, ...]:
    """Return the plans, the one that serves the goal best first.

    Good plans come before the others; among them the probability of the goal less that of harm
    decides. When none is good the tuple is still ordered, and says so by every ``good`` being
    False.
    """
    idle = _meets(comparison.baseline, comparison, goal)
    ranked = []
    for effect in comparison.effects:
        meets = _meets(effect, comparison, goal)
        harmless = effect.probability_worse <= MOST_HARM
        ranked.append(Ranked(effect, meets, meets - idle, harmless and meets - idle >= LEAST_GAIN))
    ranked.sort(
        key=lambda r: (r.good, r.probability_goal - r.effect.probability_worse), reverse=True
    )
    return tuple(ranked)


def _meets(effect: SimulatedEffect, comparison: Comparison, goal: Goal) -> float:
    """Return the probability that all of the goal is met, limits softened by model error."""
    surface = comparison.surface_m2
    parts = (
        (Quantity.MEAN_PRESSURE, goal.mean_pressure_mmhg),
        (Quantity.CARDIAC_OUTPUT, goal.cardiac_index * surface),
        (Quantity.OXYGEN_SATURATION, goal.saturation_percent),
    )
    met = np.ones(len(comparison.weights))
    for quantity, limit in parts:
        values = effect.members[QUANTITY_INDEX[quantity]]
        met *= ndtr((values - limit) / DISCREPANCIES[quantity].model)
    return float(np.sum(comparison.weights * met))
