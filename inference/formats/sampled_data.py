"""FHIR SampledData (https://hl7.org/fhir/R4/datatypes.html#SampledData): its text to numbers.

Only the arithmetic of the data type; which Observation it came from is no business of this room.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.errors import EcgUnreadable
from inference.formats.recording import MOST_SAMPLES


def sampled_values(
    data: str,
    *,
    origin: float,
    factor: float | None = None,
    lower_limit: float | None = None,
    upper_limit: float | None = None,
    dimensions: int = 1,
) -> NDArray[np.float64]:
    """Return ``[dimension, sample]`` in the unit of the origin; E is missing, L and U the limits.

    A value is count x factor + origin; a limit is the value itself once scaled likewise. A limit
    that is asked for and not given is missing.

    Raises
    ------
    EcgUnreadable
        A word is none of the data type's, or the samples do not fill the dimensions.
    """
    words = data.split()
    if not 0 < dimensions <= 64 or not words or len(words) > dimensions * MOST_SAMPLES:
        raise EcgUnreadable("its samples are none, or more than an hour of them")
    special = {
        "E": "nan",
        "L": "nan" if lower_limit is None else repr(float(lower_limit)),
        "U": "nan" if upper_limit is None else repr(float(upper_limit)),
    }
    try:
        counts = np.array([special.get(word, word) for word in words], dtype=np.float64)
    except ValueError:
        raise EcgUnreadable("a sample is no number") from None
    if len(counts) % dimensions:
        raise EcgUnreadable("its samples do not fill its dimensions")
    values: NDArray[np.float64] = counts * (1.0 if factor is None else factor) + origin
    return values.reshape(-1, dimensions).T
