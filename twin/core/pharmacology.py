"""How a drug moves and acts, as a value: disposition, effect site, dose-effect curves, source.

May live here: the shape of one row and the arithmetic of receptors. The rows are in
``pressors_and_inotropes``, ``blockers_and_dilators`` and ``anaesthetics``; the movement over time
is in ``pharmacokinetics``.

Amounts are micrograms, of vasopressin milliunits; concentrations are those per litre.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

    Course = Float[np.ndarray, " time"]

LABEL: Final = "US prescribing information"


class Receptor(StrEnum):
    """Where agonists and blockers meet."""

    ALPHA_1 = "alpha 1"
    BETA_1 = "beta 1"
    BETA_2 = "beta 2"


class Effect(NamedTuple):
    """``most * c^hill / (half^hill + c^hill)`` on one control of ``layout.CONTROLS``.

    ``half`` is the concentration of half the effect while nothing blocks the receptor.
    """

    control: str
    most: float
    half: float
    hill: float = 1.0
    receptor: Receptor | None = None

    def at(self, concentration: Course, shift: Course | float) -> Course:
        """Return the effect where a blocker moves the curve ``shift`` times to the right."""
        half = self.half * shift
        if self.hill == 1.0:
            return np.asarray(self.most * concentration / (half + concentration))
        raised = concentration**self.hill
        return np.asarray(self.most * raised / (half**self.hill + raised))


class Phase(NamedTuple):
    """One exponential of the plasma level after a dose: its share at time 0, and half-life."""

    share: float
    half_life_s: float


@dataclass(frozen=True, slots=True)
class Pharmacology:
    """One drug: the plasma level after a dose D is ``D / V * sum(share * 2^(-t / half-life))``.

    More than one phase is distribution into tissues. The effect site follows the plasma with
    ``effect_half_life_s`` (Sheiner 1979, Clin Pharmacol Ther 25:358).
    """

    phases: tuple[Phase, ...]
    distribution_l_per_kg: float
    """V: the volume into which a dose is diluted at once."""
    effect_half_life_s: float
    effects: tuple[Effect, ...]
    source: str
    absorption_half_life_s: float | None = None
    """``None``: not given by mouth."""
    availability: float = 0.0
    """Share of what is taken by mouth, or under the tongue, that reaches the circulation."""
    blocks: Mapping[Receptor, float] = field(default_factory=dict)
    """Concentration that occupies half of the receptors (the Schild constant)."""

    def __post_init__(self) -> None:
        """Refuse half-lives that are equal: the sums of exponentials would divide by zero.

        Raises
        ------
        ValueError
            Two stages that a dose passes one after the other have the same half-life.
        """
        before = (self.effect_half_life_s, self.absorption_half_life_s)
        after = [phase.half_life_s for phase in self.phases]
        stages = [each for each in before if each is not None]
        if any(abs(a - b) < 0.01 * b for a in stages for b in after) or len(set(stages)) < len(
            stages
        ):
            raise ValueError("two half-lives are equal; set them 1 % apart or more")

    @property
    def clearance_l_per_kg_min(self) -> float:
        """Return the clearance: what the phases leave under the curve of a dose."""
        area_min = sum(p.share * p.half_life_s for p in self.phases) / np.log(2.0) / 60.0
        return self.distribution_l_per_kg / float(area_min)


def one_phase(half_life_s: float) -> tuple[Phase, ...]:
    """Return the disposition of a body that is one compartment."""
    return (Phase(1.0, half_life_s),)
