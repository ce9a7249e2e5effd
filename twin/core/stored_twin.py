"""What is kept of a patient's twin between two calls, and under which key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from datetime import datetime

    from twin.core.fit import Fit
    from twin.core.measurements import Measurement
    from twin.core.treatment import Administration

PatientKey = NewType("PatientKey", str)
"""An opaque digest that stands for one patient of one EHR; never an identifier that a person could
read."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredTwin:
    """One revision of a patient's twin."""

    patient: PatientKey
    revision: int
    """Counts from 1; a save is accepted only on top of the revision it was built on."""
    model_version: str
    updated_at: datetime
    measurements: tuple[Measurement, ...]
    """The kept window, oldest first, one entry a reference; what is needed to fit anew."""
    fit: Fit
    given: tuple[Administration, ...] = ()
    """The recorded treatment under which the measurements were fitted."""
