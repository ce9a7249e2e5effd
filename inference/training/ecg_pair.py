"""What the release of a second reader has: an infarction threshold, its pair, sets that judge.

Rule of the file: from a graph and records to figures that travel in the release of a net that is
heard beside another one. Everything here is measured on validation records, but `read_by_set`,
whose sets taught nothing and choose nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg import Ecg
from inference.core.ecg_beats import r_peaks
from inference.core.ecg_reading import NORMAL
from inference.core.ecg_together import mean_probability
from inference.core.release import ReleasedModel
from inference.core.viz_ecg import probabilities
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import open_session
from inference.training.ecg_calibration import (
    Calibration,
    best_threshold,
    read_plain,
    views_of,
)
from inference.training.ecg_evaluation import label_figures
from inference.training.ecg_injury import can_be_injured, injured
from inference.training.ecg_labels import CODES, PLACE
from inference.training.ecg_replay import SAMPLES
from inference.training.ecg_sets import STEP_MV, EcgRecords, EcgSet, read_sets
from inference.training.ecg_views import RATE_HZ
from inference.training.metrics import auroc, paired_difference, with_interval

INFARCTION: Final = "STEMI"
_LAST_PEAK: Final = SAMPLES - 60
_INJURED_SEED: Final = 2
_VIEWS: Final = ("as recorded", "as photographed or scanned")

Array = NDArray[np.float64]


def infarction_threshold(
    session: Any,  # noqa: ANN401 - onnxruntime is untyped
    kind: str,
    records: EcgRecords,
    calibration: Calibration,
) -> dict[str, float]:
    """Return from where an infarction is called, on validation records with injuries played.

    They are told from the same records as recorded and with what only looks like one.
    """
    rows = np.flatnonzero(~records.teaches)
    hurt = injured_records(records, rows)
    said, truth = [], []
    for some in (records.of(rows), hurt):
        every = np.arange(len(some))
        chance = _chances(read_plain(session, kind, some, every).log_odds, calibration)
        wanted = some.targets[:, PLACE[INFARCTION]]
        if some is not hurt:
            spared = np.array([can_be_injured(one) for one in some.targets])
            wanted = np.where(spared & np.isnan(wanted), 0.0, wanted)
        known = ~np.isnan(wanted)
        said.append(chance[known, PLACE[INFARCTION]])
        truth.append(wanted[known] > 0)
    chances, ill = np.concatenate(said), np.concatenate(truth)
    return best_threshold(chances, ill, chances, ill)


def injured_records(records: EcgRecords, rows: NDArray[np.int64]) -> EcgRecords:
    """Return those records on whose beats an injury, or what looks like one, can be played."""
    random = np.random.default_rng(_INJURED_SEED)
    chosen, steps, targets = [], [], []
    for row in rows:
        leads = records.leads_mv(int(row))
        peaks = r_peaks(Ecg(leads, RATE_HZ))
        peaks = peaks[peaks < _LAST_PEAK]
        if not can_be_injured(records.targets[row]) or len(peaks) < 2:
            continue
        hurt, said = injured(leads, records.targets[row], peaks, random)
        chosen.append(row)
        steps.append(np.clip(np.round(hurt / STEP_MV), -32768, 32767).astype(np.int16))
        targets.append(said)
    kept = records.of(np.array(chosen, dtype=np.int64))
    return EcgRecords(np.stack(steps), np.stack(targets), kept.teaches, kept.names, kept.sets)


def pair_figures(
    folder: Path, name: str, records: EcgRecords, chances: Array, targets: NDArray[np.float32]
) -> dict[str, Any]:
    """Return what a second reader and the release ``name`` of a folder say of normal together.

    ``chances`` are the second reader's probabilities of every view of the validation records, as
    `views_of` yields them. ``used`` is whether both together tell normal better than the first
    alone over all views.
    """
    library = ReleaseLibrary(folder)
    first = library.load(name)
    rows = np.flatnonzero(~records.teaches)
    outputs, _ = views_of(open_session(library.weights(first), 2), "page", records, rows)
    own = _chances(
        outputs.log_odds,
        Calibration(float(first.calibration["slope"]), first.calibration["offset"]),
    )[:, first.labels.index(NORMAL)]
    other = chances[:, PLACE[NORMAL]]
    known = ~np.isnan(targets[:, PLACE[NORMAL]])
    truth = targets[known, PLACE[NORMAL]].astype(np.float64)
    said = {
        "first": own[known],
        "second": other[known],
        "together": mean_probability(own, other)[known],
    }
    gain = paired_difference(auroc, truth, [(said["together"], said["first"])])
    return {
        "with": first.digest,
        "identity": first.identity,
        "threshold": best_threshold(said["together"], truth > 0, said["together"], truth > 0),
        "validation": {
            view: {who: with_interval(auroc, truth[part], one[part]) for who, one in said.items()}
            for view, part in _parts(known, len(rows)).items()
        },
        "gain": gain,
        "used": gain["value"] > 0,
    }


def _parts(known: NDArray[np.bool_], records: int) -> dict[str, slice]:
    """Return where each view's annotated rows lie."""
    first = int(known[:records].sum())
    return {
        _VIEWS[0]: slice(0, first),
        _VIEWS[1]: slice(first, None),
        "both": slice(None),
    }


def read_by_set(
    sets: Sequence[EcgSet],
    data: Path,
    session: Any,  # noqa: ANN401
    release: ReleasedModel,
) -> dict[str, Any]:
    """Return the figures of sets that taught nothing, labels as their readers read them."""
    found = {}
    for one in sets:
        records = read_sets(data, (one,))
        says = read_plain(session, "page", records, np.arange(len(records)))
        chances = probabilities(
            says.log_odds, float(release.calibration["slope"]), release.calibration["offset"]
        )
        labels = {}
        for place, code in enumerate(CODES):
            truth = records.targets[:, place]
            known = ~np.isnan(truth)
            if (truth[known] > 0).any():
                labels[code] = label_figures(
                    truth[known].astype(np.float64),
                    chances[known, place],
                    release.thresholds[code].value,
                )
        found[Path(one.stem).name] = {
            "records": len(records),
            "licence": one.licence,
            "labels": labels,
        }
    return found


def _chances(log_odds: Array, calibration: Calibration) -> Array:
    return probabilities(log_odds, calibration.slope, calibration.offset)
