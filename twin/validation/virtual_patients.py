"""Virtual patients whose trouble is known, simulated beat by beat: what the twin is examined on.

Nothing here is shared with the estimator: they differ from each other in *every* parameter of the
model, not in the dozen that the estimator fits; spreads are uniform where its beliefs are normal;
insults also act on parameters that it holds fixed; temperature and breathing come from mixtures
that it does not know; pressures are read at the arm, with device noise, rounded as a monitor shows
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from twin.core.arm import MONITOR_SHARE, Arm, expected_amplification, shown_mean_mmhg
from twin.core.device_errors import error_model
from twin.core.discrepancy import DISCREPANCIES
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.hypotheses import Cause
from twin.core.measurements import Condition, Device, Measurement
from twin.core.observation_sets import observation_sets
from twin.core.parameters import PARAMETER_INDEX, PARAMETERS, Body, scaled_to
from twin.core.rest import resting_state
from twin.core.trouble import troubles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float

NOW: Final = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
EARLIER_H: Final = 2.0

VITAL_SIGNS: Final = (
    (Quantity.HEART_RATE, Device.MONITOR),
    (Quantity.SYSTOLIC_PRESSURE, Device.CUFF),
    (Quantity.DIASTOLIC_PRESSURE, Device.CUFF),
    (Quantity.MEAN_PRESSURE, Device.CUFF),
    (Quantity.OXYGEN_SATURATION, Device.OXIMETER),
)
VENOUS_PRESSURE: Final = ((Quantity.CENTRAL_VENOUS_PRESSURE, Device.UNKNOWN),)
OUTPUT: Final = ((Quantity.CARDIAC_OUTPUT, Device.THERMODILUTION),)

EVERY_PARAMETER: Final = 0.12
"""Half-width of the uniform spread of every parameter's logarithm, those below excepted."""

WIDER: Final[Mapping[str, float]] = {
    "resting_heart_rate": 0.28,
    "left_ventricle_systolic_elastance": 0.40,
    "left_ventricle_diastolic_elastance": 0.40,
    "right_ventricle_systolic_elastance": 0.40,
    "arterial_compliance": 0.50,
    "systemic_resistance": 0.30,
    "pulmonary_resistance": 0.45,
    "pulmonary_shunt": 0.80,
    "reflex_set_point": 0.15,
    "reflex_sympathetic_heart_rate": 0.40,
    "reflex_vagal_heart_rate": 0.40,
    "reflex_resistance": 0.40,
    "reflex_contractility": 0.40,
    "reflex_venous_volume": 0.30,
    "venous_compliance": 0.20,
}

Range = tuple[float, float]


class Insult(NamedTuple):
    """What a trouble does to a person; each factor or addend is drawn uniformly from its range."""

    factors: Mapping[str, Range]
    added: Mapping[str, Range]
    temperature: Sequence[tuple[float, float, float]]
    """Mixture of normal distributions: share, mean, sd."""
    respiratory_rate: Range


INSULTS: Final[Mapping[Cause, Insult]] = {
    Cause.BLOOD_LOSS: Insult(
        {"blood_volume": (0.58, 0.80), "haemoglobin": (0.75, 1.0)},
        {},
        ((0.75, 36.5, 0.4), (0.25, 35.5, 0.6)),
        (16, 36),
    ),
    Cause.VASOPLEGIA: Insult(
        {
            "systemic_resistance": (0.35, 0.65),
            "blood_volume": (0.80, 1.0),
            "reflex_resistance": (0.3, 0.9),
            "resting_heart_rate": (1.05, 1.55),
            "left_ventricle_systolic_elastance": (0.6, 1.1),
            "right_ventricle_systolic_elastance": (0.6, 1.1),
            "oxygen_consumption": (1.0, 1.25),
        },
        {"pulmonary_shunt": (0.0, 0.20), "venous_unstressed_volume": (0.0, 350.0)},
        ((0.12, 35.4, 0.5), (0.48, 37.2, 0.5), (0.40, 38.8, 0.5)),
        (15, 38),
    ),
    Cause.PUMP_FAILURE: Insult(
        {
            "left_ventricle_systolic_elastance": (0.22, 0.50),
            "left_ventricle_diastolic_elastance": (0.9, 1.7),
            "right_ventricle_systolic_elastance": (0.6, 1.0),
            "blood_volume": (0.97, 1.15),
            "resting_heart_rate": (0.95, 1.25),
            "systemic_resistance": (0.9, 1.3),
        },
        {"pulmonary_shunt": (0.02, 0.25)},
        ((0.92, 36.5, 0.5), (0.08, 37.8, 0.5)),
        (15, 34),
    ),
    Cause.EMBOLISM: Insult(
        {
            "pulmonary_resistance": (4.0, 13.0),
            "right_ventricle_systolic_elastance": (0.75, 1.0),
            "resting_heart_rate": (1.0, 1.25),
        },
        {"pulmonary_shunt": (0.02, 0.22)},
        ((0.9, 36.8, 0.5), (0.1, 38.0, 0.4)),
        (15, 36),
    ),
    Cause.PNEUMOTHORAX: Insult(
        {
            "resting_heart_rate": (1.0, 1.25),
            "pulmonary_resistance": (1.0, 1.6),
        },
        {"standing_thoracic_pressure": (6.0, 17.0), "pulmonary_shunt": (0.10, 0.30)},
        ((0.95, 36.7, 0.5), (0.05, 38.0, 0.4)),
        (20, 42),
    ),
    Cause.TAMPONADE: Insult(
        {"resting_heart_rate": (1.0, 1.2)},
        {"standing_pericardial_fluid": (120.0, 420.0)},
        ((0.9, 36.8, 0.5), (0.1, 38.0, 0.5)),
        (15, 34),
    ),
}
"""Severities from troubled to near death; only those who are in trouble and alive are examined."""

