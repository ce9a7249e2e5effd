"""Virtual patients whose trouble runs its course: the circulation simulated through hours of it.

May live here: how each trouble comes on, what is given meanwhile, and the simulation of both. The
people and how hard a trouble hits them are those of ``virtual_patients``. Nothing is shared with
the weigher: insults move the real circulation's own parameters, blood leaves its veins and returns
from its tissues, tone and pulse wander, severities follow curves that no hypothesis knows.
From moment to moment the beat-averaged model leads on; what is charted is read from the pulsatile
one, beating at that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from twin.core.arm import Arm
from twin.core.beat_averaged import CONTROL_S, run_block, settled
from twin.core.drugs import controls_over
from twin.core.events import LOW_MEAN_PRESSURE_MMHG, LOW_SYSTOLIC_MMHG
from twin.core.haemodynamics import QUANTITIES, QUANTITY_INDEX, Quantity
from twin.core.handover import beating
from twin.core.hypotheses import Cause
from twin.core.interventions import NOTHING
from twin.core.layout import (
    BLOOD,
    HAEMOGLOBIN_MASS,
    LANES,
    LUNG,
    PARAMETER_ROWS,
    READ_ROWS,
    VEINS,
    in_blocks,
)
from twin.core.parameters import PARAMETER_INDEX
from twin.core.pulsatile import simulate_pulsatile
from twin.core.start import start
from twin.validation.virtual_onsets import ONSETS, STANDING_BEFORE, Onset
from twin.validation.virtual_patients import (
    INSULTS,
    LOWEST_MEAN_PRESSURE_MMHG,
    arm_drawn,
    body_drawn,
    person_drawn,
    troubled,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float

    from twin.core.parameters import Body

MOMENT_H: Final = 1.0 / 12.0
"""Severities change, and states are read, every five minutes."""
LED_S: Final = 60.0
"""Blood leaves and fluid enters once a minute."""
ONSET_H: Final = 0.5
"""Of undisturbed life before the trouble, in which the set from before is charted."""
LONGEST_H: Final = 4.0
MOMENTS: Final = round((ONSET_H + LONGEST_H) / MOMENT_H)

READ_S: Final = 10.0
READ_OVER_S: Final = 5.0

WANDER_H: Final = 0.5
"""Tone and resting pulse wander around their own middle and forget it in half an hour."""
WANDERING: Final = {"systemic_resistance": 0.05, "resting_heart_rate": 0.04}
"""Standard deviations of their logarithms: about 4 mmHg and 3 beats a minute (assumed)."""


CHALLENGED: Final = 0.6
"""Share of patients who are given crystalloid meanwhile."""
OXYGEN_BELOW_PERCENT: Final = 90.0
CHALLENGES_ML: Final = (250.0, 500.0, 500.0, 1000.0)
OXYGEN_FRACTIONS: Final = (0.28, 0.35, 0.4, 0.5, 0.6)

CHALLENGE_H: Final = 1.0 / 3.0
OXYGEN_AFTER: Final = 2
"""Moments from a low saturation to the oxygen."""
WELL_MOMENTS: Final = round(ONSET_H / MOMENT_H)

_IDLE: Final = controls_over(NOTHING, np.zeros(round(LED_S / CONTROL_S)))
_NOWHERE: Final = np.zeros((1, READ_ROWS * LANES), np.float32)
_MEAN: Final = QUANTITY_INDEX[Quantity.MEAN_PRESSURE]
_SYSTOLIC: Final = QUANTITY_INDEX[Quantity.SYSTOLIC_PRESSURE]
_BLOOD: Final = PARAMETER_INDEX["blood_volume"]
_OXYGEN: Final = PARAMETER_INDEX["inspired_oxygen_fraction"]


@dataclass(frozen=True, slots=True, eq=False)
class VirtualCourses:
    """People and the hours of their trouble; the last axis of every array is people."""

    causes: tuple[Cause, ...]
    bodies: tuple[Body, ...]
    states: Float[np.ndarray, "quantity moment person"]
    """True values, from ``ONSET_H`` before the onset, every ``MOMENT_H``."""
    severities: Float[np.ndarray, "moment person"]
    oxygen: Float[np.ndarray, "moment person"]
    """Inspired fraction."""
    fluid_ml: Float[np.ndarray, " person"]
    fluid_from_h: Float[np.ndarray, " person"]
    """Since the onset."""
    age_h: Float[np.ndarray, " person"]
    """Of the trouble, when the newest set is charted."""
    temperatures: Float[np.ndarray, " person"]
    respiratory_rates: Float[np.ndarray, " person"]
    amplifications: Float[np.ndarray, " person"]
    """Of the pulse, on its way to the arm."""
    mean_shares: Float[np.ndarray, " person"]
    """At which share of the pulse the cuff shows the mean."""
    seed: int

    def arm(self, person: int) -> Arm:
        """Return how a cuff shows this person's aorta."""
        return Arm(self.amplifications[[person]], float(self.mean_shares[person]))

    def in_shock(self) -> list[bool]:
        """Return whose true pressure is low when the newest set is charted."""
        return [
            bool(
                self.states[_MEAN, moment_at(float(age_h)), person] < LOW_MEAN_PRESSURE_MMHG
                or self.states[_SYSTOLIC, moment_at(float(age_h)), person] < LOW_SYSTOLIC_MMHG
            )
            for person, age_h in enumerate(self.age_h)
        ]


