"""What one can ask of the twin: assimilate measurements, recall it, forecast, compare treatments.

All of them wait and compute, so that a service runs them in a worker thread: best all that one
call needs in one go, since every change of thread costs as much as simulating a treatment.
Stored revisions are compared and set: of two calls for one patient at once, the slower one recalls
the faster one's twin, adds what is still new to it, and saves again.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from twin.core.comparison import (
    Comparison,
    Plan,
    SimulatedEffect,
    compare_interventions,
)
from twin.core.forecast import Forecast, forecast, forecast_sentences, forecast_within
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Measurement
from twin.core.observation_sets import CLOCK_TOLERANCE
from twin.core.parameters import Body
from twin.core.ranking import USUAL_GOAL, Goal, Ranked, rank
from twin.core.stored_twin import PatientKey, StoredTwin
from twin.core.treatment import Administration, Refused, Underway, screened, underway_at
from twin.errors import StoreUnavailable, TwinIsNewer, TwinNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from datetime import datetime

    from twin.core.fit import Fit
    from twin.ports import Estimator, TwinStore

__all__ = [
    "USUAL_GOAL",
    "Administration",
    "Assimilation",
    "Comparison",
    "Forecast",
    "Goal",
    "PatientKey",
    "Plan",
    "Ranked",
    "Refused",
    "SimulatedEffect",
    "StoredTwin",
    "Underway",
    "assimilate",
    "compare_interventions",
    "forecast",
    "forecast_sentences",
    "forecast_within",
    "rank",
    "recall",
    "warm_up",
]

KEPT_FOR: Final = timedelta(hours=48)
"""Older measurements say nothing of the present state and are dropped, so that a twin stays
small."""

MOST_KEPT: Final = 512
"""Even a monitor that charts every minute must not make a twin grow."""

ATTEMPTS: Final = 4
"""Calls for one patient at once are few; each attempt loses to another that has won."""

NOT_SAVED: Final = (
    "The updated twin could not be kept; this answer is complete, but the next one starts from "
    "the last twin that was kept."
)


@dataclass(frozen=True, slots=True, eq=False)
class Assimilation:
    """A twin brought up to date."""

    twin: StoredTwin
    fit: Fit
    used: tuple[Measurement, ...]
    """What was new in this call."""
    unchanged: bool
    """True when nothing was new and the stored fit stands."""
    latest_at: datetime | None
    """When the newest kept measurement was taken; None without any."""
    underway: Underway
    """The recorded treatment that the fit stands under, to simulate and forecast with."""
    not_simulated: tuple[Refused, ...] = ()
    """Recorded treatment that is left out, with the reasons."""
    keeping: Future[str | None] | None = None
    """The twin being kept while the caller goes on; None where there is nothing to keep."""

    @property
    def not_saved(self) -> str | None:
        """Wait until the twin is kept; return a sentence if it was not.

        The fit is right then, but the next call will not remember it. Nobody may be answered
        before this has returned: what was answered must survive the death of the process.
        """
        return None if self.keeping is None else self.keeping.result()


WARMING_HORIZON_S: Final = 60.0


_KEEPING: Final = ThreadPoolExecutor(1, "keeping")
"""A store is one file or one server: its writers would wait for each other anyway."""


def warm_up(estimator: Estimator, now: datetime) -> None:
    """Load and compile what the first call would otherwise wait for: fit once, simulate once.

    ``now`` may be any instant; the patient is nobody.
    """
    values = ((Quantity.HEART_RATE, 70.0), (Quantity.MEAN_PRESSURE, 90.0))
    earlier = now - timedelta(hours=1)
    measurements = [
        Measurement(quantity, value, at, f"{quantity}/{at.isoformat()}")
        for at in (earlier, now)
        for quantity, value in values
    ]
    converged = estimator.fit(measurements, Body(None, None, None, None), now).converged()
    if converged is not None:
        compare_interventions(converged, (), WARMING_HORIZON_S)
        forecast(converged, WARMING_HORIZON_S)


def recall(store: TwinStore, patient: PatientKey) -> StoredTwin:
    """Return the patient's stored twin.

    Raises
    ------
    twin.errors.TwinNotFound
        Nothing was assimilated for this patient yet.
    twin.errors.StoreUnavailable
        The store could not be read.
    """
    return store.load(patient)


def assimilate(
    store: TwinStore,
    estimator: Estimator,
    patient: PatientKey,
    measurements: Sequence[Measurement],
    body: Body,
    now: datetime,
    given: Sequence[Administration] = (),
) -> Assimilation:
    """Add what is new to the patient's twin and return it fitted under what was ``given``.

    Measurements already known by reference change nothing. ``given`` is all recorded treatment, as
    it is known now; another one than the last time makes a new fit. A store that fails costs no
    answer: the fit stands, from this call's measurements and what could be recalled, and
    ``not_saved`` says so. The twin is kept beside whatever the caller does with the fit.
    """
    treatment, refused = screened(given, body, now)

    def fitted() -> tuple[Assimilation, bool]:
        stored, lost = _recalled(store, patient)
        updated = _updated(estimator, patient, stored, measurements, body, now, treatment)
        return replace(updated, not_simulated=refused), lost

    first, lost = fitted()
    if first.unchanged:
        return first

    def kept() -> str | None:
        attempt, unreadable = first, lost
        for _ in range(ATTEMPTS):
            if unreadable:
                break
            try:
                store.save(attempt.twin)
            except TwinIsNewer:
                attempt, unreadable = fitted()
                if attempt.unchanged:
                    return None
            except StoreUnavailable:
                break
            else:
                return None
        return NOT_SAVED

    return replace(first, keeping=_KEEPING.submit(kept))


def _recalled(store: TwinStore, patient: PatientKey) -> tuple[StoredTwin | None, bool]:
    """Return the stored twin, if any, and whether the store is lost."""
    try:
        return store.load(patient), False
    except TwinNotFound:
        return None, False
    except StoreUnavailable:
        return None, True


def _updated(
    estimator: Estimator,
    patient: PatientKey,
    stored: StoredTwin | None,
    measurements: Sequence[Measurement],
    body: Body,
    now: datetime,
    given: tuple[Administration, ...],
) -> Assimilation:
    known = stored.measurements if stored else ()
    new = _unknown(measurements, known, now)
    kept = _kept((*known, *new), now)
    latest = max((m.taken_at for m in kept if m.taken_at <= now + CLOCK_TOLERANCE), default=None)
    if (
        stored is not None
        and not new
        and stored.fit.body == body
        and stored.given == given
        and stored.model_version == estimator.model_version
    ):
        underway = underway_at(given, stored.fit.taken_at, now)
        return Assimilation(stored, stored.fit, (), True, latest, underway)
    fit = estimator.fit(kept, body, now, given)
    revision = (stored.revision if stored else 0) + 1
    twin = StoredTwin(patient, revision, estimator.model_version, now, kept, fit, given)
    return Assimilation(twin, fit, new, False, latest, underway_at(given, fit.taken_at, now))


def _unknown(
    measurements: Sequence[Measurement], known: Sequence[Measurement], now: datetime
) -> tuple[Measurement, ...]:
    """Return what is neither known nor too old to be kept, each once."""
    seen = {(m.reference, m.quantity) for m in known}
    new: list[Measurement] = []
    for measurement in measurements:
        identity = (measurement.reference, measurement.quantity)
        if identity not in seen and now - measurement.taken_at <= KEPT_FOR:
            seen.add(identity)
            new.append(measurement)
    return tuple(new)


def _kept(measurements: Sequence[Measurement], now: datetime) -> tuple[Measurement, ...]:
    """Return the window that is kept, oldest first, later versions in place of earlier ones."""
    latest = {(m.source, m.quantity): m for m in measurements if now - m.taken_at <= KEPT_FOR}
    return tuple(sorted(latest.values(), key=lambda m: m.taken_at))[-MOST_KEPT:]
