"""A plain synthetic ECG with known numbers: what the tests of ECGs build on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg import Ecg

# How P, QRS (Q, R, S) and T look in I, II and V1 to V6: millivolt at their peaks.
WAVES_MV = np.array(
    #  P      Q      R     S      T
    [
        [0.08, -0.05, 0.70, -0.10, 0.20],
        [0.12, -0.08, 1.10, -0.15, 0.30],
        [0.05, 0.00, 0.20, -0.90, 0.05],
        [0.06, 0.00, 0.40, -1.40, 0.40],
        [0.06, 0.00, 0.80, -1.00, 0.45],
        [0.06, -0.05, 1.40, -0.60, 0.40],
        [0.06, -0.08, 1.30, -0.30, 0.30],
        [0.06, -0.08, 1.00, -0.15, 0.25],
    ]
)
CENTRES_SECONDS = np.array([-0.17, -0.028, 0.0, 0.032, 0.26])
WIDTHS_SECONDS = np.array([0.022, 0.009, 0.011, 0.011, 0.045])


def regular(
    rate_per_minute: float = 75.0, seconds: float = 10.0, rate_hz: float = 500.0, gain: float = 1.0
) -> Ecg:
    """Return beats at even distances, the first R peak at 0.4 s; limb leads add up exactly."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    peaks = np.arange(0.4, seconds + 1.0, 60.0 / rate_per_minute)
    since = time[None, :] - peaks[:, None]
    shape = np.exp(
        -0.5 * ((since[:, None] - CENTRES_SECONDS[:, None]) / WIDTHS_SECONDS[:, None]) ** 2
    )
    eight = gain * WAVES_MV @ shape.sum(axis=0)
    return Ecg(twelve(eight).astype(np.float32), rate_hz, generated=True)


def twelve(eight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return twelve leads from I, II and V1 to V6."""
    one, two = eight[:2]
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.concatenate([np.stack(limb), eight[2:]])
