"""Makes the release of an ECG net from a run: graph, calibration, thresholds, limits, evidence.

Rule of the file: the order of steps and what is fitted. The validation part fits and is
judged within its own source; sets that teach nothing judge from outside. Words are in
`ecg_release_words`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.release import ReleasedModel, release_from
from inference.core.viz_ecg import (
    ACTIVATION,
    EMBEDDING,
    LOG_ODDS,
    PAGE,
    PAGE_SHAPE,
    STRIP_LEADS,
    STRIP_SAMPLES,
    STRIP_SIGNALS,
    TIMES,
    net_pages,
    probabilities,
    strangeness,
)
from inference.releases.library import CARD, DESCRIPTION, WEIGHTS
from inference.runtimes.onnx import open_session
from inference.training import ecg_evaluation
from inference.training.ecg_batches import plain_view
from inference.training.ecg_export import served_graph, stored_in_16_bits
from inference.training.ecg_labels import CODES
from inference.training.ecg_release_words import attributes_of, card_text
from inference.training.ecg_run import EcgRun
from inference.training.ecg_sets import EcgRecords, EcgSet, LabelledStem, read_stem
from inference.training.ecg_styles import random_style
from inference.training.ecg_views import printed_view, seen

Array = NDArray[np.float64]
FEWEST_TO_CALL: Final = 4
"""Validation records with a finding below which it gets no threshold and is not released."""
WEATHERED_VIEWS: Final = 1
PHOTOGRAPHED: Final = 3
_RIDGE: Final = 0.05
_CENTRE_RECORDS: Final = 250
_USUAL_SHARE: Final = 0.995
_TASKS: Final = {"signal": ecg_evaluation.SIGNAL_TASK}


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a graph says of records: log-odds ``[n, code]`` and embeddings ``[n, width]``."""

    log_odds: Array
    embedding: Array


@dataclass(frozen=True, slots=True)
class Calibration:
    """One slope for all findings and one offset each, fitted on the validation part."""

    slope: float
    offset: Array


@dataclass(frozen=True, slots=True)
class Making:
    """What is made: its name, version and day, what was spent, and which sets judge it."""

    name: str
    version: str
    built: date
    compute: str
    judges: tuple[Path, ...] = ()