def moment_at(since_onset_h: float) -> int:
    """Return the place of a time in ``VirtualCourses.states``."""
    return min(int((ONSET_H + since_onset_h) / MOMENT_H), MOMENTS) - 1


def virtual_courses(counts: Mapping[Cause, int], seed: int) -> VirtualCourses:
    """Return so many people of each cause: well at first, in trouble when seen, and alive."""
    random = np.random.default_rng(seed)
    parts = [_of_cause(cause, count, random) for cause, count in counts.items() if count]
    joined = {
        name: np.concatenate([part.arrays[name] for part in parts], axis=-1)
        for name in parts[0].arrays
    }
    return VirtualCourses(
        tuple(cause for cause, count in counts.items() for _ in range(count)),
        tuple(body for part in parts for body in part.bodies),
        **joined,
        seed=seed,
    )


class _Part(NamedTuple):
    bodies: list[Body]
    arrays: dict[str, np.ndarray]


def _of_cause(cause: Cause, count: int, random: np.random.Generator) -> _Part:
    bodies: list[Body] = []
    kept: list[dict[str, np.ndarray]] = []
    while len(bodies) < count:
        people = LANES * -(-2 * count // LANES)
        drawn = [body_drawn(random) for _ in range(people)]
        arrays = _lived(cause, drawn, random)
        chosen = [p for p in range(people) if _examined(arrays, p)]
        bodies += [drawn[p] for p in chosen]
        kept.append({name: values[..., chosen] for name, values in arrays.items()})
    arrays = {
        name: np.concatenate([each[name] for each in kept], axis=-1)[..., :count]
        for name in kept[0]
    }
    insult = INSULTS[cause]
    shares = np.array([share for share, _, _ in insult.temperature])
    which = random.choice(len(shares), count, p=shares / shares.sum())
    arrays["temperatures"] = np.array(
        [random.normal(*insult.temperature[place][1:]) for place in which]
    )
    arrays["respiratory_rates"] = random.uniform(*insult.respiratory_rate, count).round()
    return _Part(bodies[:count], arrays)


def _examined(arrays: Mapping[str, np.ndarray], person: int) -> bool:
    """Whether the person was well before, is in trouble when seen, and was alive throughout."""
    last = moment_at(float(arrays["age_h"][person])) + 1
    states = arrays["states"][:, :last, person]
    if not np.isfinite(states).all():
        return False
    alive = states[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]].min() >= LOWEST_MEAN_PRESSURE_MMHG
    arm = Arm(arrays["amplifications"][[person]], float(arrays["mean_shares"][person]))
    shown = arm.shown(states[:, :, None])[:, :, 0]
    well = not troubled(shown[:, :WELL_MOMENTS].mean(axis=1))
    return bool(alive and well and troubled(shown[:, -1]))


