"""Assimilation as a whole: what is remembered, what counts as news, what survives trouble."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from twin.core.estimate import Estimator
from twin.core.fit import FitOutcome
from twin.core.haemodynamics import Quantity
from twin.core.interventions import Drug, Infusion
from twin.core.measurements import Measurement
from twin.core.parameters import PARAMETER_INDEX
from twin.core.stored_twin import PatientKey, StoredTwin
from twin.errors import StoreUnavailable, TwinNotFound
from twin.store.memory import MemoryTwinStore
from twin.usecases import (
    KEPT_FOR,
    MOST_KEPT,
    Administration,
    Assimilation,
    assimilate,
    recall,
    warm_up,
)

if TYPE_CHECKING:
    from tests.twin.conftest import Bedside
    from twin.ports import TwinStore

PATIENT = PatientKey("digest-a")


def assimilated(
    store: TwinStore, estimator: Estimator, bedside: Bedside, measurements: list[Measurement]
) -> Assimilation:
    result = assimilate(store, estimator, PATIENT, measurements, bedside.man, bedside.noon)
    _ = result.not_saved  # Wait until it is kept.
    return result


def test_the_first_call_makes_a_twin_that_can_be_recalled(
    estimator: Estimator, bedside: Bedside
) -> None:
    store = MemoryTwinStore()
    result = assimilated(store, estimator, bedside, bedside.seen(bedside.stable))
    assert (result.twin.revision, result.unchanged, result.not_saved) == (1, False, None)
    assert result.latest_at == bedside.noon
    assert recall(store, PATIENT).fit is result.fit


def test_a_patient_never_seen_cannot_be_recalled() -> None:
    with pytest.raises(TwinNotFound):
        recall(MemoryTwinStore(), PATIENT)


def test_measurements_already_known_change_nothing(estimator: Estimator, bedside: Bedside) -> None:
    store = MemoryTwinStore()
    first = assimilated(store, estimator, bedside, bedside.seen(bedside.stable))
    second = assimilated(store, estimator, bedside, bedside.seen(bedside.stable))
    assert second.unchanged
    assert second.used == ()
    assert second.twin is first.twin


def test_only_what_is_new_is_used_and_earlier_measurements_still_count(
    estimator: Estimator, bedside: Bedside
) -> None:
    store = MemoryTwinStore()
    output = {Quantity.CARDIAC_OUTPUT: 4.1}
    assimilated(store, estimator, bedside, bedside.seen(output, hours_ago=0.5))
    result = assimilated(store, estimator, bedside, bedside.seen(bedside.stable))
    assert {m.quantity for m in result.used} == set(bedside.stable)
    assert result.twin.revision == 2
    alone = estimator.fit(bedside.seen(bedside.stable), bedside.man, bedside.noon)
    narrowed = result.fit.estimates[Quantity.CARDIAC_OUTPUT]
    assert narrowed.width < 0.8 * alone.estimates[Quantity.CARDIAC_OUTPUT].width


def test_a_new_version_of_a_measurement_replaces_the_old_one(
    estimator: Estimator, bedside: Bedside
) -> None:
    store = MemoryTwinStore()
    wrong = Measurement(Quantity.HEART_RATE, 174.0, bedside.noon, "Observation/1/_history/1")
    pressure = Measurement(Quantity.MEAN_PRESSURE, 88.0, bedside.noon, "Observation/2")
    assimilated(store, estimator, bedside, [wrong, pressure])
    right = replace(wrong, value=74.0, reference="Observation/1/_history/2")
    result = assimilated(store, estimator, bedside, [right, pressure])
    assert result.used == (right,)
    assert result.twin.measurements == (right, pressure) or result.twin.measurements == (
        pressure,
        right,
    )
    assert result.fit.estimates[Quantity.HEART_RATE].median == pytest.approx(74.0, abs=4.0)


def test_what_is_kept_is_bounded_in_age_and_number(estimator: Estimator, bedside: Bedside) -> None:
    store = MemoryTwinStore()
    ancient = bedside.seen(bedside.stable, hours_ago=KEPT_FOR / timedelta(hours=1) + 1.0)
    many = [
        Measurement(
            Quantity.HEART_RATE, 80.0, bedside.noon - timedelta(minutes=n), f"Observation/{n}"
        )
        for n in range(MOST_KEPT + 100)
    ]
    result = assimilated(store, estimator, bedside, ancient + many)
    assert len(result.twin.measurements) == MOST_KEPT
    assert result.twin.measurements[-1].taken_at == bedside.noon
    assert not set(ancient) & set(result.twin.measurements)


def test_a_value_of_the_future_is_neither_fitted_nor_the_latest(
    estimator: Estimator, bedside: Bedside
) -> None:
    late = bedside.noon + timedelta(hours=3)
    ahead = Measurement(Quantity.HEART_RATE, 150.0, late, "Observation/late")
    measurements = [*bedside.seen(bedside.stable), ahead]
    result = assimilated(MemoryTwinStore(), estimator, bedside, measurements)
    assert result.latest_at == bedside.noon
    assert any("dated in the future" in sentence for sentence in result.fit.sentences)
    assert result.fit.estimates[Quantity.HEART_RATE].median < 90.0


def test_a_poor_fit_is_kept_too_and_says_why_it_gives_no_advice(
    estimator: Estimator, bedside: Bedside
) -> None:
    store = MemoryTwinStore()
    values = {Quantity.HEART_RATE: 80.0}
    result = assimilated(store, estimator, bedside, bedside.seen(values))
    assert result.fit.outcome is FitOutcome.TOO_LITTLE
    assert recall(store, PATIENT).fit.converged() is None


def test_two_calls_at_once_for_one_patient_lose_nothing(
    estimator: Estimator, bedside: Bedside
) -> None:
    store = MemoryTwinStore()
    halves = [bedside.seen({quantity: value}) for quantity, value in bedside.stable.items()]

    def one(half: list[Measurement]) -> Assimilation:
        return assimilated(store, estimator, bedside, half)

    with ThreadPoolExecutor(len(halves)) as pool:
        results = list(pool.map(one, halves))
    twin = recall(store, PATIENT)
    assert twin.revision == len(halves)
    assert {m.quantity for m in twin.measurements} == set(bedside.stable)
    assert all(result.not_saved is None for result in results)


@dataclass
class FailingStore:
    """A store on a full disk: reads, but cannot write; or cannot even read."""

    readable: bool
    inner: MemoryTwinStore = field(default_factory=MemoryTwinStore)

    def load(self, patient: PatientKey) -> StoredTwin:
        if not self.readable:
            raise StoreUnavailable("gone")
        return self.inner.load(patient)

    def save(self, twin: StoredTwin) -> None:
        raise StoreUnavailable("full")


@pytest.mark.parametrize("readable", [True, False])
def test_a_failing_store_costs_no_answer_and_is_said(
    estimator: Estimator, bedside: Bedside, readable: bool
) -> None:
    result = assimilated(FailingStore(readable), estimator, bedside, bedside.seen(bedside.stable))
    assert result.fit.converged() is not None
    assert result.not_saved is not None
    assert "could not be kept" in result.not_saved


def test_a_twin_of_another_model_is_fitted_anew(estimator: Estimator, bedside: Bedside) -> None:
    store = MemoryTwinStore()
    assimilated(store, estimator, bedside, bedside.seen(bedside.stable))
    emulator = replace(estimator.emulator, model_version="another")
    result = assimilated(store, Estimator(emulator), bedside, bedside.seen(bedside.stable))
    assert not result.unchanged
    assert result.twin.model_version == "another"


def test_a_changed_body_is_fitted_anew(estimator: Estimator, bedside: Bedside) -> None:
    store = MemoryTwinStore()
    measurements = bedside.seen(bedside.stable)
    assimilated(store, estimator, bedside, measurements)
    heavier = replace(bedside.man, weight_kg=110.0)
    result = assimilate(store, estimator, PATIENT, measurements, heavier, bedside.noon)
    assert not result.unchanged
    assert result.fit.body == heavier


def test_warming_up_leaves_nothing_behind(estimator: Estimator, bedside: Bedside) -> None:
    warm_up(estimator, bedside.noon)


class TestTreatment:
    """What is recorded as given belongs to the twin as the measurements do."""

    BEGUN = timedelta(hours=3)

    def assimilated(
        self,
        store: TwinStore,
        estimator: Estimator,
        bedside: Bedside,
        *given: Administration,
    ) -> Assimilation:
        seen = bedside.seen(bedside.stable)
        result = assimilate(store, estimator, PATIENT, seen, bedside.man, bedside.noon, given)
        _ = result.not_saved
        return result

    def running(self, bedside: Bedside, rate: float, reference: str) -> Administration:
        infusion = Infusion(Drug.NOREPINEPHRINE, rate)
        return Administration(infusion, bedside.noon - self.BEGUN, None, reference)

    def test_another_rate_makes_another_fit_of_the_same_measurements(
        self, estimator: Estimator, bedside: Bedside
    ) -> None:
        store = MemoryTwinStore()
        first = self.assimilated(store, estimator, bedside)
        second = self.assimilated(store, estimator, bedside, self.running(bedside, 0.1, "Given/1"))
        assert (second.unchanged, second.used, second.twin.revision) == (False, (), 2)
        row = PARAMETER_INDEX["systemic_resistance"]
        assert second.fit.parameters[row].mean() < first.fit.parameters[row].mean()
        assert recall(store, PATIENT).given == second.twin.given

    def test_the_same_treatment_in_a_new_version_changes_nothing(
        self, estimator: Estimator, bedside: Bedside
    ) -> None:
        store = MemoryTwinStore()
        self.assimilated(store, estimator, bedside, self.running(bedside, 0.1, "Given/1/1"))
        again = self.assimilated(
            store, estimator, bedside, self.running(bedside, 0.1, "Given/1/2")
        )
        assert again.unchanged
        assert again.underway.given[0].starts_at_s == -self.BEGUN.total_seconds()

    def test_what_cannot_be_simulated_is_handed_back_with_its_reason_and_not_fitted(
        self, estimator: Estimator, bedside: Bedside
    ) -> None:
        flood = self.running(bedside, 900.0, "Given/1")
        result = self.assimilated(MemoryTwinStore(), estimator, bedside, flood)
        (refused,) = result.not_simulated
        assert refused.administration is flood
        assert "plausible range" in refused.reason
        assert result.twin.given == ()
