"""Pharmacokinetics against numerical integration and against measured levels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from twin.core.drugs import PHARMACOLOGY, controls_over, effect_site_ug_per_l
from twin.core.interventions import (
    Bleeding,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Oxygen,
    Route,
    schedule,
)
from twin.core.layout import CONTROL_INDEX
from twin.core.parameters import Body

ADULT = Body(50, "male", 70.0, 175.0)


def _numerically(given: Infusion | DrugDose, times_s: np.ndarray) -> np.ndarray:
    """Integrate gut, body and effect site as differential equations."""
    drug = PHARMACOLOGY[given.drug]
    loss, entry = np.log(2) / drug.half_life_s, np.log(2) / drug.effect_half_life_s
    volume = drug.distribution_l_per_kg * 70.0
    absorption = np.log(2) / drug.absorption_half_life_s if drug.absorption_half_life_s else 0.0
    gut = body = rate = 0.0
    if isinstance(given, Infusion):
        rate = given.rate * 70.0 / 60.0
    elif given.route is Route.ORAL:
        gut = 1000.0 * given.dose_mg * drug.oral_availability
    else:
        body = 1000.0 * given.dose_mg

    def slopes(_: float, state: np.ndarray) -> list[float]:
        return [
            -absorption * state[0],
            absorption * state[0] + rate - loss * state[1],
            entry * (state[1] / volume - state[2]),
        ]

    solved = solve_ivp(
        slopes, (0.0, times_s[-1]), [gut, body, 0.0], "LSODA", times_s, rtol=1e-9, atol=1e-9
    )
    return np.asarray(solved.y[2])


@pytest.mark.parametrize(
    "given",
    [
        Infusion(Drug.NOREPINEPHRINE, 0.1),
        Infusion(Drug.ESMOLOL, 100.0),
        DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS),
        DrugDose(Drug.METOPROLOL, 50.0, Route.ORAL),
        DrugDose(Drug.FUROSEMIDE, 40.0, Route.INTRAVENOUS),
        DrugDose(Drug.FUROSEMIDE, 40.0, Route.ORAL),
    ],
)
def test_the_effect_site_agrees_with_numerical_integration(given: Infusion | DrugDose) -> None:
    times = np.linspace(0.0, 4 * 3600.0, 60)
    expected = _numerically(given, times)
    found = effect_site_ug_per_l(given, 70.0, times)
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-4 * expected.max())


@pytest.mark.parametrize(
    ("rate", "low", "high"), [(0.06, 2.27, 3.39), (0.1, 3.61, 4.41), (0.14, 4.62, 6.77)]
)
def test_norepinephrine_reaches_the_plasma_levels_of_ensinger_1992(
    rate: float, low: float, high: float
) -> None:
    steady = effect_site_ug_per_l(Infusion(Drug.NOREPINEPHRINE, rate), None, np.array([1800.0]))
    assert low <= steady[0] <= high


def test_a_fluid_is_given_whole_and_then_stops() -> None:
    given = schedule([Fluid(FluidKind.RED_CELLS, 300.0, 600.0)], ADULT)
    controls = controls_over(given, np.arange(0.5, 1200.0))
    assert controls[:, CONTROL_INDEX["fluid_ml_per_s"]].sum() == pytest.approx(300.0, rel=1e-4)
    # A unit of red cells brings about 60 g of haemoglobin.
    assert 50 < controls[:, CONTROL_INDEX["haemoglobin_g_per_s"]].sum() < 65


def test_bleeding_and_oxygen_reach_the_controls() -> None:
    given = schedule([Bleeding(60.0, 120.0), Oxygen(0.5)], ADULT)
    controls = controls_over(given, np.arange(0.5, 600.0))
    assert controls[:, CONTROL_INDEX["bleeding_ml_per_s"]].sum() == pytest.approx(120.0)
    assert (controls[:, CONTROL_INDEX["inspired_oxygen_fraction"]] == 0.5).all()


def test_every_drug_is_modelled_and_names_its_source() -> None:
    assert set(PHARMACOLOGY) == set(Drug)
    for drug in PHARMACOLOGY.values():
        assert drug.source
        assert all(effect.control in CONTROL_INDEX for effect in drug.effects)
