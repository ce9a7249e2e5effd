"""Judges ECG releases on a set with known labels: by signal, by printed page, by photograph.

Rule of the file: from records and releases to figures; nothing here trains or prints to a screen.
A label is scored where the set annotates it (some record carries it) and a release knows it;
``ABN`` is judged by the probability that the ECG is not normal. Intervals are of 95 %, by
bootstrap over records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg import Ecg
from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.ecg_page import read_page
from inference.core.ecg_paper import Ink
from inference.core.ecg_printer import PageStyle, print_page
from inference.core.ecg_together import mean_probability, pair_of
from inference.core.release import ReleasedModel, joint_digest
from inference.core.viz_ecg import (
    LOG_ODDS,
    PAGE,
    STRIP_LEADS,
    STRIP_SIGNALS,
    all_lead_strips,
    net_pages,
    probabilities,
)
from inference.ports import Batch
from inference.training.ecg_camera import PHONE, photograph
from inference.training.ecg_sets import STEP_MV, LabelledStem
from inference.training.metrics import auprc, auroc, with_interval

Via = Literal["image", "signal", "photo"]
Run = Callable[[ReleasedModel, Batch], Batch]
Array = NDArray[np.float64]
FEWEST_POSITIVES: Final = 20
"""Below this a label is shown and does not enter the macro mean."""
ABNORMAL: Final = "ABN"
NORMAL: Final = "NORM"
SIGNAL_TASK: Final = "ecg-signal"
PAGE_TASK: Final = "ecg-page"
RATE_HZ: Final = 250.0
_BATCH: Final = 16


@dataclass(frozen=True, slots=True)
class Said:
    """What one release says of a set: probabilities ``[record, label]``."""

    release: ReleasedModel
    probability: Array

    def of(self, label: str) -> Array | None:
        """Return the probability of a label, or None where the release does not know it."""
        if label == ABNORMAL and NORMAL in self.release.labels:
            return 1.0 - self.probability[:, self.release.labels.index(NORMAL)]
        if label not in self.release.labels:
            return None
        return self.probability[:, self.release.labels.index(label)]

    def threshold(self, label: str) -> float:
        """Return from which probability the finding is called."""
        if label == ABNORMAL and ABNORMAL not in self.release.thresholds:
            return 1.0 - self.release.thresholds[NORMAL].value
        return self.release.thresholds[label].value


def read_set(
    stem: LabelledStem,
    via: Via,
    releases: Sequence[ReleasedModel],
    run: Run,
    advance: Callable[[int], None],
) -> dict[str, Said]:
    """Return what each release says of every record; page nets read what ``via`` shows them."""
    found: dict[str, list[Array]] = {release.name: [] for release in releases}
    random = np.random.default_rng(0)
    for start in range(0, len(stem.steps), _BATCH):
        leads = stem.steps[start : start + _BATCH].astype(np.float32) * np.float32(STEP_MV)
        pages: list[Ink | None] | None = None
        for release in releases:
            if release.task == SIGNAL_TASK:
                found[release.name].append(read_signals(release, leads, run))
                continue
            if pages is None:
                pages = [shown(one, via, random) for one in leads]
            found[release.name].append(read_pages(release, pages, run))
        advance(len(leads))
    return {
        release.name: Said(release, np.concatenate(found[release.name])) for release in releases
    }


def with_pairs(said: Mapping[str, Said]) -> dict[str, Said]:
    """Return what releases say, and after it what those say of normal that speak together."""
    found = dict(said)
    for first, second in permutations(said.values(), 2):
        pair = pair_of(first.release, second.release)
        normal, other = first.of(NORMAL), second.of(NORMAL)
        if pair is None or normal is None or other is None:
            continue
        both = replace(
            second.release,
            name=pair.name,
            version=f"{first.release.version}+{second.release.version}",
            digest=joint_digest([first.release, second.release]),
            labels=(NORMAL,),
            thresholds={NORMAL: pair.threshold},
        )
        found[pair.name] = Said(both, mean_probability(normal, other)[:, None])
    return found


def read_signals(release: ReleasedModel, leads_mv: NDArray[np.float32], run: Run) -> Array:
    """Return calibrated probabilities of leads ``[n, 12, 2500]``."""
    strips, leads = all_lead_strips(leads_mv)
    return _calibrated(release, run(release, {STRIP_SIGNALS: strips, STRIP_LEADS: leads}))


def read_pages(release: ReleasedModel, pages: Sequence[Ink | None], run: Run) -> Array:
    """Return calibrated probabilities of canonical ink ``[320, 672]``; NaN where there is none."""
    out = np.full((len(pages), len(release.labels)), np.nan)
    found = [place for place, page in enumerate(pages) if page is not None]
    if found:
        ink = np.stack([page for page in pages if page is not None])
        out[found] = _calibrated(release, run(release, {PAGE: net_pages(ink)}))
    return out


def _calibrated(release: ReleasedModel, says: Batch) -> Array:
    slope = float(release.calibration["slope"])
    return probabilities(says[LOG_ODDS], slope, release.calibration["offset"])


def shown(leads_mv: NDArray[np.float32], via: Via, random: np.random.Generator) -> Ink | None:
    """Return the canonical ink of one record as found on its page or on a photograph of it.

    None where no ECG page was found on the picture.
    """
    level = leads_mv - np.median(leads_mv, axis=1, keepdims=True)
    page = print_page(Ecg(level, RATE_HZ), THREE_BY_FOUR_RHYTHM, PageStyle()).pixels
    return read_page(photograph(page, PHONE, random).pixels if via == "photo" else page).page


def figures(stem: LabelledStem, said: Mapping[str, Said], first: str) -> dict[str, Any]:
    """Return the figures of every release, those of ``first`` on the outside."""
    labels = scored_labels(stem)
    models = {name: _of_release(stem, labels, one) for name, one in said.items()}
    return {"records": len(stem.labels), **models[first], "models": models}


def scored_labels(stem: LabelledStem) -> tuple[str, ...]:
    """Return the labels that the set annotates: those that some record of it carries."""
    return tuple(sorted(frozenset().union(*stem.labels)))


def _of_release(stem: LabelledStem, labels: Sequence[str], said: Said) -> dict[str, Any]:
    found = {}
    read = ~np.isnan(said.probability).any(axis=1)
    for label in labels:
        probability = said.of(label)
        if probability is not None:
            truth = np.array([label in one for one in stem.labels], dtype=np.float64)
            found[label] = label_figures(truth[read], probability[read], said.threshold(label))
    return {
        "not_read": int((~read).sum()),
        "labels": found,
        "macro": macro(found),
        "release": said.release.identity,
        "reads": "signal" if said.release.task == SIGNAL_TASK else "page",
    }


def label_figures(truth: Array, probability: Array, threshold: float) -> dict[str, Any]:
    """Return the figures of one label; None where nothing can be measured."""
    called = probability >= threshold
    right = float((called & (truth > 0)).sum())
    precision = right / called.sum() if called.any() else None
    recall = right / truth.sum() if truth.any() else None
    total = float(called.sum() + truth.sum())
    return {
        "positives": int(truth.sum()),
        "auroc": with_interval(auroc, truth, probability),
        "auprc": with_interval(auprc, truth, probability),
        "precision": precision,
        "recall": recall,
        "f1": 2 * right / total if total else None,
    }


def macro(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return means over the labels with at least `FEWEST_POSITIVES` positives, and which they are.

    A label that is never called has precision 0 there.
    """
    enough = [label for label, one in found.items() if one["positives"] >= FEWEST_POSITIVES]
    judged = [one for one in enough if found[one]["auroc"]["value"] is not None]
    if not judged:
        return {"labels": [], **dict.fromkeys((*_AREAS, *_CALLS))}
    areas = {
        name: float(np.mean([found[one][name]["value"] for one in judged])) for name in _AREAS
    }
    calls = {name: float(np.mean([found[one][name] or 0.0 for one in judged])) for name in _CALLS}
    return {"labels": judged, **areas, **calls}


_AREAS: Final = ("auroc", "auprc")
_CALLS: Final = ("precision", "recall", "f1")
