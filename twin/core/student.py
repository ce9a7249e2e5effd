"""Well spread Student draws for importance sampling, made once.

May live here: draws only. What they are placed around and weighted by is the business of whoever
weighs evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincinv, ndtri

if TYPE_CHECKING:
    from jaxtyping import Float

STUDENT_FREEDOM = 20.0
"""Tails heavier than those of any posterior here, so that no weight explodes, yet not so heavy
that in a dozen dimensions most draws fall too near or too far."""


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Standard Student draws: the same seed gives the same points."""

    points: Float[np.ndarray, "coordinate sample"]

    @classmethod
    def stratified(cls, coordinates: int, count: int, seed: int) -> Draws:
        """Return ``count`` draws, one in each of as many equally probable parts of every axis.

        A Latin hypercube (McKay 1979, https://doi.org/10.2307/1268522).
        """
        random = np.random.default_rng(seed)
        places = random.permuted(np.tile(np.arange(count), (coordinates + 1, 1)), axis=1)
        uniform = (places + random.random((coordinates + 1, count))) / count
        chi_squared = 2.0 * gammaincinv(0.5 * STUDENT_FREEDOM, uniform[-1])
        return cls(ndtri(uniform[:-1]) * np.sqrt(STUDENT_FREEDOM / chi_squared))
