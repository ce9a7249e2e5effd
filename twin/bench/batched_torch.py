"""The pulsatile equations as batched torch tensors: the peer that ``cardiotwin bench twin`` times.

May live here: the same work as the kernel's (RK4 of 4 ms for the volumes of all members, receptors
and nerves, one rate a beat) in eager torch, as a researcher would write it. No drugs, fluids or
oxygen, which take the kernel a few per cent. torch is imported by the caller's leave only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

STEP_S: Final = 0.004
SLOW_STEPS: Final = 5


class BatchedCirculation:
    """An ensemble of circulations; parameters by name, each a tensor with one value a member."""

    def __init__(self, patients: Mapping[str, Tensor], state: Tensor) -> None:
        self.patients = {name: torch.as_tensor(values) for name, values in patients.items()}
        self.volumes = torch.as_tensor(state[:8])
        self.nerves = torch.as_tensor(state[8:])
        self.time = torch.zeros_like(self.volumes[0])
        self.period = 60.0 / self.patients["resting_heart_rate"]

    def advance(self, slow_steps: int) -> Tensor:
        """Advance by steps of 20 ms and return the arterial pressures, mmHg."""
        with torch.inference_mode():
            for _ in range(slow_steps):
                self._new_beats()
                for _ in range(SLOW_STEPS):
                    aortic, atrial = self._fast_step()
                    self.nerves[0] += STEP_S / 2.0 * (aortic - self.nerves[0])
                    self.nerves[1] += STEP_S / 2.0 * (atrial - self.nerves[1])
                self._nerves(STEP_S * SLOW_STEPS)
        return aortic

    def _new_beats(self) -> None:
        patient = self.patients
        sympathetic = patient["reflex_sympathetic_heart_rate"] * self.nerves[2]
        vagal = patient["reflex_vagal_heart_rate"] * self.nerves[4]
        rate = patient["resting_heart_rate"] * (0.86 + (sympathetic + 0.14).clamp(min=0.0) - vagal)
        ended = self.time >= self.period
        self.time = torch.where(ended, self.time - self.period, self.time)
        self.period = torch.where(ended, 60.0 / rate.clamp(20.0, 180.0), self.period)

    def _fast_step(self) -> tuple[Tensor, Tensor]:
        h, v, t = STEP_S, self.volumes, self.time
        a, aortic, atrial = self._slopes(t, v)
        b, _, _ = self._slopes(t + h / 2, v + h / 2 * a)
        c, _, _ = self._slopes(t + h / 2, v + h / 2 * b)
        d, _, _ = self._slopes(t + h, v + h * c)
        self.volumes = v + h / 6 * (a + d + 2 * (b + c))
        self.time = t + h
        return aortic, atrial

    def _slopes(self, time: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        patient = self.patients
        p_lv, p_rv, p_la, p_ra, p_sa, p_sv, p_pa, p_pv = self._pressures(time, v)
        impedance = patient["aortic_impedance"]
        ejected = (p_lv - p_sa).clamp(min=0.0) / (patient["aortic_valve_resistance"] + impedance)
        tone = (1.0 + patient["reflex_resistance"] * self.nerves[2]).clamp(min=0.15)
        body = (p_sa - p_sv) / (patient["systemic_resistance"] * tone)
        returning = (p_sv - p_ra.clamp(min=0.0)) / patient["venous_return_resistance"]
        right = (p_ra - p_rv).clamp(min=0.0) / patient["tricuspid_resistance"]
        lungs = (p_rv - p_pa).clamp(min=0.0) / patient["pulmonary_valve_resistance"]
        through = (p_pa - p_pv) / patient["pulmonary_resistance"]
        back = (p_pv - p_la) / patient["pulmonary_vein_resistance"]
        left = (p_la - p_lv).clamp(min=0.0) / patient["mitral_resistance"]
        slopes = torch.stack(
            (
                left - ejected,
                right - lungs,
                back - left,
                returning - right,
                ejected - body,
                body - returning,
                lungs - through,
                through - back,
            )
        )
        return slopes, p_sa + impedance * ejected, p_ra

    def _pressures(self, time: Tensor, v: Tensor) -> tuple[Tensor, ...]:
        patient, root = self.patients, self.period.sqrt()
        ventricles = _activation(time % self.period, 0.3 * root)
        atria = _activation((time + 0.12 * root) % self.period, 0.2 * root)
        contractility = 0.85 + (patient["reflex_contractility"] * self.nerves[2] + 0.15).clamp(
            min=0.0
        )
        venous = (
            v[5]
            - patient["venous_unstressed_volume"]
            + patient["reflex_venous_volume"] * self.nerves[3]
        )
        reach = (venous * venous + patient["venous_collapse_volume"] ** 2).sqrt()
        return (
            self._ventricle("left_ventricle", v[0], ventricles, contractility),
            self._ventricle("right_ventricle", v[1], ventricles, contractility),
            self._atrium("left_atrium", v[2], atria),
            self._atrium("right_atrium", v[3], atria),
            v[4]
            / patient["arterial_compliance"]
            * (1.0 + v[4] / patient["arterial_stiffening_volume"]),
            (venous + reach) / (2.0 * patient["venous_compliance"]),
            patient["intrathoracic_pressure"] + v[6] / patient["pulmonary_artery_compliance"],
            patient["intrathoracic_pressure"] + v[7] / patient["pulmonary_vein_compliance"],
        )

    def _ventricle(self, name: str, volume: Tensor, active: Tensor, strength: Tensor) -> Tensor:
        patient = self.patients
        stressed = volume - patient[f"{name}_unstressed_volume"]
        stiffening = 1.0 + (stressed / patient[f"{name}_stiffening_volume"]) ** 4
        passive = patient[f"{name}_diastolic_elastance"] * stressed * stiffening
        systolic = patient[f"{name}_systolic_elastance"] * strength * stressed
        return patient["intrathoracic_pressure"] + passive + active * (systolic - passive)

    def _atrium(self, name: str, volume: Tensor, active: Tensor) -> Tensor:
        diastolic = self.patients[f"{name}_diastolic_elastance"]
        systolic = self.patients[f"{name}_systolic_elastance"]
        elastance = diastolic + active * (systolic - diastolic)
        return self.patients["intrathoracic_pressure"] + volume * elastance

    def _nerves(self, h: float) -> None:
        patient, (seen, seen_venous) = self.patients, self.nerves[:2]
        deficit = torch.tanh((patient["reflex_set_point"] - seen) / patient["reflex_width"])
        empty = torch.tanh((patient["low_pressure_set_point"] - seen_venous) / 3.0)
        common = deficit + patient["ischaemic_gain"] * ((60.0 - seen) / 40.0).clamp(0.0, 1.0)
        active = (common + patient["low_pressure_gain"] * empty).clamp(min=-0.35)
        veins = (common + patient["low_pressure_venous_gain"] * empty).clamp(min=-0.35)
        self.nerves[2] += h / 8.0 * (active - self.nerves[2])
        self.nerves[3] += h / 20.0 * (veins - self.nerves[3])
        self.nerves[4] += h / 1.5 * (-deficit - self.nerves[4])


def _activation(time: Tensor, peak: Tensor) -> Tensor:
    rise = time / peak
    part = torch.minimum(rise, 3.0 - 2.0 * rise).clamp(min=0.0)
    return part * part * (3.0 - 2.0 * part)