LOWEST_MEAN_PRESSURE_MMHG: Final = 35.0
"""Below it nobody waits for a card."""


@dataclass(frozen=True, slots=True, eq=False)
class VirtualPatients:
    """People with a known cause of trouble, before and in it; columns are people."""

    causes: tuple[Cause, ...]
    bodies: tuple[Body, ...]
    before: Float[np.ndarray, "quantity person"]
    now: Float[np.ndarray, "quantity person"]
    """True values, rows of ``Quantity``."""
    temperatures: Float[np.ndarray, " person"]
    respiratory_rates: Float[np.ndarray, " person"]
    seed: int

    def measurements(
        self, person: int, extra: Sequence[tuple[Quantity, Device]] = (), *, earlier: bool = False
    ) -> list[Measurement]:
        """Return what is charted of one person: vital signs, and what else was measured.

        ``earlier`` adds a set of vital signs from before the trouble, two hours old.
        """
        random = np.random.default_rng((self.seed, person))
        arm = arm_drawn(self.bodies[person], random)
        found = charted((*VITAL_SIGNS, *extra), self.now[:, person], NOW, random, arm)
        warmth = round(float(self.temperatures[person] + 0.1 * random.standard_normal()), 1)
        found.append(Measurement(Condition.TEMPERATURE, warmth, NOW, "virtual/temperature"))
        if earlier:
            at = NOW - timedelta(hours=EARLIER_H)
            then = _wandered(self.before[:, person], random)
            found += charted(VITAL_SIGNS, then, at, random, arm)
        return found


SHARED: Final = 0.8
"""Share of a cuff's variance that its pressures have in common: it measures one envelope."""

MEAN_SHARES: Final = (0.24, 1.0 / 3.0)
"""At which shares of the pulse cuffs show the mean: half of the patients each (``arm``)."""


def arm_drawn(body: Body, random: np.random.Generator) -> Arm:
    """Return how a cuff shows this person's aorta: the pulse grows by his own share."""
    expected = expected_amplification(Device.CUFF, body.age_years)
    grown = max(1.0, expected * np.exp(random.uniform(-0.2, 0.2)))
    return Arm(np.array([grown]), float(random.choice(MEAN_SHARES)))


def charted(
    quantities: Sequence[tuple[Quantity, Device]],
    true: np.ndarray,
    at: datetime,
    random: np.random.Generator,
    arm: Arm,
) -> list[Measurement]:
    """Return what devices show of a state: with their errors, rounded as on a screen.

    A cuff reads at the arm, and makes its mean of the two pressures that it shows.
    """
    at_the_arm = arm.shown(true[:, None])[:, 0]
    cuff = random.standard_normal()
    shown: dict[Quantity, float] = {}
    for quantity, device in quantities:
        error = random.standard_normal()
        if device is Device.CUFF:
            error = np.sqrt(SHARED) * cuff + np.sqrt(1.0 - SHARED) * error
        value = float((at_the_arm if device is Device.CUFF else true)[QUANTITY_INDEX[quantity]])
        noisy = value + error_model(quantity, device).sd(value) * error
        if quantity is Quantity.OXYGEN_SATURATION:
            noisy = min(noisy, 100.0)
        shown[quantity] = round(noisy, 1) if quantity is Quantity.CARDIAC_OUTPUT else round(noisy)
    _order(shown, arm)
    return [
        Measurement(quantity, float(shown[quantity]), at, f"virtual/{quantity}/{at}", device)
        for quantity, device in quantities
    ]


LEAST_PULSE_MMHG: Final = 3.0
"""A cuff that finds none shows nothing."""


