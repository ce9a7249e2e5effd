"""What was given, in a CSV beside one of vital signs: infusions and boluses on the same minutes.

The layout is that of ``cardiotwin evaluate forecast --inputs``; reading it and making treatment of
it are ``twin.evaluation``'s. May live here: which rows are this patient's, until which instant.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from cds_hooks.cli.twin_csv import START_OF_CLOCK, CannotRead
from twin.errors import ChartUnreadable
from twin.evaluation.chart import Patient
from twin.evaluation.icu_chart import read_inputs
from twin.evaluation.own_forecast import given_until
from twin.usecases import Administration

LONGEST_CLOCK_DAYS: Final = 3650.0
"""Minutes beyond this are dates of a file whose rows have a `time`."""


def given_in_csv(path: Path, subject: str | None, now: datetime) -> tuple[Administration, ...]:
    """Return the infusions and boluses of a patient until an instant, as they were known then.

    Raises
    ------
    CannotRead
        The file cannot be read, is of several patients and none is named, or counts minutes where
        the vital signs have dates.
    """
    minute = (now - START_OF_CLOCK).total_seconds() / 60.0
    if not 0.0 <= minute <= 1440.0 * LONGEST_CLOCK_DAYS:
        raise CannotRead(
            "--inputs counts minutes, and the file of vital signs has dates: give it a column "
            "`minute` in place of `time`."
        )
    try:
        found = read_inputs(path)
    except ChartUnreadable as error:
        raise CannotRead(str(error)) from error
    if subject is None and len(found) > 1:
        raise CannotRead("--inputs is of several subjects; name one with --subject.")
    own = found.get(subject, []) if subject is not None else next(iter(found.values()), [])
    return given_until(Patient(subject or "", (), tuple(own)), minute)
