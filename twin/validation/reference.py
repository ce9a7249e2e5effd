"""The pulsatile equations once more: double-precision numpy, one patient, solved by LSODA.

May live here: an independent statement of the equations of ``twin/README.md``, written from the
formulas and not from the kernel's code, so that a slip in either shows. It is slow on purpose. A
patient is left alone: no drugs, fluids or bleeding.

State: eight volumes (mL), two receptor pressures (mmHg), sympathetic, venous and vagal activity,
contractile reserve and hormones. The heart's period is held through each beat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.integrate import solve_ivp

from twin.core.parameters import PARAMETERS

if TYPE_CHECKING:
    from jaxtyping import Float

    Vector = Float[np.ndarray, " state"]

VOLUMES: Final = 8
STATES: Final = 15


@dataclass(frozen=True, slots=True)
class Beat:
    """One beat: its start and period (s), the state at its start, and the aortic pressure."""

    begins_s: float
    period_s: float
    state: Vector
    times_s: Float[np.ndarray, " time"]
    aortic_mmhg: Float[np.ndarray, " time"]


def named(parameters: Float[np.ndarray, " parameter"]) -> Mapping[str, float]:
    """Return one patient's parameters by name."""
    return dict(zip((entry.name for entry in PARAMETERS), parameters.tolist(), strict=True))


def beats_from(
    patient: Mapping[str, float],
    state: Vector,
    beats: int,
    tolerance: float = 1e-9,
    samples_per_beat: int = 200,
    under_way: tuple[float, float] | None = None,
) -> list[Beat]:
    """Integrate some beats from a state.

    ``under_way`` is how long ago the beat in which the state lies began, and its period (s);
    without it the state lies at a beat's onset. Times count from the state.
    """
    found: list[Beat] = []
    begins = 0.0
    for _ in range(beats):
        onset, period = under_way or (0.0, 60.0 / heart_rate(patient, state))
        under_way = None
        times = np.linspace(onset, period, samples_per_beat + 1)
        solution = solve_ivp(
            lambda time, values, held=period: rates(patient, time, values, held),
            (onset, period),
            state,
            method="LSODA",
            t_eval=times,
            rtol=tolerance,
            atol=tolerance,
            max_step=0.02,
        )
        aortic = np.array(
            [
                aortic_pressure(patient, time, values, period)
                for time, values in zip(times, solution.y.T, strict=True)
            ]
        )
        found.append(Beat(begins, period, state, begins + times - onset, aortic))
        begins, state = begins + period - onset, solution.y[:, -1]
    return found


def heart_rate(patient: Mapping[str, float], state: Vector) -> float:
    """Return the rate that the nerves set, /min."""
    quickening = state[10] + 2.0 * max(state[10], 0.0) ** 3
    sympathetic = max(patient["reflex_sympathetic_heart_rate"] * quickening + 0.18, 0.0)
    longer = 0.59 + max(patient["reflex_vagal_heart_rate"] * state[12] + 0.41, 0.0)
    rate = patient["resting_heart_rate"] * (1.0 - 0.18 + sympathetic) / longer
    return float(np.clip(rate, 20.0, patient["maximum_heart_rate"]))


def rates(patient: Mapping[str, float], time_s: float, state: Vector, period_s: float) -> Vector:
    """Return the time derivative of the state."""
    p_lv, p_rv, p_la, p_ra, p_sa, p_sv, p_pa, p_pv = pressures(patient, time_s, state, period_s)
    ejected = max(p_lv - p_sa, 0.0) / (
        patient["aortic_valve_resistance"] + patient["aortic_impedance"]
    )
    tone = (
        1.0 + patient["reflex_resistance"] * state[10] + patient["hormonal_resistance"] * state[14]
    )
    thickness = 0.55 + 0.45 * patient["haemoglobin"] / 15.0
    downstream = max(p_sv, patient["critical_closing_pressure"])
    through_body = max(p_sa - downstream, 0.0) / (
        patient["systemic_resistance"] * max(tone, 0.15) * thickness
    )
    returning = (p_sv - max(p_ra, 0.0)) / patient["venous_return_resistance"]
    filling_right = max(p_ra - p_rv, 0.0) / patient["tricuspid_resistance"]
    into_lungs = max(p_rv - p_pa, 0.0) / patient["pulmonary_valve_resistance"]
    through_lungs = (p_pa - p_pv) / patient["pulmonary_resistance"]
    from_lungs = (p_pv - p_la) / patient["pulmonary_vein_resistance"]
    filling_left = max(p_la - p_lv, 0.0) / patient["mitral_resistance"]
    stressed = max(state[0] - patient["left_ventricle_unstressed_volume"], 0.0)
    filling_left -= patient["mitral_regurgitation"] * stressed * max(p_lv - p_la, 0.0)
    volumes = [
        filling_left - ejected,
        filling_right - into_lungs,
        from_lungs - filling_left,
        returning - filling_right,
        ejected - through_body,
        through_body - returning,
        into_lungs - through_lungs,
        through_lungs - from_lungs,
    ]
    aortic = p_sa + patient["aortic_impedance"] * ejected
    stretch = p_ra - around_the_heart(patient, state) + patient["intrathoracic_pressure"]
    return np.array(volumes + nerves(patient, state, aortic, stretch))


