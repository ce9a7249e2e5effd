"""From the folder of a run to a release: graph, calibration, evidence, card. Training only.

The validation part and generated pictures calibrate; the judging part, whose licences let it do no
more, only judges. Kinds that no licensed picture teaches are judged and reported, and become
findings only where the caller names them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.boxes import iou
from inference.core.radiograph import Grey
from inference.core.radiograph_reading import OUTPUTS, Detections, batch_of, detections_of
from inference.core.release import release_from
from inference.errors import TrainingDataUnusable
from inference.releases.library import CARD, DESCRIPTION, WEIGHTS
from inference.runtimes.onnx import open_session
from inference.training.fusion_fit import logistic
from inference.training.radiograph_augmentation import Strength, augmented
from inference.training.radiograph_config import RadiographSettings
from inference.training.radiograph_evaluation import Case, figures, read_cases
from inference.training.radiograph_export import detector_graph, net_facts
from inference.training.radiograph_generator import GeneratorSettings
from inference.training.radiograph_loop import averaged_net
from inference.training.radiograph_release_words import ATTRIBUTES, card_text, meanings
from inference.training.radiograph_run import PARTS, RadiographRun, held_out_generated
from inference.training.radiograph_sets import Part, Sorted, grey_of, lungs_once

NAME: Final = "radiograph"
VIEWS: Final = 6
"""Other views of each validation picture that say what is usual."""
MARGIN: Final = 1.5
"""Of the limit of likeness over what validation pictures reach. They are of one hospital, and
without a margin a fifth of the judging pictures, in all of which the lungs are found, would not
be read."""
VIEWS_SEED: Final = 1_000_033
CALIBRATING_PICTURES: Final = 120
"""Generated ones, for the kinds that no validation picture marks."""
FEWEST_OF_EACH: Final = 8
"""Right and wrong boxes below which a kind's scores stay as the net says them."""

TAUGHT: Final[tuple[Part, ...]] = ("train", "validate")

Report = Callable[[str], None]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cases:
    """What a release is fitted and judged on, read by its graph."""

    validation: list[Case]
    made: list[Case]
    judging: list[Case]
    usual: NDArray[np.float64]
    """Embeddings ``[view, channel]`` of validation pictures as they are and as they might come."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: where from, where to, under which version, with which findings."""

    run: Path
    settings: RadiographSettings
    data: Path
    to: Path
    version: str
    built: date
    compute: str
    findings: tuple[str, ...]


def make_release(order: Order, report: Report) -> None:
    """Export, calibrate and judge a run's net, and write its release.

    Raises
    ------
    inference.errors.TrainingDataUnusable
        The folder keeps no run, or the data are not those of the run.
    """
    if not (order.run / "checkpoint.pt").exists():
        raise TrainingDataUnusable(order.run.name, 0, "the checkpoint of a run")
    run = RadiographRun(order.run, order.settings)
    net = averaged_net(order.run)
    kinds, side, overlaps = net.settings.kinds, net.settings.side, net.settings.overlaps
    report("exporting")
    weights, whole = detector_graph(net), detector_graph(net, compressed=False)
    read = graph_reader(weights, side, kinds)
    report("reading pictures")
    parts = run.parts(order.data)
    cases = _cases(parts, run.made(), read)
    document = _document(cases, kinds, side, overlaps, order)
    document["evidence"] |= {
        "compute": order.compute,
        "net": net_facts(net),
        "storage": _storage(graph_reader(whole, side, kinds), cases),
        "parts": json.loads((order.run / PARTS).read_text(encoding="utf-8")),
        "licences": _licences(parts),
    }
    write_release(order.to / NAME, weights, document)
    report(f"{NAME} {order.version}: {len(weights) / 1e6:.1f} MB")


def graph_reader(
    weights: bytes, side: int, kinds: tuple[str, ...], threads: int = 2
) -> Callable[[Grey], Detections]:
    """Return what reads a picture with a graph, as serving does."""
    session = open_session(weights, threads)

    def read(grey: Grey) -> Detections:
        batch, placement = batch_of(grey, side)
        said = dict(zip(OUTPUTS, session.run(list(OUTPUTS), batch), strict=True))
        return detections_of(said, placement, kinds)

    return read


