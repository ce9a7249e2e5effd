"""One suite for every ``TwinStore``: what the port promises, each adapter keeps."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from twin.core.arm import Arm
from twin.core.fit import Fit, FitOutcome, Interval
from twin.core.haemodynamics import Quantity
from twin.core.interventions import Drug, DrugDose, Fluid, FluidKind, Infusion, Route
from twin.core.measurements import Condition, Device, Measurement
from twin.core.parameters import Body
from twin.core.stored_twin import PatientKey, StoredTwin
from twin.core.treatment import Administration
from twin.errors import TwinIsNewer, TwinNotFound
from twin.store.memory import MemoryTwinStore
from twin.store.payload import LAYOUT, from_bytes, to_bytes
from twin.store.sqlite import SqliteTwinStore

if TYPE_CHECKING:
    from twin.ports import TwinStore

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def a_twin(patient: str = "digest-a", revision: int = 1) -> StoredTwin:
    fit = Fit(
        FitOutcome.WIDE,
        Body(70.0, "female", 62.0, None),
        812.5,
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.full(4, 0.25, np.float32),
        np.ones((2, 4), np.float32),
        None,
        {Quantity.STROKE_VOLUME: Interval(70.0, 51.0, 92.0)},
        {Quantity.HEART_RATE: -0.4},
        ("One sentence.", "Another."),
        NOON,
        Arm(np.array([1.0, 1.1, 1.2, 1.3], np.float32), 0.25),
    )
    measurements = (
        Measurement(Quantity.HEART_RATE, 80.0, NOON, "Observation/1/_history/1", Device.MONITOR),
        Measurement(Condition.HAEMOGLOBIN, 12.5, NOON, "Observation/2", Device.LABORATORY),
    )
    return StoredTwin(PatientKey(patient), revision, "1", NOON, measurements, fit)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TwinStore]:
    if request.param == "memory":
        yield MemoryTwinStore()
        return
    opened = SqliteTwinStore(tmp_path / "twins.sqlite")
    yield opened
    opened.close()


def test_a_patient_without_a_twin_is_an_error_not_an_average_patient(store: TwinStore) -> None:
    with pytest.raises(TwinNotFound):
        store.load(PatientKey("nobody"))


def test_what_was_saved_comes_back_whole(store: TwinStore) -> None:
    saved = a_twin()
    store.save(saved)
    loaded = store.load(saved.patient)
    assert (loaded.revision, loaded.model_version, loaded.updated_at) == (1, "1", NOON)
    assert loaded.measurements == saved.measurements
    assert loaded.fit.outcome is FitOutcome.WIDE
    assert loaded.fit.body == saved.fit.body
    assert loaded.fit.estimates == saved.fit.estimates
    assert loaded.fit.residuals == saved.fit.residuals
    assert loaded.fit.sentences == saved.fit.sentences
    assert loaded.fit.drift_per_h is None
    np.testing.assert_array_equal(loaded.fit.parameters, saved.fit.parameters)
    np.testing.assert_array_equal(loaded.fit.weights, saved.fit.weights)
    np.testing.assert_array_equal(loaded.fit.now, saved.fit.now)


def test_the_drift_comes_back_with_the_fit(store: TwinStore) -> None:
    drift = np.linspace(-1.0, 1.0, 8, dtype=np.float32).reshape(2, 4)
    twin = a_twin()
    store.save(replace(twin, fit=replace(twin.fit, drift_per_h=drift)))
    np.testing.assert_array_equal(store.load(twin.patient).fit.drift_per_h, drift)


def test_the_first_revision_is_1(store: TwinStore) -> None:
    with pytest.raises(TwinIsNewer):
        store.save(a_twin(revision=7))


def test_a_revision_follows_the_stored_one_without_a_gap(store: TwinStore) -> None:
    store.save(a_twin())
    store.save(a_twin(revision=2))
    for revision in (1, 2, 4):
        with pytest.raises(TwinIsNewer):
            store.save(a_twin(revision=revision))
    assert store.load(PatientKey("digest-a")).revision == 2


def test_patients_do_not_share_a_twin(store: TwinStore) -> None:
    store.save(a_twin("digest-a"))
    store.save(a_twin("digest-b"))
    store.save(a_twin("digest-b", revision=2))
    assert store.load(PatientKey("digest-a")).revision == 1
    assert store.load(PatientKey("digest-b")).revision == 2


def test_two_writers_of_one_revision_cannot_both_win(store: TwinStore) -> None:
    def attempt(writer: int) -> bool:
        later = replace(a_twin(), updated_at=NOON + timedelta(seconds=writer))
        try:
            store.save(later)
        except TwinIsNewer:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_the_treatment_that_a_fit_stands_under_comes_back_with_it(store: TwinStore) -> None:
    begun = NOON - timedelta(hours=3)
    given = (
        Administration(Infusion(Drug.NOREPINEPHRINE, 0.2), begun, None, "Given/1"),
        Administration(DrugDose(Drug.ESMOLOL, 40.0, Route.INTRAVENOUS, 60.0), begun, None),
        Administration(Fluid(FluidKind.ALBUMIN, 250.0, 900.0), begun, NOON, "Given/3"),
    )
    twin = a_twin()
    store.save(replace(twin, given=given, fit=replace(twin.fit, taken_at=NOON)))
    found = store.load(twin.patient)
    assert found.given == given
    assert [each.reference for each in found.given] == ["Given/1", "", "Given/3"]
    assert found.fit.taken_at == NOON


def test_how_the_arm_shows_the_aorta_comes_back_with_the_fit(store: TwinStore) -> None:
    saved = a_twin()
    store.save(saved)
    found = store.load(saved.patient).fit.arm
    np.testing.assert_array_equal(found.amplification, saved.fit.arm.amplification)
    assert found.mean_share == saved.fit.arm.mean_share


def test_a_twin_kept_before_the_arm_was_known_shows_its_aorta() -> None:
    kept = msgspec.msgpack.decode(to_bytes(a_twin()))
    del kept["fit"]["amplification"], kept["fit"]["mean_share"]
    older = from_bytes(msgspec.msgpack.encode(kept | {"layout": 2}))
    np.testing.assert_array_equal(older.fit.arm.amplification, np.ones(4))
    assert older.fit.arm.mean_share is None


def test_a_twin_kept_before_treatment_was_is_still_read() -> None:
    kept = msgspec.msgpack.decode(to_bytes(a_twin()))
    del kept["given"], kept["fit"]["taken_at"]
    older = from_bytes(msgspec.msgpack.encode(kept | {"layout": 1}))
    assert (older.given, older.fit.taken_at, older.revision) == ((), None, 1)
    with pytest.raises(ValueError, match="layout"):
        from_bytes(msgspec.msgpack.encode(kept | {"layout": LAYOUT + 1}))