def _lived(
    cause: Cause, bodies: Sequence[Body], random: np.random.Generator
) -> dict[str, np.ndarray]:
    people = len(bodies)
    insult = INSULTS[cause]
    before = np.stack([person_drawn(body, random) for body in bodies], axis=1)
    factors = {name: random.uniform(*r, people) for name, r in insult.factors.items()}
    for name in STANDING_BEFORE.get(cause, ()):
        before[PARAMETER_INDEX[name]] *= factors.pop(name)
    factors.pop("haemoglobin", None)  # it falls by itself, as fluid moves in
    lost = (1.0 - factors.pop("blood_volume", np.ones(people))) * before[_BLOOD]
    added = {name: random.uniform(*r, people) for name, r in insult.added.items()}
    age_h = np.exp(random.uniform(np.log(1.0), np.log(LONGEST_H), people))
    severities = _severities(ONSETS[cause], people, random)
    wander = {name: _wander(sd, people, random) for name, sd in WANDERING.items()}
    given = random.random(people) < CHALLENGED
    fluid_ml = np.where(given, random.choice(CHALLENGES_ML, people), 0.0)
    fluid_from_h = age_h * random.uniform(0.1, 0.8, people)
    way = _Way(
        before,
        factors,
        added,
        wander,
        severities,
        lost,
        cause is Cause.BLOOD_LOSS,
        fluid_ml,
        fluid_from_h,
        random.choice(OXYGEN_FRACTIONS, people),
    )
    states, oxygen = _simulated(way)
    arms = [arm_drawn(body, random) for body in bodies]
    return {
        "amplifications": np.array([arm.amplification[0] for arm in arms]),
        "mean_shares": np.array([arm.mean_share for arm in arms]),
        "states": states,
        "severities": severities,
        "oxygen": oxygen,
        "fluid_ml": fluid_ml,
        "fluid_from_h": fluid_from_h,
        "age_h": age_h,
    }


def _severities(
    onset: Onset, people: int, random: np.random.Generator
) -> Float[np.ndarray, "moment person"]:
    """Return how much of the full severity is there at each moment, 0 to 1."""
    since_h = (np.arange(MOMENTS)[:, None] + 0.5) * MOMENT_H - ONSET_H
    at_once = random.uniform(*onset.at_once, people)
    rising_h, power = random.uniform(*onset.rising_h, people), random.uniform(*onset.power, people)
    risen = np.clip(since_h / rising_h, 0.0, 1.0) ** power
    struck = (random.random(people) < onset.second_blow) / 3.0
    blow_at_h = random.uniform(0.2, LONGEST_H, people)
    smooth = at_once + (1.0 - at_once) * risen
    severity = (1.0 - struck) * smooth + struck * (since_h >= blow_at_h)
    return np.where(since_h < 0.0, 0.0, severity)


def _wander(sd: float, people: int, random: np.random.Generator) -> np.ndarray:
    """Return an Ornstein-Uhlenbeck path of a factor's logarithm."""
    kept = np.exp(-MOMENT_H / WANDER_H)
    path = np.empty((MOMENTS, people))
    path[0] = sd * random.standard_normal(people)
    for moment in range(1, MOMENTS):
        news = sd * np.sqrt(1.0 - kept**2) * random.standard_normal(people)
        path[moment] = kept * path[moment - 1] + news
    return path


