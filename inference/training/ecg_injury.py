"""The injury current of an infarction played on recorded beats, with the answers that follow.

Rule of the file: ST segments of recorded beats are raised or lowered as one territory would, or
raised everywhere as in pericarditis or early repolarisation, which is no infarction. Complexes,
noise and paper stay those of the recording. A generated infarction alone would teach what is
generated, not what an infarction is. Randomness is passed in.

Territories by lead: Thygesen et al. 2018, Fourth Universal Definition of Myocardial Infarction,
https://doi.org/10.1161/CIR.0000000000000617 (limits of 0.1 mV, in V2 and V3 of 0.2 mV). Shares of
a territory in each lead are ours.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.training.ecg_labels import PLACE, Targets
from inference.training.ecg_replay import RATE_HZ, Leads

_TERRITORIES: Final = np.array(
    [  # I, aVF, V1 to V6
        [0.2, -0.2, 0.4, 1.0, 1.0, 0.8, 0.4, 0.15],  # anterior
        [0.0, -0.1, 0.7, 1.0, 0.9, 0.5, 0.1, 0.0],  # anteroseptal
        [0.5, -0.4, 0.1, 0.7, 1.0, 1.0, 0.8, 0.6],  # anterolateral
        [-0.35, 0.8, 0.1, -0.3, -0.2, -0.1, 0.0, 0.1],  # inferior
        [0.0, 0.8, -0.3, -0.4, -0.2, 0.1, 0.5, 0.6],  # inferolateral
        [0.7, -0.5, -0.3, -0.1, 0.0, 0.2, 0.5, 0.5],  # lateral
    ]
)
_EVERYWHERE: Final = np.array([0.4, 0.5, 0.05, 0.5, 0.7, 0.8, 0.7, 0.6])
"""Pericarditis and early repolarisation: no lead but V1 and aVR is spared."""
_MIMIC_SHARE: Final = 0.35
SURE_MV: Final = 0.22
"""The highest raised lead, from which a reader would call it."""
_QT_OF_ROOT_RR: Final = 0.36
"""From the R peak to the end of T, in seconds at 60 a minute; ours."""
_WIDE: Final = ("RBBB", "LBBB", "PACE", "3dAVb")


def can_be_injured(targets: Targets) -> bool:
    """Return whether a record is annotated, its complexes narrow and its ST segments its own."""
    known = not np.isnan(targets[PLACE["AF"]])
    spared = (*_WIDE, "STEMI", "STE", "MI", "AFL")
    return bool(known and not any(targets[PLACE[one]] == 1 for one in spared))


def injured(
    leads: Leads, targets: Targets, peaks: NDArray[np.int64], random: np.random.Generator
) -> tuple[Leads, Targets]:
    """Return the record with an injury current, or with what only looks like one, and answers.

    What is too small to be called is not taught.
    """
    mimic = bool(random.random() < _MIMIC_SHARE)
    height_mv = float(np.exp(random.normal(np.log(0.17 if mimic else 0.33), 0.45)))
    lead = _EVERYWHERE if mimic else _TERRITORIES[random.integers(len(_TERRITORIES))]
    lead = lead * (1 + 0.2 * random.standard_normal(8)) + 0.04 * random.standard_normal(8)
    lead = _twelve(lead)
    raised = height_mv * lead / max(float(lead.max()), 0.3)
    course = _course(leads.shape[1], peaks, mimic, random)
    out = (leads + raised[:, None] * course).astype(np.float32)
    said = targets.copy()
    said[[PLACE[one] for one in ("NORM", "STE", "STD", "STTC", "MI")]] = np.nan
    if mimic:
        said[PLACE["STEMI"]] = 0.0
    elif height_mv >= SURE_MV:
        said[[PLACE["STEMI"], PLACE["STE"]]] = 1.0
        said[PLACE["NORM"]] = 0.0
    else:
        said[PLACE["STEMI"]] = np.nan
    return out, said


def _twelve(eight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return twelve leads of I, aVF and V1 to V6 (Einthoven, Goldberger)."""
    first, foot = eight[:2]
    second = foot + first / 2
    limb = [
        first,
        second,
        second - first,
        -(first + second) / 2,
        first - second / 2,
        foot,
    ]
    return np.array([*limb, *eight[2:]])


def _course(
    samples: int, peaks: NDArray[np.int64], mimic: bool, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return how much of the injury shows at each sample, 0 to about 1."""
    usual_s = float(np.median(np.diff(peaks))) / RATE_HZ
    begins = random.uniform(0.04, 0.065)
    lasts = _QT_OF_ROOT_RR * np.sqrt(usual_s) * random.uniform(0.85, 1.05) - begins
    dome, rises = random.uniform(0.0, 0.9), random.uniform(0.02, 0.05)
    time = np.arange(-rises, lasts, 1 / RATE_HZ)
    part = np.clip(time / lasts, 0.0, 1.0)
    shape = 0.45 + 0.75 * part if mimic else 1.0 + dome * np.sin(np.pi * part)
    shape = shape * _step((time + rises) / (2 * rises)) * (1 - _step((part - 0.55) / 0.45))
    out = np.zeros(samples)
    for peak in peaks:
        first = int(peak) + round((begins - rises) * RATE_HZ)
        shown = out[max(first, 0) : first + len(shape)]
        offset = max(-first, 0)
        here = shape[offset : offset + len(shown)] * (1 + 0.05 * random.standard_normal())
        np.maximum(shown, here, out=shown)
    return out


def _step(part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a smooth step from 0 to 1 over 0 to 1."""
    inside = np.clip(part, 0.0, 1.0)
    step: NDArray[np.float64] = inside * inside * (3 - 2 * inside)
    return step
