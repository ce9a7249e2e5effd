"""Which measurement, not yet made, would tell the causes apart best.

For each candidate the uncertainty about the cause (Shannon's entropy) that is expected to be left
after the measurement is computed from what every cause expects of it, its device's error included;
the one that is expected to leave least is the most telling (Lindley 1956, Ann Math Stat 27:986).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy import special

from twin.core.device_errors import error_model
from twin.core.discrepancy import DISCREPANCIES
from twin.core.haemodynamics import Quantity
from twin.core.hypotheses import Cause
from twin.core.measurements import Device
from twin.core.prior import GROWS_WITH_SIZE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from jaxtyping import Float

    from twin.core.emulator import Emulator

    Foreseen = Float[np.ndarray, "cause input draw"]

LN_2: Final = float(np.log(2.0))

GRID: Final = 48
"""Values of a measurement at which the causes are weighed anew."""

WORTH_SAYING_BITS: Final = 0.05
"""What is expected to take away less uncertainty than this is not named."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A measurement not yet made, and what it is expected to tell of the cause."""

    name: str
    entropy_fall_bits: float
    """Expected; the entropy of the causes now is ``entropy_now_bits``."""
    entropy_now_bits: float
    quantity: Quantity | None = None
    """What is measured; None for an examination that finds something or not."""
    device: Device = Device.UNKNOWN


CANDIDATES: Final = (
    (Quantity.CENTRAL_VENOUS_PRESSURE, Device.UNKNOWN, "central venous pressure"),
    (Quantity.CARDIAC_OUTPUT, Device.ECHO, "cardiac output by echocardiography"),
    (Quantity.EJECTION_FRACTION, Device.ECHO, "left ventricular ejection fraction"),
    (Quantity.MIXED_VENOUS_SATURATION, Device.UNKNOWN, "mixed venous oxygen saturation"),
)


class FindingTest(NamedTuple):
    """A yes-or-no examination: how often it is positive under some causes, and under the rest."""

    name: str
    positive: Mapping[Cause, float]
    positive_otherwise: float
    source: str


EXAMINATIONS: Final = (
    FindingTest(
        "echocardiography for pericardial fluid",
        {Cause.TAMPONADE: 0.96},
        0.02,
        "Mandavia 2001, Ann Emerg Med 38:377: sensitivity 96 %, specificity 98 %",
    ),
    FindingTest(
        "ultrasound of the lungs for pneumothorax",
        {Cause.PNEUMOTHORAX: 0.91},
        0.02,
        "Alrajhi 2012, Chest 141:703: sensitivity 91 %, specificity 98 %",
    ),
    FindingTest(
        "echocardiography for strain of the right ventricle",
        {Cause.EMBOLISM: 0.85},
        0.15,
        "Fields 2017, J Am Soc Echocardiogr 30:714: specific (83 %), but 53 % sensitive in all "
        "embolisms; more in those that cause shock (assumed)",
    ),
)


def most_telling(
    emulator: Emulator,
    causes: Sequence[Cause],
    probabilities: np.ndarray,
    foreseen: Foreseen,
    seen: Collection[Quantity],
    size: float,
) -> tuple[Telling, ...]:
    """Return what is worth measuring, the most telling first.

    Parameters
    ----------
    foreseen
        The emulator's inputs of circulations that each cause holds possible, equally likely.
    seen
        What was measured already and need not be proposed.
    size
        The body's expected blood volume over the standard adult's.
    """
    now = _entropy(probabilities)
    told = []
    for quantity, device, name, values in _expectations(emulator, foreseen, seen):
        left = _left_by_value(values, quantity, device, probabilities, size)
        told.append(Telling(name, now - left, now, quantity, device))
    for test in EXAMINATIONS:
        if any(cause in causes for cause in test.positive):
            left = _left_by_finding(test, causes, probabilities)
            told.append(Telling(test.name, now - left, now))
    told.sort(key=lambda each: -each.entropy_fall_bits)
    return tuple(each for each in told if each.entropy_fall_bits >= WORTH_SAYING_BITS)


def _expectations(
    emulator: Emulator, foreseen: Foreseen, seen: Collection[Quantity]
) -> list[tuple[Quantity, Device, str, np.ndarray]]:
    open_ones = [
        each for each in CANDIDATES if each[0] not in seen and each[0] in emulator.outputs
    ]
    if not open_ones:
        return []
    rows = emulator.rows([quantity for quantity, _, _ in open_ones])
    causes, _, draws = foreseen.shape
    flat = emulator.predict_rows(np.concatenate(list(foreseen), axis=1), rows)
    each_by_cause = flat.reshape(len(rows), causes, draws)
    return [(*each, values) for each, values in zip(open_ones, each_by_cause, strict=True)]


def _left_by_value(
    values: np.ndarray,
    quantity: Quantity,
    device: Device,
    probabilities: np.ndarray,
    size: float,
) -> float:
    """Return the entropy expected to be left after a measurement of a value."""
    scale = size if quantity in GROWS_WITH_SIZE else 1.0
    middle = float(probabilities @ values.mean(axis=1))
    own = DISCREPANCIES[quantity].model_sd(middle)
    sd = float(np.hypot(error_model(quantity, device).sd(middle * scale) / scale, own))
    edges = np.linspace(values.min() - 2.0 * sd, values.max() + 2.0 * sd, GRID)
    step = edges[1] - edges[0]
    place = np.clip(np.round((values - edges[0]) / step).astype(int), 0, GRID - 1)
    shares = np.stack([np.bincount(where, minlength=GRID) / len(where) for where in place])
    blurred = shares @ np.exp(-0.5 * ((edges[:, None] - edges) / max(sd, 0.5 * step)) ** 2)
    density = blurred / np.maximum(blurred.sum(axis=1, keepdims=True), 1e-300)
    return _expected_entropy(probabilities[:, None] * density)


def _left_by_finding(
    test: FindingTest, causes: Sequence[Cause], probabilities: np.ndarray
) -> float:
    positive = np.array([test.positive.get(cause, test.positive_otherwise) for cause in causes])
    return _expected_entropy(
        np.stack((probabilities * positive, probabilities * (1.0 - positive)), axis=1)
    )


def _expected_entropy(joint: np.ndarray) -> float:
    """Return the entropy of the cause, averaged over results; ``joint`` is [cause, result]."""
    return float(special.entr(joint).sum() - special.entr(joint.sum(axis=0)).sum()) / LN_2


def _entropy(probabilities: np.ndarray) -> float:
    return float(special.entr(probabilities).sum()) / LN_2
