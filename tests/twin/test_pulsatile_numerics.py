"""The kernel against an independent double-precision statement; its machine code and cache."""

from __future__ import annotations

import platform
import re
import subprocess
import sys

import llvmlite.binding
import numba
import numpy as np
import pytest

from twin.core import beat_averaged, layout, pulsatile
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.interventions import NOTHING
from twin.core.parameters import PARAMETER_INDEX, PARAMETERS, standard_adult
from twin.core.pulsatile import settled, simulate_pulsatile, waveforms
from twin.core.pulsatile_kernel import run_block
from twin.core.start import start
from twin.errors import SimulationError
from twin.validation import reference

ADULT = standard_adult()[:, None]
STATE_ROWS = (
    layout.LEFT_VENTRICLE,
    layout.RIGHT_VENTRICLE,
    layout.LEFT_ATRIUM,
    layout.RIGHT_ATRIUM,
    layout.ARTERIES,
    layout.VEINS,
    layout.LUNG_ARTERIES,
    layout.LUNG_VEINS,
    layout.ARTERIAL_AFFERENT,
    layout.VENOUS_AFFERENT,
    layout.SYMPATHETIC,
    layout.VENOUS_TONE,
    layout.VAGAL,
    layout.RESERVE,
    layout.HORMONES,
)


def _aortic_mmhg(parameters: np.ndarray, state: np.ndarray, duration_s: float) -> np.ndarray:
    waves = waveforms(parameters, state, duration_s)
    arteries, ventricle = waves["arteries"][1][:, 0], waves["left_ventricle"][1][:, 0]
    impedance = parameters[PARAMETER_INDEX["aortic_impedance"], 0]
    valve = parameters[PARAMETER_INDEX["aortic_valve_resistance"], 0]
    ejecting = np.maximum(ventricle - arteries, 0.0)
    return np.asarray(arteries + impedance * ejecting / (valve + impedance))


def test_aortic_pressure_is_within_a_twentieth_of_a_mmhg_of_lsoda_over_a_beat() -> None:
    state = start(ADULT)
    begin = state[0, list(STATE_ROWS)].astype(float)
    beat = reference.beats_from(reference.named(ADULT[:, 0]), begin, 1, samples_per_beat=2000)[0]
    found = _aortic_mmhg(ADULT, state, 0.8)
    expected = np.interp(np.arange(1, found.size + 1) * 0.02, beat.times_s, beat.aortic_mmhg)
    assert np.abs(found - expected).max() < 0.05


def test_the_resting_beat_agrees_with_lsoda() -> None:
    state = settled(ADULT, 150.0)
    begin = state[0, list(STATE_ROWS)].astype(float)
    under_way = (float(state[0, layout.BEAT_TIME]), float(state[0, layout.PERIOD]))
    patient = reference.named(ADULT[:, 0])
    beat = reference.beats_from(patient, begin, 12, 1e-6, 400, under_way)[-1]
    rest = simulate_pulsatile(ADULT, NOTHING, 12.0, 1.0, state)[:, -1, 0]
    mean = np.trapezoid(beat.aortic_mmhg, beat.times_s) / beat.period_s
    for quantity, expected, within in (
        (Quantity.MEAN_PRESSURE, mean, 0.05),
        (Quantity.HEART_RATE, 60.0 / beat.period_s, 0.05),
        (Quantity.SYSTOLIC_PRESSURE, beat.aortic_mmhg.max(), 0.05),
        # The kernel sees the trough at steps of 4 ms, in which diastolic pressure falls 0.2 mmHg.
        (Quantity.DIASTOLIC_PRESSURE, beat.aortic_mmhg.min(), 0.2),
    ):
        assert rest[QUANTITY_INDEX[quantity]] == pytest.approx(expected, abs=within), quantity


def test_blood_is_conserved_over_an_hour() -> None:
    state = settled(ADULT, 3600.0)
    volumes = state[0].reshape(-1, layout.LANES)[
        [place // layout.LANES for place in STATE_ROWS[:8]], 0
    ]
    elsewhere = ADULT[PARAMETER_INDEX["unstressed_volume_elsewhere"], 0]
    blood = ADULT[PARAMETER_INDEX["blood_volume"], 0]
    assert volumes.astype(float).sum() + elsewhere == pytest.approx(blood, rel=1e-6)


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64")
    or not llvmlite.binding.get_host_cpu_features().get("fma"),
    reason="this processor has no fused multiply-add of the x86 kind to look for",
)
def test_the_loops_over_members_are_packed_fused_multiply_adds() -> None:
    # Compiled anew: code that came from the cache cannot be inspected.
    fresh = numba.njit(nogil=True, boundscheck=False, fastmath=True, error_model="numpy")(
        run_block.py_func  # type: ignore[attr-defined]
    )
    fresh.compile(
        "void(float32[::1], float32[:, ::1], int64, int64, int64, int64, float32[:, ::1])"
    )
    code = "".join(fresh.inspect_asm().values())
    packed = len(re.findall(r"\bvfn?m(?:add|sub)\d+ps\b", code))
    single = len(re.findall(r"\bvfn?m(?:add|sub)\d+ss\b", code))
    widened = len(re.findall(r"\bvcvtp?s2[sp]d\b", code))
    assert packed > 100
    assert single == 0
    assert widened == 0