def _licences(parts: Sorted) -> dict[str, dict[str, int]]:
    """Return how many pictures of the parts that taught are under which licence."""
    return {
        part: dict(Counter(each.licence for each in parts.of(part, boxes=False)))
        for part in TAUGHT
    }


def _cases(
    parts: Sorted, settings: GeneratorSettings, read: Callable[[Grey], Detections]
) -> Cases:
    made = held_out_generated(settings, CALIBRATING_PICTURES)
    return Cases(
        _read_part(parts, "validate", read),
        [Case(picture, picture.patient, read(grey)) for picture, grey in made],
        _read_part(parts, "judge", read),
        _usual(parts, read),
    )


def _usual(parts: Sorted, read: Callable[[Grey], Detections]) -> NDArray[np.float64]:
    """Return embeddings of the validation pictures, each also exposed and cropped otherwise.

    A few dozen pictures of one hospital alone would make every other hospital unlike.
    """
    random = np.random.default_rng(VIEWS_SEED)
    found = []
    for picture in parts.of("validate"):
        grey = grey_of(picture)
        found.append(read(grey).embedding)
        for _ in range(VIEWS):
            square, _, _ = augmented(grey, np.zeros((0, 4)), max(grey.shape), random, Strength())
            found.append(read((255 * square).astype(np.uint8)).embedding)
    return np.stack(found)


def _read_part(parts: Sorted, part: Part, read: Callable[[Grey], Detections]) -> list[Case]:
    chosen = [
        (picture, patient)
        for picture, patient, own in zip(
            lungs_once(parts.pictures), parts.patient, parts.part, strict=True
        )
        if own == part and picture.annotated
    ]
    return read_cases([each[0] for each in chosen], [each[1] for each in chosen], read)


def _document(
    cases: Cases, kinds: tuple[str, ...], side: int, overlaps: Sequence[float], order: Order
) -> dict[str, Any]:
    judging = figures(cases.judging, overlaps)
    lines = {kind: _line(cases, kind) for kind in kinds}
    inputs, outputs = meanings(side)
    patients = {case.patient for case in cases.validation}
    return {
        "name": NAME,
        "version": order.version,
        "built": order.built.isoformat(),
        "task": "radiograph",
        "inputs": inputs,
        "outputs": outputs,
        "labels": list(kinds),
        "thresholds": {
            kind: _threshold(cases, kind, lines[kind]) for kind in kinds if kind in order.findings
        },
        "preparation": _likeness(cases.usual),
        "calibration": {kind: line.tolist() for kind, line in lines.items()},
        "limits": _limits(cases, overlaps),
        "population": {
            "description": "Learnt from generated radiographs and from public pictures under "
            f"CC BY; {len(patients)} patients chose and calibrated.",
            "rate": 1.0,
        },
        "evidence": {
            "judging": judging,
            "validation": figures(cases.validation, overlaps),
            "generated": figures(cases.made, overlaps),
            "thresholds_on": {kind: _marked_on(cases, kind) for kind in order.findings},
            "likeness": _unlike(cases),
            "not_findings": [kind for kind in kinds if kind not in order.findings],
        },
    }


def _scored(cases: Sequence[Case], kind: str) -> tuple[Array, NDArray[np.bool_]]:
    """Return the scores of a kind's boxes where it was marked, and which overlap a true box."""
    score, right = [], []
    for case in cases:
        if kind not in case.picture.annotated or case.detections is None:
            continue
        found = case.detections.found
        own = np.array([each == kind for each in found.kinds], dtype=bool)
        truth = case.picture.boxes[[each == kind for each in case.picture.kinds]]
        shared = iou(found.boxes[own], truth)
        score.append(found.score[own])
        right.append((shared >= 0.5).any(axis=1) if len(truth) else np.zeros(own.sum(), bool))
    if not score:
        return np.zeros(0), np.zeros(0, dtype=bool)
    return np.concatenate(score), np.concatenate(right)


def _line(cases: Cases, kind: str) -> Array:
    """Return intercept and slope from a score's log-odds to that of a box being right.

    From real pictures where enough mark the kind, else from generated ones; where neither has
    enough right and wrong boxes, the score stays as it is.
    """
    for some in (cases.validation, cases.made):
        score, right = _scored(some, kind)
        if min(right.sum(), (~right).sum()) >= FEWEST_OF_EACH:
            odds = _log_odds(score)
            design = np.stack([np.ones_like(odds), odds], axis=1)
            return np.round(logistic(design, right.astype(float), np.ones(len(odds))), 5)
    return np.array([0.0, 1.0])