class _Way(NamedTuple):
    """All that happens to a block of people."""

    before: np.ndarray
    factors: Mapping[str, np.ndarray]
    added: Mapping[str, np.ndarray]
    wander: Mapping[str, np.ndarray]
    severities: np.ndarray
    lost_ml: np.ndarray
    """At full severity."""
    whole_blood: bool
    """Whether what is lost is blood; else plasma."""
    fluid_ml: np.ndarray
    fluid_from_h: np.ndarray
    oxygen_fraction: np.ndarray

    def parameters(self, moment: int) -> Float[np.ndarray, "parameter person"]:
        """Return the people's parameters at a moment, but for what they breathe."""
        severity = self.severities[moment]
        values = self.before.copy()
        for name, factor in self.factors.items():
            values[PARAMETER_INDEX[name]] *= factor**severity
        for name, addend in self.added.items():
            values[PARAMETER_INDEX[name]] += addend * severity
        for name, path in self.wander.items():
            values[PARAMETER_INDEX[name]] *= np.exp(path[moment])
        return values

    def losing_ml_per_min(self, moment: int) -> np.ndarray:
        """Return how fast blood or plasma leaves."""
        before = self.severities[moment - 1] if moment else 0.0
        rate: np.ndarray = self.lost_ml * (self.severities[moment] - before) / (60.0 * MOMENT_H)
        return rate

    def flowing_in_ml_per_min(self, moment: int) -> np.ndarray:
        """Return how fast crystalloid is given."""
        from_h = (moment * MOMENT_H - ONSET_H) - self.fluid_from_h
        runs = (from_h >= 0.0) & (from_h < CHALLENGE_H)
        rate: np.ndarray = runs * self.fluid_ml / (60.0 * MOMENT_H * round(CHALLENGE_H / MOMENT_H))
        return rate


def _simulated(way: _Way) -> tuple[np.ndarray, np.ndarray]:
    """Return the states [quantity, moment, person] and what is breathed [moment, person]."""
    people = way.before.shape[1]
    blocks = settled(way.before)
    oxygen = np.full((MOMENTS, people), way.before[_OXYGEN])
    states = np.empty((len(QUANTITIES), MOMENTS, people))
    low_since = np.full(people, MOMENTS)
    for moment in range(MOMENTS):
        parameters = way.parameters(moment)
        oxygen[moment] = np.where(
            moment - low_since >= OXYGEN_AFTER, way.oxygen_fraction, oxygen[moment]
        )
        parameters[_OXYGEN] = oxygen[moment]
        _lead(blocks, parameters, way, moment)
        states[:, moment] = _read(blocks, parameters)
        low = states[QUANTITY_INDEX[Quantity.OXYGEN_SATURATION], moment] < OXYGEN_BELOW_PERCENT
        low_since = np.where(low, np.minimum(low_since, moment), low_since)
    return states, oxygen


def _lead(blocks: np.ndarray, parameters: np.ndarray, way: _Way, moment: int) -> None:
    """Lead the circulations on to the end of a moment, in place."""
    rows = in_blocks(parameters)
    blocks[:, : PARAMETER_ROWS * LANES] = rows
    _row(blocks, LUNG)[:] = 1.0 / _row(rows, PARAMETER_INDEX["pulmonary_resistance"] * LANES)
    lost, given = (
        in_blocks(each[None])
        for each in (way.losing_ml_per_min(moment), way.flowing_in_ml_per_min(moment))
    )
    for _ in range(round(3600.0 * MOMENT_H / LED_S)):
        blood = _row(blocks, BLOOD)
        if way.whole_blood:
            _row(blocks, HAEMOGLOBIN_MASS)[:] *= 1.0 - lost / blood
        blood += given - lost
        _row(blocks, VEINS)[:] += given - lost
        for block in blocks:
            run_block(block, _IDLE, 0, len(_IDLE), _NOWHERE)


def _read(blocks: np.ndarray, parameters: np.ndarray) -> Float[np.ndarray, "quantity person"]:
    """Return what a monitor would show: the pulsatile model from here, its last beats averaged."""
    beats = beating(blocks, start(parameters))
    path = simulate_pulsatile(parameters, NOTHING, READ_S, 1.0, beats)
    state: np.ndarray = path[:, -int(READ_OVER_S) :].mean(axis=1)
    return state


def _row(blocks: np.ndarray, place: int) -> Float[np.ndarray, "block lane"]:
    return blocks[:, place : place + LANES]