def _order(shown: dict[Quantity, float], arm: Arm) -> None:
    low = shown[Quantity.DIASTOLIC_PRESSURE]
    high = max(low + LEAST_PULSE_MMHG, shown[Quantity.SYSTOLIC_PRESSURE])
    shown[Quantity.SYSTOLIC_PRESSURE] = high
    mean = float(shown_mean_mmhg(np.array(high), np.array(low), arm.mean_share or MONITOR_SHARE))
    shown[Quantity.MEAN_PRESSURE] = min(max(round(mean), low + 1.0), high - 1.0)


def _wandered(true: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the state of two hours ago: a person is never quite the same."""
    moved = true.copy()
    for quantity, own in DISCREPANCIES.items():
        sd = own.wander_per_sqrt_h * np.sqrt(EARLIER_H)
        moved[QUANTITY_INDEX[quantity]] += 0.5 * sd * random.standard_normal()
    return moved


def virtual_patients(counts: Mapping[Cause, int], seed: int) -> VirtualPatients:
    """Return so many people of each cause, all in trouble and alive, simulated on the model."""
    random = np.random.default_rng(seed)
    parts = [_of_cause(cause, count, random) for cause, count in counts.items()]
    before, now, temperatures, rates = (
        np.concatenate(arrays, axis=-1) for arrays in zip(*(p[1:] for p in parts), strict=True)
    )
    return VirtualPatients(
        tuple(cause for cause, count in counts.items() for _ in range(count)),
        tuple(body for bodies, *_ in parts for body in bodies),
        before,
        now,
        temperatures,
        rates,
        seed,
    )


def _of_cause(
    cause: Cause, count: int, random: np.random.Generator
) -> tuple[list[Body], np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    insult = INSULTS[cause]
    bodies: list[Body] = []
    kept: list[list[np.ndarray]] = [[], []]
    while len(bodies) < count:
        drawn = [body_drawn(random) for _ in range(2 * count)]
        before = np.stack([person_drawn(body, random) for body in drawn], axis=1)
        states = resting_state(before), resting_state(_struck(before, insult, random))
        chosen = [p for p in range(2 * count) if _examined(states[0][:, p], states[1][:, p])]
        bodies += [drawn[p] for p in chosen]
        for into, state in zip(kept, states, strict=True):
            into.append(state[:, chosen])
    before_state, now_state = (np.concatenate(each, axis=1)[:, :count] for each in kept)
    shares = np.array([share for share, _, _ in insult.temperature])
    which = random.choice(len(shares), count, p=shares / shares.sum())
    temperatures = np.array([random.normal(*insult.temperature[place][1:]) for place in which])
    rates = random.uniform(*insult.respiratory_rate, count).round()
    return bodies[:count], before_state, now_state, temperatures, rates


def body_drawn(random: np.random.Generator) -> Body:
    """Return an adult's body."""
    male = bool(random.random() < 0.55)
    height = random.normal(176.0 if male else 163.0, 7.0)
    index = random.uniform(19.0, 36.0)
    return Body(
        float(round(random.uniform(25.0, 90.0))),
        "male" if male else "female",
        float(round(index * (height / 100.0) ** 2)),
        float(round(height)),
    )


def person_drawn(body: Body, random: np.random.Generator) -> Float[np.ndarray, " parameter"]:
    """Return a person of this body, who differs from the standard adult in every parameter."""
    values = scaled_to(body)
    for row, entry in enumerate(PARAMETERS):
        if entry.name in ("inspired_oxygen_fraction", "maximum_heart_rate"):
            continue
        reach = WIDER.get(entry.name, EVERY_PARAMETER)
        values[row] *= np.exp(random.uniform(-reach, reach))
    return values


def _struck(
    before: np.ndarray, insult: Insult, random: np.random.Generator
) -> Float[np.ndarray, "parameter person"]:
    after = before.copy()
    people = after.shape[1]
    for name, (low, high) in insult.factors.items():
        after[PARAMETER_INDEX[name]] *= random.uniform(low, high, people)
    for name, (low, high) in insult.added.items():
        after[PARAMETER_INDEX[name]] += random.uniform(low, high, people)
    return after


def _examined(before: np.ndarray, now: np.ndarray) -> bool:
    """Whether the person was well before and now is in trouble, and alive."""
    if not (np.isfinite(before).all() and np.isfinite(now).all()):
        return False
    alive = now[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]] >= LOWEST_MEAN_PRESSURE_MMHG
    return bool(alive and troubled(now) and not troubled(before))


def troubled(state: Float[np.ndarray, " quantity"]) -> bool:
    """Return whether perfect devices would show trouble in this state."""
    seen = [
        Measurement(quantity, float(state[QUANTITY_INDEX[quantity]]), NOW, "virtual", device)
        for quantity, device in VITAL_SIGNS
    ]
    return bool(troubles(observation_sets(seen)[0]))
