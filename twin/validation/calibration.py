"""Regresses the coefficients of ``twin.core.mean_beat`` on a sweep of the pulsatile model.

May live here: the sweep, the regressions, and the comparison of both models. The result is written
into ``mean_beat.Matched`` by hand. Deterministic given a seed.

Least squares on members at rest: end-diastolic and end-systolic pressures of both ventricles, the
swings of arterial and pulmonary pressure around their means, and the heart's volume. What its
stroke leaves counts as the right ventricle's end-systolic volume: a weak atrium fills it while it
ejects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core import beat_averaged, layout, pulsatile
from twin.core.haemodynamics import QUANTITIES, QUANTITY_INDEX, Quantity
from twin.core.interventions import NOTHING
from twin.core.layout import LANES
from twin.core.parameters import PARAMETER_INDEX, PARAMETERS, standard_adult

if TYPE_CHECKING:
    from jaxtyping import Float

    Members = Float[np.ndarray, " member"]
    Parameters = Float[np.ndarray, "parameter member"]

SPREAD: Final[Mapping[str, float]] = {
    "resting_heart_rate": 0.22,
    "left_ventricle_systolic_elastance": 0.35,
    "right_ventricle_systolic_elastance": 0.3,
    "left_ventricle_diastolic_elastance": 0.3,
    "right_ventricle_diastolic_elastance": 0.3,
    "left_atrium_diastolic_elastance": 0.2,
    "right_atrium_diastolic_elastance": 0.2,
    "left_ventricle_stiffening_volume": 0.15,
    "right_ventricle_stiffening_volume": 0.15,
    "arterial_compliance": 0.25,
    "aortic_impedance": 0.2,
    "systemic_resistance": 0.3,
    "venous_compliance": 0.15,
    "pulmonary_resistance": 0.4,
    "pulmonary_artery_compliance": 0.2,
    "pulmonary_vein_compliance": 0.2,
}
"""Standard deviations of logarithms: the personalisation prior and what it leaves out."""
BLOOD_SD_ML: Final = 700.0
SET_POINT_SD_MMHG: Final = 10.0
STANDING_SHARE: Final = 0.15
"""Of the members, each, breathe against pressure, have fluid around the heart, fibrillating
atria, or a leaking mitral valve."""
MOST_THORACIC_MMHG: Final = 12.0
MOST_PERICARDIAL_ML: Final = 250.0
MOST_REGURGITATION: Final = 0.008
SETTLE_S: Final = 120.0
WAVE_S: Final = 6.0
LEAST_FLOW_ML_PER_S: Final = 20.0
"""Members with less output than 1.2 L/min are dying, not resting, and left out."""


def sweep(members: int, seed: int) -> Parameters:
    """Return members spread around the standard adult, within the table's ranges."""
    random = np.random.default_rng(seed)
    values = np.repeat(standard_adult()[:, None], members, axis=1)
    for name, sd in SPREAD.items():
        values[PARAMETER_INDEX[name]] *= np.exp(sd * random.standard_normal(members))
    values[PARAMETER_INDEX["blood_volume"]] += BLOOD_SD_ML * random.standard_normal(members)
    values[PARAMETER_INDEX["reflex_set_point"]] += SET_POINT_SD_MMHG * random.standard_normal(
        members
    )
    for name, most in (
        ("standing_thoracic_pressure", MOST_THORACIC_MMHG),
        ("standing_pericardial_fluid", MOST_PERICARDIAL_ML),
    ):
        given = random.random(members) < STANDING_SHARE
        values[PARAMETER_INDEX[name]] = given * random.uniform(0.0, most, members)
    fibrillating = random.random(members) < STANDING_SHARE
    values[PARAMETER_INDEX["standing_atrial_kick_loss"]] = fibrillating
    leaking = random.random(members) < STANDING_SHARE
    values[PARAMETER_INDEX["mitral_regurgitation"]] = leaking * random.uniform(
        0.0, MOST_REGURGITATION, members
    )
    low = np.array([[entry.low] for entry in PARAMETERS])
    high = np.array([[entry.high] for entry in PARAMETERS])
    return np.asarray(np.clip(values, low, high))


def matched_coefficients(members: int, seed: int) -> Mapping[str, tuple[float, ...]]:
    """Return the coefficients of ``mean_beat.Matched`` by name."""
    parameters = sweep(members, seed)
    return _Beats(parameters).coefficients()