def test_a_second_process_finds_the_kernel_compiled() -> None:
    program = (
        "from twin.core.parameters import standard_adult\n"
        "from twin.core import pulsatile, pulsatile_kernel\n"
        "pulsatile.steady_beats(standard_adult()[:, None], 1.0)\n"
        "print(sum(pulsatile_kernel.run_block.stats.cache_hits.values()))\n"
    )
    pulsatile.steady_beats(ADULT, 1.0)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize("model", ["pulsatile", "beat_averaged"])
def test_members_spread_over_a_third_of_every_range_stay_finite(model: str) -> None:
    drawn = np.random.default_rng(4).uniform(-1.0, 1.0, (len(PARAMETERS), 128))
    low = np.array([[entry.low] for entry in PARAMETERS])
    high = np.array([[entry.high] for entry in PARAMETERS])
    towards = np.where(drawn < 0, ADULT - low, high - ADULT)
    members = ADULT + 0.3 * drawn * towards
    if model == "pulsatile":
        beats = pulsatile.steady_beats(members, 60.0)
    else:
        beats = beat_averaged.simulate(members, NOTHING, 60.0, 60.0)[:, -1]
    assert np.isfinite(beats).all()
    assert (beats[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]] > 0).all()


@pytest.mark.parametrize("model", ["pulsatile", "beat_averaged"])
def test_members_anywhere_in_the_ranges_stay_finite(model: str) -> None:
    low = np.array([[entry.low] for entry in PARAMETERS])
    high = np.array([[entry.high] for entry in PARAMETERS])
    random = np.random.default_rng(4)
    inside = low + (high - low) * random.random((len(PARAMETERS), 256))
    corners = np.where(random.random((len(PARAMETERS), 256)) < 0.5, low, high)
    members = np.concatenate((inside, corners), axis=1)
    if model == "pulsatile":
        beats = pulsatile.steady_beats(members, 30.0)
    else:
        beats = beat_averaged.simulate(members, NOTHING, 30.0, 30.0)[:, -1]
    whole = np.isfinite(beats).all(axis=0)
    assert whole[:256].all()
    # At a corner every parameter is at an end of its range: no circulation of anybody.
    assert whole[256:].mean() > 0.98


def test_members_do_not_touch_each_other() -> None:
    other = ADULT.copy()
    other[PARAMETER_INDEX["systemic_resistance"]] *= 1.4
    alone = pulsatile.steady_beats(ADULT, 20.0)
    beside = pulsatile.steady_beats(np.concatenate([ADULT, other], axis=1), 20.0)
    assert (alone[:, 0] == beside[:, 0]).all()


def test_a_state_is_left_as_it_was() -> None:
    state = settled(ADULT, 10.0)
    before = state.copy()
    simulate_pulsatile(ADULT, NOTHING, 5.0, 5.0, state)
    waveforms(ADULT, state, 1.0)
    assert (state == before).all()


def test_parameters_of_the_wrong_shape_are_refused_with_the_right_one() -> None:
    with pytest.raises(SimulationError, match="expected"):
        pulsatile.steady_beats(np.ones((3, 4)))


def test_a_parameter_that_is_not_finite_is_refused_by_name() -> None:
    broken = ADULT.copy()
    broken[PARAMETER_INDEX["arterial_compliance"]] = np.nan
    with pytest.raises(SimulationError, match="arterial_compliance"):
        pulsatile.steady_beats(broken)


@pytest.mark.parametrize(("duration_s", "sample_s"), [(10.5, 1.0), (1.0, 5.0), (0.0, 1.0)])
def test_times_between_the_steps_are_refused(duration_s: float, sample_s: float) -> None:
    with pytest.raises(SimulationError, match="multiples"):
        simulate_pulsatile(ADULT, NOTHING, duration_s, sample_s)
