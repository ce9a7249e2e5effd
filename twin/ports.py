"""Ports of the twin: what it needs of the world. Protocols only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from twin.core.fit import Fit
    from twin.core.measurements import Measurement
    from twin.core.parameters import Body
    from twin.core.stored_twin import PatientKey, StoredTwin
    from twin.core.treatment import Administration


class TwinStore(Protocol):
    """Where twins are kept between two calls; any thread may use it, and waits for it."""

    def load(self, patient: PatientKey) -> StoredTwin:
        """Return the latest acknowledged revision of the patient's twin.

        Raises
        ------
        twin.errors.TwinNotFound
            Nothing was ever saved for this patient.
        twin.errors.StoreUnavailable
            The store could not be read.
        """
        ...

    def save(self, twin: StoredTwin) -> None:
        """Keep this revision; when it returns, the twin survives the death of the process.

        Raises
        ------
        twin.errors.TwinIsNewer
            The revision is not the stored one plus 1 (the first is 1): another writer was faster.
        twin.errors.StoreUnavailable
            Nothing was kept: the disk is full, or the store locked, damaged or gone.
        """
        ...


class Estimator(Protocol):
    """Whatever turns measurements into a fit; ``twin.core.estimate.Estimator`` does."""

    @property
    def model_version(self) -> str:
        """Return the version of the model behind the fits; a twin of another is fitted anew."""
        ...

    def fit(
        self,
        measurements: Sequence[Measurement],
        body: Body,
        now: datetime,
        given: Sequence[Administration] = (),
    ) -> Fit:
        """Return the twin that these measurements leave under what was given.

        Never raises for data; ``given`` has passed ``twin.core.treatment.screened``.
        """
        ...