def nerves(
    patient: Mapping[str, float], state: Vector, aortic: float, atrial: float
) -> list[float]:
    """Return the derivatives of receptors, activities and reserve."""
    seen, seen_venous = state[8], state[9]
    deficit = saturating((patient["reflex_set_point"] - seen) / patient["reflex_width"])
    emptiness = saturating((patient["low_pressure_set_point"] - seen_venous) / 3.0)
    common = deficit + patient["ischaemic_gain"] * float(np.clip((60.0 - seen) / 40.0, 0.0, 1.0))
    active = max(common + patient["low_pressure_gain"] * emptiness, -0.35)
    veins_active = max(common + patient["low_pressure_venous_gain"] * emptiness, -0.35)
    reserve = float(np.clip((seen - 20.0) / 25.0, 0.1, 1.0))
    return [
        (aortic - seen) / 2.0,
        (atrial - seen_venous) / 2.0,
        (active - state[10]) / 8.0,
        (veins_active - state[11]) / 20.0,
        (-deficit - state[12]) / 1.5,
        (reserve - state[13]) / 60.0,
        (veins_active - state[14]) / 300.0,
    ]


def pressures(
    patient: Mapping[str, float], time_s: float, state: Vector, period_s: float
) -> tuple[float, ...]:
    """Return the eight pressures, mmHg."""
    root = np.sqrt(period_s)
    ventricles = activation(time_s % period_s, 0.3 * root)
    atria = activation((time_s + 0.12 * root) % period_s, 0.2 * root)
    strength = state[13] * (
        1.0 - 0.15 + max(patient["reflex_contractility"] * state[10] + 0.15, 0.0)
    )
    venous = (
        state[5]
        - patient["venous_unstressed_volume"]
        + patient["reflex_venous_volume"] * state[11]
        + patient["hormonal_venous_volume"] * state[14]
    )
    around = around_the_heart(patient, state)
    width = patient["venous_collapse_volume"]
    return (
        *(
            around + ventricle(patient, f"{side}_ventricle", state[place], ventricles, strength)
            for place, side in enumerate(("left", "right"))
        ),
        *(
            around + atrium(patient, f"{side}_atrium", state[2 + place], atria)
            for place, side in enumerate(("left", "right"))
        ),
        state[4]
        / patient["arterial_compliance"]
        * (1.0 + state[4] / patient["arterial_stiffening_volume"]),
        (venous + np.hypot(venous, width)) / (2.0 * patient["venous_compliance"]),
        patient["intrathoracic_pressure"] + state[6] / patient["pulmonary_artery_compliance"],
        patient["intrathoracic_pressure"] + state[7] / patient["pulmonary_vein_compliance"],
    )


def aortic_pressure(
    patient: Mapping[str, float], time_s: float, state: Vector, period_s: float
) -> float:
    """Return the pressure in the aortic root, mmHg."""
    p_lv, _, _, _, p_sa, *_ = pressures(patient, time_s, state, period_s)
    impedance = patient["aortic_impedance"]
    return p_sa + impedance * max(p_lv - p_sa, 0.0) / (
        patient["aortic_valve_resistance"] + impedance
    )


def around_the_heart(patient: Mapping[str, float], state: Vector) -> float:
    """Return the pressure around the four chambers, mmHg: thorax and pericardium."""
    stretched = max(float(state[:4].sum()) - patient["pericardial_slack_volume"], 0.0)
    return patient["intrathoracic_pressure"] + (stretched / patient["pericardial_width"]) ** 3


def ventricle(
    patient: Mapping[str, float], name: str, volume: float, active: float, strength: float
) -> float:
    """Return what a ventricle's wall holds, mmHg; within its range, not overfilled."""
    stressed = volume - patient[f"{name}_unstressed_volume"]
    stiffening = 1.0 + (stressed / patient[f"{name}_stiffening_volume"]) ** 4
    passive = patient[f"{name}_diastolic_elastance"] * stressed * stiffening
    systolic = patient[f"{name}_systolic_elastance"] * strength * stressed
    return active * systolic + (1.0 - active) * passive


def atrium(patient: Mapping[str, float], name: str, volume: float, active: float) -> float:
    """Return what an atrium's wall holds, mmHg."""
    diastolic = patient[f"{name}_diastolic_elastance"]
    elastance = diastolic + active * (patient[f"{name}_systolic_elastance"] - diastolic)
    return volume * elastance


def activation(time_s: float, peak_s: float) -> float:
    """Return the cubic activation, 0-1: up in ``peak_s``, down in half of it."""
    rise = time_s / peak_s
    part = max(min(rise, 3.0 - 2.0 * rise), 0.0)
    return part * part * (3.0 - 2.0 * part)


def saturating(drive: float) -> float:
    """Return the rational stand-in for tanh."""
    part = float(np.clip(drive, -3.0, 3.0))
    return part * (27.0 + part * part) / (27.0 + 9.0 * part * part)