def make_release(
    run: EcgRun,
    folder: Path,
    data: Path,
    to: Path,
    making: Making,
    report: Callable[[str], None],
) -> None:
    """Make the release of a run's averaged net in ``to``."""
    records = run.records(data)
    exact = served_graph(folder)
    whole = exact.SerializeToString()
    weights = stored_in_16_bits(exact).SerializeToString()
    session = open_session(weights, 2)
    report("reading the validation part")
    rows = np.flatnonzero(~records.teaches)
    outputs, targets = views_of(session, run.loop.kind, records, rows)
    calibration = fit_calibration(outputs.log_odds, targets)
    probability = probabilities(outputs.log_odds, calibration.slope, calibration.offset)
    thresholds = fit_thresholds(probability, targets, len(targets) // len(rows))
    taught = np.flatnonzero(records.teaches)
    centre, precision = usual(session, run.loop.kind, records, taught)
    distance = strangeness(outputs.embedding, centre, precision)
    plain = open_session(whole, 2)
    stored = read_plain(plain, run.loop.kind, records, rows[:64]).log_odds
    apart = float(np.abs(stored - outputs.log_odds[: len(stored)]).max())
    evidence: dict[str, Any] = {
        "validation": validation(probability[: len(rows)], targets[: len(rows)], thresholds),
        "storage": (
            f"Weights in 16 bits, computed with in 32: {len(weights) / 1e6:.2f} MB instead of "
            f"{len(whole) / 1e6:.2f} MB; largest change of a log-odds on {len(stored)} real "
            f"recordings {apart:.4f}."
        ),
        "compute": making.compute,
        "calibration": reliability(probability, targets),
    }
    document = {
        "name": making.name,
        "version": making.version,
        "task": _TASKS.get(run.loop.kind, ecg_evaluation.PAGE_TASK),
        "built": making.built.isoformat(),
        "labels": list(CODES),
        "thresholds": thresholds,
        "limits": {"strangest": round(float(np.quantile(distance, _USUAL_SHARE)), 4)},
        "population": {
            "description": "12-lead ECGs of adults from seven public sources, and generated ones",
            "rate": round(float(np.nanmean(1 - records.targets[taught, CODES.index("NORM")])), 4),
            "records": len(taught),
        },
        "training_sets": training_sets(run.sets, records, run.loop.mixture.generated),
        **arrays(run.loop.kind),
        "preparation": {},
        "calibration": {
            "slope": round(calibration.slope, 5),
            "offset": np.round(calibration.offset, 5).tolist(),
            "centre": np.round(centre, 5).tolist(),
            "precision": np.round(precision, 5).tolist(),
        },
    }
    drafted = released(document, weights, evidence)
    for stem in making.judges:
        report(f"judging on {stem.name}")
        evidence.setdefault("judges", {})[stem.name] = judged(drafted, stem, session)
    write(to / making.name, document | {"evidence": evidence}, weights)
    report(f"wrote {making.name} {making.version}")


def read_plain(
    session: Any,  # noqa: ANN401 - onnxruntime is untyped
    kind: str,
    records: EcgRecords,
    rows: NDArray[np.int64],
) -> Outputs:
    """Return what a graph says of records as recorded, plainly printed for a page net."""
    found = []
    for start in range(0, len(rows), 16):
        batch = plain_view(records, rows[start : start + 16], whole=kind == "signal")
        feed = (
            {PAGE: batch.page}
            if kind != "signal"
            else {STRIP_SIGNALS: batch.strips, STRIP_LEADS: batch.leads}
        )
        found.append(session.run([LOG_ODDS, EMBEDDING], feed))
    log_odds, embedding = (
        np.concatenate(part).astype(np.float64) for part in zip(*found, strict=True)
    )
    return Outputs(log_odds, embedding)


def views_of(
    session: Any,  # noqa: ANN401
    kind: str,
    records: EcgRecords,
    rows: NDArray[np.int64],
) -> tuple[Outputs, NDArray[np.float32]]:
    """Return outputs and targets of every view: as recorded, then for a page net as seen."""
    plain = read_plain(session, kind, records, rows)
    if kind == "signal":
        return plain, records.targets[rows]
    random = np.random.default_rng(0)
    found = [plain]
    for _ in range(WEATHERED_VIEWS):
        said = [
            session.run([LOG_ODDS, EMBEDDING], {PAGE: net_pages(np.stack(pages))})
            for pages in _weathered(records, rows, random)
        ]
        log_odds, embedding = (
            np.concatenate(part).astype(np.float64) for part in zip(*said, strict=True)
        )
        found.append(Outputs(log_odds, embedding))
    return (
        Outputs(
            np.concatenate([one.log_odds for one in found]),
            np.concatenate([one.embedding for one in found]),
        ),
        np.tile(records.targets[rows], (len(found), 1)),
    )


def _weathered(
    records: EcgRecords, rows: NDArray[np.int64], random: np.random.Generator
) -> list[list[NDArray[np.uint8]]]:
    pages = []
    for row in rows:
        leads = records.leads_mv(int(row))
        level = leads - np.median(leads, axis=1, keepdims=True)
        view = printed_view(level, THREE_BY_FOUR_RHYTHM, random_style(random))
        pages.append(seen(view.page, 1.0, random))
    return [pages[start : start + 16] for start in range(0, len(pages), 16)]


def fit_calibration(log_odds: Array, targets: NDArray[np.float32]) -> Calibration:
    """Return slope and offsets with the least cross-entropy over what is annotated.

    Offsets are held towards 0, so that a finding with few records keeps what the net says.
    """
    known = ~np.isnan(targets)
    wanted = np.nan_to_num(targets).astype(np.float64)

    def cost(values: Array) -> tuple[float, Array]:
        slope, offset = values[0], values[1:]
        straight = slope * log_odds + offset
        each = (np.logaddexp(0.0, straight) - wanted * straight) * known
        apart = (1.0 / (1.0 + np.exp(-straight)) - wanted) * known
        total = float(each.sum()) + _RIDGE * float(known.sum(axis=0).mean()) * float(
            (offset**2).sum()
        )
        ridge = 2 * _RIDGE * float(known.sum(axis=0).mean()) * offset
        return total, np.r_[(apart * log_odds).sum(), apart.sum(axis=0) + ridge]

    begin = np.r_[1.0, np.zeros(log_odds.shape[1])]
    found = minimize(cost, begin, jac=True, method="L-BFGS-B")
    return Calibration(float(found.x[0]), found.x[1:])


def fit_thresholds(
    probability: Array, targets: NDArray[np.float32], views: int = 1
) -> dict[str, dict[str, float]]:
    """Return for each finding where sensitivity and specificity together are largest.

    ``views`` says how often each record is among the rows. A finding with fewer than
    `FEWEST_TO_CALL` validation records gets a threshold of 1: it is never called.
    """
    out = {}
    for place, code in enumerate(CODES):
        truth = targets[:, place]
        known = ~np.isnan(truth)
        ill, said = truth[known] > 0, probability[known, place]
        if ill.sum() < FEWEST_TO_CALL * views or ill.all():
            out[code] = {"value": 1.0, "sensitivity": 0.0, "specificity": 1.0}
            continue
        candidates = np.unique(said)
        sensitivity = 1 - np.searchsorted(np.sort(said[ill]), candidates) / ill.sum()
        specificity = np.searchsorted(np.sort(said[~ill]), candidates) / (~ill).sum()
        best = int(np.argmax(sensitivity + specificity))
        out[code] = {
            "value": round(float(candidates[best]), 5),
            "sensitivity": round(float(sensitivity[best]), 4),
            "specificity": round(float(specificity[best]), 4),
        }
    return out


def usual(
    session: Any,  # noqa: ANN401
    kind: str,
    records: EcgRecords,
    rows: NDArray[np.int64],
) -> tuple[Array, Array]:
    """Return centre and precision of the embeddings of records that taught."""
    chosen = rows[:: max(1, len(rows) // _CENTRE_RECORDS)]
    embedding = views_of(session, kind, records, chosen)[0].embedding
    spread = np.cov(embedding, rowvar=False)
    spread += 0.05 * np.trace(spread) / len(spread) * np.eye(len(spread))
    return embedding.mean(axis=0), np.asarray(np.linalg.inv(spread), dtype=np.float64)


def validation(
    probability: Array,
    targets: NDArray[np.float32],
    thresholds: Mapping[str, Mapping[str, float]],
) -> dict[str, Any]:
    """Return the figures of each finding on the validation records as recorded."""
    found = {}
    for place, code in enumerate(CODES):
        known = ~np.isnan(targets[:, place])
        truth = targets[known, place].astype(np.float64)
        if truth.any() and not truth.all():
            found[code] = ecg_evaluation.label_figures(
                truth, probability[known, place], thresholds[code]["value"]
            )
    return {"records": len(targets), "labels": found, "macro": ecg_evaluation.macro(found)}


def reliability(probability: Array, targets: NDArray[np.float32]) -> dict[str, float]:
    """Return mean probability and observed share of everything annotated, and Brier score."""
    known = ~np.isnan(targets)
    wanted, said = targets[known].astype(np.float64), probability[known]
    return {
        "mean_probability": round(float(said.mean()), 4),
        "observed": round(float(wanted.mean()), 4),
        "brier": round(float(np.mean((said - wanted) ** 2)), 4),
    }


def training_sets(
    sets: Sequence[EcgSet], records: EcgRecords, generated: float
) -> list[dict[str, Any]]:
    """Return what taught: every set with its licence and how many records, and the generator."""
    names = np.array(records.sets)
    listed: list[dict[str, Any]] = [
        {**asdict(one), "records": int((names == Path(one.stem).name)[records.teaches].sum())}
        for one in sets
    ]
    if generated > 0:
        listed.append(
            {
                "stem": "generated",
                "reader": "generated",
                "licence": "generated",
                "source": "inference.training.ecg_generator",
                "share_of_batches": generated,
            }
        )
    return listed


def arrays(kind: str) -> dict[str, Any]:
    """Return the descriptions of inputs and outputs of a kind of net."""
    each = {"name": LOG_ODDS, "axes": ["ecg", "finding"], "shape": [None, len(CODES)]}
    outputs = [
        each | {"meaning": "uncalibrated log-odds of each finding"},
        {
            "name": EMBEDDING,
            "axes": ["ecg", "direction"],
            "shape": [None, None],
            "meaning": "what the net makes of the whole recording, to tell the unusual",
        },
    ]
    if kind == "signal":
        strips = {
            "name": STRIP_SIGNALS,
            "axes": ["ecg", "strip", "sample"],
            "shape": [None, None, STRIP_SAMPLES],
            "meaning": "mV at 250 Hz, placed as on a canonical page (viz_ecg.all_lead_strips)",
        }
        leads = {
            "name": STRIP_LEADS,
            "axes": ["ecg", "strip", "time"],
            "shape": [None, None, TIMES],
            "meaning": "lead of each token, 12 where there is none",
        }
        return {"inputs": [strips, leads], "outputs": outputs}
    page = {
        "name": PAGE,
        "axes": ["ecg", "channel", "row", "column"],
        "shape": [None, *PAGE_SHAPE],
        "meaning": "ink of a canonical page, 0 to 1 (viz_ecg.net_pages)",
    }
    activation = {
        "name": ACTIVATION,
        "axes": ["ecg", "finding", "row", "column"],
        "shape": [None, len(CODES), None, None],
        "meaning": "what each place of the page adds to the log-odds",
    }
    return {"inputs": [page], "outputs": [*outputs, activation]}


def released(
    document: Mapping[str, Any], weights: bytes, evidence: Mapping[str, Any]
) -> ReleasedModel:
    """Return the release that a document would be, to judge with before it is written."""
    whole = {**document, "evidence": evidence, "digest": hashlib.sha256(weights).hexdigest()}
    return release_from(whole | {"source_attributes": attributes_of(whole)})


def judged(release: ReleasedModel, stem: Path, session: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the figures of a release on a set that taught it nothing."""
    labelled = read_stem(stem)

    def run(_: ReleasedModel, batch: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return dict(zip([LOG_ODDS], session.run([LOG_ODDS], dict(batch)), strict=True))

    if release.task == ecg_evaluation.SIGNAL_TASK:
        return {"signal": _figures(release, labelled, "signal", run)}
    # A photograph costs a sixth of a second to take and find: every third record gets one, and
    # its clean page is judged on the same records, so that the two can be compared.
    some = labelled.every(PHOTOGRAPHED)
    return {
        "image": _figures(release, labelled, "image", run),
        "photo": _figures(release, some, "photo", run),
        "image_of_photographed": _figures(release, some, "image", run),
    }


def _figures(
    release: ReleasedModel,
    labelled: LabelledStem,
    via: ecg_evaluation.Via,
    run: ecg_evaluation.Run,
) -> dict[str, Any]:
    said = ecg_evaluation.read_set(labelled, via, [release], run, lambda _: None)
    one = ecg_evaluation.figures(labelled, said, release.name)
    return {key: one[key] for key in ("records", "not_read", "labels", "macro")}


def write(folder: Path, document: Mapping[str, Any], weights: bytes) -> None:
    """Write weights, description and card; the description is read back first."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {**document, "digest": f"sha256:{hashlib.sha256(weights).hexdigest()}"}
    whole |= {"source_attributes": attributes_of(whole)}
    release_from(whole)
    (folder / WEIGHTS).write_bytes(weights)
    (folder / DESCRIPTION).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card_text(whole), encoding="utf-8")