def _marked_on(cases: Cases, kind: str) -> str:
    judged = any(kind in case.picture.annotated for case in cases.judging)
    return "judging" if judged else "validation"


def _log_odds(score: Array) -> Array:
    bounded = np.clip(score, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(bounded / (1 - bounded)))


def _threshold(cases: Cases, kind: str, line: Array) -> dict[str, float]:
    """Return the chance from which a box is a finding, and what it buys on the judging part.

    Sensitivity is the share of marked boxes that are found; specificity here the share of boxes
    above the threshold that are right. A kind that no judging picture marks is judged on the
    validation part, which has calibrated it: see ``thresholds_on`` of the evidence.
    """
    some = cases.judging if _marked_on(cases, kind) == "judging" else cases.validation
    score, right = _scored(some, kind)
    chance = 1 / (1 + np.exp(-(line[0] + line[1] * _log_odds(score))))
    above = chance >= 0.5
    looked = [case.picture for case in some if kind in case.picture.annotated]
    marked = sum(picture.kinds.count(kind) for picture in looked)
    return {
        "value": 0.5,
        "sensitivity": round(float((right & above).sum() / max(1, marked)), 4),
        "specificity": round(float((right & above).sum() / max(1, above.sum())), 4),
    }


def _likeness(known: NDArray[np.float64]) -> dict[str, Any]:
    """Return where embeddings ``[view, channel]`` lie, channel by channel."""
    spread = np.maximum(known.std(axis=0), 1e-3)
    return {
        "embedding_centre": np.round(known.mean(axis=0), 5).tolist(),
        "embedding_spread": np.round(spread, 5).tolist(),
    }


def _limits(cases: Cases, overlaps: Sequence[float]) -> dict[str, float]:
    like = _likeness(cases.usual)
    far = [
        distance(each, like["embedding_centre"], like["embedding_spread"]) for each in cases.usual
    ]
    found = {"largest_distance": round(MARGIN * float(np.quantile(far, 0.995)), 4)}
    return found | {f"overlap_of_stage_{n + 1}": each for n, each in enumerate(overlaps)}


def _unlike(cases: Cases) -> dict[str, float]:
    """Return the share of judging and of generated pictures beyond the limit of likeness."""
    like, most = _likeness(cases.usual), _limits(cases, ())["largest_distance"]
    found = {}
    for name, some in (("judging", cases.judging), ("generated", cases.made)):
        far = [
            distance(case.detections.embedding, like["embedding_centre"], like["embedding_spread"])
            for case in some
            if case.detections is not None
        ]
        found[f"{name}_pictures_beyond"] = round(float(np.mean(np.array(far) > most)), 4)
    return found


def distance(embedding: Array, centre: Sequence[float], spread: Sequence[float]) -> float:
    """Return the root mean square of an embedding's distance from the usual, in spreads."""
    apart = (embedding - np.asarray(centre)) / np.asarray(spread)
    return float(np.sqrt(np.mean(apart**2)))


def _storage(whole: Callable[[Grey], Detections], cases: Cases) -> dict[str, Any]:
    """Return what storing weights in 8 bits changes: figures of the validation part without it."""
    again = read_cases(
        [case.picture for case in cases.validation],
        [case.patient for case in cases.validation],
        whole,
    )
    return {
        name: {
            kind: one["map"]["value"]
            for kind, one in figures(some, resamples=0)["classes"].items()
        }
        for name, some in (("map_in_8_bits", cases.validation), ("map_in_32_bits", again))
    }


def write_release(folder: Path, weights: bytes, document: Mapping[str, Any]) -> None:
    """Write weights, description and card of a release; the description is read back first."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(weights).hexdigest()
    whole = {**document, "digest": f"sha256:{digest}", "source_attributes": ATTRIBUTES}
    release_from(whole)
    (folder / WEIGHTS).write_bytes(weights)
    (folder / DESCRIPTION).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card_text(whole), encoding="utf-8")
