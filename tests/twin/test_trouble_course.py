"""Which sets are weighed, how their errors hang together, and how a trouble comes on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from twin.core.device_errors import error_model
from twin.core.haemodynamics import Quantity
from twin.core.hypotheses import Cause
from twin.core.intervention_kinds import Fluid, FluidKind
from twin.core.measurements import Device, Measurement
from twin.core.observation_sets import observation_sets
from twin.core.onsets import ONSETS, paths
from twin.core.treatment import Administration
from twin.core.trouble_course import MOST_EARLIER, TOGETHER, charted, chosen, retained_ml
from twin.store.emulator_file import read_cause_emulator

if TYPE_CHECKING:
    from tests.twin.conftest import Bedside

EMULATOR = read_cause_emulator()


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_was_wholly_there_now_and_not_at_all_before_its_onset(cause: Cause) -> None:
    possible = paths(cause, np.array([0.0, 1.0, 100.0]))
    assert possible.shares.sum() == pytest.approx(1.0)
    assert possible.severities[:, 0] == pytest.approx(1.0)
    assert possible.severities[:, 2] == pytest.approx(0.0)
    assert (np.diff(possible.severities, axis=1) <= 0.0).all()
    assert ONSETS[cause].source


def test_an_embolism_is_sudden_more_often_than_a_sepsis() -> None:
    def sudden(cause: Cause) -> float:
        possible = paths(cause, np.array([0.0, 1.0]))
        return float(possible.shares[possible.severities[:, 1] > 0.95].sum())

    assert sudden(Cause.EMBOLISM) > 3.0 * sudden(Cause.VASOPLEGIA)


def test_paths_that_no_charted_moment_tells_apart_are_one() -> None:
    assert len(paths(Cause.BLOOD_LOSS, np.zeros(1)).shares) == 1
    few = len(paths(Cause.BLOOD_LOSS, np.array([0.0, 1.0])).shares)
    assert 1 < few < len(paths(Cause.BLOOD_LOSS, np.array([0.0, 0.5, 1.0, 2.0])).shares)


def course(bedside: Bedside, *hours: float) -> list[Measurement]:
    return [m for h in hours for m in bedside.seen(bedside.bleeding, h, Device.CUFF)]


def test_of_many_sets_a_few_are_weighed_the_last_untroubled_one_among_them(
    bedside: Bedside,
) -> None:
    troubled = course(bedside, *np.arange(0.0, 9.0, 0.5))
    sets = observation_sets([*troubled, *bedside.seen(bedside.stable, 11.0)])
    looked_at = chosen(sets)
    assert len(looked_at) <= 1 + MOST_EARLIER
    assert looked_at[0] is sets[0]
    assert looked_at[-1].seen[Quantity.HEART_RATE].value == bedside.stable[Quantity.HEART_RATE]
    ages = [(sets[0].taken_at - each.taken_at).total_seconds() for each in looked_at]
    assert ages == sorted(ages)


def test_sets_of_yesterday_and_contradictory_ones_are_not_weighed(bedside: Bedside) -> None:
    upside_down = {
        Quantity.HEART_RATE: 80.0,
        Quantity.SYSTOLIC_PRESSURE: 60.0,
        Quantity.DIASTOLIC_PRESSURE: 90.0,
    }
    measurements = [*course(bedside, 0.0, 30.0), *bedside.seen(upside_down, 2.0)]
    assert len(chosen(observation_sets(measurements))) == 1


def errors(bedside: Bedside, measurements: list[Measurement]) -> np.ndarray:
    sets = chosen(observation_sets(measurements))
    middles = np.zeros((len(sets), len(EMULATOR.inputs)))
    seen = charted(sets, middles, 1.0, 60.0, EMULATOR)
    root = np.linalg.inv(seen.whitener)
    return root @ root.T


def test_a_change_within_the_hour_is_known_better_than_either_value(bedside: Bedside) -> None:
    rate = {Quantity.HEART_RATE: 100.0}
    spread = errors(bedside, [*bedside.seen(rate), *bedside.seen(rate, 0.5)])
    independent = spread[0, 0] + spread[1, 1]
    assert spread[0, 1] > 0.0
    assert spread[0, 0] + spread[1, 1] - 2.0 * spread[0, 1] < independent
    # And better than one over three hours.
    later = errors(bedside, [*bedside.seen(rate), *bedside.seen(rate, 3.0)])
    assert later[1, 1] > spread[1, 1]


def test_a_pulse_pressure_is_known_better_than_two_cuffs_would_tell(bedside: Bedside) -> None:
    pressures = {Quantity.SYSTOLIC_PRESSURE: 100.0, Quantity.DIASTOLIC_PRESSURE: 60.0}
    cuff = errors(bedside, bedside.seen(pressures, device=Device.CUFF))
    assert cuff.shape == (2, 2)
    sds = [error_model(quantity, Device.CUFF).sd(value) for quantity, value in pressures.items()]
    assert cuff[0, 1] == pytest.approx(TOGETHER * sds[0] * sds[1])
    assert cuff[0, 1] > 0.0


def test_a_mean_that_a_cuff_made_of_its_other_pressures_is_no_news(bedside: Bedside) -> None:
    made = errors(bedside, bedside.seen(bedside.bleeding, device=Device.CUFF))
    line = errors(bedside, bedside.seen(bedside.bleeding, device=Device.ARTERIAL_LINE))
    assert len(line) == len(made) + 1


def test_systolic_pressure_is_weighed_as_it_is_in_the_aorta(bedside: Bedside) -> None:
    sets = observation_sets(bedside.seen(bedside.bleeding, device=Device.CUFF))
    seen = charted(sets, np.zeros((1, len(EMULATOR.inputs))), 1.0, 60.0, EMULATOR)
    row = EMULATOR.outputs.index(Quantity.SYSTOLIC_PRESSURE)
    (value,) = seen.values[seen.rows[seen.places] == row]
    low, high = (
        bedside.bleeding[Quantity.DIASTOLIC_PRESSURE],
        bedside.bleeding[Quantity.SYSTOLIC_PRESSURE],
    )
    assert low < value < high


def test_a_third_of_a_litre_of_crystalloid_stays(bedside: Bedside) -> None:
    def given(kind: FluidKind, hours_ago: float) -> Administration:
        return Administration(
            Fluid(kind, 1000.0, 1200.0), bedside.noon - timedelta(hours=hours_ago), None
        )

    water, cells = FluidKind.CRYSTALLOID, FluidKind.RED_CELLS
    assert retained_ml([given(water, 4.0)], bedside.noon) == pytest.approx(300.0, abs=10.0)
    assert retained_ml([given(cells, 4.0)], bedside.noon) > 750.0
    early = retained_ml([given(water, 0.4)], bedside.noon)
    assert 500.0 < early < 1000.0
    assert 0.0 < retained_ml([given(water, 0.1)], bedside.noon) < early
    assert retained_ml([given(water, -1.0)], bedside.noon) == 0.0
