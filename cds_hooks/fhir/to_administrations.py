"""Treatment that was read of a chart becomes the twin's: administrations, or reasons why not.

Pure. Reading a MedicationAdministration is ``to_given_treatments``; whether the twin can simulate
what was read is the twin's to say (``twin.core.treatment.screened``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from cds_hooks.fhir.given_dose import RUNNING_S
from cds_hooks.fhir.to_given_treatments import GivenTreatment
from twin.core.interventions import Fluid, Infusion
from twin.usecases import Administration

BLOCK: Final = timedelta(hours=1)
"""A fluid that runs without an end is told to the twin in blocks, so that it goes on running and
yet is the same treatment from call to call: another one makes another fit."""


def administrations_of(
    treatments: Iterable[GivenTreatment], now: datetime
) -> tuple[Administration, ...]:
    """Return those that were understood, in the order of the chart."""
    return tuple(
        _administration(each, now) for each in treatments if each.intervention is not None
    )


def _administration(treatment: GivenTreatment, now: datetime) -> Administration:
    intervention = treatment.intervention
    if isinstance(intervention, Infusion):
        return Administration(
            intervention, treatment.start, treatment.end, reference=treatment.reference
        )
    if isinstance(intervention, Fluid) and treatment.runs and treatment.dose is None:
        begun = max((now - treatment.start) // BLOCK - 1, 0) * BLOCK + treatment.start
        rate_ml_per_s = intervention.volume_ml / intervention.duration_s
        running = replace(intervention, volume_ml=rate_ml_per_s * RUNNING_S, duration_s=RUNNING_S)
        return Administration(running, begun, None, reference=treatment.reference)
    if intervention is None:
        raise ValueError("What was not understood is no administration.")
    # Doses and volumes say themselves how long they take.
    return Administration(intervention, treatment.start, None, reference=treatment.reference)
