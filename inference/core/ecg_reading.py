"""From what VizECGNet says of a page to a reading: findings, doubt, where it looked. Pure.

Probabilities are calibrated by the release; a page whose embedding lies beyond the release's limit
is not readable, and nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg_checks import DoubtKind
from inference.core.ecg_page import PageDoubt, PageReading
from inference.core.image_reading import ABNORMAL, Activation, Finding
from inference.core.release import ReleasedModel, Threshold
from inference.core.viz_ecg import ACTIVATION, EMBEDDING, LOG_ODDS, probabilities, strangeness

TASK: Final = "ecg-page"
NEVER: Final = 1.0
"""A threshold of 1 is how a release says that it is not good enough to call a finding."""
MOST_MAPS: Final = 4
NORMAL: Final = "NORM"

NAMES: Final[Mapping[str, str]] = {
    "NORM": "normal ECG",
    ABNORMAL: "abnormal ECG",
    "SB": "sinus bradycardia",
    "ST": "sinus tachycardia",
    "AF": "atrial fibrillation",
    "AFL": "atrial flutter",
    "PAC": "premature atrial complexes",
    "PVC": "premature ventricular complexes",
    "1dAVb": "first-degree AV block",
    "2dAVb": "second-degree AV block",
    "3dAVb": "third-degree AV block",
    "PACE": "paced rhythm",
    "VT": "ventricular tachycardia",
    "SVT": "supraventricular tachycardia",
    "RBBB": "right bundle branch block",
    "LBBB": "left bundle branch block",
    "IRBBB": "incomplete right bundle branch block",
    "LAFB": "left anterior fascicular block",
    "LVH": "left ventricular hypertrophy",
    "RVH": "right ventricular hypertrophy",
    "MI": "signs of myocardial infarction",
    "STEMI": "ST-elevation infarction",
    "STE": "ST elevation",
    "STD": "ST depression",
    "TInv": "T-wave inversion",
    "STTC": "ST and T changes",
}


_PENALTY: Final = {
    PageDoubt.CUT_OFF: 0.5,
    PageDoubt.ORIENTATION_UNSURE: 0.5,
    PageDoubt.LAYOUT_UNSURE: 0.5,
    PageDoubt.FAST_PAPER: 0.5,
}
_FAINTEST: Final = 1e-9
SILENT_LEAD: Final = 0.12
"""As for a recording, see `inference.core.ecg_checks`."""
_USUAL_PENALTY: Final = 0.1
"""A page that was turned or has no grid is read a little worse, if at all; ours."""


def page_quality(doubts: Iterable[PageDoubt], silent: Sequence[str] = ()) -> float:
    """Return 0 to 1 for a page that was found: each doubt and silent lead takes its share."""
    lost = sum(_PENALTY.get(each, _USUAL_PENALTY) for each in doubts)
    return max(0.0, 1.0 - lost - SILENT_LEAD * len(silent))


def page_doubts(page: PageReading) -> tuple[str, ...]:
    """Return what is odd about a page, in sentences."""
    silent = DoubtKind.FLAT_LEAD.value.format(leads=", ".join(page.silent))
    odd = tuple(each.value for each in page.doubts)
    return (f"{silent}, or it was not printed", *odd) if page.silent else odd


def why_not_readable(release: ReleasedModel, outputs: Mapping[str, NDArray[Any]]) -> str | None:
    """Return why nothing may be said of this page, or None."""
    limit = release.limits.get("strangest")
    if limit is None:
        return None
    calibration = release.calibration
    far = strangeness(outputs[EMBEDDING], calibration["centre"], calibration["precision"])
    if far[0] <= limit:
        return None
    return "it is unlike the ECGs that the release learnt from: not readable"


def findings_of(
    release: ReleasedModel, outputs: Mapping[str, NDArray[Any]]
) -> tuple[Finding, ...]:
    """Return every label of the release with its calibrated probability, in its order."""
    calibration = release.calibration
    slope = float(np.atleast_1d(calibration["slope"])[0])
    chances = probabilities(outputs[LOG_ODDS], slope, calibration["offset"])[0]
    return tuple(
        Finding(code, NAMES.get(code, code), float(chance), _usable(release, code))
        for code, chance in zip(release.labels, chances, strict=True)
    )


def _usable(release: ReleasedModel, code: str) -> Threshold | None:
    threshold = release.thresholds.get(code)
    return None if threshold is None or threshold.value >= NEVER else threshold


def activations_of(
    findings: tuple[Finding, ...], outputs: Mapping[str, NDArray[Any]]
) -> tuple[Activation, ...]:
    """Return where the page speaks for the likeliest called findings, the likeliest first.

    What speaks against a finding is left out: the map is shown over the page as light.
    """
    maps = np.asarray(outputs[ACTIVATION][0], dtype=np.float64)
    called = [
        (place, each)
        for place, each in enumerate(findings)
        if each.possible and each.code != NORMAL and maps[place].max() > 0
    ]
    called.sort(key=lambda pair: -pair[1].probability)
    return tuple(activation_of(each.code, maps[place]) for place, each in called[:MOST_MAPS])


def activation_of(code: str, values: NDArray[Any]) -> Activation:
    """Return what speaks for a finding at each place ``[row, column]``, the most as 255."""
    speaking = np.clip(values, 0.0, None)
    scaled = speaking * (255.0 / max(float(speaking.max()), _FAINTEST))
    rows, columns = values.shape
    return Activation(code, rows, columns, np.rint(scaled).astype(np.uint8).tobytes())
