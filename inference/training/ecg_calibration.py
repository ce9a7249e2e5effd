"""What is fitted on the validation part for an ECG release: calibration, thresholds, doubt.

Rule of the file: from a graph and records to the numbers that travel with it. Pages are read as
recorded and as a camera leaves them, because a release meets both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from inference.core.ecg import Ecg
from inference.core.ecg_beats import r_peaks
from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.viz_ecg import (
    EMBEDDING,
    LOG_ODDS,
    PAGE,
    STRIP_LEADS,
    STRIP_SIGNALS,
    net_pages,
)
from inference.training.ecg_batches import plain_view
from inference.training.ecg_labels import CODES
from inference.training.ecg_replay import SAMPLES
from inference.training.ecg_rhythms import RhythmShares, as_another_rhythm
from inference.training.ecg_sets import STEP_MV, EcgRecords
from inference.training.ecg_styles import random_style
from inference.training.ecg_views import RATE_HZ, printed_view, seen

Array = NDArray[np.float64]
FEWEST_TO_CALL: Final = 4
"""Validation records with a finding below which it gets no threshold and is not released."""
WEATHERED_VIEWS: Final = 1
PLAYED: Final = ("SB", "ST", "AF", "PAC", "1dAVb")
"""Findings that a record can be given by playing its beats again."""
_PLAYED_SHARES: Final = RhythmShares(fibrillate=0.25, premature=0.25, delay=0.25)
_LAST_PEAK: Final = SAMPLES - 60
_RIDGE: Final = 0.05
_CENTRE_RECORDS: Final = 250


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


def played(records: EcgRecords, rows: NDArray[np.int64]) -> EcgRecords:
    """Return records played again in other rhythms, with the answers that follow.

    They lend the thresholds of rhythms the positives that ten recordings are too few for; they
    calibrate nothing, since how often they have a finding is our choice.
    """
    random = np.random.default_rng(1)
    steps, targets = [], []
    for row in rows:
        leads = records.leads_mv(int(row))
        peaks = r_peaks(Ecg(leads, RATE_HZ))
        again, said = as_another_rhythm(
            leads, records.targets[row], peaks[peaks < _LAST_PEAK], _PLAYED_SHARES, random
        )
        steps.append(np.clip(np.round(again / STEP_MV), -32768, 32767).astype(np.int16))
        targets.append(said)
    chosen = records.of(rows)
    return EcgRecords(
        np.stack(steps), np.stack(targets), chosen.teaches, chosen.names, chosen.sets
    )


def fit_calibration(log_odds: Array, targets: NDArray[np.float32]) -> Calibration:
    """Return slope and offsets with the least cross-entropy over what is annotated.

    Offsets are held towards 0, so that a finding with few records keeps what the net says; one
    that no record has keeps it wholly.
    """
    known = ~np.isnan(targets) & (targets == 1).any(axis=0)
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
    probability: Array,
    targets: NDArray[np.float32],
    views: int = 1,
    again: tuple[Array, NDArray[np.float32]] | None = None,
) -> dict[str, dict[str, float]]:
    """Return for each finding where sensitivity and specificity together are largest.

    ``views`` says how often each record is among the rows. Probabilities and targets of records
    played ``again`` help to place the thresholds of `PLAYED`; sensitivity and specificity are
    those of the rows alone. A finding with fewer than `FEWEST_TO_CALL` validation records gets a
    threshold of 1: it is never called.
    """
    out = {}
    for place, code in enumerate(CODES):
        said, ill = _known(probability, targets, place)
        if ill.sum() < FEWEST_TO_CALL * views or ill.all():
            out[code] = {"value": 1.0, "sensitivity": 0.0, "specificity": 1.0}
            continue
        all_said, all_ill = said, ill
        if again is not None and code in PLAYED:
            more_said, more_ill = _known(*again, place)
            all_said, all_ill = np.r_[said, more_said], np.r_[ill, more_ill]
        out[code] = best_threshold(all_said, all_ill, said, ill)
    return out


def best_threshold(
    placed_by: Array,
    placed_ill: NDArray[np.bool_],
    said: Array,
    ill: NDArray[np.bool_],
) -> dict[str, float]:
    """Return where sensitivity and specificity of ``placed_by`` are largest together.

    What they are there is told of ``said``.
    """
    candidates = np.unique(placed_by)
    right, wrong = _shares_from(candidates, placed_by, placed_ill)
    best = float(candidates[int(np.argmax(right - wrong))])
    sensitivity, alarms = _shares_from(np.array([best]), said, ill)
    return {
        "value": round(best, 5),
        "sensitivity": round(float(sensitivity[0]), 4),
        "specificity": round(1 - float(alarms[0]), 4),
    }


def _known(
    probability: Array, targets: NDArray[np.float32], place: int
) -> tuple[Array, NDArray[np.bool_]]:
    """Return probability and truth of one finding where it is annotated."""
    truth = targets[:, place]
    known = ~np.isnan(truth)
    return probability[known, place], truth[known] > 0


def _shares_from(
    limits: Array, said: Array, ill: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return which share of the ill, and of the others, is called from each limit on."""
    ill_called = 1 - np.searchsorted(np.sort(said[ill]), limits) / ill.sum()
    others_called = 1 - np.searchsorted(np.sort(said[~ill]), limits) / (~ill).sum()
    return ill_called, others_called


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
