"""A file's patient brought to a twin, under the treatment that the file records, as a call is.

May live here: what ``cardiotwin twin`` asks of fit, causes and treatment; files are read in
``twin_record``, figures made in ``twin_figures``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.core.treatment import Administration, Underway, screened, underway_at

if TYPE_CHECKING:
    from cds_hooks.cli.twin_record import PatientRecord
    from twin.core.causes import Causes, NotWeighed
    from twin.core.fit import Fit


@dataclass(frozen=True, slots=True, eq=False)
class FittedRecord:
    """The twin of a record, and the treatment that it stands under."""

    fit: Fit
    underway: Underway
    """What of the recorded treatment goes on; simulations take it from here."""
    given: tuple[Administration, ...]
    """Recorded treatment that the twin knows, oldest first."""
    sentences: tuple[str, ...]
    """Recorded treatment that is left out, with the reasons."""


def fitted(record: PatientRecord) -> FittedRecord:
    """Return the twin as a service would fit it at the record's instant."""
    from twin.core.estimate import Estimator
    from twin.core.rest import guarding_state
    from twin.store.emulator_file import read_emulator

    given, refused = screened(record.given, record.body, record.now)
    estimator = Estimator(read_emulator(), resimulate=guarding_state)
    fit = estimator.fit(record.measurements, record.body, record.now, given)
    return FittedRecord(
        fit,
        underway_at(given, fit.taken_at, record.now),
        given,
        tuple(f"Recorded treatment is left out: {each.reason}" for each in refused),
    )


def weighed(record: PatientRecord, given: tuple[Administration, ...]) -> Causes | NotWeighed:
    """Return the causes of the patient's trouble; treatment that is known is none."""
    from twin.core.causes import CauseWeigher
    from twin.store.emulator_file import read_cause_emulator

    return CauseWeigher(read_cause_emulator()).weigh(
        record.measurements,
        record.body,
        record.now,
        record.respiratory_rate_per_min,
        given=given,
    )