def disagreement(members: int, seed: int) -> Mapping[Quantity, tuple[float, float, float]]:
    """Return bias, standard deviation and correlation of beat-averaged against pulsatile rest.

    Units of each quantity.
    """
    parameters = sweep(members, seed)
    beats = pulsatile.steady_beats(parameters, SETTLE_S)
    averaged = beat_averaged.simulate(parameters, NOTHING, 60.0, 60.0)[:, -1]
    living = _Beats(parameters).living
    found: dict[Quantity, tuple[float, float, float]] = {}
    for quantity in QUANTITIES:
        reference, value = (
            beats[QUANTITY_INDEX[quantity], living],
            averaged[QUANTITY_INDEX[quantity], living],
        )
        error = value - reference
        spread = float(reference.std())
        related = float(np.corrcoef(reference, value)[0, 1]) if spread > 1e-6 else 1.0
        found[quantity] = (float(error.mean()), float(error.std()), related)
    return found


_CHAMBERS: Final = ("ventricle", "atrium")


class _Beats:
    """Whole beats of the sweep, with what the kernel made of the parameters."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        members = parameters.shape[1]
        state = pulsatile.settled(parameters, SETTLE_S)
        rows = state.reshape(len(state), -1, LANES).transpose(1, 0, 2)
        self.rows = rows.reshape(rows.shape[0], -1)[:, :members].astype(float)
        self.waves = pulsatile.waveforms(parameters, state, WAVE_S)
        self.period = self.row(layout.PERIOD)
        moments = np.arange(1, round(WAVE_S / 0.02) + 1)[:, None] * 0.02
        whole = np.floor(WAVE_S / self.period) * self.period
        self.counted = moments > WAVE_S - whole
        self.left, self.right = self.extremes("left"), self.extremes("right")
        chambers = [f"{s}_{chamber}" for s in ("left", "right") for chamber in _CHAMBERS]
        self.heart = np.sum([self.waves[name][0] for name in chambers], axis=0)
        self.around = self.row(layout.THORAX_NOW) + self.mean(self.pericardial())
        self.emptied = self.left[0] - self.left[1]
        self.leaked = self.row(layout.BEAT_LEAKED)
        self.stroke = self.emptied - self.leaked
        self.flow = self.stroke / self.period
        self.living = self.flow > LEAST_FLOW_ML_PER_S

    def row(self, place: int) -> Members:
        """Return a kernel row at the end of settling."""
        return np.asarray(self.rows[place // LANES])

    def inside(self, place: int) -> Members:
        """Return a pressure row against what surrounds the heart instead of against air."""
        return np.asarray(self.row(place) - self.around)

    def pericardial(self) -> Float[np.ndarray, "moment member"]:
        """Return the pericardium's pressure from moment to moment, mmHg."""
        stretched = np.maximum(self.heart + self.row(layout.PERICARDIAL_EXCESS), 0.0)
        return np.asarray((stretched / self.of("pericardial_width")) ** 3)

    def of(self, name: str) -> Members:
        """Return a parameter."""
        return np.asarray(self.parameters[PARAMETER_INDEX[name]])

    def mean(self, wave: Float[np.ndarray, "moment member"]) -> Members:
        """Return a mean over whole beats."""
        return np.asarray((wave * self.counted).sum(axis=0) / self.counted.sum(axis=0))

    def extremes(self, side: str) -> tuple[Members, Members]:
        """Return end-diastolic and end-systolic volume above the unstressed one, mL."""
        volume = self.waves[f"{side}_ventricle"][0]
        unstressed = self.of(f"{side}_ventricle_unstressed_volume")
        largest = np.where(self.counted, volume, -np.inf).max(axis=0)
        smallest = np.where(self.counted, volume, np.inf).min(axis=0)
        return largest - unstressed, smallest - unstressed

    def passive(self, side: str, stressed: Members) -> Members:
        """Return the end-diastolic pressure at a volume."""
        stiffening = self.of(f"{side}_ventricle_stiffening_volume")
        elastance = self.of(f"{side}_ventricle_diastolic_elastance")
        return np.asarray(elastance * stressed * (1.0 + (stressed / stiffening) ** 4))

    def steepness(self, side: str, stressed: Members) -> Members:
        """Return how steeply the end-diastolic pressure rises with volume, mmHg/mL."""
        stiffening = self.of(f"{side}_ventricle_stiffening_volume")
        elastance = self.of(f"{side}_ventricle_diastolic_elastance")
        return np.asarray(elastance * (1.0 + 5.0 * (stressed / stiffening) ** 4))

    def fit(self, target: Members, *columns: Members) -> tuple[float, ...]:
        """Return least-squares coefficients over the members that live."""
        matrix = np.stack(columns, axis=1)[self.living]
        found, *_ = np.linalg.lstsq(matrix, target[self.living], rcond=None)
        return tuple(round(float(value), 4) for value in found)

    def coefficients(self) -> Mapping[str, tuple[float, ...]]:
        """Regress everything that ``mean_beat`` needs."""
        return {**self._filling(), **self._emptying(), **self._swings(), **self._volumes()}

    def _filling(self) -> Mapping[str, tuple[float, ...]]:
        one, period, flow = np.ones_like(self.flow), self.period, self.flow
        wedge, venous = self.inside(layout.BEAT_WEDGE), self.inside(layout.BEAT_VENOUS)
        left = self.of("left_atrium_diastolic_elastance")
        right = self.of("right_atrium_diastolic_elastance")
        loss = self.of("standing_atrial_kick_loss")
        steepness = self.steepness("right", self.right[0])
        return {
            "LEFT_FILLING": self.fit(
                self.passive("left", self.left[0]),
                *(one, wedge, wedge * period),
                *(flow * left, self.stroke * left),
                *(loss, loss * wedge),
            ),
            "RIGHT_FILLING": self.fit(
                self.passive("right", self.right[0]),
                *(one, venous, venous * period),
                *(flow * right, self.stroke * right),
                *(loss, loss * venous),
                *(venous / right, steepness * self.stroke),
            ),
        }

    def _stiffness(self) -> Members:
        stressed = self.mean(self.waves["arteries"][0])
        stiffening = self.of("arterial_stiffening_volume")
        compliance = self.of("arterial_compliance") / (1.0 + 2.0 * stressed / stiffening)
        return np.asarray(1.0 / compliance)

    def _emptying(self) -> Mapping[str, tuple[float, ...]]:
        one, period, stiffness = np.ones_like(self.flow), self.period, self._stiffness()
        left, right = self.row(layout.LEFT_ELASTANCE_NOW), self.row(layout.RIGHT_ELASTANCE_NOW)
        return {
            "LEFT_EMPTYING": self.fit(
                left * self.left[1],
                *(one, self.inside(layout.BEAT_MEAN), self.stroke * stiffness),
                *(period, left / stiffness, left),
            ),
            "RIGHT_EMPTYING": self.fit(
                right * (self.right[0] - self.stroke),
                *(one, self.inside(layout.BEAT_LUNG_MEAN)),
            ),
        }

    def _swings(self) -> Mapping[str, tuple[float, ...]]:
        swing = self.stroke * self._stiffness()
        runoff = swing * self.period * self.row(layout.CONDUCTANCE_NOW) * self._stiffness()
        surge = self.of("aortic_impedance") * self.stroke / np.sqrt(self.period)
        mean, lung = self.row(layout.BEAT_MEAN), self.row(layout.BEAT_LUNG_MEAN)
        resistance, compliance = (
            self.of("pulmonary_resistance"),
            self.of("pulmonary_artery_compliance"),
        )
        lung_swing = self.stroke / compliance
        damped = lung_swing / (1.0 + resistance * compliance / self.period)
        drop = self.flow * resistance
        return {
            "SYSTOLIC": self.fit(self.row(layout.BEAT_SYSTOLIC) - mean, swing, runoff, surge),
            "DIASTOLIC": self.fit(mean - self.row(layout.BEAT_DIASTOLIC), swing, runoff, surge),
            "LUNG_SYSTOLIC": self.fit(
                self.row(layout.BEAT_LUNG_SYSTOLIC) - lung, lung_swing, damped, drop
            ),
            "LUNG_DIASTOLIC": self.fit(
                lung - self.row(layout.BEAT_LUNG_DIASTOLIC), lung_swing, damped, drop
            ),
        }

    def _volumes(self) -> Mapping[str, tuple[float, ...]]:
        left = self.inside(layout.BEAT_WEDGE) / self.of("left_atrium_diastolic_elastance")
        right = self.inside(layout.BEAT_VENOUS) / self.of("right_atrium_diastolic_elastance")
        loss = self.of("standing_atrial_kick_loss")
        held = (self.left[0] - 0.5 * self.emptied) * self.of("mitral_regurgitation")
        driven = held * (self.row(layout.BEAT_MEAN) - self.row(layout.BEAT_WEDGE))
        stressed = self.mean(self.waves["arteries"][0])
        still = (
            stressed
            / self.of("arterial_compliance")
            * (1.0 + stressed / self.of("arterial_stiffening_volume"))
        )
        return {
            "HEART_VOLUME": self.fit(
                self.mean(self.heart),
                *(self.left[0] + self.right[0], self.emptied, self.emptied * self.period),
                *(left, right, np.ones_like(loss), loss, loss * left, loss * right),
            ),
            "LEAK": self.fit(self.leaked, driven, driven * self.period),
            "ROOT": self.fit(
                self.row(layout.BEAT_MEAN) - still, self.of("aortic_impedance") * self.flow
            ),
        }
